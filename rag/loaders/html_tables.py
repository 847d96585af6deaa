"""HTML tables that hold data rather than the layout of a page: their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml.html import HtmlElement

from rag.loaders.paragraphs import RawParagraph
from rag.loaders.tables import is_header, table_row
from rag.types import Kind

_LAYOUT_TAGS = ("table", "form", "h1", "h2", "h3", "h4", "h5", "h6")
_MAX_SPAN = 100  # columns or rows; a larger span is a mistake in the page


def is_data_table(table: HtmlElement) -> bool:
    """Return whether a table has rows of several cells, with labels or without headings, forms, tables."""
    if table.get("role") in {"presentation", "none"}:
        return False
    rows = [cells for row in _rows(table) if len(cells := _cells(row)) > 1]
    labelled = sum((row[0].tag, row[1].tag) == ("th", "td") for row in rows)
    return bool(rows) and (
        labelled > len(rows) / 2 or next(table.iterdescendants(*_LAYOUT_TAGS), None) is None
    )


def table_rows(table: HtmlElement, text: Callable[[HtmlElement], str]) -> Iterator[RawParagraph]:
    """Yield the caption and the rows of a table; `text` returns the text of a cell."""
    for caption in table.iterchildren("caption"):
        yield RawParagraph(text(caption), Kind.CAPTION, line=caption.sourceline)
    header: list[str] = []
    rows = _rows(table)
    grid = _grid(rows, text)
    columns = max(map(len, grid), default=0)
    untagged = next(table.iter("th"), None) is None  # then the texts tell whether the first row is a header
    if untagged and columns > 2 and is_header(grid[0], columns):
        header = grid[0]
    for row, cells in list(zip(rows, grid, strict=True))[bool(header) :]:
        tags = [cell.tag for cell in _cells(row)]
        if len(tags) == 1 and _span(_cells(row)[0], "colspan") > 1:  # one cell over all columns: a subtitle
            yield RawParagraph(cells[0], Kind.TABLE_ROW, line=row.sourceline)
        elif tags and set(tags) == {"th"}:
            header = cells
        elif not header and tags[:2] == ["th", "td"]:
            yield table_row([cells[0]], ["; ".join(filter(None, cells[1:]))], line=row.sourceline)
        else:
            yield table_row(header, cells, line=row.sourceline)


def _rows(table: HtmlElement) -> list[HtmlElement]:
    """Return the rows of a table, without those of tables in its cells."""
    return [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]


def _cells(row: HtmlElement) -> list[HtmlElement]:
    """Return the cells of a row."""
    return list(row.iterchildren("td", "th"))


def _grid(rows: list[HtmlElement], text: Callable[[HtmlElement], str]) -> list[list[str]]:
    """Return the text of each row's cells; a cell that spans columns or rows is repeated in each."""
    grid = []
    spanning: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, and the text
    for row in rows:
        filled: list[str] = []
        for cell in [*_cells(row), None]:
            while len(filled) in spanning:
                left, content = spanning.pop(len(filled))
                if left > 1:
                    spanning[len(filled)] = (left - 1, content)
                filled.append(content)
            if cell is None:
                break
            content = text(cell)
            for _ in range(_span(cell, "colspan")):
                if (height := _span(cell, "rowspan")) > 1:
                    spanning[len(filled)] = (height - 1, content)
                filled.append(content)
        grid.append(filled)
    return grid


def _span(cell: HtmlElement, name: str) -> int:
    """Return how many columns or rows a cell spans."""
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isascii() and value.isdecimal() else 1
