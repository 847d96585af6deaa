"""The numbers that Word counts itself: "1.", "2.3", "(a)", "Article IV"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from rag.loaders.docx_numerals import FORMATS
from rag.loaders.docx_package import VAL, W, child, is_on, value
from rag.loaders.docx_styles import Styles

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")


@dataclass(frozen=True, slots=True)
class _List:
    """A list: its levels, by their depth from 0, the counters that it shares, and its own starts."""

    counters: str
    levels: Mapping[int, etree._Element]
    starts: Mapping[int, int] = field(default_factory=dict)

    def start(self, level: int) -> int:
        """Return the first number of a level."""
        return self.starts.get(level, _number(value(self.levels.get(level), "start")))


class Numbering:
    """The counters of a document's lists. Ask for the number of each paragraph once, in order."""

    def __init__(self, part: etree._Element | None, styles: Styles) -> None:
        self._styles = styles
        self._abstract = _by_id(part, "abstractNum", "abstractNumId")
        self._numbers = _by_id(part, "num", "numId")
        self._lists: dict[str, _List | None] = {}
        self._counters: dict[str, list[int | None]] = {}
        self._begun: set[tuple[str, int]] = set()

    def label(self, paragraph: etree._Element) -> str | None:
        """Return the number of a paragraph and the space after it; "" for a bullet, None if it has none."""
        style = self._styles.of_paragraph(paragraph)
        number = value(paragraph, "pPr/numPr/numId") or self._styles.numbering(style, "numId")
        own = self._list(number)
        if own is None:
            return None
        level = self._level(paragraph, style, own)
        self._count(number, own, level)
        return self._text(own, level)

    def _list(self, number: str) -> _List | None:
        """Return the list with a number, and remember it."""
        if number not in self._lists:
            self._lists[number] = self._find_list(number)
        return self._lists[number]

    def _find_list(self, number: str) -> _List | None:
        """Return the list with a number; its levels may be those of a numbering style."""
        element = self._numbers.get(number)
        name = value(element, "abstractNumId") or ""
        for _ in range(len(self._abstract)):  # a damaged file may go round
            link = value(self._abstract.get(name), "numStyleLink")
            if link is None:
                break
            name = value(self._numbers.get(self._styles.numbering(link, "numId")), "abstractNumId") or ""
        abstract = self._abstract.get(name)
        if element is None or abstract is None:
            return None
        levels = {_depth(each): each for each in abstract.iterchildren(f"{W}lvl")}
        overrides = {_depth(each): each for each in element.iterchildren(f"{W}lvlOverride")}
        own = {level: child(each, "lvl") for level, each in overrides.items()}
        starts = {level: value(each, "startOverride") for level, each in overrides.items()}
        return _List(
            name,
            {**levels, **{level: each for level, each in own.items() if each is not None}},
            {level: _number(start) for level, start in starts.items() if start is not None},
        )

    def _level(self, paragraph: etree._Element, style: str, own: _List) -> int:
        """Return the depth of a paragraph in its list: its own, or its style's."""
        stated = value(paragraph, "pPr/numPr/ilvl")
        if stated is None and child(paragraph, "pPr/numPr/numId") is None:
            linked = {value(each, "pStyle"): level for level, each in own.levels.items()}
            for each in self._styles.chain(style):
                if each in linked:
                    return linked[each]
            stated = self._styles.numbering(style, "ilvl")
        return min(_number(stated), _LEVELS - 1)

    def _count(self, number: str, own: _List, level: int) -> None:
        """Count a paragraph, and let the levels below start again."""
        counters = self._counters.setdefault(own.counters, [None] * _LEVELS)
        if (number, level) not in self._begun and level in own.starts:
            counters[level] = None
        self._begun.add((number, level))
        before = counters[level]
        counters[level] = own.start(level) if before is None else before + 1
        for below in range(level + 1, _LEVELS):
            restart = value(own.levels.get(below), "lvlRestart")
            if restart is None or level < _number(restart):
                counters[below] = None

    def _text(self, own: _List, level: int) -> str:
        """Return the number of the paragraph last counted, as its level writes it."""
        here = own.levels.get(level)
        pattern = value(here, "lvlText") or ""
        if here is None or not pattern or _format(here) == "bullet":
            return ""
        counters = self._counters[own.counters]
        legal = is_on(child(here, "isLgl"))

        def written(place: re.Match[str]) -> str:
            depth = int(place[1]) - 1
            count = counters[depth]
            kind = _format(own.levels.get(depth))
            return _writer("decimal" if legal and kind != "none" else kind)(
                own.start(depth) if count is None else count
            )

        text = _PLACE.sub(written, pattern).strip()
        glued = value(here, "suff") == "nothing" and not text[-1:].isalnum()
        return text if glued or not text else f"{text} "


def _format(level: etree._Element | None) -> str:
    """Return the name of a level's number format: of "001, 002, …" the first number."""
    found = None if level is None else level.find(f".//{W}numFmt")
    if found is None:
        return "decimal"
    custom = found.get(f"{W}format", "").split(",")[0].strip()
    return custom if custom.isdecimal() else found.get(VAL, "decimal")


def _writer(name: str) -> Callable[[int], str]:
    """Return what writes a number in a format; one that we don't know is written in figures."""
    if name.isdecimal():
        return lambda number: str(number).zfill(len(name))
    return FORMATS.get(name, str)


def _by_id(part: etree._Element | None, name: str, key: str) -> dict[str, etree._Element]:
    elements = () if part is None else part.iterchildren(W + name)
    return {each.get(W + key, ""): each for each in elements}


def _depth(element: etree._Element) -> int:
    return _number(element.get(f"{W}ilvl"))


def _number(text: str | None) -> int:
    """Return a number of the file; 0 for none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else 0
