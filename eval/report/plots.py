"""The small plots of the report, as SVG; its style sheet has their colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from eval.metrics import Figure
from eval.runs.history import Entry

WIDTH, HEIGHT = 300, 120  # of a trend, in CSS pixels
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 20
RULER = 130  # width of a ruler from 0 to 1
STEPS = (0.05, 0.1, 0.2, 0.25, 0.5)
NOTHING = Markup("")


def ruler(figure: Figure, then: float) -> Markup:
    """Draw a figure from 0 to 1: its interval as a line, its value as a dot, the accepted one as a tick."""
    if math.isnan(figure.value):
        return NOTHING
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    tick = NOTHING if math.isnan(then) else _line("then", _along(then), 3, _along(then), 17)
    return Markup(
        '<svg class="ruler" role="img" aria-label="{}" width="{}" height="20" viewBox="0 0 {} 20">{}</svg>'
    ).format(
        f"{figure.value:.3f}, 95 % between {low:.3f} and {high:.3f}",
        RULER,
        RULER,
        _line("axis", 5, 10, RULER - 5, 10)
        + _line("span", _along(low), 10, _along(high), 10)
        + tick
        + _circle("dot", _along(figure.value), 10, 4),
    )


def trend(name: str, entries: Sequence[Entry], then: float) -> Markup:
    """Draw a metric over the runs, oldest first, with its interval; the accepted value is dashed."""
    drawn = [(entry, entry.figures[name]) for entry in entries if name in entry.figures]
    if not drawn:
        return NOTHING
    low, high = _range([value for _, figure in drawn for value in figure] + [then])

    def x(at: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((at + 0.5) / len(drawn))

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    parts = [_grid(low, high, y)]
    if not math.isnan(then):
        parts.append(_line("then", LEFT, y(then), WIDTH - RIGHT, y(then)))
    points = [(x(at), *map(y, figure)) for at, (_, figure) in enumerate(drawn)]
    parts.append(_interval(points))
    for point, (entry, figure) in zip(points, drawn, strict=True):
        title = f"{entry.started:%Y-%m-%d %H:%M} UTC: {figure[0]:.3f} ({figure[1]:.3f} to {figure[2]:.3f})"
        parts.append(_circle("dot bad" if name in entry.worse else "dot", point[0], point[1], 3.5, title))
    parts.append(_dates(drawn[0][0], drawn[-1][0]))
    label = f"{name} in {len(drawn)} runs, last {drawn[-1][1][0]:.3f}"
    return Markup('<svg class="trend" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        label, WIDTH, HEIGHT, NOTHING.join(parts)
    )


def _along(value: float) -> float:
    return 5 + (RULER - 10) * min(1.0, max(0.0, value))


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return round ends, within 0 and 1, of an axis for the values."""
    known = [value for value in values if not math.isnan(value)]
    step = next((step for step in STEPS if max(known) - min(known) <= 3 * step), 0.5)
    low = max(0.0, math.floor(min(known) / step) * step)
    high = min(1.0, math.ceil(max(known) / step) * step)
    return (low, high) if high > low else (max(0.0, low - step), min(1.0, max(high, step)))


def _grid(low: float, high: float, y: Callable[[float], float]) -> Markup:
    return NOTHING.join(
        _line("axis", LEFT, y(value), WIDTH - RIGHT, y(value))
        + _text(LEFT - 5, y(value) + 3.5, f"{round(value, 3):g}", "end")
        for value in (low, (low + high) / 2, high)
    )


def _interval(points: Sequence[tuple[float, ...]]) -> Markup:
    """Draw the intervals of (x, value, low, high): a band with a line, or a whisker for a single run."""
    if len(points) == 1:
        at, _, low, high = points[0]
        return _line("span", at, high, at, low)
    band = [(at, high) for at, _, _, high in points] + [(at, low) for at, _, low, _ in reversed(points)]
    line = [(at, value) for at, value, _, _ in points]
    corners = [" ".join(f"{x:.1f},{y:.1f}" for x, y in each) for each in (band, line)]
    return Markup('<polygon class="band" points="{}"/><polyline class="line" points="{}"/>').format(*corners)


def _dates(first: Entry, last: Entry) -> Markup:
    """Draw the days of the first and the last run below the axis, or the one day of all."""
    days = [f"{entry.started:%Y-%m-%d}" for entry in (first, last)]
    if days[0] == days[1]:
        return _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, days[0], "middle")
    return _text(LEFT, HEIGHT - 5, days[0]) + _text(WIDTH - RIGHT, HEIGHT - 5, days[1], "end")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, y1, x2, y2
    )


def _circle(kind: str, x: float, y: float, radius: float, title: str = "") -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
        kind, x, y, radius, title
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
