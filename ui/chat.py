"""One question in a conversation: what the page shows from the question to the recorded answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from rag import Assistant, PilcrowError, Turn
from ui.conversations import Conversations
from ui.render import part
from ui.source import refreshed

MAX_QUESTION = 2000  # characters


@dataclass(frozen=True, slots=True)
class View:
    """The chat at one moment: the conversation's id ("" before its first answer) and two pieces of HTML.

    `history` is the recorded conversation, `draft` the question in progress. `failed`: it got no answer.
    """

    conversation: str
    history: str
    draft: str
    failed: bool = False


def ask(
    assistant: Assistant,
    conversations: Conversations,
    user: str,
    conversation: str,
    question: str,
    sources: Sequence[str],
    replaces: int = 0,
    extractive: bool = False,
) -> Iterator[View]:
    """Yield what the page shows while a question is answered; record the answer.

    It replaces question number `replaces` (0 for none) and all after it. `extractive` answers without the
    LLM. An error is shown, and nothing is recorded or replaced.
    """
    history = part("conversation", conversation, ())
    try:
        entries = conversations.entries(user, conversation) if conversation else []
        kept = [entry for entry in entries if not replaces or entry.number < replaces]
        history = part("conversation", conversation, refreshed(assistant, kept))
        yield View(conversation, history, part("draft", question, "", "Reading your documents…"))
        _check(assistant, question)
        text, turns = "", [Turn(entry.answer.question, entry.answer.text) for entry in kept]
        with closing(assistant.stream(question, turns, list(sources) or None, extractive)) as stream:
            for piece in stream:
                text += piece
                draft = part("draft", question, text, "Checking…", stream.unchecked)
                yield View(conversation, history, draft)
        if replaces:
            conversations.delete_from(user, conversation, replaces)
        conversation = conversations.add(user, conversation or None, stream.answer)
        yield View(conversation, show(assistant, conversations, user, conversation), "")
    except PilcrowError as error:
        draft = part("draft", question) + part("problem", str(error))
        if assistant.uses_llm and not extractive:
            draft += part("without_llm", question)
        yield View(conversation, history, draft, failed=True)


def question_at(conversations: Conversations, user: str, conversation: str, number: int) -> str:
    """Return the question of this number; PilcrowError if there is none."""
    for entry in conversations.entries(user, conversation):
        if entry.number == number:
            return entry.answer.question
    raise PilcrowError(f"This conversation has no question {number}.")


def show(assistant: Assistant, conversations: Conversations, user: str, conversation: str) -> str:
    """Render a conversation, or the welcome if it is ""; PilcrowError if it isn't the user's."""
    if not conversation:
        return part("welcome", assistant.suggestions(), len(assistant.documents()))
    entries = refreshed(assistant, conversations.entries(user, conversation))
    return part("conversation", conversation, entries)


def _check(assistant: Assistant, question: str) -> None:
    """Raise PilcrowError if the question is empty or too long, or the index has no documents."""
    if len(question) > MAX_QUESTION:
        raise PilcrowError(f"This question has {len(question):,} characters. Use at most {MAX_QUESTION:,}.")
    if not question.strip():
        raise PilcrowError("This question is empty. Type a question, then press Ask.")
    if not assistant.documents():
        raise PilcrowError("The index is empty. Add files in the Library, then ask again.")
