"""What of a file could not be read, as phrases for its report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

MOST = 100  # phrases about one file


def shortened(phrases: Sequence[str]) -> tuple[str, ...]:
    """Return the first of the phrases, and how many more there are."""
    more = (f"{len(phrases) - MOST:,} more",) if len(phrases) > MOST else ()
    return (*phrases[:MOST], *more)


def by_pages(missing: Sequence[str]) -> tuple[str, ...]:
    """Return a phrase for each thing that pages have; `missing` has it for each page, "" for none."""
    pages: dict[str, list[int]] = {}
    for number, what in enumerate(missing, start=1):
        if what:
            pages.setdefault(what, []).append(number)
    return tuple(
        f"page{'s' * (len(numbers) > 1)} {_ranges(numbers)} {'have' if len(numbers) > 1 else 'has'} {what}"
        for what, numbers in pages.items()
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Return increasing numbers as text, such as "3, 5–7"."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), lambda placed: placed[1] - placed[0])
    ]
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
