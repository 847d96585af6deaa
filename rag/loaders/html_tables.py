"""HTML tables that hold data, and not the layout of a page: their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml.html import HtmlElement

from rag.loaders.drafts import Draft
from rag.loaders.tables import names_columns, row
from rag.types import Kind

_LAYOUT = ("table", "form", "h1", "h2", "h3", "h4", "h5", "h6")
_WIDEST = 100  # columns that one cell may span; more is an error in the page


def is_data_table(table: HtmlElement) -> bool:
    """Whether a table has rows of several cells, with nothing inside that is the page's own structure."""
    return (
        table.get("role") not in {"presentation", "none"}
        and any(len(_cells(line)) > 1 for line in table.iter("tr"))
        and next(table.iterdescendants(*_LAYOUT), None) is None
    )


def table_rows(table: HtmlElement, text: Callable[[HtmlElement], str]) -> Iterator[Draft]:
    """The caption and the rows of a table; `text` gives the text of a cell."""
    for caption in table.iterchildren("caption"):
        yield Draft(text(caption), Kind.CAPTION, line=caption.sourceline)
    header: list[str] = []
    lines = list(table.iter("tr"))
    grid = _grid(lines, text)
    columns = max(map(len, grid), default=0)
    for line, cells in zip(lines, grid, strict=True):
        own = _cells(line)
        if len(own) == 1 and _span(own[0], "colspan") > 1:
            yield Draft(
                cells[0], Kind.TABLE_ROW, line=line.sourceline
            )  # one cell over all columns: a subtitle
        elif _is_header(line, own, cells, columns, known=bool(header)):
            header = cells
        elif not header and [cell.tag for cell in own[:2]] == ["th", "td"]:
            yield row([cells[0]], ["; ".join(filter(None, cells[1:]))], line=line.sourceline)
        else:
            yield row(header, cells, line=line.sourceline)


def _is_header(
    line: HtmlElement, own: list[HtmlElement], cells: list[str], columns: int, *, known: bool
) -> bool:
    """Whether a row names the columns: by its tags, or, in a table without such tags, by what it holds."""
    if own and all(cell.tag == "th" for cell in own):
        return True
    table = next(line.iterancestors("table"))
    return (
        not known
        and columns > 2
        and line is next(table.iter("tr"))
        and next(table.iter("th"), None) is None
        and names_columns(cells, columns)
    )


def _cells(line: HtmlElement) -> list[HtmlElement]:
    """The cells of a row."""
    return list(line.iterchildren("td", "th"))


def _grid(lines: list[HtmlElement], text: Callable[[HtmlElement], str]) -> list[list[str]]:
    """The text of each row's cells; one that spans columns or rows stands in each of them."""
    grid = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, and with what
    for line in lines:
        filled: list[str] = []
        for cell in [*_cells(line), None]:
            while len(filled) in hanging:
                left, content = hanging.pop(len(filled))
                if left > 1:
                    hanging[len(filled)] = (left - 1, content)
                filled.append(content)
            if cell is None:
                break
            content = text(cell)
            for _ in range(_span(cell, "colspan")):
                if (rows := _span(cell, "rowspan")) > 1:
                    hanging[len(filled)] = (rows - 1, content)
                filled.append(content)
        grid.append(filled)
    return grid


def _span(cell: HtmlElement, name: str) -> int:
    """How many columns or rows a cell spans."""
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), _WIDEST) if value.isascii() and value.isdigit() else 1
