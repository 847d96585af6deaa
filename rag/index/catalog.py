"""The catalog: documents, paragraphs, chunks, vectors and words in one SQLite file. It commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import numpy as np

from rag.errors import StoreError
from rag.index import schema
from rag.index.snapshot import Origin, Snapshot
from rag.text.words import words
from rag.types import Chunk, Document, Span, Vector

IDLE_CONNECTIONS = 8


class Revision:
    """One write transaction: all of it is committed, or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def replace(
        self,
        origin: Origin,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Sequence[Vector],
        sentences: Mapping[int, Mapping[Span, Vector]],
    ) -> None:
        """Put the document in the place of the one of this source; `vectors` as `chunks`.

        `sentences` are the vectors of each paragraph's sentences, by its number and where they stand.
        """
        self.remove([origin.source])
        stated = next((p.date.isoformat() for p in document.paragraphs if p.date), None)
        row = (origin.source, origin.path, origin.root, origin.sha256, origin.fingerprint, document.title)
        key = self._connection.execute(schema.INSERT_DOCUMENT, (*row, stated)).lastrowid
        self._connection.executemany(
            "INSERT INTO paragraph VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (key, p.number, p.text, p.kind, p.heading, p.page, p.line, p.date and p.date.isoformat())
                for p in document.paragraphs
            ],
        )
        for chunk, vector in zip(chunks, vectors, strict=True):
            self._insert_chunk(key, chunk, vector)
        for number, spans in sentences.items():
            for span, vector in spans.items():
                blob = np.asarray(vector, dtype=np.float16).tobytes()
                self._connection.execute(schema.INSERT_SENTENCE, (key, number, *span, blob))

    def _insert_chunk(self, document: int | None, chunk: Chunk, vector: Vector) -> None:
        blob = np.asarray(vector, dtype=np.float32).tobytes()
        row = (chunk.id, document, chunk.paragraph, chunk.part, chunk.text, chunk.heading, chunk.page)
        rowid = self._connection.execute(schema.INSERT_CHUNK, (*row, chunk.ordinal, blob)).lastrowid
        self._connection.execute(
            "INSERT INTO chunk_fts (rowid, heading, text) VALUES (?, ?, ?)",
            (rowid, " ".join(words(chunk.heading)), " ".join(words(chunk.text))),
        )

    def remove(self, sources: Sequence[str]) -> None:
        """Take the documents out with their paragraphs, chunks, vectors and words."""
        names = json.dumps(list(sources))
        self._connection.execute(schema.DELETE_WORDS, (names,))
        # FTS5 keeps deleted words in its segments until these are merged, which takes long.
        if self._connection.execute(schema.DELETE_DOCUMENTS, (names,)).rowcount:
            self._connection.execute("INSERT INTO chunk_fts (chunk_fts) VALUES ('optimize')")

    def relocate(self, origin: Origin) -> None:
        """Note that a document, itself the same, is now read at another path."""
        row = (origin.path, origin.root, origin.source)
        self._connection.execute("UPDATE document SET path = ?, root = ? WHERE source = ?", row)

    def set_meta(self, key: str, value: str) -> None:
        """Set a fact about the index."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def announce(self, ids: Iterable[str]) -> None:
        """Note chunk ids whose vectors are about to change, so that a cut-off write can be cleared up."""
        self._connection.executemany("INSERT OR IGNORE INTO pending VALUES (?)", [(i,) for i in ids])

    def settle(self) -> None:
        """Forget the announced ids: catalog and vectors agree."""
        self._connection.execute("DELETE FROM pending")


class Catalog:
    """The SQLite file that is the truth of an index. Many threads may read while one writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        self._writing = Lock()
        self._closed = False
        self._counts: tuple[list[str], dict[str, int]] = ([], {})  # of one revision: chunks that hold a stem

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """Open or create; StoreError where the file is damaged, not ours or of a newer version."""
        catalog = cls(path)
        with catalog.write() as revision:
            schema.prepare(revision._connection, path)
        return catalog

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """A consistent view that lasts as long as the block."""
        with self._connected("BEGIN") as connection:
            revision = connection.execute(schema.REVISION).fetchall()  # pins the state read
            counts = self._counts
            if counts[0] != revision:
                counts = self._counts = (revision, {})
            yield Snapshot(connection, counts[1])

    @contextmanager
    def write(self) -> Iterator[Revision]:
        """A transaction, committed at the end of the block and undone where the block raises."""
        with self._writing, self._connected("BEGIN IMMEDIATE") as connection:
            before = connection.total_changes
            yield Revision(connection)
            if connection.total_changes > before:
                connection.execute(schema.REVISE)
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = self._take()
            connection.execute(begin)
            yield connection
        except sqlite3.Error as error:
            raise StoreError(schema.damage(self._path, error)) from error
        finally:
            if connection:
                self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError(f"The index of {self._path} is closed; open it again.")
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
        """Close all connections; those still reading are closed when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
