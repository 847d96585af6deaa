"""The users' conversations with their verdicts on the answers, in one SQLite file on this machine."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rag import Answer, PilcrowError
from ui.storage import FILE, Storage, encodable, own, stored_time

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
_LAST = "SELECT coalesce(max(number), 0) FROM entry WHERE conversation = ?"
_ENTRIES = """SELECT number, answer, asked, verdict, note, scope, searched FROM entry
    WHERE conversation = ? ORDER BY number"""
_ADD = """INSERT INTO entry (conversation, number, question, text, answer, asked, scope, searched)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_DELETE_FROM = "DELETE FROM entry WHERE conversation = ? AND number >= ?"
_JUDGE = "UPDATE entry SET verdict = ?, note = ? WHERE conversation = ? AND number = ?"
_JUDGED = """SELECT conversation, number, answer, asked, verdict, note
    FROM entry JOIN conversation ON id = conversation
    WHERE verdict IS NOT NULL AND deleted IS NULL ORDER BY asked, conversation, number"""
_CREATE = "INSERT OR IGNORE INTO conversation (id, user, title, updated) VALUES (?, ?, '', ?)"
_FIRST_TITLE = "UPDATE conversation SET title = ? WHERE id = ? AND NOT renamed"
_RENAME = "UPDATE conversation SET title = ?, renamed = 1 WHERE id = ?"
_RESTORE = "UPDATE conversation SET deleted = NULL WHERE id = ? AND user = ? AND deleted >= ?"
_PURGED = "FROM conversation WHERE deleted < ?"
_ID = re.compile(r"[A-Za-z0-9_-]{16}")
_BEFORE = "SELECT question, text FROM entry WHERE conversation = ? AND number < ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class Conversation:
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
        wanted = encodable(text).casefold()
        with self._transaction("BEGIN") as connection:
            rows = connection.execute(_SEARCH, (encodable(user), wanted)).fetchall()
        return [Conversation(key, title, datetime.fromisoformat(updated)) for key, title, updated in rows]

    def title(self, user: str, conversation: str) -> str:
        """Return a conversation's title."""
        with self._transaction("BEGIN") as connection:
            key = own(connection, user, conversation)
            return str(
                connection.execute("SELECT title FROM conversation WHERE id = ?", (key,)).fetchone()[0]
            )

    def entries(self, user: str, conversation: str) -> list[Entry]:
        """Return the questions and answers of a conversation, oldest first."""
        with self._transaction("BEGIN") as connection:
            key = own(connection, user, conversation)
            rows = connection.execute(_ENTRIES, (key,)).fetchall()
        return [
            Entry(
                number,
                Answer.from_json(json.loads(answer)),
                datetime.fromisoformat(asked),
                verdict,
                note,
                tuple(json.loads(scope)),
                searched,
            )
            for number, answer, asked, verdict, note, scope, searched in rows
        ]

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
        now, key = stored_time(), new_id() if conversation is None else conversation
        question, text = encodable(answer.question), encodable(answer.text)
        written = encodable(json.dumps(answer.as_json(), ensure_ascii=False))
        with self._transaction() as connection:
            if conversation is None or (new and _ID.fullmatch(key)):
                connection.execute(_CREATE, (key, encodable(user), now))
            key = own(connection, user, key)
            if replaces:
                _own_entry(connection, user, key, replaces)
                connection.execute(_DELETE_FROM, (key, replaces))
            last = connection.execute(_LAST, (key,)).fetchone()[0]
            values = (key, last + 1, question, text, written, now, json.dumps(list(scope)), searched)
            connection.execute(_ADD, values)
            connection.execute("UPDATE conversation SET updated = ? WHERE id = ?", (now, key))
            if not last:
                connection.execute(_FIRST_TITLE, (_title(question), key))
        if replaces:
            self._truncate_log()
        return key

    def rename(self, user: str, conversation: str, title: str) -> None:
        """Set a conversation's title; later questions no longer change it."""
        if not title.strip():
            raise PilcrowError("The title is empty. Type one.")
        with self._transaction() as connection:
            key = own(connection, user, conversation)
            connection.execute(_RENAME, (_title(encodable(title)), key))
        self._truncate_log()

    def delete(self, user: str, conversation: str) -> None:
        """Delete a conversation; `restore` takes it back for `UNDO`, then its text is erased."""
        with self._transaction() as connection:
            key = own(connection, user, conversation)
            connection.execute("UPDATE conversation SET deleted = ? WHERE id = ?", (stored_time(), key))

    def restore(self, user: str, conversation: str) -> None:
        """Take a deletion back, with the conversation's link."""
        with self._transaction() as connection:
            wanted = (encodable(conversation), encodable(user), _undoable())
            if not connection.execute(_RESTORE, wanted).rowcount:
                raise PilcrowError("This can't be undone any more: the conversation was erased.")

    def _purge(self) -> None:
        """Erase what was deleted longer ago than `UNDO`."""
        before = (_undoable(),)
        with self._transaction("BEGIN") as connection:
            if not connection.execute(f"SELECT 1 {_PURGED}", before).fetchone():
                return
        with self._transaction() as connection:
            connection.execute(f"DELETE {_PURGED}", before)
        self._truncate_log()

    def judge(self, user: str, conversation: str, number: int, verdict: str | None, note: str = "") -> None:
        """Set the user's verdict on an answer; None removes it."""
        if verdict is not None and verdict not in VERDICTS:
            raise PilcrowError(f"Unknown verdict {verdict!r}. Use one of: {', '.join(VERDICTS)}.")
        if len(note) > MAX_NOTE:
            raise PilcrowError(f"The note has {len(note)} characters. Use at most {MAX_NOTE}.")
        with self._transaction() as connection:
            key = _own_entry(connection, user, conversation, number)
            connection.execute(_JUDGE, (verdict, encodable(note), key, number))

    def judged_answers(self) -> Iterator[dict[str, object]]:
        """Yield all users' answers that have a verdict, as JSON values for the evaluation, oldest first.

        `history` is the turns before, `citations` the cited [source, paragraph].
        """
        with self._transaction("BEGIN") as connection:
            found = [
                (*row, connection.execute(_BEFORE, (key, number)).fetchall())
                for key, number, *row in connection.execute(_JUDGED).fetchall()
            ]
        for written, asked, verdict, note, before in found:
            answer = Answer.from_json(json.loads(written))
            yield {
                "question": answer.question,
                "history": [{"question": question, "answer": text} for question, text in before],
                "answer": answer.text,
                "verdict": verdict,
                "note": note,
                "citations": [[citation.source, citation.paragraph] for citation in answer.citations],
                "asked": asked,
            }


def new_id() -> str:
    """Return the id of a conversation to come, which can't be guessed."""
    return secrets.token_urlsafe(12)


def _undoable() -> str:
    """Return the time since which a deletion can be taken back."""
    return stored_time(datetime.now(UTC) - UNDO)


def _own_entry(connection: sqlite3.Connection, user: str, conversation: str, number: int) -> str:
    """Return the conversation's id; PilcrowError if it isn't the user's, or has no entry of this number."""
    key = own(connection, user, conversation)
    if not 1 <= number <= connection.execute(_LAST, (key,)).fetchone()[0]:
        raise PilcrowError(f"This conversation has no question {number}.")
    return key


def _title(question: str) -> str:
    """Return the question on one line, cut after a word if it is long."""
    line = " ".join(question.split()) or "…"
    if len(line) <= MAX_TITLE:
        return line
    start = line[:MAX_TITLE]
    return (start.rpartition(" ")[0] or start[:-1]).rstrip(" ,;:") + "…"
