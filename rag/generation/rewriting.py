"""Rewrite a follow-up question so that it can be understood without the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.generation.prompts import condense_messages
from rag.generation.usage import Usage, ask
from rag.query.condense import condense, keeps
from rag.types import Turn

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

CONDENSE_TOKENS = 64


def rewrite(question: str, history: Sequence[Turn], llm: LLM | None) -> tuple[str, Usage]:
    """Return the standalone question, by the model if that loses nothing, else by rules; and the usage."""
    by_rules = condense(question, history)
    if not llm or not history:
        return by_rules, Usage()
    try:
        text, usage = ask(llm, condense_messages(question, history), CONDENSE_TOKENS)
    except ModelError:
        return by_rules, Usage(calls=1)  # the call for the answer reports the error
    written = text.strip().strip('"“”').removeprefix("Question:").strip()
    return written if keeps(written, question, by_rules, history) else by_rules, usage
