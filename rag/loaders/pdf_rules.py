"""The vertical rules of a PDF page, which separate the cells of a table."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

from pypdfium2 import PdfiumError, PdfPage, raw

NO_RULE = float("-inf")
_MAX_WIDTH = 3.0  # points
_MIN_HEIGHT = 7.0
_MAX_PATHS = 20_000  # of a page: a map has many more


@dataclass(frozen=True, slots=True)
class Rules:
    """The x, the lowest and the highest y of each vertical rule, from the left."""

    found: list[tuple[float, float, float]]

    def left_of(self, x: float, y: float) -> float:
        """Return the x of the nearest rule to the left of a point at its height; NO_RULE if there is none."""
        for index in range(bisect_right(self.found, (x, y, y)) - 1, -1, -1):
            place, low, high = self.found[index]
            if low <= y <= high:
                return place
        return NO_RULE


def vertical_rules(page: PdfPage) -> Rules:
    """Return the vertical rules of a page."""
    found = []
    for path in islice(page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=2), _MAX_PATHS):
        try:
            left, bottom, right, top = path.get_bounds()
        except PdfiumError:  # a path without an extent
            continue
        if right - left <= _MAX_WIDTH and top - bottom >= _MIN_HEIGHT:
            found.append(((left + right) / 2, bottom - 1, top + 1))
    return Rules(sorted(found))
