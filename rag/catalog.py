"""The catalog: documents, paragraphs, chunks, vectors and words in one SQLite file. It commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from rag import schema
from rag.errors import StoreError
from rag.types import Chunk, Document, DocumentInfo, Paragraph
from rag.words import words

Vector = NDArray[np.float32]

IDLE_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read (`path`, `root`: absolute) and the `fingerprint` of what read it."""

    source: str
    path: str
    root: str
    sha256: str
    fingerprint: str


class Snapshot:
    """One read transaction: all it returns is of one committed state. Not for several threads at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def documents(self) -> list[DocumentInfo]:
        """All documents, by source."""
        return [schema.document_info(row) for row in self._rows(schema.DOCUMENTS)]

    def document(self, source: str) -> DocumentInfo | None:
        """The document of this source, if it is held."""
        rows = self._rows(schema.DOCUMENT, source)
        return schema.document_info(rows[0]) if rows else None

    def origins(self) -> list[Origin]:
        """Where each document was read, by source."""
        return [Origin(*row) for row in self._rows(schema.ORIGINS)]

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        """The live chunks among `ids`, in the order asked."""
        wanted = list(dict.fromkeys(ids))
        rows = self._rows(schema.CHUNKS, json.dumps(wanted))
        found = {row[0]: Chunk(*row[1:]) for row in rows}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def search(self, match: str, limit: int, sources: Iterable[str] | None = None) -> list[tuple[str, float]]:
        """The best (chunk id, BM25 score) for an FTS5 expression, best first; higher is better.

        Among `sources` only, where given. Raises StoreError where `match` is not an FTS5 expression.
        """
        try:
            if sources is None:
                rows = self._rows(schema.SEARCH, match, limit)
            else:
                rows = self._rows(schema.SEARCH_AMONG, match, json.dumps(list(sources)), limit)
        except sqlite3.OperationalError as error:
            raise StoreError(f"The search expression {match!r} cannot be read: {error}.") from error
        return [(identifier, -score) for identifier, score in rows]

    def paragraphs(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Paragraph]:
        """The paragraphs held among the (source, number) keys, in the order asked."""
        wanted = list(dict.fromkeys(keys))
        rows = self._rows(schema.PARAGRAPHS_BY_KEY, json.dumps(wanted))
        found = {(row[0], row[1]): schema.paragraph(row[1:]) for row in rows}
        return {key: found[key] for key in wanted if key in found}

    def all_paragraphs(self, source: str) -> list[Paragraph]:
        """Every paragraph of a document, in order; none where it is not held."""
        return [schema.paragraph(row) for row in self._rows(schema.PARAGRAPHS, source)]

    def document_frequency(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many chunks each Porter stem stands; 0 for one that stands nowhere."""
        wanted = list(dict.fromkeys(stems))
        statement = "SELECT term, doc FROM chunk_vocabulary WHERE term = ?"
        found = [row for stem in wanted for row in self._rows(statement, stem)]
        return dict.fromkeys(wanted, 0) | dict(found)

    def chunk_count(self) -> int:
        """How many chunks are live."""
        return int(self._rows("SELECT count(*) FROM chunk")[0][0])

    def chunk_ids(self, sources: Iterable[str] | None = None) -> list[str]:
        """The ids of all live chunks, or of those of some sources, sorted."""
        if sources is None:
            rows = self._rows("SELECT id FROM chunk ORDER BY id")
        else:
            rows = self._rows(schema.CHUNK_IDS, json.dumps(list(sources)))
        return [row[0] for row in rows]

    def vectors(self, ids: Iterable[str]) -> dict[str, Vector]:
        """The vectors of the live chunks among `ids`, each float32 of the embedder's dimension."""
        statement = "SELECT id, vector FROM chunk WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._rows(statement, json.dumps(list(ids)))
        return {identifier: np.frombuffer(blob, dtype=np.float32) for identifier, blob in rows}

    def vectors_at(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], list[Vector]]:
        """The vectors of the chunks of each (source, paragraph number)."""
        found: dict[tuple[str, int], list[Vector]] = {}
        for source, paragraph, blob in self._rows(schema.VECTORS_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), []).append(np.frombuffer(blob, dtype=np.float32))
        return found

    def sample(self, amount: int) -> dict[str, Vector]:
        """The vectors of up to `amount` chunks picked at random (their ids are hashes, evenly spread)."""
        statement = "SELECT id FROM chunk WHERE id >= ? ORDER BY id LIMIT 1"
        picked = [row[0] for _ in range(amount) for row in self._rows(statement, uuid4().hex)]
        return self.vectors(dict.fromkeys(picked))

    def meta(self, key: str) -> str | None:
        """A fact about the index, or None."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def pending(self) -> list[str]:
        """Chunk ids that a write announced and has not yet finished with."""
        return [row[0] for row in self._rows("SELECT id FROM pending ORDER BY id")]

    def problems(self, dimension: int) -> list[str]:
        """What is wrong inside the file: pages, references, words without chunks, vector lengths."""
        pages = [row[0] for row in self._rows("PRAGMA quick_check")]
        found = [] if pages == ["ok"] else [f"catalog: {page}" for page in pages]
        for statement, values, meaning in (
            ("SELECT count(*) FROM pragma_foreign_key_check", (), "rows belong to no document"),
            (schema.UNSEARCHABLE, (), "chunks are missing from the word index"),
            (schema.UNOWNED_WORDS, (), "entries of the word index belong to no chunk"),
            ("SELECT count(*) FROM chunk WHERE length(vector) <> ?", (4 * dimension,), "vectors are damaged"),
        ):
            if count := self._rows(statement, *values)[0][0]:
                found.append(f"catalog: {count} {meaning}")
        return found


class Revision:
    """One write transaction: all of it is committed, or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def replace(
        self, origin: Origin, document: Document, chunks: Sequence[Chunk], vectors: Sequence[Vector]
    ) -> None:
        """Put the document in the place of the one of this source; `vectors` as `chunks`."""
        self.remove([origin.source])
        stated = next((p.date.isoformat() for p in document.paragraphs if p.date), None)
        row = (
            origin.source,
            origin.path,
            origin.root,
            origin.sha256,
            origin.fingerprint,
            document.title,
            stated,
        )
        key = self._connection.execute(schema.INSERT_DOCUMENT, row).lastrowid
        self._connection.executemany(
            "INSERT INTO paragraph VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (key, p.number, p.text, p.kind, p.heading, p.page, p.line, p.date and p.date.isoformat())
                for p in document.paragraphs
            ],
        )
        for chunk, vector in zip(chunks, vectors, strict=True):
            self._insert_chunk(key, chunk, vector)

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
        self._connection.execute(schema.DELETE_DOCUMENTS, (names,))
        # FTS5 keeps deleted words in its segments until these are merged.
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
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # pins the state read
            yield Snapshot(connection)

    @contextmanager
    def write(self) -> Iterator[Revision]:
        """A transaction, committed at the end of the block and undone where the block raises."""
        with self._writing, self._connected("BEGIN IMMEDIATE") as connection:
            yield Revision(connection)
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
