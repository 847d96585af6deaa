"""The users' conversations with their verdicts on the answers, in one SQLite file on this machine."""

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

FILE = "conversations.sqlite3"  # in the index's folder
VERDICTS = ("right", "wrong", "wrong citation")
MAX_NOTE = 2000  # characters
MAX_TITLE = 60  # characters

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
_SEARCH = """SELECT id, title, updated FROM conversation WHERE user = ?1 AND (
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
    """A conversation in the list; `updated` (UTC) is the time of its last answer."""

    id: str
    title: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One question with its answer, numbered from 1, and the user's verdict: one of `VERDICTS`, or None."""

    number: int
    answer: Answer
    asked: datetime
    verdict: str | None = None
    note: str = ""


class Conversations:
    """The opened file of conversations, safe for threads; every error is a PilcrowError.

    Another user's conversation is reported as missing. Without a login the user is "".
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
            raise self._error(error) from error
        try:
            self._prepare()
        except PilcrowError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self._connection.create_function("folded", 1, str.casefold, deterministic=True)
        with self._translated_errors():
            for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        with self._transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise PilcrowError(f"{self._path} was written by a newer Pilcrow. Update Pilcrow.")
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

    def search(self, user: str, text: str = "") -> list[Conversation]:
        """Return a user's conversations with this text in title, questions or answers, newest first.

        The text is matched literally, in upper or lower case.
        """
        wanted = _encodable(text).casefold()
        with self._transaction("BEGIN") as connection:
            rows = connection.execute(_SEARCH, (_encodable(user), wanted)).fetchall()
        return [Conversation(key, title, datetime.fromisoformat(updated)) for key, title, updated in rows]

    def entries(self, user: str, conversation: str) -> list[Entry]:
        """Return the questions and answers of a conversation, oldest first."""
        with self._transaction("BEGIN") as connection:
            key = _own(connection, user, conversation)
            rows = connection.execute(_ENTRIES, (key,)).fetchall()
        return [
            Entry(number, Answer.from_json(json.loads(answer)), datetime.fromisoformat(asked), verdict, note)
            for number, answer, asked, verdict, note in rows
        ]

    def add(self, user: str, conversation: str | None, answer: Answer) -> str:
        """Append an answer to a conversation, or to a new one (None), and return the conversation's id.

        The first question becomes the conversation's title.
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

    def delete_from(self, user: str, conversation: str, number: int) -> None:
        """Delete the entry of this number and those after it."""
        with self._transaction() as connection:
            key = _own(connection, user, conversation, number)
            connection.execute("DELETE FROM entry WHERE conversation = ? AND number >= ?", (key, number))
        self._truncate_log()

    def delete(self, user: str, conversation: str) -> None:
        """Delete a conversation with its answers and verdicts."""
        with self._transaction() as connection:
            key = _own(connection, user, conversation)
            connection.execute("DELETE FROM conversation WHERE id = ?", (key,))
        self._truncate_log()

    def judge(self, user: str, conversation: str, number: int, verdict: str | None, note: str = "") -> None:
        """Set the user's verdict on an answer; None removes it."""
        if verdict is not None and verdict not in VERDICTS:
            raise PilcrowError(f"Unknown verdict {verdict!r}. Use one of: {', '.join(VERDICTS)}.")
        if len(note) > MAX_NOTE:
            raise PilcrowError(f"The note has {len(note)} characters. Use at most {MAX_NOTE}.")
        with self._transaction() as connection:
            key = _own(connection, user, conversation, number)
            connection.execute(_JUDGE, (verdict, _encodable(note), key, number))

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

    def _truncate_log(self) -> None:
        """Empty the write-ahead log, in which deleted text could still be read."""
        with self._lock, self._translated_errors():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated_errors():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> PilcrowError:
        return PilcrowError(
            f"{self._path} can't be used ({error}). Check the folder's permissions and the free space. "
            "If the file is damaged, move it; Pilcrow then creates a new one."
        )


def _own(connection: sqlite3.Connection, user: str, conversation: str, number: int | None = None) -> str:
    """Return the conversation's id; PilcrowError if it isn't the user's, or has no entry of this number."""
    key = _encodable(conversation)
    if not connection.execute(_OWN, (key, _encodable(user))).fetchone():
        raise PilcrowError("There is no such conversation. It may have been deleted.")
    if number is not None and not 1 <= number <= connection.execute(_LAST, (key,)).fetchone()[0]:
        raise PilcrowError(f"This conversation has no question {number}.")
    return key


def _title(question: str) -> str:
    """Return the question on one line, cut after a word if it is long."""
    line = " ".join(question.split()) or "…"
    if len(line) <= MAX_TITLE:
        return line
    start = line[:MAX_TITLE]
    return (start.rpartition(" ")[0] or start[:-1]).rstrip(" ,;:") + "…"


def _encodable(text: str) -> str:
    """Replace each lone surrogate, which UTF-8 can't encode, with a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
