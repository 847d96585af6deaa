"""What optical character recognition says of a text: how sure it is, and where on the page it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Recognition:
    """The confidence (0 to 1) in the least certain line, and the box around all lines.

    The box is in shares of the page's width and height, from its top left corner: 0 to 1.
    """

    confidence: float
    box: Box

    def __str__(self) -> str:
        return f"recognised, {self.confidence:.2f}"


def merged(lines: Sequence[Recognition]) -> Recognition | None:
    """Return the recognition of lines together; None if there are none."""
    if not lines:
        return None
    lefts, tops, rights, bottoms = zip(*(line.box for line in lines), strict=True)
    box = min(lefts), min(tops), max(rights), max(bottoms)
    return Recognition(min(line.confidence for line in lines), box)
