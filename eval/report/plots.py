"""The small drawings of the report, as SVG within the page; their colours are those of its style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from eval.metrics import Figure
from eval.runs.history import Entry

WIDTH, HEIGHT = 300, 120  # of a trend, in CSS pixels
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 20
RULER = 130  # the width of a figure between 0 and 1
STEPS = (0.05, 0.1, 0.2, 0.25, 0.5)


def ruler(figure: Figure, then: float) -> str:
    """A figure between 0 and 1: its interval as a line, its value as a dot, the accepted one as a tick."""
    if math.isnan(figure.value):
        return ""
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    parts = [
        f'<line class="axis" x1="5" x2="{RULER - 5}" y1="10" y2="10"/>',
        f'<line class="span" x1="{_along(low):.1f}" x2="{_along(high):.1f}" y1="10" y2="10"/>',
        f'<circle class="dot" cx="{_along(figure.value):.1f}" cy="10" r="4"/>',
    ]
    if not math.isnan(then):
        parts.insert(
            2, f'<line class="then" x1="{_along(then):.1f}" x2="{_along(then):.1f}" y1="3" y2="17"/>'
        )
    told = f"{figure.value:.3f}, 95 % between {low:.3f} and {high:.3f}"
    return (
        f'<svg class="ruler" role="img" aria-label="{told}" width="{RULER}" height="20" '
        f'viewBox="0 0 {RULER} 20">{"".join(parts)}</svg>'
    )


def trend(name: str, entries: Sequence[Entry], then: float) -> str:
    """A metric over the runs, oldest first, a step a run, with its interval; the accepted value is dashed."""
    drawn = [(entry, entry.figures[name]) for entry in entries if name in entry.figures]
    if not drawn:
        return ""
    low, high = _range([value for _, figure in drawn for value in figure] + [then])

    def x(at: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((at + 0.5) / len(drawn))

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    points = [(x(at), y(value), y(low_), y(high_)) for at, (_, (value, low_, high_)) in enumerate(drawn)]
    parts = [_grid(low, high, y)]
    if not math.isnan(then):
        parts.append(
            f'<line class="then" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(then):.1f}" y2="{y(then):.1f}"/>'
        )
    if len(points) == 1:
        parts.append(_whisker(points[0]))
    else:
        band = [f"{at:.1f},{top:.1f}" for at, _, _, top in points]
        band += [f"{at:.1f},{bottom:.1f}" for at, _, bottom, _ in reversed(points)]
        parts.append(f'<polygon class="band" points="{" ".join(band)}"/>')
        line = " ".join(f"{at:.1f},{value:.1f}" for at, value, _, _ in points)
        parts.append(f'<polyline class="line" points="{line}"/>')
    parts += [_dot(point, entry, name) for point, (entry, _) in zip(points, drawn, strict=True)]
    parts.append(_dates([entry for entry, _ in drawn]))
    told = f"{name} in {len(drawn)} runs, last {drawn[-1][1][0]:.3f}"
    return (
        f'<svg class="trend" role="img" aria-label="{escape(told)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(parts)}</svg>"
    )


def _along(value: float) -> float:
    return 5 + (RULER - 10) * min(1.0, max(0.0, value))


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Round ends for an axis that holds the values, within 0 and 1."""
    held = [value for value in values if not math.isnan(value)]
    step = next((step for step in STEPS if max(held) - min(held) <= 3 * step), 0.5)
    low = max(0.0, math.floor(min(held) / step) * step)
    high = min(1.0, math.ceil(max(held) / step) * step)
    return (low, high) if high > low else (max(0.0, low - step), min(1.0, max(high, step)))


def _grid(low: float, high: float, y: Callable[[float], float]) -> str:
    return "".join(
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{LEFT - 5}" y="{y(value) + 3.5:.1f}" text-anchor="end">{round(value, 3):g}</text>'
        for value in (low, (low + high) / 2, high)
    )


def _dot(point: tuple[float, float, float, float], entry: Entry, name: str) -> str:
    at, value, _, _ = point
    told = f"{entry.started:%Y-%m-%d %H:%M} UTC: " + "{:.3f} ({:.3f} to {:.3f})".format(*entry.figures[name])
    worse = name in entry.worse
    return (
        f'<circle class="{"dot bad" if worse else "dot"}" cx="{at:.1f}" cy="{value:.1f}" r="3.5">'
        f"<title>{escape(told)}</title></circle>"
    )


def _whisker(point: tuple[float, float, float, float]) -> str:
    at, _, bottom, top = point
    return f'<line class="span" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>'


def _dates(entries: Sequence[Entry]) -> str:
    """The days of the first and the last run, below the axis; only one where all are of one day."""
    first, last = f"{entries[0].started:%Y-%m-%d}", f"{entries[-1].started:%Y-%m-%d}"
    below = HEIGHT - 5
    if first == last:
        return f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{below}" text-anchor="middle">{first}</text>'
    return (
        f'<text x="{LEFT}" y="{below}">{first}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{below}" text-anchor="end">{last}</text>'
    )
