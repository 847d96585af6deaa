"""The lines of a page that is an image, in place of its runs of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atan2, cos, log, sin
from statistics import median
from typing import TYPE_CHECKING

from rag.loaders.ocr import Line, upright_lines
from rag.loaders.pdf_runs import Run
from rag.text.recognition import Recognition

if TYPE_CHECKING:
    from rag.loaders.ocr import Image

MIN_CONFIDENCE = 0.75  # measured: below, fewer than half of the words are right; above 0.95, 97 %
NO_TEXT = "no text that can be recognised"
_EM = 0.8  # font size, in heights of the box around a line
_BASE = 0.2  # height of the baseline above the bottom of the box, likewise
_PADDING = 0.12  # by which a box is wider than its text at each end, likewise
_STEP = 1.3  # between two font sizes
_SAME_SIZE = 1.2  # up to which a box is of the usual size
_WIDEST = 1.2  # letters of the same size may be this much wider


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """The lines of a page as runs, how many more were too uncertain to keep, and the page's highest y."""

    runs: list[Run]
    uncertain: int
    height: float

    @property
    def left_out(self) -> str:
        """What was left out, after "page 3 has"; "" if nothing was."""
        if not self.runs and not self.uncertain:
            return NO_TEXT
        lines = f"{self.uncertain} line{'s' * (self.uncertain != 1)}"
        return f"{lines} that can't be read with certainty" if self.uncertain else ""


def scanned_page(image: Image, scale: float = 1.0) -> ScannedPage:
    """Return the text in the image of a page that has `scale` pixels per point, in its reading order.

    An image that lies on its side or upside down is turned first.
    """
    lines, turns = upright_lines(image)
    height, width = image.shape[:2]
    if turns % 2:
        height, width = width, height
    kept = [line for line in lines if line.confidence >= MIN_CONFIDENCE]
    runs = list(map(_placed(kept, scale, turns, (width, height)), kept))
    return ScannedPage(runs, len(lines) - len(kept), height / scale)


def _placed(lines: Sequence[Line], scale: float, turns: int, size: tuple[int, int]) -> Callable[[Line], Run]:
    """Return a function that gives a line its place on the straightened page, and its size in points."""
    width, height = size
    skew = median([_slope(line) for line in lines if line.width > 3 * line.height] or [0.0])
    usual = median([line.height for line in lines for _ in line.text] or [1.0])
    usual_advance = median([line.advance for line in lines for _ in line.text] or [1.0])

    def place(line: Line) -> Run:
        tall = line.height / usual
        if tall > 1:  # larger letters are wider, too
            tall = max(1.0, min(tall, _WIDEST * line.advance / usual_advance))
        steps = round(log(tall, _STEP)) if not 1 / _SAME_SIZE <= tall <= _SAME_SIZE else 0
        box = usual * _STEP**steps
        (x, y), (end, _), *_, (_, bottom) = (_turned(corner, -skew) for corner in line.corners)
        base = height - (y + bottom) / 2 - (0.5 - _BASE) * box
        return Run(
            (x + _PADDING * box) / scale,
            (end - _PADDING * box) / scale,
            base / scale,
            _EM * box / scale,
            False,
            line.text,
            recognised=(_recognition(line, turns, width, height),),
        )

    return place


def _slope(line: Line) -> float:
    """Return the angle of a line of text, in radians."""
    (ax, ay), (bx, by), *_ = line.corners
    return atan2(by - ay, bx - ax)


def _turned(point: tuple[float, float], angle: float) -> tuple[float, float]:
    """Return a point turned around the page's corner."""
    x, y = point
    return x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)


def _recognition(line: Line, turns: int, width: int, height: int) -> Recognition:
    """Return the line's confidence, and its box on the page as it lies in the file."""
    points = [(x / width, y / height) for x, y in line.corners]
    for _ in range(turns):  # the page was turned anticlockwise
        points = [(1 - y, x) for x, y in points]
    xs, ys = zip(*(map(_share, point) for point in points), strict=True)
    return Recognition(round(line.confidence, 3), (min(xs), min(ys), max(xs), max(ys)))


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 4)
