"""The SQLite file of conversations, sessions, tokens and links: opening, schema, transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Self

from rag import PilcrowError

FILE = "conversations.sqlite3"  # in the index's folder

_VERSIONS = (  # the statements that lead from each version of the schema to the next
    (
        """CREATE TABLE conversation (
            id TEXT PRIMARY KEY, user TEXT NOT NULL, title TEXT NOT NULL, updated TEXT NOT NULL)""",
        "CREATE INDEX conversation_user ON conversation (user, updated)",
        """CREATE TABLE entry (
            conversation TEXT NOT NULL REFERENCES conversation ON DELETE CASCADE, number INTEGER NOT NULL,
            question TEXT NOT NULL, text TEXT NOT NULL, answer TEXT NOT NULL, asked TEXT NOT NULL,
            verdict TEXT, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (conversation, number))""",
    ),
    (
        "ALTER TABLE entry ADD COLUMN scope TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE entry ADD COLUMN searched INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE conversation ADD COLUMN renamed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE conversation ADD COLUMN deleted TEXT",
        "CREATE INDEX conversation_deleted ON conversation (deleted) WHERE deleted IS NOT NULL",
        """CREATE TABLE pass (
            id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, user TEXT NOT NULL,
            stamp BLOB NOT NULL, label TEXT, made TEXT NOT NULL, used TEXT NOT NULL)""",
        """CREATE TABLE link (
            conversation TEXT PRIMARY KEY REFERENCES conversation ON DELETE CASCADE,
            token TEXT NOT NULL UNIQUE)""",
    ),
)


class Storage:
    """The opened file, safe for threads; every error is a PilcrowError.

    Deleted text is in no file after `_truncate_log`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
            if version > len(_VERSIONS):
                raise PilcrowError(f"{self.path} was written by a newer Pilcrow. Update Pilcrow.")
            for statements in _VERSIONS[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            f"{self.path} can't be used ({error}). Check the folder's permissions and the free space. "
            "If the file is damaged, move it; Pilcrow then creates a new one."
        )


def own(connection: sqlite3.Connection, user: str, conversation: str) -> str:
    """Return the conversation's id; PilcrowError if it isn't the user's, or was deleted."""
    wanted = "SELECT 1 FROM conversation WHERE id = ? AND user = ? AND deleted IS NULL"
    key = encodable(conversation)
    if not connection.execute(wanted, (key, encodable(user))).fetchone():
        raise PilcrowError("There is no such conversation. It may have been deleted.")
    return key


def stored_time(moment: datetime | None = None) -> str:
    """Return a UTC time, by default now, as the file stores it; the text sorts by time."""
    return (moment or datetime.now(UTC)).isoformat(timespec="microseconds")


def encodable(text: str) -> str:
    """Replace each lone surrogate, which UTF-8 can't encode, with a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
