"""HTML: the visible block elements of a page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from rag.loaders.boilerplate import boilerplate
from rag.loaders.decoding import decode
from rag.loaders.html_tables import is_data_table, table_rows
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.text.dates import find_date
from rag.types import Kind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_KINDS = {
    **dict.fromkeys(_HEADINGS, Kind.HEADING),
    **dict.fromkeys(("li", "dt", "dd"), Kind.LIST_ITEM),
    **dict.fromkeys(("figcaption", "caption"), Kind.CAPTION),
}
# fmt: off
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "details", "dialog", "div", "dl",
    "fieldset", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "main",
    "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "ul",
    *_KINDS,
})
_HIDDEN_TAGS = frozenset({
    "audio", "button", "canvas", "datalist", "head", "iframe", "map", "nav", "noscript", "object",
    "script", "select", "style", "svg", "template", "textarea", "video",
})
# fmt: on
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DECLARED_ENCODING = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w-]+)""", re.I
)
_PUBLISHED = re.compile(
    r"(?:.*[:._-])?(?:(?:date)?(?:published|issued)(?:[_-]?time)?|pub(?:lish|lication)?[_-]?date)$",
    re.IGNORECASE,
)
_DATED = re.compile(r"(?:\w+[:.])?date$", re.IGNORECASE)
_LATER = re.compile(r"creat|modif|updat|revis|review|expir", re.IGNORECASE)
_JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')
_INFOBOX = re.compile(r"\b(?:infobox|vcard|vevent)\b", re.IGNORECASE)
_SUPERSCRIPT = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_LAST_LINE = 65535  # libxml2 stops counting here


def read(data: bytes, source: str) -> Contents:
    """Return the visible block elements of an HTML page, with the title and the date from its head."""
    declared = _DECLARED_ENCODING.search(data[:4096])
    encoding = (declared[1] or declared[2]).decode() if declared else ""
    root = _parse(decode(data, source, encoding))
    if root is None:
        return Contents(())
    title = " ".join((root.findtext(".//title") or "").split())
    builder = _ParagraphBuilder(boilerplate(root, _BLOCKS, _is_hidden))
    return Contents(tuple(builder.paragraphs(root)), title, _published(root))


def fragment(text: str, line: int) -> list[RawParagraph]:
    """Return the visible blocks of a piece of HTML that starts on `line` of a larger text."""
    root = _parse(text)
    paragraphs = _ParagraphBuilder().paragraphs(root) if root is not None else ()
    return [replace(each, line=line + each.line - 1 if each.line else None) for each in paragraphs]


def _parse(text: str) -> HtmlElement | None:
    """Return the element tree of `text`; None if it is empty."""
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        return document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None


def _published(root: HtmlElement) -> date | None:
    """Return the date of publication from the page's metadata, not that of its creation or of a change."""
    named = [
        (meta.get("property") or meta.get("name") or meta.get("itemprop") or "", meta.get("content", ""))
        for meta in root.iter("meta")
    ]
    scripts = (script.text or "" for script in root.iter("script") if "ld+json" in script.get("type", ""))
    texts = [
        *(content for name, content in named if _PUBLISHED.match(name)),
        *(match[1] for script in scripts if (match := _JSON_DATE.search(script))),
        *(content for name, content in named if _DATED.match(name) and not _LATER.search(name)),
    ]
    return next(filter(None, map(find_date, texts)), None)


def _is_hidden(element: HtmlElement) -> bool:
    """Return whether the element is invisible, or navigation rather than text."""
    return (
        element.tag in _HIDDEN_TAGS
        or "hidden" in element.attrib
        or element.get("aria-hidden") == "true"
        or (element.tag == "dialog" and "open" not in element.attrib)
        or _HIDING_STYLE.search(element.get("style", "")) is not None
    )


def _is_aside(element: HtmlElement) -> bool:
    """Return whether an element tells about a thing beside the text, as an infobox does."""
    return element.tag == "aside" or _INFOBOX.search(element.get("class", "")) is not None


class _ParagraphBuilder:
    """A walk through a tree that joins the text between two block boundaries into a paragraph."""

    def __init__(self, left_out: Collection[HtmlElement] = ()) -> None:
        self._left_out = left_out
        self._text: list[str] = []
        self._line: int | None = None
        self._date: date | None = None
        self._open_kinds: list[HtmlElement] = []  # open elements that determine the paragraph's kind
        self._verbatim = 0  # open <pre> elements
        self._superscripts = 0  # open <sup> elements
        self._asides = 0  # open elements that are about a thing, such as an infobox

    def paragraphs(self, root: HtmlElement) -> Iterator[RawParagraph]:
        """Yield the paragraphs below `root`, without recursion: pages nest deeper than Python's stack."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            block = element.tag in _BLOCKS
            if block:
                yield from self._flush()
            if event == "end":
                self._leave(element)
                self._append(element.tail, None if block else element.sourceline)
            elif element in self._left_out or _is_hidden(element):
                walk.skip_subtree()
            elif element.tag == "table" and is_data_table(element):
                yield from table_rows(element, _cell_text)
                walk.skip_subtree()
            else:
                self._enter(element)
        yield from self._flush()

    def _enter(self, element: HtmlElement) -> None:
        """Record what the element says about its text."""
        if element.tag in _KINDS:
            self._open_kinds.append(element)
        elif element.tag == "br":
            self._text.append("\n")
        elif element.tag == "time" and not _LATER.search(element.get("itemprop", "")):
            self._date = self._date or find_date(element.get("datetime", ""))
        self._verbatim += element.tag == "pre"
        self._superscripts += element.tag == "sup"
        self._asides += _is_aside(element)
        self._append(element.text, element.sourceline)

    def _leave(self, element: HtmlElement) -> None:
        """Discard what the element said about its text."""
        if self._open_kinds and self._open_kinds[-1] is element:
            self._open_kinds.pop()
        if not _is_hidden(element):
            self._verbatim -= element.tag == "pre"
            self._superscripts -= element.tag == "sup"
            self._asides -= _is_aside(element)

    def _append(self, text: str | None, line: int | None) -> None:
        """Add `text`, which follows a tag on `line`, to the open paragraph."""
        if not text:
            return
        if not text.isspace() and not any(map(str.strip, self._text)) and line and line < _LAST_LINE:
            self._line = line + text[: len(text) - len(text.lstrip())].count("\n")
        if not self._verbatim:
            text = re.sub(r"[ \t\n\r\f]+", " ", text)
        self._text.append(
            text.translate(_SUPERSCRIPT) if self._superscripts and not re.search("[a-z]", text) else text
        )

    def _flush(self) -> Iterator[RawParagraph]:
        """Yield the open paragraph, split at two or more line breaks."""
        text, line, day = "".join(self._text), self._line, self._date
        self._text, self._line, self._date = [], None, None
        if is_blank(text):
            return
        tag = str(self._open_kinds[-1].tag) if self._open_kinds else ""
        parts = [text.strip("\n")] if self._verbatim else re.split(r"\n\s*\n", text.strip())
        for part in parts:
            tidy = part if self._verbatim else re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", part)).strip()
            is_dateline = len(tidy) <= 100 and not tidy.endswith(".")
            kind, level = _KINDS.get(tag, Kind.BODY), _HEADINGS.get(tag, 1)
            own = day if is_dateline else None
            yield RawParagraph(tidy, kind, level, None, line, own, not (self._verbatim or self._asides))
            line = None


def _cell_text(cell: HtmlElement) -> str:
    """Return the visible text of a table cell."""
    return " ".join(each.text for each in _ParagraphBuilder().paragraphs(cell))
