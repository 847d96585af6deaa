"""An answer that arrives in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING

from rag.types import Answer

if TYPE_CHECKING:
    from rag.types import Step


class Stream:
    """An answer that arrives in pieces: iterate for checked text; `answer` is the whole verified answer.

    While an LLM writes, `unchecked` is the sentence that isn't checked yet, and a piece may be empty.
    """

    def __init__(self, begin: Callable[[], Generator[Step, None, Answer]]) -> None:
        self.unchecked = ""
        self._begin = begin
        self._answer: Answer | None = None
        self._read: list[str] = []
        self._pieces = self._run()

    def __iter__(self) -> Iterator[str]:
        number = 0
        while number < len(self._read) or self._advance():
            yield self._read[number]
            number += 1

    def _advance(self) -> bool:
        piece = next(self._pieces, None)
        self._read += [] if piece is None else [piece]
        return piece is not None

    def close(self) -> None:
        """Stop; an LLM that is writing stops too."""
        self._pieces.close()

    def _run(self) -> Generator[str, None, None]:
        sent = ""
        walk = self._begin()
        context = copy_context()  # the walk keeps one context, whichever thread asks for the next piece
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
        """The whole verified answer. Reads what was not read yet, and after an error starts again."""
        while self._advance():
            pass
        if self._answer is None:  # it failed: start again
            self._read, self._pieces = [], self._run()
            while self._advance():
                pass
        assert self._answer is not None  # noqa: S101  a run without an error ends with an answer
        return self._answer
