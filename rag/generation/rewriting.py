"""Rewrite a follow-up question so that it can be understood without the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.generation.prompts import condense_messages
from rag.generation.usage import Usage, ask
from rag.query.condense import condense, plain
from rag.text.names import absent, forms, names
from rag.text.numbers import numbers
from rag.text.words import content_stems, words
from rag.types import Turn

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

CONDENSE_TOKENS = 96  # a rewritten question that is cut off there is too long


def rewrite(question: str, history: Sequence[Turn], llm: LLM | None, trusted: bool) -> tuple[str, Usage]:
    """Return the standalone question, by the model if that loses nothing, else by rules; and the usage.

    A `trusted` model chooses the words itself.
    """
    by_rules = condense(question, history)
    if not llm or not history:
        return by_rules, Usage()
    try:
        text, usage = ask(llm, condense_messages(question, history), CONDENSE_TOKENS)
    except ModelError:
        return by_rules, Usage(calls=1)  # the call for the answer reports the error
    written = text.strip().strip('"“”').removeprefix("Question:").strip()
    is_whole = written and len(written.splitlines()) == 1 and usage.tokens < CONDENSE_TOKENS
    said = " ".join([question, *(f"{turn.question} {plain(turn.answer)}" for turn in history)])
    if not is_whole or not keeps_facts(written, question, said):
        return by_rules, usage
    return written if trusted or keeps_words(written, question, by_rules, said) else by_rules, usage


def keeps_facts(written: str, question: str, said: str) -> bool:
    """Return whether a rewritten question has the question's names, numbers and codes.

    Of numbers and codes it may have more only from what was `said` in the conversation.
    """
    facts, asked, known = (numbers(text) | _codes(text) for text in (written, question, said))
    return asked <= facts <= known and not absent(names(question), forms(written))


def keeps_words(written: str, question: str, by_rules: str, said: str) -> bool:
    """Return whether a rewritten question has the question's words, and others only from the conversation.

    It must have one of the words that the rules added, if any.
    """
    known = content_stems(f"{said} {by_rules}")
    asked, ruled, rewritten = map(content_stems, (question, by_rules, written))
    added = ruled - asked
    return asked <= rewritten <= known and (not added or bool(added & rewritten))


def _codes(text: str) -> set[str]:
    return {word for word in words(text) if any(map(str.isdigit, word)) and not word.isdigit()}
