"""The SQLite file of conversations, sessions, tokens and links: opening, schema, transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Self

from rag import PilcrowError

FILE = "conversations.sqlite3"  # in the index's folder

_VERSIONS = (  # the statements that lead from each version of the schema to the next
    """CREATE TABLE conversation (
        id TEXT PRIMARY KEY, user TEXT NOT NULL, title TEXT NOT NULL, updated TEXT NOT NULL);
    CREATE INDEX conversation_user ON conversation (user, updated);
    CREATE TABLE entry (
        conversation TEXT NOT NULL REFERENCES conversation ON DELETE CASCADE, number INTEGER NOT NULL,
        question TEXT NOT NULL, text TEXT NOT NULL, answer TEXT NOT NULL, asked TEXT NOT NULL,
        verdict TEXT, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (conversation, number));""",
    """ALTER TABLE entry ADD COLUMN scope TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE entry ADD COLUMN searched INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversation ADD COLUMN renamed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversation ADD COLUMN deleted TEXT;
    CREATE INDEX conversation_deleted ON conversation (deleted) WHERE deleted IS NOT NULL;
    CREATE TABLE pass (
        id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, user TEXT NOT NULL,
        stamp BLOB NOT NULL, label TEXT, made TEXT NOT NULL, used TEXT NOT NULL);
    CREATE TABLE link (
        conversation TEXT PRIMARY KEY REFERENCES conversation ON DELETE CASCADE,
        token TEXT NOT NULL UNIQUE);""",
)


class Storage:
    """The opened file, safe for threads; every error is a PilcrowError.

    Deleted text is in no file after `_truncate_log`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        with self._translated_errors(), ExitStack() as opened:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            opened.callback(self.close)
            self._prepare()
            opened.pop_all()

    def _prepare(self) -> None:
        self._connection.create_function("folded", 1, str.casefold, deterministic=True)
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
            self._run(f"PRAGMA {pragma}")
        with self._transaction():
            [(version,)] = self._run("PRAGMA user_version")
            if version > len(_VERSIONS):
                raise PilcrowError(f"{self.path} was written by a newer Pilcrow. Update Pilcrow.")
            for statement in "".join(_VERSIONS[version:]).split(";"):
                self._run(statement)
            self._run(f"PRAGMA user_version = {len(_VERSIONS)}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return a statement's rows. A lone surrogate, which UTF-8 can't encode, becomes a question mark."""
        given = [one.encode("utf-8", "replace").decode() if isinstance(one, str) else one for one in values]
        with self._lock, self._translated_errors():
            return self._connection.execute(statement, given).fetchall()

    def _own(self, user: str, conversation: str) -> str:
        """Return a conversation's title; PilcrowError if it isn't the user's, or was deleted."""
        wanted = "SELECT title FROM conversation WHERE id = ? AND user = ? AND deleted IS NULL"
        for (title,) in self._run(wanted, conversation, user):
            return str(title)
        raise PilcrowError("There is no such conversation. It may have been deleted.")

    def _truncate_log(self) -> None:
        """Empty the write-ahead log, in which deleted text could still be read."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._translated_errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise PilcrowError(
                f"{self.path} can't be used ({error}). Check the folder's permissions and the free space. "
                "If the file is damaged, move it; Pilcrow then creates a new one."
            ) from error


def stored_time(age: timedelta = timedelta()) -> str:
    """Return the UTC time so long ago, as the file stores it; the text sorts by time."""
    return (datetime.now(UTC) - age).isoformat(timespec="microseconds")
