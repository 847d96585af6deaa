"""A table's rows as paragraphs: each cell with the name of its column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from rag.loaders.drafts import Draft, is_blank
from rag.text.dates import find_date, find_dateline
from rag.types import Kind

_DATED = re.compile(r"\b(?:date|day|dated|published|updated|when)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[$€£¥]?\s?\d[\d\s.,:/]*%?$")
_YEAR = re.compile(r"(?:19|20)\d\d$")


def row(
    header: Sequence[str], cells: Sequence[str], *, line: int | None = None, page: int | None = None
) -> Draft:
    """The paragraph of one row: "Column: value; Column: value", without its empty cells."""
    names = [*map(_one_line, header), *[""] * (len(cells) - len(header))]
    parts = []
    for name, cell in zip(names, map(_one_line, cells), strict=False):
        if not is_blank(cell):
            parts.append(f"{name.rstrip(': ')}: {cell}" if name.strip(": ") else cell)
    return Draft("; ".join(parts), Kind.TABLE_ROW, page=page, line=line, date=_row_date(names, cells))


def names_columns(cells: Sequence[str], columns: int) -> bool:
    """Whether a table's first row holds names: for nearly all columns, no figures but years."""
    filled = [cell.strip() for cell in cells if not is_blank(cell)]
    figures = any((_NUMBER.match(cell) and not _YEAR.match(cell)) or find_dateline(cell) for cell in filled)
    return len(filled) >= max(columns - 1, 1) and len(set(filled)) == len(filled) and not figures


def _row_date(names: Sequence[str], cells: Sequence[str]) -> date | None:
    """The date in the first column that is named as one."""
    for name, cell in zip(names, cells, strict=False):
        if _DATED.search(name) and (found := find_date(cell)):
            return found
    return None


def _one_line(cell: str) -> str:
    """A cell's text, on one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", cell).strip()
