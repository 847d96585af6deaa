"""Conversations kept on this machine, each user's own, with the verdicts that users gave; one SQLite file."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Self

from rag import Answer, PilcrowError

FILE = "conversations.sqlite3"  # in the folder of the index
VERDICTS = ("right", "wrong", "wrong citation")
LONGEST_NOTE = 2000  # characters
TITLE = 60  # characters

_VERSION = 1
_SCHEMA = (
    """CREATE TABLE conversation (
        id TEXT PRIMARY KEY, user TEXT NOT NULL, title TEXT NOT NULL, updated TEXT NOT NULL)""",
    "CREATE INDEX conversation_user ON conversation (user, updated)",
    """CREATE TABLE entry (
        conversation TEXT NOT NULL REFERENCES conversation ON DELETE CASCADE, number INTEGER NOT NULL,
        question TEXT NOT NULL, text TEXT NOT NULL, answer TEXT NOT NULL, asked TEXT NOT NULL,
        verdict TEXT, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (conversation, number))""",
    f"PRAGMA user_version = {_VERSION}",
)
_LISTED = """SELECT id, title, updated FROM conversation WHERE user = ?1 AND (
        instr(folded(title), ?2) OR EXISTS (
            SELECT 1 FROM entry WHERE conversation = conversation.id
                AND (instr(folded(question), ?2) OR instr(folded(text), ?2))))
    ORDER BY updated DESC, rowid DESC"""
_OWN = "SELECT 1 FROM conversation WHERE id = ? AND user = ?"
_LAST = "SELECT coalesce(max(number), 0) FROM entry WHERE conversation = ?"
_ENTRIES = "SELECT number, answer, asked, verdict, note FROM entry WHERE conversation = ? ORDER BY number"
_ADD = "INSERT INTO entry (conversation, number, question, text, answer, asked) VALUES (?, ?, ?, ?, ?, ?)"
_JUDGE = "UPDATE entry SET verdict = ?, note = ? WHERE conversation = ? AND number = ?"
_JUDGED = """SELECT conversation, number, answer, asked, verdict, note FROM entry
    WHERE verdict IS NOT NULL ORDER BY asked, conversation, number"""
_BEFORE = "SELECT question, text FROM entry WHERE conversation = ? AND number < ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is listed; `updated` (UTC) is when its last answer was given."""

    id: str
    title: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered question, numbered from 1, and what its user thought of it: one of `VERDICTS`, or None."""

    number: int
    answer: Answer
    asked: datetime
    verdict: str | None = None
    note: str = ""


class Conversations:
    """The file of conversations, opened. Many threads may use it; every error is a PilcrowError.

    A conversation of another user is told as one that there is not. Without a login the user is "".
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            self._prepare()
        except PilcrowError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self._connection.create_function("folded", 1, str.casefold, deterministic=True)
        with self._explained():
            for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self._transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise PilcrowError(f"{self._path} was written by a newer Pilcrow; update Pilcrow")
            for statement in _SCHEMA if not version else ():
                connection.execute(statement)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listed(self, user: str, containing: str = "") -> list[Conversation]:
        """A user's conversations, newest first.

        Those only that hold the text `containing`, in either case, in title, questions or answers.
        """
        wanted = _encodable(containing).casefold()
        with self._transaction("BEGIN") as connection:
            rows = connection.execute(_LISTED, (_encodable(user), wanted)).fetchall()
        return [Conversation(key, title, datetime.fromisoformat(updated)) for key, title, updated in rows]

    def entries(self, user: str, conversation: str) -> list[Entry]:
        """The questions and answers of a conversation, oldest first."""
        with self._transaction("BEGIN") as connection:
            key = _own(connection, user, conversation)
            rows = connection.execute(_ENTRIES, (key,)).fetchall()
        return [
            Entry(number, Answer.from_json(json.loads(answer)), datetime.fromisoformat(asked), verdict, note)
            for number, answer, asked, verdict, note in rows
        ]

    def add(self, user: str, conversation: str | None, answer: Answer) -> str:
        """Record an answer at the end of a conversation, or of a new one (None); the conversation's id.

        A conversation is named after its first question.
        """
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        question, text = _encodable(answer.question), _encodable(answer.text)
        written = _encodable(json.dumps(answer.as_json(), ensure_ascii=False))
        with self._transaction() as connection:
            if conversation is None:
                key = secrets.token_urlsafe(12)
                connection.execute(
                    "INSERT INTO conversation VALUES (?, ?, ?, ?)", (key, _encodable(user), "", now)
                )
            else:
                key = _own(connection, user, conversation)
            last = connection.execute(_LAST, (key,)).fetchone()[0]
            connection.execute(_ADD, (key, last + 1, question, text, written, now))
            connection.execute("UPDATE conversation SET updated = ? WHERE id = ?", (now, key))
            if not last:
                connection.execute("UPDATE conversation SET title = ? WHERE id = ?", (_title(question), key))
        return key

    def cut(self, user: str, conversation: str, number: int) -> None:
        """Take out the entry of this number and those after it."""
        with self._transaction() as connection:
            key = _own(connection, user, conversation, number)
            connection.execute("DELETE FROM entry WHERE conversation = ? AND number >= ?", (key, number))
        self._forget()

    def delete(self, user: str, conversation: str) -> None:
        """Take out a conversation, its answers and verdicts."""
        with self._transaction() as connection:
            key = _own(connection, user, conversation)
            connection.execute("DELETE FROM conversation WHERE id = ?", (key,))
        self._forget()

    def judge(self, user: str, conversation: str, number: int, verdict: str | None, note: str = "") -> None:
        """Record what the user thinks of an answer, in place of what was said before; None takes it back."""
        if verdict is not None and verdict not in VERDICTS:
            raise PilcrowError(f"{verdict!r} is no verdict; it is one of: {', '.join(VERDICTS)}")
        if len(note) > LONGEST_NOTE:
            raise PilcrowError(f"the note has {len(note)} characters; write at most {LONGEST_NOTE}")
        with self._transaction() as connection:
            key = _own(connection, user, conversation, number)
            connection.execute(_JUDGE, (verdict, _encodable(note), key, number))

    def candidates(self) -> Iterator[dict[str, object]]:
        """Every answer with a verdict, of all users, oldest first, as JSON values for the evaluation set.

        `history` are the turns before, `citations` the (source, paragraph) that were cited.
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

    def _forget(self) -> None:
        """Empty the write-ahead log, where what was taken out would still be read."""
        with self._lock, self._explained():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> PilcrowError:
        return PilcrowError(
            f"The conversations in {self._path} cannot be used ({error}). Check the folder's rights and the "
            "free space; a damaged file can be moved away, then a new one is begun."
        )


def _own(connection: sqlite3.Connection, user: str, conversation: str, number: int | None = None) -> str:
    """The conversation's id; PilcrowError where the user has none of it, or it has no entry `number`."""
    key = _encodable(conversation)
    if not connection.execute(_OWN, (key, _encodable(user))).fetchone():
        raise PilcrowError("there is no such conversation; it may have been deleted")
    if number is not None and not 1 <= number <= connection.execute(_LAST, (key,)).fetchone()[0]:
        raise PilcrowError(f"there is no question {number} in this conversation")
    return key


def _title(question: str) -> str:
    """The question on one line, cut at a word where it is long."""
    line = " ".join(question.split()) or "…"
    if len(line) <= TITLE:
        return line
    start = line[:TITLE]
    return (start.rpartition(" ")[0] or start[:-1]).rstrip(" ,;:") + "…"


def _encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
