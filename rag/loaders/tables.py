"""Tables: each row a paragraph, each cell with the name of its column, where the table has such names.

A name that isn't one makes a false statement ("Insured name: Claim number"), so a row that nothing marks as
a header names the columns only if its table can't be a form, whose names stand beside their values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import zip_longest

from rag.loaders.paragraphs import RawParagraph, is_blank
from rag.text.dates import find_date, find_dateline
from rag.types import Kind

_DATE_COLUMN = re.compile(r"\b(?:date|day|dated|published|updated|when)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[$€£¥]?\s?\d[\d\s.,:/]*%?$")
_YEAR = re.compile(r"(?:19|20)\d\d$")
_QUANTITY = re.compile(r"[^\w]{0,3}\d[\d\s.,:/–-]*(?:[^\d\w]{0,3}|\s?[^\W\d]{1,6}\.?)$")
_PAIR = re.compile(r"[^\W\d][^:：]*[:：]\s+\S")  # a cell with both a name and its value
_DIGIT = re.compile(r"\d")
_MAX_NAME = 80  # characters
_MAX_LABEL = 40  # characters of a name in a form of several columns
_MOST = 2 / 3  # share of a column's cells that are figures


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


def form_row(cells: Sequence[str]) -> RawParagraph:
    """Return the paragraph of a form's row, "Name: value; Name: value"; a name without a value stays.

    A sentence is no name: a text stands beside it, and both are kept as they are.
    """
    parts = []
    names, values = list(map(_one_line, cells[0::2])), list(map(_one_line, cells[1::2]))
    for name, value in zip_longest(names, values, fillvalue=""):
        if is_blank(value) or is_blank(name) or not _is_name(name):
            parts += [part for part in (name, value) if not is_blank(part)]
        else:
            parts.append(f"{name.rstrip(': ')}: {value}" if name.strip(": ") else value)
    return RawParagraph("; ".join(parts), Kind.TABLE_ROW, date=_row_date(names, values))


def grid_rows(grid: Sequence[Sequence[str]], *, marked: bool = False) -> Iterator[RawParagraph]:
    """Yield a table's rows; the first names the columns if it is `marked` so or reads like a header.

    Without such names, a row of two cells is a name and its value.
    """
    columns = max(map(len, grid), default=0)
    has_header = len(grid) > 1 and (marked or (columns > 2 and is_header(grid[0], columns)))
    header = grid[0] if has_header else []
    for cells in grid[has_header:]:
        is_pair = not header and len(cells) == 2
        yield table_row(cells[:1], cells[1:]) if is_pair else table_row(header, cells)


def is_header(cells: Sequence[str], columns: int, below: Sequence[Sequence[str]] | None = None) -> bool:
    """Return whether a table's first row names nearly all columns, without figures other than years.

    Pass the rows `below` if nothing but the texts tells: they must hold figures below a name, and can't be
    the rows of a form.
    """
    filled = [cell.strip() for cell in cells if not is_blank(cell)]
    figures = any((_NUMBER.match(cell) and not _YEAR.match(cell)) or find_dateline(cell) for cell in filled)
    named = len(filled) >= max(columns - 1, 1) and len(set(filled)) == len(filled) and not figures
    return named and (below is None or _heads_figures(cells, columns, below))


def is_form(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether each row holds names and values in turn: "Rank | GS-11 | Room | 12".

    Two columns are a form if the left holds names. More are one if no name has a digit or stands twice in
    its column, and the names end with a colon, or the values hold figures of different kinds. (In a table,
    each column holds figures of one kind, perhaps below its name.)
    """
    columns = max(map(len, rows), default=0)
    if columns == 2:
        return sum(_is_name(row[0]) for row in rows) >= _MOST * len(rows)
    if not _may_be_form(rows, columns):
        return False
    names = [cell.strip() for row in rows for cell in row[0::2] if not is_blank(cell)]
    values = [cell for row in rows for cell in row[1::2] if not is_blank(cell)]
    if sum(name.endswith((":", "：")) for name in names) >= _MOST * len(names):
        return True
    columns_of_values = [_column(rows, index) for index in range(1, columns, 2)]
    uniform = any(map(_is_uniform, columns_of_values + [column[1:] for column in columns_of_values]))
    return len(rows) > 1 and not uniform and 2 * sum(map(_has_digit, values)) >= len(values)


def _heads_figures(cells: Sequence[str], columns: int, below: Sequence[Sequence[str]]) -> bool:
    """Return whether the texts show that `cells` name the columns of the rows `below`."""
    figures = [index for index, cell in enumerate(cells) if not is_blank(cell) and _has_digit(cell)]
    years = all(_YEAR.match(cells[index].strip()) for index in figures) and len(figures) > 1
    adjacent = bool(figures) and figures[-1] - figures[0] == len(figures) - 1
    if figures and not (years and adjacent):  # a single figure is rather a value beside its name
        return False
    if columns < 3 or not all(_is_label(cell) for cell in cells if not is_blank(cell)):
        return False
    named = [_column(below, index) for index, cell in enumerate(cells) if not is_blank(cell)]
    if max(map(_share_of_figures, named), default=0.0) <= _MOST:
        return False
    uniform = all(len(column) > 2 and _is_uniform(column) for column in named[1::2])
    return uniform or not _may_be_form([cells, *below], columns)


def _may_be_form(rows: Sequence[Sequence[str]], columns: int) -> bool:
    """Return whether the first, third, … column could be names: short, without digits, each only once."""
    names = [_column(rows, index) for index in range(0, columns, 2)]
    short = all(len(name) <= _MAX_LABEL and not _has_digit(name) for column in names for name in column)
    once = all(len(set(column)) == len(column) for column in names)
    return columns % 2 == 0 and any(names) and short and once


def _column(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    """Return the filled cells of a column."""
    return [row[index].strip() for row in rows if index < len(row) and not is_blank(row[index])]


def _share_of_figures(cells: Sequence[str]) -> float:
    """Return the share of cells that are a number, a quantity, a time or a date."""
    figures = sum(bool(_QUANTITY.match(cell) or (len(cell) < 20 and find_date(cell))) for cell in cells)
    return figures / len(cells) if cells else 0.0


def _is_uniform(cells: Sequence[str]) -> bool:
    """Return whether several cells hold figures of about the same number of digits."""
    digits = [len(_DIGIT.findall(cell)) for cell in cells]
    return len(cells) > 1 and _share_of_figures(cells) == 1 and max(digits) - min(digits) < 2


def _has_digit(cell: str) -> bool:
    return _DIGIT.search(cell) is not None


def _is_label(cell: str) -> bool:
    """Return whether a cell may name a column: short, no sentence, and no pair of a name and its value."""
    sentence = cell.rstrip().endswith((".", "!", "…")) and " " in cell.strip()
    pair = _PAIR.match(cell.strip()) or cell.rstrip().endswith((":", "："))
    return len(cell) <= _MAX_NAME and not sentence and not pair


def _is_name(cell: str) -> bool:
    """Return whether a cell may name the value beside it: as a column's name, perhaps with a colon."""
    return _is_label(cell.rstrip(" :：")) and any(map(str.isalnum, cell))


def _row_date(names: Sequence[str], cells: Sequence[str]) -> date | None:
    """Return the date in the first column whose name says that it holds dates."""
    for name, cell in zip(names, cells, strict=False):
        if _DATE_COLUMN.search(name) and (found := find_date(cell)):
            return found
    return None


def _one_line(cell: str) -> str:
    """Return a cell's text on one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", cell).strip()
