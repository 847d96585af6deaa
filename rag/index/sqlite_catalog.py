"""The catalog: documents, paragraphs, chunks, vectors and words in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock

from rag.errors import StoreError
from rag.index import sqlite_schema as schema
from rag.index.catalog import Conflict, Origin
from rag.index.rows import document_row, paragraph_row
from rag.index.sqlite_snapshot import SqliteSnapshot
from rag.index.vector_bytes import to_halves, to_steps
from rag.text.words import searchable
from rag.types import Chunk, Document, Span, Vector

IDLE_CONNECTIONS = 8


class SqliteRevision:
    """A write transaction of SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def replace(
        self,
        origin: Origin,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Sequence[Vector],
        sentences: Mapping[int, Mapping[Span, Vector]],
        windows: Mapping[Span, Vector],
    ) -> None:
        self.remove([origin.source])
        row = document_row(origin, document)
        try:
            key = self._connection.execute(schema.INSERT_DOCUMENT, row).lastrowid
        except sqlite3.IntegrityError as error:
            raise Conflict(
                f"{origin.path} is in the index under another name than {origin.source}."
            ) from error
        self._connection.executemany(
            schema.INSERT_PARAGRAPH, [paragraph_row(key, each) for each in document.paragraphs]
        )
        texts = {each.number: each.text for each in document.paragraphs}
        for chunk, vector in zip(chunks, vectors, strict=True):
            is_whole = chunk.text == texts.get(chunk.paragraph)
            self._insert_chunk(key, chunk, "" if is_whole else chunk.text, vector)
        self._connection.executemany(
            schema.INSERT_SENTENCE,
            (
                (key, number, *span, to_steps(vector))
                for number, spans in sentences.items()
                for span, vector in spans.items()
            ),
        )
        around = ((key, *span, to_steps(vector)) for span, vector in windows.items())
        self._connection.executemany(schema.INSERT_WINDOW, around)

    def _insert_chunk(self, document: int | None, chunk: Chunk, stored: str, vector: Vector) -> None:
        """Insert a chunk whose `stored` text may be "", for its paragraph's."""
        row = (chunk.id, document, chunk.paragraph, chunk.part, stored, chunk.heading, chunk.page)
        rowid = self._connection.execute(
            schema.INSERT_CHUNK, (*row, chunk.ordinal, to_halves(vector))
        ).lastrowid
        self._connection.execute(
            "INSERT INTO chunk_fts (rowid, heading, text) VALUES (?, ?, ?)",
            (rowid, searchable(chunk.heading), searchable(chunk.text)),
        )

    def remove(self, sources: Sequence[str]) -> None:
        """Delete the documents with their paragraphs, chunks, vectors and words."""
        names = json.dumps(list(sources))
        self._connection.execute(schema.DELETE_WORDS, (names,))
        if self._connection.execute(schema.DELETE_DOCUMENTS, (names,)).rowcount:
            self.set_meta(schema.UNMERGED, "1")

    def relocate(self, origin: Origin) -> None:
        """Record the new path of an unchanged document."""
        row = (origin.path, origin.root, origin.size, origin.modified, origin.source)
        self._connection.execute(schema.RELOCATE, row)

    def set_meta(self, key: str, value: str) -> None:
        """Store a value about the index."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def add_meta(self, key: str, amount: int) -> None:
        """Add to a number stored about the index, which starts at 0."""
        self._connection.execute(schema.ADD_META, (key, amount))

    def hold_meta(self, key: str) -> str | None:
        """Return a value stored about the index; write transactions take turns, so no other changes it."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def mark_pending(self, sources: Mapping[str, str]) -> None:
        """Record chunk ids whose vectors are about to change, with their sources: a kill is then repaired."""
        self._connection.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?)", sources.items())

    def clear_pending(self, ids: Iterable[str]) -> None:
        """Delete the record of changing chunk ids, once catalog and vectors agree again."""
        self._connection.executemany("DELETE FROM pending WHERE id = ?", [(i,) for i in ids])


class SqliteCatalog:
    """The SQLite file that an index is rebuilt from. Many threads may read while one writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        self._writing = Lock()
        self._changing = RLock()
        self._closed = False
        self._counts: tuple[list[str], dict[str, int]] = ([], {})  # a revision and its document frequencies

    @classmethod
    def open(cls, path: Path) -> SqliteCatalog:
        """Open, upgrade or create; StoreError if the file is damaged, foreign or of a newer version."""
        catalog = cls(path)
        with catalog.write() as revision:
            is_upgraded = schema.prepare(revision._connection, path)
        if is_upgraded:
            with catalog._connected("PRAGMA user_version") as connection, suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")  # vectors take half the space; a full disk stays as it is
        catalog.purge()
        return catalog

    @contextmanager
    def read(self) -> Iterator[SqliteSnapshot]:
        """Yield a consistent snapshot that lasts as long as the block."""
        with self._connected("BEGIN") as connection:
            revision = connection.execute(schema.REVISION).fetchall()  # reading starts the transaction
            counts = self._counts
            if counts[0] != revision:
                counts = self._counts = (revision, {})
            yield SqliteSnapshot(connection, counts[1])

    @contextmanager
    def write(self) -> Iterator[SqliteRevision]:
        """Yield a transaction that is committed at the end of the block, or undone if it raises."""
        with self._writing, self._connected("BEGIN IMMEDIATE") as connection:
            before = connection.total_changes
            yield SqliteRevision(connection)
            if connection.total_changes > before:
                connection.execute(schema.REVISE)
            connection.execute("COMMIT")

    def purge(self) -> None:
        """Erase the words of removed documents: FTS5 keeps them until it merges its segments."""
        with self.read() as snapshot:
            is_due = snapshot.meta(schema.UNMERGED)
        if is_due:
            with self.write() as revision:
                revision._connection.execute("INSERT INTO chunk_fts (chunk_fts) VALUES ('optimize')")
                revision._connection.execute("DELETE FROM meta WHERE key = ?", (schema.UNMERGED,))

    @contextmanager
    def locked(self, keys: Iterable[str], wait: bool = True) -> Iterator[frozenset[str]]:
        """Hold the right to change documents within the block: one lock for all of them in this process."""
        if not self._changing.acquire(blocking=wait):
            yield frozenset()
            return
        try:
            yield frozenset(keys)
        finally:
            self._changing.release()

    @contextmanager
    def _connected(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = self._take()
            connection.execute(begin)
            yield connection
        except sqlite3.Error as error:
            raise StoreError(schema.failure(self._path, error)) from error
        finally:
            if connection:
                self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError(f"The catalog {self._path} is closed. Open the index again.")
            if self._idle:
                return self._idle.pop()
        return schema.connect(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            connection.rollback()
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all connections; those in use are closed once they are returned."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
