"""The running heads, feet and page numbers of a PDF, which are no part of its text."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rag.loaders.pdf_lines import Segment, rows

_MARGIN = 0.1  # of the page's height, at the top and at the bottom
_WIDE_MARGIN = 0.17  # for the outermost lines
_DRIFT = 6.0  # points that a running line may move from page to page
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|p\.|seite|página|pagina)\s*\d+(?:\s*(?:of|/|von|de|di|van)\s*\d+)?\W*|\W*\d+\s*(?:of|/)\s*\d+\W*",
    re.IGNORECASE,
)
_LONE_NUMBER = re.compile(r"\W*(?:\d{1,4}|[ivxl]+)\W*")

Row = Sequence[Segment]
Bounds = tuple[float, float]  # the lowest and the highest y of a page


def without_running_lines(
    pages: Sequence[Sequence[Segment]], heights: Sequence[Bounds]
) -> list[list[Segment]]:
    """Return the pages without the headers, footers and page numbers at their tops and bottoms.

    A header or footer is a line at the same height on several pages, with the same text except for figures.
    """
    outer = [list(_outer_rows(page, height)) for page, height in zip(pages, heights, strict=True)]
    places: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, found in enumerate(outer):
        for row in found:
            places[_key(row)].append((number, row[0].y))
    offsets = Counter(offset for number, found in enumerate(outer) for offset in _offsets(found, number))
    min_pages = 2 if len(pages) < 5 else 3

    def is_running(row: Row, number: int) -> bool:
        near = {page for page, y in places[_key(row)] if abs(y - row[0].y) <= _DRIFT}
        if len(near) >= (2 if _LONE_NUMBER.fullmatch(_text(row)) else min_pages):
            return True
        folios = set(_offsets([row], number))
        counted = any(offsets[offset] >= min_pages for offset in folios)
        numbered = _PAGE_NUMBER.fullmatch(row[-1].text) is not None or (0 in folios and len(row) == 1)
        return _in_margin(row, heights[number]) and (counted or numbered)

    kept = []
    for number, (page, found) in enumerate(zip(pages, outer, strict=True)):
        left_out = {id(segment) for row in found if is_running(row, number) for segment in row}
        kept.append([segment for segment in page if id(segment) not in left_out])
    return kept if any(kept) else [list(page) for page in pages]


def _outer_rows(page: Sequence[Segment], height: Bounds) -> Iterator[Row]:
    """Yield the lines that may be running ones: in the margins, and the two outermost if they aren't rows."""
    found = rows(page)
    for index, row in enumerate(found):
        outermost = index < 2 or index >= len(found) - 2
        if _in_margin(row, height) or (outermost and len(row) < 3 and _in_margin(row, height, _WIDE_MARGIN)):
            yield row


def _in_margin(row: Row, height: Bounds, share: float = _MARGIN) -> bool:
    """Return whether a line is at the very top or bottom of its page."""
    low, high = height
    margin = share * (high - low)
    return not low + margin < row[0].y < high - margin


def _key(row: Row) -> str:
    """Return what a running line has in common on all pages: its text without figures."""
    return re.sub(r"\d+|^[ivxl]+$", "#", _text(row))


def _text(row: Row) -> str:
    """Return the text of a line."""
    return " ".join(segment.text for segment in row)


def _offsets(found: Sequence[Row], number: int) -> Iterator[int]:
    """Yield how far the numbers at the ends of lines are from the number of the page, counted from 1."""
    for row in found:
        for text in {row[0].text, row[-1].text}:
            digits = text.strip("-–—|[]() ")
            if digits.isdecimal() and len(digits) < 5 and len(row) < 4:
                yield int(digits) - number - 1
