"""Word styles: what a paragraph is by its style, and which properties its text has by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from rag.loaders.docx_package import VAL, W, child, is_on, value
from rag.types import Kind

_HEADING = re.compile(r"heading (\d)$")


@dataclass(frozen=True, slots=True)
class Role:
    """The kind of paragraph that a style stands for, and a heading's level."""

    kind: Kind = Kind.BODY
    level: int = 1


class Styles:
    """The styles of a document. A style has what it sets itself, then what the styles below it set."""

    def __init__(self, part: etree._Element | None) -> None:
        styles = [] if part is None else list(part.iterchildren(f"{W}style"))
        self._styles = {each.get(f"{W}styleId", ""): each for each in styles}
        default = (each for each in styles if each.get(f"{W}default") in {"1", "true", "on"})
        self._known: dict[tuple[str, str], bool] = {}
        self._defaults = {each.get(f"{W}type", ""): each.get(f"{W}styleId", "") for each in default}

    def of_paragraph(self, paragraph: etree._Element) -> str:
        """Return the id of a paragraph's style."""
        return value(paragraph, "pPr/pStyle") or self._defaults.get("paragraph", "")

    def role(self, paragraph: etree._Element) -> Role:
        """Return what a paragraph is: by the names of its styles, else by its level in the outline."""
        outline = child(paragraph, "pPr/outlineLvl")
        for style in map(self._styles.__getitem__, self.chain(self.of_paragraph(paragraph))):
            name = (value(style, "name") or "").lower()
            if match := _HEADING.match(name):
                return Role(Kind.HEADING, int(match[1]))
            if name == "title":
                return Role(Kind.HEADING, 0)
            if name.startswith("list"):
                return Role(Kind.LIST_ITEM)
            if name == "caption":
                return Role(Kind.CAPTION)
            outline = child(style, "pPr/outlineLvl") if outline is None else outline
        level = "" if outline is None else outline.get(VAL, "")
        return Role(Kind.HEADING, int(level) + 1) if level in set("012345678") else Role()

    def numbering(self, style: str, name: str) -> str:
        """Return the value of `name` in the numbering that a style sets; "" if it sets none."""
        found = (value(self._styles[each], f"pPr/numPr/{name}") for each in self.chain(style))
        return next((each for each in found if each is not None), "")

    def is_set(self, name: str, run: etree._Element, paragraph_style: str) -> bool:
        """Return whether a run has a property that is on or off: by itself, or by one of its styles."""
        properties = child(run, "rPr")
        own = None if properties is None else child(properties, name)
        if own is not None:
            return is_on(own)
        style = "" if properties is None else value(properties, "rStyle") or ""
        return (bool(style) and self._sets(style, name)) or self._sets(paragraph_style, name)

    def heads_tables(self, style: str) -> bool:
        """Return whether a table style makes the first row bold or shades it."""
        return any(
            condition.get(f"{W}type") == "firstRow"
            and (is_on(child(condition, "rPr/b")) or is_shaded(condition))
            for each in self.chain(style or self._defaults.get("table", ""))
            for condition in self._styles[each].iterchildren(f"{W}tblStylePr")
        )

    def chain(self, style: str) -> Iterator[str]:
        """Yield a style and those that it is based on; each once, for a damaged file may go round."""
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield style
            style = value(self._styles[style], "basedOn") or ""

    def _sets(self, style: str, name: str) -> bool:
        if (style, name) not in self._known:
            found = (child(self._styles[each], f"rPr/{name}") for each in self.chain(style))
            self._known[style, name] = is_on(next((each for each in found if each is not None), None))
        return self._known[style, name]


def is_shaded(properties: etree._Element) -> bool:
    """Return whether table or cell properties set a background other than white."""
    shading = child(properties, "tcPr/shd")
    fill = "auto" if shading is None else shading.get(f"{W}fill", "auto").lower()
    return fill not in {"auto", "ffffff"} or (
        shading is not None and shading.get(f"{W}themeFill") is not None
    )
