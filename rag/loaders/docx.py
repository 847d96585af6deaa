"""Word documents: paragraphs, list items and table rows in page order, without tracked deletions."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from zipfile import BadZipFile, LargeZipFile, ZipFile

from docx import Document as open_docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.styles.style import BaseStyle, ParagraphStyle
from lxml import etree

from rag.errors import LoadError
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import is_header, table_row
from rag.types import Kind

MAX_UNPACKED = 200 * 2**20  # bytes
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # start of old .doc files, and of .docx files with a password
_DAMAGED = (OpcError, BadZipFile, LargeZipFile, zlib.error, etree.LxmlError, KeyError, ValueError, EOFError)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_LEFT_OUT = frozenset({qn("w:del"), qn("w:moveFrom"), qn("w:txbxContent"), qn("w:pPr"), _FALLBACK})
_WHITESPACE = {qn("w:tab"): "\t", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_HEADING = re.compile(r"heading (\d)$")
_P, _T, _BR = qn("w:p"), qn("w:t"), qn("w:br")


@dataclass(frozen=True, slots=True)
class _Role:
    """The kind of paragraph that a style stands for, and a heading's level."""

    kind: Kind = Kind.BODY
    level: int = 1


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a Word document; its properties give the title if no heading does."""
    document = _open(data, source)
    roles = {style.style_id: _role(style) for style in document.styles if isinstance(style, ParagraphStyle)}
    paragraphs = tuple(_blocks(document.element.body, roles))
    has_heading = any(each.kind is Kind.HEADING for each in paragraphs)
    return Contents(paragraphs, "" if has_heading else document.core_properties.title)


def _open(data: bytes, source: str) -> WordDocument:
    """Open the document; LoadError if it is damaged, locked, or too large once unpacked."""
    if data.startswith(_OLE):
        raise LoadError(
            source, "is password-protected or an old .doc file; save it as .docx without a password"
        )
    try:
        with ZipFile(BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > MAX_UNPACKED:
                reason = f"unpacks to {unpacked / 2**20:.0f} MiB, more than {MAX_UNPACKED // 2**20}"
                raise LoadError(source, f"{reason}; split it into smaller files")
        return open_docx(BytesIO(data))
    except (*_DAMAGED, NotImplementedError, RuntimeError) as error:
        reason = f"is damaged or not a Word document ({error})"
        raise LoadError(
            source, f"{reason}; open it in a word processor and save it again as .docx"
        ) from error


def _role(style: BaseStyle | None) -> _Role:
    """Return the role of a style, from its name or the names of the styles it is based on."""
    while isinstance(style, ParagraphStyle):
        name = (style.name or "").lower()
        if match := _HEADING.match(name):
            return _Role(Kind.HEADING, int(match[1]))
        if name == "title":
            return _Role(Kind.HEADING, 0)
        if name.startswith("list"):
            return _Role(Kind.LIST_ITEM)
        if name == "caption":
            return _Role(Kind.CAPTION)
        style = style.base_style
    return _Role()


def _blocks(container: etree._Element, roles: Mapping[str, _Role]) -> Iterator[RawParagraph]:
    """Yield the paragraphs and table rows of a container, including content controls and text boxes."""
    for element in container:
        if element.tag == _P:
            yield _paragraph(element, roles)
            for box in element.iter(qn("w:txbxContent")):
                if not any(parent.tag in _LEFT_OUT for parent in box.iterancestors()):
                    yield from _blocks(box, roles)
        elif element.tag == qn("w:tbl"):
            yield from _table(element, roles)
        elif element.tag in {qn("w:sdt"), qn("w:ins"), qn("w:customXml")}:
            content = element.find(qn("w:sdtContent"))
            yield from _blocks(element if content is None else content, roles)


def _paragraph(element: etree._Element, roles: Mapping[str, _Role]) -> RawParagraph:
    """Return one paragraph, with the kind that its style and numbering give it."""
    style = element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    role = roles.get(str(style.get(qn("w:val"))) if style is not None else "", _Role())
    if role.kind is Kind.BODY and element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None:
        role = _Role(Kind.LIST_ITEM)
    return RawParagraph(_text(element).strip(), role.kind, role.level)


def _text(element: etree._Element) -> str:
    """Return the text below `element`, without deletions and text boxes."""
    if element.tag == _T:
        return element.text or ""
    if element.tag == _BR:
        return "\n" if element.get(qn("w:type")) in {None, "textWrapping"} else ""
    return _WHITESPACE.get(element.tag) or "".join(
        _text(child) for child in element if child.tag not in _LEFT_OUT
    )


def _table(table: etree._Element, roles: Mapping[str, _Role]) -> Iterator[RawParagraph]:
    """Yield a table's rows; the first names the columns. A single column is a frame around paragraphs."""
    rows = (
        list(table.iter(qn("w:tr"))) if table.find(f".//{qn('w:tbl')}") is None else table.findall(qn("w:tr"))
    )
    grid = _grid(rows)
    columns = max(map(len, grid), default=0)
    if columns < 2:
        for cell in table.iter(qn("w:tc")):
            yield from _blocks(cell, roles)
        return
    header: list[str] = []
    if len(grid) > 1 and _has_header(table) and is_header(grid[0], columns):
        header, *grid = grid
    for cells in grid:
        is_pair = not header and len(cells) == 2
        yield table_row(cells[:1], cells[1:]) if is_pair else table_row(header, cells)


def _has_header(table: etree._Element) -> bool:
    """Return whether the first row is formatted as a header, as is the default."""
    look = table.find(f"{qn('w:tblPr')}/{qn('w:tblLook')}")
    marked = table.find(f"{qn('w:tr')}/{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
    return marked or look is None or look.get(qn("w:firstRow")) != "0"


def _grid(rows: list[etree._Element]) -> list[list[str]]:
    """Return the text of each row's cells; a cell that spans columns or rows is repeated in each."""
    grid: list[list[str]] = []
    for row in rows:
        if row.find(f"{qn('w:trPr')}/{qn('w:del')}") is not None:
            continue
        filled: list[str] = []
        for cell in row.findall(qn("w:tc")):
            span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
            merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
            text = "\n".join(filter(None, (_text(part).strip() for part in cell.iter(_P))))
            if merge is not None and merge.get(qn("w:val")) != "restart" and grid:
                text = grid[-1][len(filled)] if len(filled) < len(grid[-1]) else text
            width = str(span.get(qn("w:val"))) if span is not None else "1"
            filled += [text] * (min(int(width), 64) if width.isdecimal() else 1)
        grid.append(filled)
    return grid
