"""What a vector store's server asks for, and how many records go into one request to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rag.errors import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Access:
    """What a Chroma server asks for: a bearer token, and the authority that signed its certificate."""

    token: str | None = None
    authority: Path | None = None


NO_ACCESS = Access()


class TooMuch(StoreError):
    """The server refused a request for its size; `most` is how many records it takes, if it said so."""

    def __init__(self, message: str, most: int | None) -> None:
        super().__init__(message)
        self.most = most


class BatchSize:
    """How many records go into one request: fewer once a server has refused so many."""

    def __init__(self, most: int) -> None:
        self.most = most

    def parts(self, items: Sequence[Item], send: Callable[[Sequence[Item]], Result]) -> Iterator[Result]:
        """Yield what `send` returns for each part of the items, in order."""
        start = 0
        while start < len(items):
            part = items[start : start + self.most]
            try:
                result = send(part)
            except TooMuch as refusal:
                most = refusal.most or len(part) // 2
                if not 0 < most < len(part):
                    raise
                self.most = most
            else:
                start += len(part)
                yield result
