"""Batches of what is read or written together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(items: Iterable[Item], size: Callable[[Item], int], enough: int) -> Generator[list[Item]]:
    """Yield the items in lists, each of the first of them that together have `enough` of a size."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total >= enough:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
