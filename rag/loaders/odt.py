"""OpenDocument texts: headings, paragraphs, list items, notes and table rows in page order."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from rag.errors import LoadError
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import grid_rows
from rag.loaders.unpacking import local_name, open_zip, parse_xml, read_member
from rag.types import Kind

_REMEDY = "open it in a word processor and save it again as .odt without a password"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
_OFFICE, _TEXT, _TABLE, _STYLE = (f"{{{_OASIS}{name}:1.0}}" for name in ("office", "text", "table", "style"))
_LEFT_OUT = {"annotation", "tracked-changes", "forms"}
_ANCHORED = {
    "annotation",
    "note",
    "ruby-text",
    "frame",
    "custom-shape",
}  # in a paragraph, but not of its text
_MAX_REPEATED = 100  # columns


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the paragraphs of an OpenDocument text; its properties give the title if no heading does."""
    archive = open_zip(data, source, _REMEDY, limits)
    content = parse_xml(read_member(archive, "content.xml", source, _REMEDY), source, _REMEDY)
    body = content.find(f"{_OFFICE}body/{_OFFICE}text")
    if body is None:
        raise LoadError(source, f"holds no text document, or is password-protected; {_REMEDY}")
    paragraphs = tuple(_blocks(body, _titles(content), Kind.BODY))
    title = ""
    if all(each.kind is not Kind.HEADING for each in paragraphs) and "meta.xml" in archive.namelist():
        meta = parse_xml(read_member(archive, "meta.xml", source, _REMEDY), source, _REMEDY)
        title = meta.findtext(".//{http://purl.org/dc/elements/1.1/}title") or ""
    return Contents(paragraphs, title)


def _titles(content: etree._Element) -> frozenset[str]:
    """Return the names of the styles of a document's title."""
    styles = content.iter(f"{_STYLE}style")
    derived = (
        each.get(f"{_STYLE}name") for each in styles if each.get(f"{_STYLE}parent-style-name") == "Title"
    )
    return frozenset(["Title", *filter(None, derived)])


def _blocks(container: etree._Element, titles: frozenset[str], kind: Kind) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a container, `kind` for those that are no headings."""
    for element in container:
        match local_name(element):
            case "h":
                level = element.get(f"{_TEXT}outline-level", "1")
                yield from _paragraph(element, titles, Kind.HEADING, int(level) if level.isdecimal() else 1)
            case "p" if element.get(f"{_TEXT}style-name") in titles:
                yield from _paragraph(element, titles, Kind.HEADING, 0)
            case "p":
                yield from _paragraph(element, titles, kind)
            case "list":
                yield from _blocks(element, titles, Kind.LIST_ITEM)
            case "table":
                yield from _table(element, titles)
            case name if name not in _LEFT_OUT and not name.endswith("-source"):
                yield from _blocks(element, titles, kind)


def _paragraph(
    element: etree._Element, titles: frozenset[str], kind: Kind, level: int = 1
) -> Iterator[RawParagraph]:
    """Yield a paragraph, then the notes and text boxes that are anchored in it."""
    yield RawParagraph(_text(element).strip(), kind, level)
    for tag in (f"{_TEXT}note-body", "{*}text-box"):
        for inner in element.iter(tag):
            if next(inner.iterancestors(f"{_TEXT}p", f"{_TEXT}h"), None) is element:
                yield from _blocks(inner, titles, Kind.BODY)


def _text(element: etree._Element) -> str:
    """Return the text below an element, without notes, comments and text boxes."""
    parts = [element.text or ""]
    for child in element:
        match local_name(child):
            case "s":
                count = child.get(f"{_TEXT}c", "1")
                parts.append(" " * min(int(count), 1000) if count.isdecimal() else " ")
            case "tab":
                parts.append("\t")
            case "line-break":
                parts.append("\n")
            case name if name and name not in _ANCHORED:
                parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _table(table: etree._Element, titles: frozenset[str]) -> Iterator[RawParagraph]:
    """Yield a table's rows; a single column is a frame around paragraphs."""
    rows = [row for row in table.iter(f"{_TABLE}table-row") if next(row.iterancestors(table.tag)) is table]
    grid = [_cells(row) for row in rows]
    columns = max(map(len, grid), default=0)
    if columns < 2:
        for row in rows:
            for cell in row:
                yield from _blocks(cell, titles, Kind.BODY)
        return
    yield from grid_rows(grid, marked=table.find(f"{_TABLE}table-header-rows") is not None)


def _cells(row: etree._Element) -> list[str]:
    """Return the text of a row's cells; those that a merged cell covers are empty."""
    cells: list[str] = []
    for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        repeated = cell.get(f"{_TABLE}number-columns-repeated", "1")
        text = "\n".join(filter(None, (_text(part).strip() for part in cell.iter(f"{_TEXT}p", f"{_TEXT}h"))))
        cells += [text] * (min(int(repeated), _MAX_REPEATED) if repeated.isdecimal() else 1)
    return cells
