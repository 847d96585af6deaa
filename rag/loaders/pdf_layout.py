"""The reading order of a PDF page: columns one after the other, tables row by row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import mean

from rag.loaders.pdf_bidi import is_rtl
from rag.loaders.pdf_forms import form_line
from rag.loaders.pdf_lines import Line, Segment, as_line, rows
from rag.loaders.pdf_rules import NO_RULE

_MIN_LETTERS = 16  # in a line of a text column, on average
_WORD = re.compile(r"[^\W\d_]{3}")
_MIN_LINES = 3  # in each of two columns


def page_lines(found: Sequence[Segment], page: int) -> list[Line]:
    """Return the lines of a page in reading order."""
    if is_rtl("".join(segment.text for segment in found)):
        found = [replace(each, x=-each.end, end=-each.x, base_end=-each.x, rule=NO_RULE) for each in found]
    return _ordered(found, page)


def _ordered(found: Sequence[Segment], page: int) -> list[Line]:
    """Return the lines of a part of a page: cut it at its clearest gutter, and read each side for itself."""
    lines = rows(found)
    gutter = _gutter(lines)
    if gutter is None:
        return _lines(lines, page)
    ordered: list[Line] = []
    plain: list[Segment] = []
    for band in _bands(lines, gutter):
        left = [each for each in band if each.end <= gutter]
        right = [each for each in band if each.x >= gutter]
        if left and right and len(left) + len(right) == len(band) and _are_columns(left, right):
            ordered += [*_ordered(plain, page), *_ordered(left, page), *_ordered(right, page)]
            plain = []
        else:
            plain += band
    if len(plain) == len(found):
        return _lines(lines, page)
    return ordered + _ordered(plain, page)


def _lines(found: Sequence[Sequence[Segment]], page: int) -> list[Line]:
    """Return the lines of rows; those of a form name its values."""
    return [
        form_line(row, page, above) if any(each.label is not None for each in row) else as_line(row, page)
        for above, row in pairwise([[], *_un_wrapped(found)])
    ]


def _un_wrapped(found: Sequence[Sequence[Segment]]) -> list[list[Segment]]:
    """Return the rows, with a line that a cell was too narrow for added to that cell."""
    whole: list[list[Segment]] = []
    last_y = 0.0
    for row in found:
        cells = [_cell_in(each, whole[-1]) if whole else None for each in row]
        tight = last_y - row[0].y <= 1.5 * row[0].size
        if tight and all(
            cell and _is_forced(cell, each, found) for cell, each in zip(cells, row, strict=True)
        ):
            for cell, segment in zip(cells, row, strict=True):
                if cell:
                    cell.text, cell.order = _wrapped(cell.text, segment.text), segment.order
        else:
            whole.append([replace(each) for each in row])
        last_y = row[0].y
    return whole


def _cell_in(segment: Segment, row: Sequence[Segment]) -> Segment | None:
    """Return the cell of a row, but not its first, in whose column a segment is."""
    return next((each for each in row[1:] if abs(each.x - segment.x) <= 0.5 * each.size), None)


def _is_forced(cell: Segment, segment: Segment, found: Sequence[Sequence[Segment]]) -> bool:
    """Return whether the first word of `segment` would not have fitted at the end of `cell`."""
    if cell.label is not None or segment.label is not None or cell.size != segment.size:
        return False
    column = (each for row in found for each in row if abs(each.x - cell.x) <= 0.5 * cell.size)
    width = (segment.end - segment.x) / max(len(segment.text), 1) * (len(segment.text.split()[0]) + 1)
    return cell.end + width > max(each.end for each in column) and len(cell.text.split()) > 1


def _wrapped(text: str, more: str) -> str:
    """Return a cell's text with its next line."""
    if re.search(r"[^\W\d_]-$", text) and more[:1].islower():
        return text[:-1] + more
    return f"{text} {more}"


def _gutter(lines: Sequence[Sequence[Segment]]) -> float | None:
    """Return the x that lies in the gaps of most lines; None if few lines have a gap."""
    gaps = [(a.end, b.x) for row in lines for a, b in pairwise(row) if b.x > a.end]
    votes = Counter({(low + high) / 2: 0 for low, high in gaps})
    for place in votes:
        votes[place] = sum(low <= place <= high for low, high in gaps)
    if not votes:
        return None
    place, count = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    return place if count >= _MIN_LINES else None


def _bands(lines: Sequence[Sequence[Segment]], gutter: float) -> list[list[Segment]]:
    """Return the segments between the lines that cross the gutter, and these lines, from the top."""
    bands: list[list[Segment]] = []
    crossed = True
    for row in lines:
        crosses = any(each.x < gutter < each.end for each in row)
        if crosses or crossed or not bands:
            bands.append([])
        bands[-1] += row
        crossed = crosses
    return bands


def _are_columns(left: Sequence[Segment], right: Sequence[Segment]) -> bool:
    """Return whether two sides are columns of text rather than of a table."""
    sides = left, right
    if any(len(side) < _MIN_LINES for side in sides):
        return False
    is_prose = all(map(_is_prose, sides))
    if 2 * sum(each.rule > NO_RULE for each in right) > len(right) and not is_prose:
        return False
    drawn = sorted([(each.order, False) for each in left] + [(each.order, True) for each in right])
    turns = sum(before != after for (_, before), (_, after) in pairwise(drawn))
    letters = min(mean(len(each.text) for each in side) for side in sides)
    if letters < _MIN_LETTERS:
        return turns == 1 and not any(map(_is_labels_or_figures, sides))
    return turns <= min(len(left), len(right)) / 3 or is_prose


def _is_labels_or_figures(side: Sequence[Segment]) -> bool:
    """Return whether most texts of a column are the names of values, with a colon, or figures."""
    return sum(each.text.endswith(":") or not _WORD.search(each.text) for each in side) > len(side) / 3


def _is_prose(side: Sequence[Segment]) -> bool:
    """Return whether lines are cut by the width of a column: sentences go on, or all lines are full."""
    texts = [row[0].text for row in rows(side)]
    going_on = sum(below[:1].islower() and above[-1:] not in ".:;!?" for above, below in pairwise(texts))
    if any(text[:1].islower() or text[:1].isupper() for text in texts):
        return going_on >= 0.3 * (len(texts) - 1)
    widest = max(each.end for each in side)
    return sum(each.end > widest - 2 * each.size for each in side) >= 0.6 * len(side)
