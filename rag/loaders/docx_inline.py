"""The text of a Word paragraph as a page shows it, and what hangs on it: notes and text boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from rag.loaders.docx_math import M, equation
from rag.loaders.docx_package import W, child, is_on, value
from rag.loaders.docx_styles import Styles
from rag.loaders.docx_symbols import symbol

BOX = f"{W}txbxContent"
NOTES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
FALLBACK = f"{_MC}Fallback"
_ALTERNATIVES = f"{_MC}AlternateContent"
_TEXT = (f"{W}t", f"{M}t")
_WRAPPERS = frozenset(W + name for name in ("customXml", "ins", "moveTo", "smartTag"))
_LEFT_OUT = frozenset(
    W + name for name in ("del", "moveFrom", "pPr", "rPr", "sdtPr", "instrText", "delText", "rt", "tcPr")
)
_SIGNS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}


@dataclass(frozen=True, slots=True)
class Inline:
    """A paragraph's text, the notes and boxes in it, and whether all of its words are bold."""

    text: str = ""
    asides: tuple[etree._Element, ...] = ()
    bold: bool = False

    def __add__(self, other: Inline) -> Inline:
        return Inline(self.text + other.text, self.asides + other.asides, self.bold and other.bold)


def content(container: etree._Element) -> Iterator[etree._Element]:
    """Yield the elements of a container; of a content control or another wrapper, what is in it."""
    for element in container.iterchildren(etree.Element):
        if element.tag == f"{W}sdt":
            inside = child(element, "sdtContent")
            yield from () if inside is None else content(inside)
        elif element.tag in _WRAPPERS:
            yield from content(element)
        elif element.tag == _ALTERNATIVES:
            yield from content(_branch(element))
        elif element.tag not in _LEFT_OUT:
            yield element


def _branch(alternatives: etree._Element) -> etree._Element:
    """Return the branch to read of several that show the same: the first with text."""
    branches = list(alternatives.iterchildren(f"{_MC}Choice", FALLBACK))
    filled = (each for each in branches if next(each.iter(*_TEXT), None) is not None)
    return next(filled, branches[0] if branches else alternatives)


def inline(paragraph: etree._Element, styles: Styles) -> Inline:
    """Return the text of a paragraph."""
    return _Walk(styles, styles.of_paragraph(paragraph)).read(paragraph)


class _Walk:
    """A walk over the runs of one paragraph."""

    def __init__(self, styles: Styles, style: str) -> None:
        self._styles = styles
        self._style = style
        self._pieces: list[str] = []
        self._asides: list[etree._Element] = []
        self._codes: list[bool] = []  # of each open field: whether its code is read, not yet its result
        self._bold: set[bool] = set()

    def read(self, paragraph: etree._Element) -> Inline:
        self._walk(paragraph)
        return Inline("".join(self._pieces), tuple(self._asides), False not in self._bold)

    def _walk(self, container: etree._Element) -> None:
        for element in content(container):
            tag = element.tag
            if tag == f"{W}r":
                self._run(element)
            elif tag == f"{W}t":
                self._add(element.text or "")
            elif tag == f"{W}br":
                self._add("\n" if element.get(f"{W}type") in {None, "textWrapping"} else "")
            elif tag in _SIGNS:
                self._add(_SIGNS[tag])
            elif tag == f"{W}sym":
                self._add(symbol(element.get(f"{W}font", ""), element.get(f"{W}char", "")))
            elif tag == f"{M}oMath":
                self._add(equation(element).strip())
            elif tag == f"{W}fldChar":
                self._field(element)
            elif tag == BOX or tag in NOTES:
                self._asides.append(element)
            else:
                self._walk(element)

    def _run(self, run: etree._Element) -> None:
        """Read a run unless it is hidden; beside a note, it may hold a mark of the writer's own."""
        if self._styles.is_set("vanish", run, self._style):
            return
        marked = next(
            (each for each in run.iterchildren(*NOTES) if each.get(f"{W}customMarkFollows") is not None), None
        )
        if marked is not None:
            self._asides.append(marked)
            return
        before = len(self._pieces)
        self._walk(run)
        if any(map(str.isalnum, "".join(self._pieces[before:]))):
            self._bold.add(self._styles.is_set("b", run, self._style))

    def _add(self, text: str) -> None:
        if text and not any(self._codes):
            self._pieces.append(text)

    def _field(self, mark: etree._Element) -> None:
        """Read a mark of a field: it begins with a code, which a page shows only the result of."""
        kind = mark.get(f"{W}fldCharType")
        if kind == "begin":
            self._add(_form_field(mark))
            self._codes.append(True)
        elif self._codes and kind == "separate":
            self._codes[-1] = False
        elif self._codes and kind == "end":
            self._codes.pop()


def _form_field(mark: etree._Element) -> str:
    """Return what a check box or a list to choose from shows."""
    box, options = child(mark, "ffData/checkBox"), child(mark, "ffData/ddList")
    if box is not None:
        checked = child(box, "checked")
        return "☒" if is_on(child(box, "default") if checked is None else checked) else "☐"
    if options is None:
        return ""
    entries = [each.get(f"{W}val", "") for each in options.iterchildren(f"{W}listEntry")]
    chosen = value(options, "result") or value(options, "default") or "0"
    return entries[int(chosen)] if chosen.isdecimal() and int(chosen) < len(entries) else ""
