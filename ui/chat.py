"""Asking within a conversation: what the page shows from the question to the checked and recorded answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from rag import Assistant, PilcrowError, Turn
from ui import render
from ui.conversations import Conversations, Entry
from ui.source import paragraph_state
from ui.suggest import suggestions

LONGEST = 2000  # characters of a question


@dataclass(frozen=True, slots=True)
class Seen:
    """The conversation's address ("" before its first answer), what was said in it, and what is under way."""

    conversation: str
    said: str
    draft: str
    failed: bool = False


def ask(
    assistant: Assistant,
    conversations: Conversations,
    user: str,
    conversation: str,
    question: str,
    only: Sequence[str],
    again: int = 0,
    extractive: bool = False,
) -> Iterator[Seen]:
    """Answers, and records the answer; `again` is the number of the question that this one replaces.

    `extractive` does without the LLM. A question that fails is told and not recorded; what it was to
    replace stays.
    """
    said = render.conversation(conversation, (), partial(paragraph_state, assistant))
    try:
        entries = _entries(conversations, user, conversation)
        kept = [entry for entry in entries if not again or entry.number < again]
        said = render.conversation(conversation, kept, partial(paragraph_state, assistant))
        yield Seen(conversation, said, render.draft(question, "", "Reading your documents …"))
        refuse_long(question)
        text = ""
        with closing(assistant.stream(question, turns(kept), list(only) or None, extractive)) as stream:
            for piece in stream:
                text += piece
                yield Seen(conversation, said, render.draft(question, text, "Checking …", stream.unchecked))
        if again:
            conversations.cut(user, conversation, again)
        conversation = conversations.add(user, conversation or None, stream.answer)
        yield Seen(conversation, shown(assistant, conversations, user, conversation), "")
    except PilcrowError as error:
        told = render.draft(question, "", "") + render.problem(str(error))
        if assistant.uses_llm and not extractive:
            told += render.part("without_llm", question)
        yield Seen(conversation, said, told, failed=True)


def asked(conversations: Conversations, user: str, conversation: str, number: int) -> str:
    """The question of this number; PilcrowError where there is none."""
    for entry in conversations.entries(user, conversation):
        if entry.number == number:
            return entry.answer.question
    raise PilcrowError(f"this conversation has no question {number}")


def refuse_long(question: str) -> None:
    """PilcrowError for a question that is too long, or says nothing."""
    if len(question) > LONGEST:
        raise PilcrowError(f"This question has {len(question):,} characters; ask it in {LONGEST:,} at most.")
    if not question.strip():
        raise PilcrowError("Ask something in words.")


def turns(entries: Sequence[Entry]) -> list[Turn]:
    """The turns before, for a question that follows up on them."""
    return [Turn(entry.answer.question, entry.answer.text) for entry in entries]


def shown(assistant: Assistant, conversations: Conversations, user: str, conversation: str) -> str:
    """A conversation, or before its first question what could be asked; PilcrowError if it is not theirs."""
    if not conversation:
        return render.part("welcome", suggestions(assistant), len(assistant.documents()))
    entries = conversations.entries(user, conversation)
    return render.conversation(conversation, entries, partial(paragraph_state, assistant))


def _entries(conversations: Conversations, user: str, conversation: str) -> list[Entry]:
    return conversations.entries(user, conversation) if conversation else []
