"""CSV: one paragraph per row, with the column names."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from rag.errors import LoadError
from rag.loaders.decoding import decode
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.loaders.tables import is_header, table_row
from rag.types import Kind

_DELIMITERS = ",;\t|"
_STRAY_QUOTE, _DOUBLED = re.compile('""|"'), '""'
_EXCEL_HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row's cells, and the line where it starts."""

    line: int
    cells: tuple[str, ...]


def read(data: bytes, source: str) -> Contents:
    """Return the rows of a CSV file; the first row names the columns unless it holds figures."""
    text = decode(data, source)
    hint = _EXCEL_HINT.match(text)
    tabs = "\t" if source.lower().endswith(".tsv") and "\t" in text else ""
    try:
        rows = list(_rows(text, hint[1] if hint else tabs or _delimiter(text)))[1 if hint else 0 :]
    except csv.Error as error:
        raise LoadError(
            source, f"is not a valid CSV file ({error}); look for a quote that is never closed"
        ) from error
    return Contents(tuple(_paragraphs([row for row in rows if not all(map(is_blank, row.cells))])))


def _paragraphs(rows: list[_Row]) -> Iterator[RawParagraph]:
    """Yield the captions above the table, which fill a single cell, then the rows."""
    columns = Counter(len(row.cells) for row in rows).most_common(1)[0][0] if rows else 0
    while columns > 1 and rows and len(filled := [cell for cell in rows[0].cells if not is_blank(cell)]) == 1:
        yield RawParagraph(filled[0].strip(), Kind.CAPTION, line=rows[0].line)
        rows = rows[1:]
    header: tuple[str, ...] = ()
    if rows and is_header(rows[0].cells, columns):
        header, rows = rows[0].cells, rows[1:]
    for each in rows:
        yield table_row(header, each.cells, line=each.line)


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """Yield the rows; a row may span lines, so each starts after the end of the one above."""
    text = _with_doubled_quotes(text, delimiter)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    line = 1
    for cells in reader:
        yield _Row(line, tuple(cells))
        line = reader.line_num + 1


def _with_doubled_quotes(text: str, delimiter: str) -> str:
    """Return the text with those quotes doubled that are inside a quoted cell but do not end it."""
    end = rf"[ \t]*(?:{re.escape(delimiter)}|[\r\n]|\Z)"
    cell = re.compile(rf'((?:\A|{re.escape(delimiter)}|[\r\n])[ ]*")((?:[^"]++|""|"(?!{end}))*+)"(?={end})')
    return cell.sub(lambda found: f'{found[1]}{_STRAY_QUOTE.sub(_DOUBLED, found[2])}"', text)


def _delimiter(text: str) -> str:
    """Return the delimiter that splits most of the first rows into the same, highest number of columns."""
    return max(_DELIMITERS, key=lambda sign: _regularity(text, sign))


def _regularity(text: str, delimiter: str) -> float:
    """Return how regularly `delimiter` splits the first fifty rows; 0 if it never does."""
    try:
        widths = [len(row.cells) for row in islice(_rows(text, delimiter), 50) if any(row.cells)]
    except csv.Error:
        return 0.0
    width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
    return 0.0 if width < 2 else count / len(widths) + width / 1000
