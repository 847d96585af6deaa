"""One committed state of the catalog: documents, paragraphs, chunks, sentences and words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as Day
from typing import Any
from unicodedata import normalize
from uuid import uuid4

import numpy as np

from rag.errors import StoreError
from rag.index import schema
from rag.text.edition import Edition
from rag.text.encoding import encodable
from rag.types import Chunk, DocumentInfo, Paragraph, Place, Span, Vector


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was read (`path` and `root` are absolute), and what embedded it (`fingerprint`).

    `size` and `modified` (nanoseconds) are the file's as it was read; -1 and 0 if unknown. `left_out` says
    what of the file could not be read then.
    """

    source: str
    path: str
    root: str
    sha256: str
    fingerprint: str
    size: int = -1
    modified: int = 0
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class DatedEdition:
    """What a document says of its edition, and its date."""

    source: str
    title: str
    date: Day | None
    edition: Edition


class Snapshot:
    """A read transaction: everything comes from one committed state. For one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, counts: dict[str, int]) -> None:
        """`counts` caches this state's document frequencies, by stem; new ones are added."""
        self._connection = connection
        self._counts = counts
        self._chunks: int | None = None

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def documents(self) -> list[DocumentInfo]:
        """Return all documents, sorted by source."""
        return [schema.document_info(row) for row in self._rows(schema.DOCUMENTS)]

    def document(self, source: str) -> DocumentInfo | None:
        """Return the document with this source, in NFC or in NFD, or None."""
        composed = encodable(source)
        rows = self._rows(schema.DOCUMENT, composed, normalize("NFD", composed))
        return schema.document_info(rows[0]) if rows else None

    def editions(self) -> list[DatedEdition]:
        """Return the documents that say which version they are."""
        return [
            DatedEdition(source, title, schema.day(stated), Edition(version, replaces, bool(retired)))
            for source, title, stated, version, replaces, retired in self._rows(schema.EDITIONS)
        ]

    def origins(self, sources: Iterable[str] | None = None) -> list[Origin]:
        """Return where each document was read, or each of some, sorted by source."""
        wanted = None if sources is None else json.dumps(list(sources))
        return [Origin(*row) for row in self._rows(schema.ORIGINS, wanted)]

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        """Return the stored chunks among `ids`, in their order."""
        wanted = list(dict.fromkeys(ids))
        rows = self._rows(schema.CHUNKS, json.dumps(wanted))
        found = {row[0]: Chunk(*row[1:]) for row in rows}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def search(self, match: str, limit: int, sources: Iterable[str] | None = None) -> list[tuple[str, float]]:
        """Return the best (chunk id, BM25 score) for an FTS5 expression, best first; higher is better.

        `sources` restricts the search. Raises StoreError if `match` is not an FTS5 expression.
        """
        try:
            if sources is None:
                rows = self._rows(schema.SEARCH, match, limit)
            else:
                rows = self._rows(schema.SEARCH_AMONG, match, json.dumps(list(sources)), limit)
        except sqlite3.OperationalError as error:
            raise StoreError(f"Can't read the search expression {match!r}: {error}.") from error
        return [(identifier, -score) for identifier, score in rows]

    def paragraphs(self, keys: Iterable[Place]) -> dict[Place, Paragraph]:
        """Return the stored paragraphs among the (source, number) keys, in their order."""
        wanted = list(dict.fromkeys(keys))
        rows = self._rows(schema.PARAGRAPHS_BY_KEY, json.dumps(wanted))
        found = {(row[0], row[1]): schema.paragraph(row[1:]) for row in rows}
        return {key: found[key] for key in wanted if key in found}

    def all_paragraphs(self, source: str) -> list[Paragraph]:
        """Return every paragraph of a document, in order; [] for an unknown document."""
        return [schema.paragraph(row) for row in self._rows(schema.PARAGRAPHS, source)]

    def document_frequency(self, stems: Iterable[str]) -> dict[str, int]:
        """Return each Porter stem's document frequency in chunks (0 if absent)."""
        wanted = list(dict.fromkeys(stems))
        statement = "SELECT doc FROM chunk_vocabulary WHERE term = ?"
        for stem in wanted:
            if stem not in self._counts:  # FTS5 counts at each query, which is slow for a common word
                self._counts[stem] = next((row[0] for row in self._rows(statement, stem)), 0)
        return {stem: self._counts[stem] for stem in wanted}

    def sources_with(self, match: str, sources: Iterable[str]) -> set[str]:
        """Return those of the sources that have a chunk for an FTS5 expression."""
        return {row[0] for row in self._rows(schema.SOURCES_WITH, match, json.dumps(list(sources)))}

    def titles(self, sources: Iterable[str]) -> dict[str, str]:
        """Return the title of each of these documents."""
        return dict(self._rows(schema.TITLES, json.dumps(list(sources))))

    def known_stems(self, stems: Iterable[str]) -> dict[str, int]:
        """Return the document frequency of those Porter stems that any chunk has."""
        return dict(self._rows(schema.STEMS, json.dumps(list(stems))))

    def chunk_count(self) -> int:
        """Return the number of chunks, counted once."""
        if self._chunks is None:
            self._chunks = int(self._rows("SELECT count(*) FROM chunk")[0][0])
        return self._chunks

    def chunk_ids(self, sources: Iterable[str] | None = None) -> list[str]:
        """Return the ids of all chunks, or of those of some sources, sorted."""
        if sources is None:
            rows = self._rows("SELECT id FROM chunk ORDER BY id")
        else:
            rows = self._rows(schema.CHUNK_IDS, json.dumps(list(sources)))
        return [row[0] for row in rows]

    def vectors(self, ids: Iterable[str]) -> dict[str, Vector]:
        """Return the vectors of the chunks among `ids`: float32, of shape (dimension,)."""
        statement = "SELECT id, vector FROM chunk WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._rows(statement, json.dumps(list(ids)))
        return {identifier: np.frombuffer(blob, dtype=np.float32) for identifier, blob in rows}

    def vectors_at(self, places: Iterable[Place]) -> dict[Place, list[Vector]]:
        """Return the vectors of the chunks of each (source, paragraph number)."""
        found: dict[Place, list[Vector]] = {}
        for source, paragraph, blob in self._rows(schema.VECTORS_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), []).append(np.frombuffer(blob, dtype=np.float32))
        return found

    def sentences(self, places: Iterable[Place]) -> dict[Place, dict[Span, Vector]]:
        """Return the vectors of each paragraph's sentences, by their spans in its text, in order."""
        found: dict[Place, dict[Span, Vector]] = {}
        for source, paragraph, start, end, blob in self._rows(schema.SENTENCES_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), {})[start, end] = _half(blob)
        return found

    def sentences_of(self, source: str) -> dict[tuple[str, str], dict[Span, Vector]]:
        """Return the vectors of a document's sentences, by their paragraph's heading and text."""
        paragraphs = {(source, each.number): each for each in self.all_paragraphs(source)}
        return {
            (paragraphs[place].heading, paragraphs[place].text): vectors
            for place, vectors in self.sentences(paragraphs).items()
        }

    def windows_at(self, places: Iterable[Place]) -> dict[Place, Vector]:
        """Return the vector of the window around each (source, paragraph number) that has one."""
        rows = self._rows(schema.WINDOWS_AT, json.dumps(list(places)))
        return {(source, number): _half(blob) for source, number, blob in rows}

    def windows_of(self, source: str) -> dict[Span, Vector]:
        """Return the vectors of a document's windows, by their first and last paragraph number."""
        return {(first, last): _half(blob) for first, last, blob in self._rows(schema.WINDOWS, source)}

    def sample(self, amount: int) -> dict[str, Vector]:
        """Return the vectors of up to `amount` random chunks (their ids are hashes, so evenly spread)."""
        statement = "SELECT id FROM chunk WHERE id >= ? ORDER BY id LIMIT 1"
        picked = [row[0] for _ in range(amount) for row in self._rows(statement, uuid4().hex)]
        return self.vectors(dict.fromkeys(picked))

    def meta(self, key: str) -> str | None:
        """Return a value stored about the index, or None."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def pending(self) -> list[str]:
        """Return the chunk ids that an unfinished write marked as about to change."""
        return [row[0] for row in self._rows("SELECT id FROM pending ORDER BY id")]

    def problems(self, dimension: int) -> list[str]:
        """Return what is wrong in the file: pages, references, the word index, lengths of vectors."""
        pages = [row[0] for row in self._rows("PRAGMA quick_check")]
        found = [] if pages == ["ok"] else [f"catalog: {page}" for page in pages]
        for statement, values, meaning in (
            ("SELECT count(*) FROM pragma_foreign_key_check", (), "rows belong to no document"),
            (schema.UNSEARCHABLE, (), "chunks are missing from the full-text index"),
            (schema.UNOWNED_WORDS, (), "entries of the full-text index belong to no chunk"),
            (schema.DAMAGED_CHUNKS, (4 * dimension,), "vectors are damaged"),
            (schema.DAMAGED_SENTENCES, (2 * dimension,), "sentence vectors are damaged"),
            (schema.DAMAGED_WINDOWS, (2 * dimension,), "window vectors are damaged"),
        ):
            if count := self._rows(statement, *values)[0][0]:
                found.append(f"catalog: {count} {meaning}")
        return found


def _half(blob: bytes) -> Vector:
    """Return a vector stored in half precision."""
    return np.frombuffer(blob, dtype=np.float16).astype(np.float32)
