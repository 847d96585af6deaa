"""The catalog: documents, paragraphs, chunks, vectors and words in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from threading import local

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from rag import postgres
from rag.errors import StoreError
from rag.index import postgres_schema as schema
from rag.index.postgres_revision import PostgresRevision
from rag.index.postgres_snapshot import PostgresSnapshot, State

CONNECTIONS = 8  # that are kept
MORE_CONNECTIONS = 24  # that are opened when many read at once
MAX_LOCKS = 1024  # of one holder; the server has room for some thousands in all
MAX_CHANGES = 64  # commits, and the stems that they changed, that are added up at each reading
MAX_STEM_CHANGES = 200_000
_ALL = "\x00all"  # the key that each holder shares; who wants too many locks holds it alone
_FOLD = "\x00fold"
_LOCK = text("SELECT pg_advisory_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number")
_TRY_LOCK = text("""SELECT number FROM unnest(CAST(:numbers AS bigint[])) AS number
    WHERE pg_try_advisory_lock(number)""")
_SHARE = text("SELECT pg_advisory_lock_shared(:number)")
_TRY_SHARE = text("SELECT pg_try_advisory_lock_shared(:number)")
_UNLOCK = text("SELECT pg_advisory_unlock_all()")
_TRY_FOLD = text("SELECT pg_try_advisory_xact_lock(:number)")


class PostgresCatalog:
    """The database that an index is rebuilt from. Many threads and processes may read and write."""

    def __init__(self, url: str) -> None:
        place = postgres.address(url)
        self._shown = postgres.shown(place)
        self._writing = postgres.engine(place, "READ COMMITTED", CONNECTIONS, MORE_CONNECTIONS)
        self._reading = self._writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        # Who holds a right mustn't wait for a connection to use it: hence a pool without an end.
        self._locking = postgres.engine(place, "AUTOCOMMIT", 2, -1)
        self._right = local()  # `connection` holds this thread's locks
        self._state = State((None, 0), 0, 0)
        self._schema = ""
        self._closed = False

    @classmethod
    def open(cls, url: str) -> PostgresCatalog:
        """Open, upgrade or create the tables in the database's current schema.

        Raises StoreError if the server can't be reached, or the tables are foreign or of a newer version.
        """
        catalog = cls(url)
        try:
            with catalog._connected(catalog._writing) as connection:
                catalog._schema = schema.prepare(connection, catalog._shown)
                connection.commit()
        except StoreError:
            catalog.close()
            raise
        return catalog

    @contextmanager
    def read(self) -> Iterator[PostgresSnapshot]:
        """Yield a consistent snapshot that lasts as long as the block."""
        with self._connected(self._reading) as connection:
            newest, changes, chunks, tokens, _ = connection.execute(schema.STATE).one()
            state = self._state
            if state.revision != (newest, changes):
                state = self._state = State((newest, changes), chunks, tokens)
            yield PostgresSnapshot(connection, state)

    @contextmanager
    def write(self) -> Iterator[PostgresRevision]:
        """Yield a transaction that is committed at the end of the block, or undone if it raises."""
        with self._connected(self._writing) as connection:
            revision = PostgresRevision(connection)
            yield revision
            changed = revision.finish()
            self._check_right()
            connection.commit()
        if changed:
            with suppress(StoreError):  # what was written is committed, and the next writer may fold it
                self._fold()

    def _fold(self) -> None:
        """Add up the changes of many commits, unless another does so just now."""
        with self._connected(self._writing) as connection:
            _, changes, _, _, stems = connection.execute(schema.STATE).one()
            if changes <= MAX_CHANGES and stems <= MAX_STEM_CHANGES:
                return
            if connection.execute(_TRY_FOLD, {"number": self._number(_FOLD)}).scalar_one():
                for statement in schema.FOLD:
                    connection.execute(statement)
                connection.commit()

    @contextmanager
    def locked(self, keys: Iterable[str], wait: bool = True) -> Iterator[frozenset[str]]:
        """Hold the right to change documents within the block; yield the keys held: all, or the free ones.

        The rights are advisory locks of a connection, and end with it.
        """
        wanted: dict[int, list[str]] = {}
        for key in set(keys):
            wanted.setdefault(self._number(key), []).append(key)
        with self._connected(self._locking) as connection:
            try:
                held = self._lock(connection, sorted(wanted), wait)
                self._right.connection = connection
                yield frozenset(key for number in held for key in wanted[number])
            finally:
                self._right.connection = None
                with suppress(SQLAlchemyError):  # a lost connection has lost its locks
                    connection.execute(_UNLOCK)

    def _lock(self, connection: Connection, numbers: list[int], wait: bool) -> list[int]:
        """Take the locks in this order, so that no two wait for each other; return those taken."""
        common = self._number(_ALL)
        if len(numbers) > MAX_LOCKS:
            taken = connection.execute(_LOCK if wait else _TRY_LOCK, {"numbers": [common]}).all()
            if taken:
                return numbers
            numbers = numbers[:MAX_LOCKS]
        shared = connection.execute(_SHARE if wait else _TRY_SHARE, {"number": common}).scalar()
        if wait:
            connection.execute(_LOCK, {"numbers": numbers})
            return numbers
        return list(connection.execute(_TRY_LOCK, {"numbers": numbers}).scalars()) if shared else []

    def _number(self, key: str) -> int:
        """Return the number of a key's advisory lock, as PostgreSQL counts: a signed 64-bit integer."""
        digest = blake2b(f"{self._schema}\x00{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _check_right(self) -> None:
        """Raise StoreError if this thread held a right that went with its connection."""
        holder: Connection | None = getattr(self._right, "connection", None)
        if holder is None:
            return
        try:
            if not holder.invalidated:
                holder.execute(text("SELECT 1"))
                return
        except SQLAlchemyError:
            pass
        raise StoreError(
            f"Lost the connection to the catalog {self._shown} in mid-write. Nothing was written. Try again."
        )

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        if self._closed:
            raise StoreError(f"The catalog {self._shown} is closed. Open the index again.")
        try:
            with engine.connect() as connection:
                yield connection
        except postgres.errors() as error:
            raise StoreError(postgres.failure(f"the catalog {self._shown}", error)) from error

    def purge(self) -> None:
        """Do nothing: the server erases removed rows by itself."""

    def close(self) -> None:
        """Close all connections; those in use are closed once they are returned."""
        self._closed = True
        self._writing.dispose()
        self._locking.dispose()
