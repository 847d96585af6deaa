"""HTML: its visible block elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from rag.loaders.decoding import decode
from rag.loaders.drafts import Contents, Draft, is_blank
from rag.loaders.html_tables import is_data_table, table_rows
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
_UNSEEN = frozenset({
    "audio", "button", "canvas", "datalist", "head", "iframe", "map", "nav", "noscript", "object",
    "script", "select", "style", "svg", "template", "textarea", "video",
})
# fmt: on
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w-]+)""", re.I
)
_PUBLISHED = re.compile(
    r"(?:.*[:._])?(?:published(?:_time)?|date(?:published|\.issued)?|pubdate)$", re.IGNORECASE
)
_LINKED_DATA = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')
_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_LAST_LINE = 65535  # libxml2 counts no further


def read(data: bytes, source: str) -> Contents:
    """The visible block elements of an HTML page, with the title and the date that its head states."""
    declared = _CHARSET.search(data[:4096])
    encoding = (declared[1] or declared[2]).decode() if declared else ""
    # Pages that claim Latin-1 are written in Windows-1252, as every browser assumes.
    western = encoding.lower() in {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"}
    root = _parse(decode(data, source, "cp1252" if western else encoding))
    if root is None:
        return Contents(())
    title = " ".join((root.findtext(".//title") or "").split())
    return Contents(tuple(_Walk().drafts(root)), title, _published(root))


def fragment(text: str, line: int) -> list[Draft]:
    """The visible blocks of a piece of HTML whose first line is `line` of a larger text."""
    root = _parse(text)
    drafts = _Walk().drafts(root) if root is not None else ()
    return [replace(draft, line=line + draft.line - 1 if draft.line else None) for draft in drafts]


def _parse(text: str) -> HtmlElement | None:
    """The tree of `text`; None if nothing is in it."""
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        return document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None


def _published(root: HtmlElement) -> date | None:
    """The date of publication that the page's metadata state."""
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
        if _PUBLISHED.match(name) and (found := find_date(meta.get("content", ""))):
            return found
    scripts = (script.text or "" for script in root.iter("script") if "ld+json" in script.get("type", ""))
    stated = (find_date(match[1]) for script in scripts if (match := _LINKED_DATA.search(script)))
    return next(filter(None, stated), None)


def _is_unseen(element: HtmlElement) -> bool:
    """Whether a reader of the page does not see the element, or would not count it as its text (menus)."""
    return (
        element.tag in _UNSEEN
        or "hidden" in element.attrib
        or element.get("aria-hidden") == "true"
        or (element.tag == "dialog" and "open" not in element.attrib)
        or _HIDING.search(element.get("style", "")) is not None
    )


class _Walk:
    """One walk through a tree, gathering the text between two borders of blocks into a paragraph."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._line: int | None = None
        self._stated: date | None = None
        self._within: list[HtmlElement] = []  # open elements that say what kind of paragraph theirs is
        self._verbatim = 0  # open <pre> elements
        self._raised = 0  # open <sup> elements

    def drafts(self, root: HtmlElement) -> Iterator[Draft]:
        """The paragraphs below `root`. Without recursion: pages may be nested deeper than Python's stack."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            block = element.tag in _BLOCKS
            if block:
                yield from self._flush()
            if event == "end":
                self._leave(element)
                self._append(element.tail, None if block else element.sourceline)
            elif _is_unseen(element):
                walk.skip_subtree()
            elif element.tag == "table" and is_data_table(element):
                yield from table_rows(element, _cell_text)
                walk.skip_subtree()
            else:
                self._enter(element)
        yield from self._flush()

    def _enter(self, element: HtmlElement) -> None:
        """Note what the element says about the text in it."""
        if element.tag in _KINDS:
            self._within.append(element)
        elif element.tag == "br":
            self._text.append("\n")
        elif element.tag == "time":
            self._stated = self._stated or find_date(element.get("datetime", ""))
        self._verbatim += element.tag == "pre"
        self._raised += element.tag == "sup"
        self._append(element.text, element.sourceline)

    def _leave(self, element: HtmlElement) -> None:
        """Forget what the element said."""
        if self._within and self._within[-1] is element:
            self._within.pop()
        if not _is_unseen(element):
            self._verbatim -= element.tag == "pre"
            self._raised -= element.tag == "sup"

    def _append(self, text: str | None, line: int | None) -> None:
        """Add `text`, which follows a tag on `line`, to the paragraph."""
        if not text:
            return
        if not text.isspace() and not any(map(str.strip, self._text)) and line and line < _LAST_LINE:
            self._line = line + text[: len(text) - len(text.lstrip())].count("\n")
        if not self._verbatim:
            text = re.sub(r"[ \t\n\r\f]+", " ", text)
        self._text.append(text.translate(_RAISED) if self._raised and not re.search("[a-z]", text) else text)

    def _flush(self) -> Iterator[Draft]:
        """The paragraph so far; two or more line breaks part it."""
        text, line, stated = "".join(self._text), self._line, self._stated
        self._text, self._line, self._stated = [], None, None
        if is_blank(text):
            return
        tag = str(self._within[-1].tag) if self._within else ""
        parts = [text.strip("\n")] if self._verbatim else re.split(r"\n\s*\n", text.strip())
        for part in parts:
            tidy = part if self._verbatim else re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", part)).strip()
            day = stated if len(tidy) <= 100 and not tidy.endswith(".") else None
            yield Draft(tidy, _KINDS.get(tag, Kind.BODY), _HEADINGS.get(tag, 1), None, line, day)
            line = None


def _cell_text(cell: HtmlElement) -> str:
    """The visible text of a table's cell."""
    return " ".join(draft.text for draft in _Walk().drafts(cell))
