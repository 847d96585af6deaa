"""An answer as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING

from rag.types import Answer

if TYPE_CHECKING:
    from rag.types import Step


class Stream:
    """An answer as it comes: iterate for pieces of checked text; `answer` is the verified whole.

    While an LLM writes, `unchecked` is its sentence that is not checked yet; a piece may then be empty.
    """

    def __init__(self, begin: Callable[[], Generator[Step, None, Answer]]) -> None:
        self.unchecked = ""
        self._begin = begin
        self._answer: Answer | None = None
        self._told: list[str] = []
        self._pieces = self._written()

    def __iter__(self) -> Iterator[str]:
        number = 0
        while number < len(self._told) or self._go_on():
            yield self._told[number]
            number += 1

    def _go_on(self) -> bool:
        piece = next(self._pieces, None)
        self._told += [] if piece is None else [piece]
        return piece is not None

    def close(self) -> None:
        """Stops: an LLM that is writing writes no more."""
        self._pieces.close()

    def _written(self) -> Generator[str, None, None]:
        sent = ""
        walk = self._begin()
        context = copy_context()  # of the walk's own, whichever thread asks for the next piece
        try:
            while True:
                try:
                    step = context.run(next, walk)
                except StopIteration as end:
                    self._answer = end.value
                    break
                sent, self.unchecked = sent + step.text, step.unchecked
                yield step.text
        finally:
            context.run(walk.close)
        self.unchecked = ""
        yield from re.findall(r"\S+\s*|\s+", self._answer.text[len(sent) :])

    @property
    def answer(self) -> Answer:
        """The whole answer, checked; what was not read yet is asked for now, and after an error once more."""
        while self._go_on():
            pass
        if self._answer is None:  # it failed: once more
            self._told, self._pieces = [], self._written()
            while self._go_on():
                pass
        assert self._answer is not None  # noqa: S101  what ends without an error ends with an answer
        return self._answer
