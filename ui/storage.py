"""The database of conversations, sessions, tokens and links: a SQLite file, or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    QueuePool,
    Row,
    collate,
    create_engine,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Executable

from rag import PilcrowError, Settings
from rag.postgres import address, engine, failure, shown
from ui.tables import ALONE, CONVERSATION, METADATA, Written

FILE = "conversations.sqlite3"  # in the index's folder

CONNECTIONS, MORE_CONNECTIONS = 5, 10  # to PostgreSQL: kept, and opened when many ask at once
_VERSION = 2  # of the tables, in both
_SECOND_VERSION = (  # what leads a file there from version 1; its new tables are made as in a new file
    "ALTER TABLE entry ADD COLUMN scope TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE entry ADD COLUMN searched INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversation ADD COLUMN renamed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversation ADD COLUMN deleted TEXT",
    "CREATE INDEX conversation_deleted ON conversation (deleted) WHERE deleted IS NOT NULL",
)
_LOCK = 0x70696C63726F77  # "pilcrow": one process at a time makes the tables


class Storage:
    """The opened database, safe for threads; every error is a PilcrowError.

    `place` is the path of a file, or the address of a PostgreSQL database. Deleted text is in no file after
    `_truncate_log`; PostgreSQL keeps it until it vacuums.
    """

    def __init__(self, place: Path | str) -> None:
        self.place = place
        self.is_shared = isinstance(place, str)
        self.insert = postgresql.insert if self.is_shared else sqlite.insert
        self._here, self._is_closed = local(), False
        with self._translated_errors(), ExitStack() as opened:
            self._engine = _file(place) if isinstance(place, Path) else _server(place)
            opened.callback(self.close)
            self._prepare()
            opened.pop_all()

    def _prepare(self) -> None:
        with self.transaction() as connection:
            run = connection.exec_driver_sql
            if self.is_shared:
                run(f"SELECT pg_advisory_xact_lock({_LOCK})")
                schema = run("SHOW search_path").scalar()
                run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                version = run(f"SELECT obj_description('{schema}'::regnamespace, 'pg_namespace')").scalar()
            else:
                version = run("PRAGMA user_version").scalar()
            if int(version or 0) > _VERSION:
                raise PilcrowError(f"A newer Pilcrow wrote {self._name}. Update Pilcrow.")
            for statement in _SECOND_VERSION if version == 1 else ():
                run(statement)
            METADATA.create_all(connection, None if self.is_shared else ALONE)
            if int(version or 0) < _VERSION:
                comment = f"COMMENT ON SCHEMA {schema} IS '{_VERSION}'" if self.is_shared else ""
                run(comment or f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Close the database."""
        self._is_closed = True
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do all of the block or nothing; what this thread's block runs joins its transaction."""
        if joined := getattr(self._here, "connection", None):
            yield joined
            return
        with self._translated_errors(), self._engine.begin() as connection:
            if self._is_closed:
                raise OSError("it was closed")
            self._here.connection = connection
            try:
                yield connection
            finally:
                del self._here.connection

    def run(self, statement: Executable, *values: dict[str, object]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return a statement's rows."""
        with self.transaction() as connection:
            done = connection.execute(statement, values or None)
            return done.all() if done.returns_rows else ()

    def _own(self, user: str, conversation: str, to_change: bool = False) -> str:
        """Return a conversation's title; PilcrowError if it isn't the user's, or was deleted."""
        of = CONVERSATION.c
        wanted = select(of.title).where(of.id == conversation, of.user == user, of.deleted.is_(None))
        for (title,) in self.run(wanted.with_for_update() if to_change else wanted):
            return str(title)
        raise PilcrowError("There is no such conversation. It may have been deleted.")

    def _contains(self, column: ColumnElement[str], text: str) -> ColumnElement[bool]:
        """Match text literally, in upper or lower case."""
        if self.is_shared:
            both = (func.upper(collate(one, "und-x-icu")) for one in (column, literal(text, Written)))
            return func.strpos(*both) > 0
        return func.instr(func.folded(column), literal(text.casefold(), Written)) > 0

    def _truncate_log(self) -> None:
        """Empty SQLite's write-ahead log, in which deleted text could still be read."""
        if not self.is_shared:
            with self._translated_errors(), closing(self._engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    @property
    def _name(self) -> str:
        """Where the conversations are, as errors say it."""
        if isinstance(self.place, Path):
            return str(self.place)
        return f"the conversations in {shown(address(self.place))}"

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            if self.is_shared:
                raise PilcrowError(failure(self._name, error)) from error
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise PilcrowError(
                f"Can't use {self._name}: {reason}. Check the folder's permissions and the free space. "
                "If the file is damaged, move it; Pilcrow then creates a new one."
            ) from error


def stored_time(age: timedelta = timedelta()) -> str:
    """Return the UTC time so long ago, as it is stored; the text sorts by time."""
    return (datetime.now(UTC) - age).isoformat(timespec="microseconds")


def place(settings: Settings) -> Path | str:
    """Return where conversations are kept: in the catalog's PostgreSQL, or in the index's folder."""
    return settings.catalog_url or settings.index / FILE


def _file(path: Path) -> Engine:
    """Open a SQLite file; threads take turns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    options = {"timeout": 30, "isolation_level": None}
    url = URL.create("sqlite", database=str(path))
    made = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args=options)

    @event.listens_for(made, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return made


def _server(url: str) -> Engine:
    """Open a PostgreSQL database; the tables are in a schema of their own, beside the catalog's."""
    made = engine(address(url), "READ COMMITTED", CONNECTIONS, MORE_CONNECTIONS)

    @event.listens_for(made, "connect")
    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT set_config('search_path', quote_ident(current_schema() || '_chat'), false)")
        cursor.close()
        connection.commit()

    return made
