"""The users' conversations with their verdicts on the answers, in one SQLite file on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import NamedTuple

from rag import Answer, PilcrowError
from ui.storage import FILE, Storage, stored_time

__all__ = ["FILE", "MAX_NOTE", "UNDO", "VERDICTS", "Conversation", "Conversations", "Entry", "new_id"]

VERDICTS = ("right", "wrong", "wrong citation")
MAX_NOTE = 2000  # characters
MAX_TITLE = 60  # characters
UNDO = timedelta(seconds=10)  # time to take a deletion back

_SEARCH = """SELECT id, title, updated FROM conversation WHERE user = ?1 AND deleted IS NULL AND (
        instr(folded(title), ?2) OR EXISTS (
            SELECT 1 FROM entry WHERE conversation = conversation.id
                AND (instr(folded(question), ?2) OR instr(folded(text), ?2))))
    ORDER BY updated DESC, rowid DESC"""
_ENTRIES = """SELECT number, answer, asked, verdict, note, scope, searched FROM entry
    WHERE conversation = ? ORDER BY number"""
_CREATE = "INSERT OR IGNORE INTO conversation (id, user, title, updated) VALUES (?, ?, '', '')"
_ADD = """INSERT INTO entry (conversation, number, question, text, answer, asked, scope, searched)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_ADDED = """UPDATE conversation SET updated = ?, title = iif(? = 1 AND NOT renamed, ?, title)
    WHERE id = ?"""
_RESTORE = """UPDATE conversation SET deleted = NULL WHERE id = ? AND user = ? AND deleted >= ?
    RETURNING id"""
_JUDGED = """SELECT conversation, number, answer, asked, verdict, note
    FROM entry JOIN conversation ON id = conversation
    WHERE verdict IS NOT NULL AND deleted IS NULL ORDER BY asked, conversation, number"""
_BEFORE = "SELECT question, text FROM entry WHERE conversation = ? AND number < ? ORDER BY number"


class Conversation(NamedTuple):
    """A conversation in the list; `updated` (UTC) is the time of its last answer."""

    id: str
    title: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One question with its answer, numbered from 1, and the user's verdict: one of `VERDICTS`, or None.

    `searched` documents were searched: all of them, or those in `scope`.
    """

    number: int
    answer: Answer
    asked: datetime
    verdict: str | None = None
    note: str = ""
    scope: tuple[str, ...] = ()
    searched: int = 0


class Conversations(Storage):
    """The opened file of conversations, safe for threads; every error is a PilcrowError.

    Another user's conversation is reported as missing. Without a login the user is "".
    """

    def _prepare(self) -> None:
        super()._prepare()
        self._purge()

    def search(self, user: str, text: str = "") -> list[Conversation]:
        """Return a user's conversations with this text in title, questions or answers, newest first.

        The text is matched literally, in upper or lower case.
        """
        self._purge()
        rows = self._run(_SEARCH, user, text.casefold())
        return [Conversation(key, title, datetime.fromisoformat(updated)) for key, title, updated in rows]

    def title(self, user: str, conversation: str) -> str:
        """Return a conversation's title."""
        return self._own(user, conversation)

    def entries(self, user: str, conversation: str) -> list[Entry]:
        """Return the questions and answers of a conversation, oldest first."""
        self._own(user, conversation)
        found = []
        for number, written, asked, verdict, note, scope, searched in self._run(_ENTRIES, conversation):
            answer, at = Answer.from_json(json.loads(written)), datetime.fromisoformat(asked)
            found.append(Entry(number, answer, at, verdict, note, tuple(json.loads(scope)), searched))
        return found

    def add(
        self,
        user: str,
        conversation: str | None,
        answer: Answer,
        new: bool = False,
        scope: Sequence[str] = (),
        searched: int = 0,
        replaces: int = 0,
    ) -> str:
        """Append an answer to a conversation, or to a new one (None), and return the conversation's id.

        With `new`, the id comes from `new_id`, and the conversation may not exist yet. The first question
        becomes its title. The answer replaces question number `replaces` (0 for none) and all after it.
        """
        key, now = new_id() if conversation is None else conversation, stored_time()
        written = json.dumps(answer.as_json(), ensure_ascii=False), now, json.dumps(list(scope)), searched
        with self._transaction():
            if new or conversation is None:
                self._run(_CREATE, key, user)
            number = self._count(user, key) + 1
            if replaces:
                self._own_entry(user, key, replaces)
                self._run("DELETE FROM entry WHERE conversation = ? AND number >= ?", key, replaces)
                number = replaces
            self._run(_ADD, key, number, answer.question, answer.text, *written)
            self._run(_ADDED, now, number, _title(answer.question), key)
        if replaces:
            self._truncate_log()
        return key

    def rename(self, user: str, conversation: str, title: str) -> None:
        """Set a conversation's title; later questions no longer change it."""
        if not title.strip():
            raise PilcrowError("The title is empty. Type one.")
        self._own(user, conversation)
        self._run("UPDATE conversation SET title = ?, renamed = 1 WHERE id = ?", _title(title), conversation)
        self._truncate_log()

    def delete(self, user: str, conversation: str) -> None:
        """Delete a conversation; `restore` takes it back for `UNDO`, then its text is erased."""
        self._own(user, conversation)
        self._run("UPDATE conversation SET deleted = ? WHERE id = ?", stored_time(), conversation)

    def restore(self, user: str, conversation: str) -> None:
        """Take a deletion back, with the conversation's link."""
        if not self._run(_RESTORE, conversation, user, stored_time(UNDO)):
            raise PilcrowError("This can't be undone any more: the conversation was erased.")

    def judge(self, user: str, conversation: str, number: int, verdict: str | None, note: str = "") -> None:
        """Set the user's verdict on an answer; None removes it."""
        if verdict is not None and verdict not in VERDICTS:
            raise PilcrowError(f"Unknown verdict {verdict!r}. Use one of: {', '.join(VERDICTS)}.")
        if len(note) > MAX_NOTE:
            raise PilcrowError(f"The note has {len(note)} characters. Use at most {MAX_NOTE}.")
        self._own_entry(user, conversation, number)
        judged = "UPDATE entry SET verdict = ?, note = ? WHERE conversation = ? AND number = ?"
        self._run(judged, verdict, note, conversation, number)

    def judged_answers(self) -> Iterator[dict[str, object]]:
        """Yield all users' answers that have a verdict, as JSON values for the evaluation, oldest first.

        `history` is the turns before, `citations` the cited [source, paragraph].
        """
        for key, number, written, asked, verdict, note in self._run(_JUDGED):
            answer, before = Answer.from_json(json.loads(written)), self._run(_BEFORE, key, number)
            yield {
                "question": answer.question,
                "history": [{"question": question, "answer": text} for question, text in before],
                "answer": answer.text,
                "verdict": verdict,
                "note": note,
                "citations": [[citation.source, citation.paragraph] for citation in answer.citations],
                "asked": asked,
            }

    def _purge(self) -> None:
        """Erase what was deleted longer ago than `UNDO`."""
        if self._run("DELETE FROM conversation WHERE deleted < ? RETURNING id", stored_time(UNDO)):
            self._truncate_log()

    def _count(self, user: str, conversation: str) -> int:
        """Return how many questions a conversation of the user's has."""
        self._own(user, conversation)
        [(count,)] = self._run("SELECT count(*) FROM entry WHERE conversation = ?", conversation)
        return int(count)

    def _own_entry(self, user: str, conversation: str, number: int) -> None:
        """Raise PilcrowError if the conversation isn't the user's, or has no entry of this number."""
        if not 1 <= number <= self._count(user, conversation):
            raise PilcrowError(f"This conversation has no question {number}.")


def new_id() -> str:
    """Return the id of a conversation to come, which can't be guessed."""
    return token_urlsafe(12)


def _title(question: str) -> str:
    """Return the question on one line, cut after a word if it is long."""
    line = " ".join(question.split()) or "…"
    if len(line) <= MAX_TITLE:
        return line
    start = line[:MAX_TITLE]
    return (start.rpartition(" ")[0] or start[:-1]).rstrip(" ,;:") + "…"
