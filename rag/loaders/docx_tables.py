"""Word tables: their grid of cells, the rows that name the columns, and the rows as paragraphs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lxml import etree

from rag.loaders.docx_inline import content
from rag.loaders.docx_package import VAL, W, child, is_on, value
from rag.loaders.docx_styles import Styles, is_shaded
from rag.loaders.paragraphs import RawParagraph, is_blank
from rag.loaders.tables import form_row, is_form, is_header, table_row
from rag.types import Kind

_MAX_SPAN = 64  # columns
_MAX_REPEATED = 200  # characters of a merged cell that each of its rows and columns states
_MAX_CAPTION = 120  # characters
_MAX_HEADER = 3  # rows
_MOST, _FEW = 0.8, 0.25  # shares of cells
_ENTRY = re.compile(r"(?<!\d)(?!(?:19|20)\d\d\b)\d{3}|@|[:：](?:\s|$)")  # shows a value rather than a name


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of the page; `aside` if it only hangs on the one above: a note, a box, a nested table."""

    paragraph: RawParagraph
    aside: bool = False
    bold: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A cell, which is the same object in each row and column that it spans."""

    blocks: tuple[Block, ...] = ()
    shaded: bool = False

    @property
    def own(self) -> list[Block]:
        return [block for block in self.blocks if not block.aside and not is_blank(block.paragraph.text)]

    @property
    def text(self) -> str:
        return "\n".join(block.paragraph.text for block in self.own)

    @property
    def bold(self) -> bool:
        return all(block.bold for block in self.own)


_Row = list[_Cell]


def table_blocks(
    table: etree._Element, styles: Styles, read: Callable[[etree._Element], Iterable[Block]]
) -> Iterator[Block]:
    """Yield the rows of a table, each with the names of its columns; `read` returns the blocks of a cell.

    A table whose rows hold one text each, or a cell with a heading above text, is a frame around paragraphs.
    """
    lines = [line for line in content(table) if line.tag == f"{W}tr" and child(line, "trPr/del") is None]
    rows = _grid(lines, read)
    if _is_frame(rows):
        for cell in _distinct(cell for row in rows for cell in row):
            yield from cell.blocks
        return
    marked = [is_on(child(line, "trPr/tblHeader")) for line in lines]
    while rows and len(_distinct(rows[0])) == 1:
        yield from map(_caption, rows[0][0].blocks)
        rows, marked = rows[1:], marked[1:]
    count = marked.index(False) if False in marked else 0
    styled = styles.heads_tables(value(table, "tblPr/tblStyle") or "") and _shows_first_row(table)
    count = count or _header_rows(rows, styled=styled)
    yield from _row_blocks(rows, count)


def _grid(lines: Sequence[etree._Element], read: Callable[[etree._Element], Iterable[Block]]) -> list[_Row]:
    """Return the cells of each row, one a column."""
    rows: list[_Row] = []
    for line in lines:
        above = rows[-1] if rows else []
        row: _Row = [_Cell()] * _number(value(line, "trPr/gridBefore"), 0)
        for element in content(line):
            if element.tag != f"{W}tc":
                continue
            merged = child(element, "tcPr/vMerge")
            joined = child(element, "tcPr/hMerge")
            if merged is not None and merged.get(VAL) != "restart" and len(row) < len(above):
                cell = above[len(row)]
            elif joined is not None and joined.get(VAL) != "restart" and row:
                cell = row[-1]
            else:
                properties = child(element, "tcPr")
                shaded = properties is not None and is_shaded(element)
                cell = _Cell(tuple(read(element)), shaded)
            row += [cell] * max(_number(value(element, "tcPr/gridSpan"), 1), 1)
        rows.append(row)
    return rows


def _number(text: str | None, default: int) -> int:
    """Return a number of columns; `default` if there is none or it is impossible."""
    return min(int(text), _MAX_SPAN) if text and text.isascii() and text.isdecimal() else default


def _distinct(cells: Iterable[_Cell]) -> list[_Cell]:
    """Return each cell once."""
    return list(dict.fromkeys(cells))


def _is_frame(rows: Sequence[_Row]) -> bool:
    """Return whether a table only places paragraphs on the page."""
    filled = [[cell for cell in _distinct(row) if cell.own] for row in rows]
    headings = (
        any(block.paragraph.kind is Kind.HEADING for block in cell.own[:-1]) for row in filled for cell in row
    )
    single = len(rows) == 1 and any(len(cell.own) > 1 for cell in rows[0])
    return single or all(len(row) < 2 for row in filled) or any(headings)


def _caption(block: Block) -> Block:
    """Return a line above the columns as the caption of a table, unless it is a long text."""
    paragraph = block.paragraph
    if paragraph.kind is not Kind.BODY or block.aside or len(paragraph.text) > _MAX_CAPTION:
        return block
    return replace(block, paragraph=replace(paragraph, kind=Kind.CAPTION))


def _shows_first_row(table: etree._Element) -> bool:
    """Return whether a table lets its style format the first row, which it does by default."""
    look = child(table, "tblPr/tblLook")
    flag = None if look is None else look.get(f"{W}firstRow")
    bits = "0020" if look is None else look.get(VAL, "0")
    try:
        return flag not in {"0", "false", "off"} if flag is not None else bool(int(bits, 16) & 0x20)
    except ValueError:
        return False


def _header_rows(rows: Sequence[_Row], *, styled: bool) -> int:
    """Return how many rows name the columns: they stand out from the rest, or their texts show it."""
    columns = max(map(len, rows), default=0)
    count = 1
    while count < min(_MAX_HEADER, len(rows) - 1) and _goes_on(rows[count - 1], rows[count]):
        count += 1
    if len(rows) <= count:
        return 0
    names, below = _names(rows[:count]), [_texts(row) for row in rows[count:]]
    if (styled or _stands_out(rows, count)) and not any(map(_ENTRY.search, names)):
        is_pairs = columns > 2 and is_form([_texts(row) for row in rows])
        return count if is_header(names, columns) and not is_pairs else 0
    return count if is_header(names, columns, below) else 0


def _goes_on(row: _Row, below: _Row) -> bool:
    """Return whether the row below divides the cells of a row: one is merged with it, or over columns."""
    return any(cell in below for cell in row if cell.own) or len(_distinct(row)) < len(row)


def _stands_out(rows: Sequence[_Row], count: int) -> bool:
    """Return whether the first rows are bold or shaded, and the rest is not, but for its first column."""
    top = [cell for row in rows[:count] for cell in row if cell.own]
    rest = [cell for row in rows[count:] for cell in row[1:] if cell.own]
    return any(
        all(first) and sum(others) <= _FEW * len(rest)
        for first, others in (
            ([cell.bold for cell in top], [cell.bold for cell in rest]),
            ([cell.shaded for cell in top], [cell.shaded for cell in rest]),
        )
    )


def _names(rows: Sequence[_Row]) -> list[str]:
    """Return the names of the columns, of several header rows from the top down."""
    columns = max(map(len, rows), default=0)
    stacks = ([row[index] for row in rows if index < len(row)] for index in range(columns))
    return [" ".join(cell.text for cell in _distinct(stack) if cell.own) for stack in stacks]


def _texts(row: Iterable[_Cell]) -> list[str]:
    """Return the text of each cell, one merged over columns once."""
    return [cell.text for cell, _ in groupby(row)]


def _row_blocks(rows: Sequence[_Row], count: int) -> Iterator[Block]:
    """Yield the rows, the first `count` of which name the columns, each with what hangs on its cells."""
    names = _names(rows[:count])
    body = rows[count:]
    if all(is_blank(cell.text) for row in body for cell in row):  # a table to fill in
        names, body = [], rows
    else:
        yield from (
            block for row in rows[:count] for cell in _distinct(row) for block in cell.blocks if block.aside
        )
    form = not names and (is_form([_texts(row) for row in body]) or _labels_stand_out(body))
    seen: set[_Cell] = set()
    for row in body:
        shown = [cell if cell not in seen or len(cell.text) <= _MAX_REPEATED else _Cell() for cell in row]
        if len(_distinct(row)) == 1:
            yield Block(table_row([], [shown[0].text]))
        elif form:
            yield Block(form_row(_texts(shown)))
        else:
            yield Block(table_row(*(_labelled(names, shown) if names else ([], _texts(shown)))))
        yield from (
            block for cell in _distinct(row) if cell not in seen for block in cell.blocks if block.aside
        )
        seen.update(row)


def _labelled(names: Sequence[str], row: _Row) -> tuple[list[str], list[str]]:
    """Return names and texts of a row; a cell merged over columns is named by each, unless it is long."""
    labels: list[str] = []
    texts: list[str] = []
    for index, cell in enumerate(row):
        name = names[index] if index < len(names) else ""
        repeated = index > 0 and row[index - 1] is cell
        if not (repeated and (name == labels[-1] or len(cell.text) > _MAX_REPEATED)):
            labels.append(name)
            texts.append(cell.text)
    return labels, texts


def _labels_stand_out(rows: Sequence[_Row]) -> bool:
    """Return whether every second cell is bold or shaded as a name, and the value beside it is not."""
    lines = [[cell for cell, _ in groupby(row)] for row in rows]
    names = [cell for line in lines for cell in line[0::2] if cell.own]
    values = [cell for line in lines for cell in line[1::2] if cell.own]
    if not names or not values or any(len(line) % 2 for line in lines if len(line) > 1):
        return False
    return any(
        sum(first) >= _MOST * len(names) and sum(others) <= (1 - _MOST) * len(values)
        for first, others in (
            ([cell.bold for cell in names], [cell.bold for cell in values]),
            ([cell.shaded for cell in names], [cell.shaded for cell in values]),
        )
    )
