"""Calls to a language model, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from operator import add
from typing import TYPE_CHECKING

from rag.models.llm import complete, count_tokens

if TYPE_CHECKING:
    from llama_index.core.llms import LLM, ChatMessage


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls to a language model, their tokens, and the seconds spent on checking what it wrote."""

    calls: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    checking: float = 0.0

    @classmethod
    def of(cls, llm: LLM, messages: Sequence[ChatMessage]) -> Usage:
        """Return the usage of one call that sends these messages."""
        return cls(1, sum(count_tokens(llm, str(message.content)) for message in messages))

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(add, astuple(self), astuple(other)))

    def timings(self) -> dict[str, float]:
        """Return the figures as `Answer.timings` names them; empty if no model was called."""
        figures = {
            "calls": self.calls,
            "prompt tokens": self.prompt_tokens,
            "tokens": self.tokens,
            "check": self.checking,
        }
        return figures if self.calls else {}


def ask(llm: LLM, messages: Sequence[ChatMessage], limit: int) -> tuple[str, Usage]:
    """Return what the model writes in at most `limit` tokens, and the usage. Raises ModelError."""
    usage = Usage.of(llm, messages)
    pieces = list(complete(llm, messages, limit))
    return "".join(pieces), usage + Usage(tokens=len(pieces))
