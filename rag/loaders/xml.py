"""XML: texts as paragraphs below their titles, records as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from lxml import etree

from rag.loaders import html
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.loaders.tables import table_row
from rag.loaders.unpacking import local_name, parse_xml
from rag.types import Kind

_TITLES = {"title", "head", "heading", "subtitle", "caption"}
_TEXTS = {"p", "para", "simpara", "ab", "l", "lg", "line", "verse", "speech", "programlisting", "formalpara"}
_ITEMS = {"item", "listitem", "li", "list-item"}
_ROWS = {"row", "tr"}
_LAST_LINE = 65535  # libxml2 stops counting here


def read(data: bytes, source: str) -> Contents:
    """Return the texts and records of an XML file; a page in XHTML is read as one."""
    root = parse_xml(data, source, "correct it, or save it as .txt")
    if local_name(root) == "html":
        return html.read(data, source)
    is_text = any(local_name(element) in _TEXTS for element in root.iter())
    paragraphs = tuple(_paragraphs(root, 1, is_text))
    has_heading = is_text and any(each.kind is Kind.HEADING for each in paragraphs)
    return Contents(paragraphs, "" if has_heading else PurePosixPath(source).stem)


def _paragraphs(
    element: etree._Element, level: int, is_text: bool, kind: Kind = Kind.BODY
) -> Iterator[RawParagraph]:
    """Yield the paragraphs below an element. `is_text`: the file marks paragraphs, so has no records."""
    name, line = local_name(element), _line(element)
    children = [child for child in element if local_name(child)]
    if not children or _is_mixed(element):
        shown = " ".join(_text(element).split())
        if is_text and name in _TITLES:
            yield RawParagraph(shown, Kind.HEADING, level, line=line)
        elif shown or not is_text:
            yield _leaf(element, shown, kind, line) if not is_text else RawParagraph(shown, kind, line=line)
    elif is_text and name in _ROWS:
        yield from _row(element, children, line)
    elif not is_text and not any(len(child) and not _is_mixed(child) for child in children):
        yield _record(element, children, line)
    else:
        yield from _container(element, children, level, is_text, Kind.LIST_ITEM if name in _ITEMS else kind)


def _container(
    element: etree._Element, children: list[etree._Element], level: int, is_text: bool, kind: Kind
) -> Iterator[RawParagraph]:
    """Yield what is in an element of elements; in data, the name of a single child heads what is below it."""
    if not is_text and element.attrib:
        yield _record(element, [], _line(element))
    has_title = is_text and any(local_name(child) in _TITLES for child in children)
    counts = Counter(map(local_name, children))
    for child in children:
        heads = not is_text and len(child) and not _is_mixed(child) and counts[local_name(child)] == 1
        if heads:
            yield RawParagraph(local_name(child), Kind.HEADING, level, line=_line(child))
        is_title = is_text and local_name(child) in _TITLES
        deeper = heads or (has_title and not is_title)
        yield from _paragraphs(child, level + 1 if deeper else level, is_text, kind)


def _row(row: etree._Element, cells: list[etree._Element], line: int | None) -> Iterator[RawParagraph]:
    """Yield a row of a table with its column names, unless it is the row of these names."""
    table = next(row.iterancestors("{*}tgroup", "{*}table", "{*}informaltable"), None)
    head = next(iter(table.iterdescendants("{*}thead")), None) if table is not None else None
    names = next((each for each in (head if head is not None else ()) if local_name(each) in _ROWS), None)
    if names is not row:
        header = [" ".join(_text(cell).split()) for cell in names] if names is not None else []
        yield table_row(header, [" ".join(_text(cell).split()) for cell in cells], line=line)


def _line(element: etree._Element) -> int | None:
    """Return the line where an element starts, as far as it is known."""
    line = element.sourceline
    return line if isinstance(line, int) and line < _LAST_LINE else None


def _is_mixed(element: etree._Element) -> bool:
    """Return whether an element has text of its own around the elements in it."""
    return any(not is_blank(text or "") for text in (element.text, *(child.tail for child in element)))


def _text(element: etree._Element) -> str:
    """Return all text below an element; escaped HTML in it without its tags."""
    shown = "".join(map(str, element.itertext()))
    return (
        " ".join(each.text for each in html.fragment(shown, 1)) if "</" in shown or "/>" in shown else shown
    )


def _leaf(element: etree._Element, shown: str, kind: Kind, line: int | None) -> RawParagraph:
    """Return an element without elements, with its attributes if it has any."""
    if element.attrib or kind is Kind.BODY:
        return _record(element, [element] if shown else [], line)
    return RawParagraph(shown, kind, line=line)


def _record(element: etree._Element, fields: list[etree._Element], line: int | None) -> RawParagraph:
    """Return an element's attributes and fields as a row; the values of a repeated field are joined."""
    cells = {etree.QName(name).localname: [str(value)] for name, value in element.attrib.items()}
    for field in fields:
        attributes = (
            str(value) for value in field.attrib.values() if field is not element and not _text(field).strip()
        )
        shown = " ".join((_text(field) or ", ".join(attributes)).split())
        cells.setdefault(local_name(field), []).append(shown)
    values = [", ".join(filter(None, values)) for values in cells.values()]
    return table_row(list(cells), values, line=line)
