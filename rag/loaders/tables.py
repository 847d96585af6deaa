"""Tables: each row a paragraph, each cell with the name of its column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from rag.loaders.paragraphs import RawParagraph, is_blank
from rag.text.dates import find_date, find_dateline
from rag.types import Kind

_DATE_COLUMN = re.compile(r"\b(?:date|day|dated|published|updated|when)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[$€£¥]?\s?\d[\d\s.,:/]*%?$")
_YEAR = re.compile(r"(?:19|20)\d\d$")


def table_row(
    header: Sequence[str], cells: Sequence[str], *, line: int | None = None, page: int | None = None
) -> RawParagraph:
    """Return the paragraph of one row, "Column: value; Column: value", without empty cells."""
    names = [*map(_one_line, header), *[""] * (len(cells) - len(header))]
    parts = []
    for name, cell in zip(names, map(_one_line, cells), strict=False):
        if not is_blank(cell):
            parts.append(f"{name.rstrip(': ')}: {cell}" if name.strip(": ") else cell)
    return RawParagraph("; ".join(parts), Kind.TABLE_ROW, page=page, line=line, date=_row_date(names, cells))


def is_header(cells: Sequence[str], columns: int) -> bool:
    """Return whether a table's first row names nearly all columns, without figures other than years."""
    filled = [cell.strip() for cell in cells if not is_blank(cell)]
    figures = any((_NUMBER.match(cell) and not _YEAR.match(cell)) or find_dateline(cell) for cell in filled)
    return len(filled) >= max(columns - 1, 1) and len(set(filled)) == len(filled) and not figures


def _row_date(names: Sequence[str], cells: Sequence[str]) -> date | None:
    """Return the date in the first column whose name says that it holds dates."""
    for name, cell in zip(names, cells, strict=False):
        if _DATE_COLUMN.search(name) and (found := find_date(cell)):
            return found
    return None


def _one_line(cell: str) -> str:
    """Return a cell's text on one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", cell).strip()
