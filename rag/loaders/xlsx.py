"""Spreadsheets: each sheet below its name, each row a paragraph with its column names."""

from __future__ import annotations

import re
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BytesIO
from itertools import groupby, zip_longest
from operator import itemgetter
from pathlib import PurePosixPath

from lxml import etree
from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from rag.errors import LoadError
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.loaders.repair import read_undamaged
from rag.loaders.tables import is_header, table_row
from rag.loaders.unpacking import DAMAGED, open_zip
from rag.types import Kind

_REMEDY = "open it in a spreadsheet program and save it again as .xlsx without a password"
_DAMAGED = (
    *DAMAGED, InvalidFileException, etree.LxmlError, SyntaxError, TypeError, AttributeError, IndexError
)  # fmt: skip
_EMPTY_SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/></worksheet>'
)
_CURRENCY = re.compile(r"[$€£¥₹]")
_QUOTED = re.compile(r'"[^"]*"|\\.')


@dataclass(frozen=True, slots=True)
class _Row:
    """A row up to its last filled cell: the texts, the types of their values, and which are in bold.

    `spread` has the text of a cell merged over columns in each of them, `cells` only in the first.
    """

    line: int
    cells: tuple[str, ...]
    spread: tuple[str, ...]
    types: tuple[type, ...]
    bold: tuple[bool, ...]

    @property
    def filled(self) -> list[int]:
        """The columns of the cells that show something."""
        return [column for column, cell in enumerate(self.cells) if not is_blank(cell)]


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the rows of a workbook's visible sheets; its properties give the title."""
    open_zip(data, source, _REMEDY, limits).close()
    reader = partial(_read, source=source)
    return read_undamaged(data, source, _REMEDY, limits, "xl/worksheets/*.xml", _EMPTY_SHEET, reader)


def _read(data: bytes, source: str) -> Contents:
    """Return the rows of a workbook; LoadError if a sheet is damaged."""
    try:
        with warnings.catch_warnings(action="ignore"):
            book = load_workbook(BytesIO(data), data_only=True)
        paragraphs = tuple(paragraph for sheet in _visible(book) for paragraph in _sheet(sheet))
    except _DAMAGED as error:
        raise LoadError(source, f"is damaged or not a workbook ({error}); {_REMEDY}") from error
    if all(each.kind is Kind.HEADING for each in paragraphs):
        return Contents(())
    return Contents(paragraphs, book.properties.title or PurePosixPath(source).stem)


def _visible(book: Workbook) -> list[Worksheet]:
    return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _sheet(sheet: Worksheet) -> Iterator[RawParagraph]:
    """Yield a sheet's name, then its tables, which blank rows separate, and the notes on its cells."""
    rows = _rows(sheet)
    if rows:
        yield RawParagraph(sheet.title, Kind.HEADING)
    marked = _marked_headers(sheet)
    header: tuple[str, ...] = ()
    for _, block in groupby(enumerate(rows), lambda pair: pair[1].line - pair[0]):
        header = yield from _table([row for _, row in block], header, marked)
    for _, cell in sorted(sheet._cells.items()):
        if cell.comment is not None and cell.comment.text:
            yield RawParagraph(f"{cell.coordinate}: {cell.comment.text.strip()}", line=cell.row)


def _table(
    rows: list[_Row], above: tuple[str, ...], marked: frozenset[int]
) -> Generator[RawParagraph, None, tuple[str, ...]]:
    """Yield the captions and rows of one table; return the header, which may hold for rows further below.

    `above` is the header of the table above, `marked` the rows that the file declares to be headers.
    """
    columns = max(len(row.filled) for row in rows)
    while columns > 1 and len(rows[0].filled) == 1:
        yield RawParagraph(rows[0].cells[-1], Kind.CAPTION, line=rows[0].line)
        rows = rows[1:]
    if columns == 1:  # text, or a list
        yield from (RawParagraph(row.cells[-1], line=row.line) for row in rows)
        return above
    header, height = _header(rows, columns, marked)
    if not header and all(column < len(above) and above[column] for column in rows[0].filled):
        header = above
    for row in rows[height:]:
        if not header and len(row.filled) == 2 and row.types[row.filled[0]] is str:
            yield table_row([row.cells[row.filled[0]]], [row.cells[-1]], line=row.line)
        else:
            yield table_row(header, row.cells, line=row.line)
    return header


def _header(rows: Sequence[_Row], columns: int, marked: frozenset[int]) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and how many of the rows they take up."""
    first = rows[0]
    if first.line in marked or _names_columns(rows, columns):
        return first.spread, 1
    if len(rows) > 2 and first.spread != first.cells:  # names of groups of columns, above the columns' own
        pairs = zip_longest(first.spread, rows[1].spread, fillvalue="")
        names = tuple(" ".join(dict.fromkeys(filter(None, pair))) for pair in pairs)
        if is_header(names, columns):
            return names, 2
    return (), 0


def _names_columns(rows: Sequence[_Row], columns: int) -> bool:
    """Return whether the first of the rows names the columns: it is in bold, or holds no figures.

    Two columns may be a form instead: names on the left in bold or with colons, values of several kinds.
    """
    first, *others = rows
    left, right = first.filled[0], first.filled[-1]
    if (
        not others
        or len(first.filled) < columns - 1
        or any(first.cells[i].endswith(":") for i in first.filled)
    ):
        return False
    bold = [row for row in rows if all(row.bold[column] for column in row.filled)]
    if bold == [first]:
        return True
    if not is_header(first.cells, columns):
        return False
    values = {row.types[right] for row in others if right in row.filled}
    return columns > 2 or (len(values) == 1 and (first.bold[right] or not first.bold[left]))


def _marked_headers(sheet: Worksheet) -> frozenset[int]:
    """Return the rows that the file declares to be headers, of a table or a filter."""
    ranges = [table.ref for table in sheet.tables.values() if table.headerRowCount]
    ranges += [sheet.auto_filter.ref] if sheet.auto_filter.ref else []
    return frozenset(int(found[0]) for each in ranges if (found := re.search(r"\d+", each)))


def _rows(sheet: Worksheet) -> list[_Row]:
    """Return the rows with text; the text of a cell merged over rows is repeated in each."""
    # The cells that exist: asked for all up to the last one, openpyxl makes the millions between.
    filled = {place: cell for place, cell in sorted(sheet._cells.items()) if not is_blank(_text(cell))}
    grid = {
        row: {place[1]: filled[place] for place in places} for row, places in groupby(filled, itemgetter(0))
    }
    spread: dict[tuple[int, int], str] = {}
    for area in sheet.merged_cells.ranges:
        anchor = filled.get((area.min_row, area.min_col))
        if anchor is None:
            continue
        for number in range(area.min_row + 1, min(area.max_row, sheet.max_row) + 1):
            if number in grid:
                grid[number][area.min_col] = anchor
        for column in range(area.min_col + 1, area.max_col + 1):
            spread[area.min_row, column] = _text(anchor)
    return [_row(number, cells, spread) for number, cells in grid.items()]


def _row(number: int, cells: Mapping[int, Cell], spread: Mapping[tuple[int, int], str]) -> _Row:
    columns = range(1, max(cells) + 1)
    texts = tuple(_text(cells[column]) if column in cells else "" for column in columns)
    last = max([*columns, *(column for row, column in spread if row == number)])
    return _Row(
        number,
        texts,
        tuple(spread.get((number, i)) or "".join(texts[i - 1 : i]) for i in range(1, last + 1)),
        tuple(_type(cells[column].value) if column in cells else type(None) for column in columns),
        tuple(column in cells and bool(cells[column].font.b) for column in columns),
    )


def _type(value: object) -> type:
    """Return the type of a value, the same one for all figures."""
    return float if isinstance(value, int) else type(value)


def _text(cell: Cell) -> str:
    """Return what a cell shows: dates in ISO form, figures with their currency or as a percentage."""
    value = cell.value
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).upper()
    if isinstance(value, int | float):
        return _figure(float(value), cell.number_format)
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes").removesuffix(" 00:00")
    return str(value).strip()


def _figure(value: float, shown_as: str) -> str:
    """Return a figure without the noise of binary fractions."""
    if shown_as.strip("0") == "" and value.is_integer():  # a code such as 00420
        return f"{value:.0f}".zfill(len(shown_as))
    if "%" in _QUOTED.sub("", shown_as):
        return f"{value * 100:.12g}%"
    sign = _CURRENCY.search(shown_as)
    return f"{sign[0] if sign else ''}{value:.15g}"
