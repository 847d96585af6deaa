"""Text recognised in the image of a page, with rapidocr (the optional group `ocr`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from math import hypot
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rapidocr import RapidOCR

Image: TypeAlias = "NDArray[np.uint8]"  # shape (height, width, 3), BGR

MAX_SIDE = 2000  # pixels of an image's longer side; more is slower and no more exact
MAX_PAGES = 1000  # of a file, so that it ends some day
THREADS = 2
ADVICE = "install OCR with:"  # in each message that OCR is missing
_SURE = 0.9  # mean confidence of upright text, at least

# Called before each page, as recognising takes more time and memory than a loader is given.
before_page: ContextVar[Callable[[], None]] = ContextVar("before_page", default=lambda: None)


@dataclass(frozen=True, slots=True)
class Line:
    """A recognised line: the corners of its box in pixels, clockwise from the start of its text."""

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    @property
    def height(self) -> float:
        (ax, ay), *_, (bx, by) = self.corners
        return hypot(bx - ax, by - ay)

    @property
    def width(self) -> float:
        (ax, ay), (bx, by), *_ = self.corners
        return hypot(bx - ax, by - ay)

    @property
    def advance(self) -> float:
        """The mean width of a letter."""
        return self.width / max(len(self.text), 1)

    @property
    def is_tall(self) -> bool:
        """Whether the box is clearly higher than wide."""
        return self.height > 1.5 * self.width


def is_installed() -> bool:
    """Return whether the group `ocr` is installed."""
    return all(find_spec(name) for name in ("rapidocr", "onnxruntime"))


def advice() -> str:
    """Return how to install the group `ocr` where Pilcrow runs."""
    pip = which("pip")
    here = pip is not None and Path(pip).parent == Path(sys.executable).parent
    return f"{ADVICE} {'pip' if here else f'{sys.executable} -m pip'} install 'pilcrow[ocr]'"


def can_read_more(left_out: str) -> bool:
    """Return whether what was left out of a file for lack of OCR can be read now."""
    return ADVICE in left_out and is_installed()


def upright_lines(image: Image) -> tuple[list[Line], int]:
    """Return the lines of a page turned upright, and by how many quarters (anticlockwise) it was turned."""
    import numpy as np

    before_page.get()()
    turns, lines = 0, _lines(image)
    if 2 * sum(line.is_tall for line in lines) > len(lines):
        turns, image = 1, np.ascontiguousarray(np.rot90(image))
        lines = _lines(image)
    if _mean_confidence(lines) >= _SURE or not lines:
        return lines, turns
    turned = _lines(np.ascontiguousarray(np.rot90(image, 2)))
    return (turned, turns + 2) if _mean_confidence(turned) > _mean_confidence(lines) else (lines, turns)


def _lines(image: Image) -> list[Line]:
    """Return the lines of an image; none if recognising fails."""
    import cv2
    from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError
    from rapidocr.utils.output import RapidOCROutput

    try:
        found = _engine()(image, use_det=True, use_cls=False, use_rec=True)
    except (cv2.error, ONNXRuntimeError):
        return []
    if not isinstance(found, RapidOCROutput) or found.boxes is None or not (found.txts and found.scores):
        return []
    return [
        Line(" ".join(text.split()), float(score), tuple((float(x), float(y)) for x, y in box))
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
    ]


def _mean_confidence(lines: Sequence[Line]) -> float:
    """Return the confidence by letter."""
    letters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / max(letters, 1)


@cache
def _engine() -> RapidOCR:
    """Return rapidocr; loaded once a process."""
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.max_side_len": MAX_SIDE,
            "Global.text_score": 0.0,
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
        }
    )
