"""What one committed state of the catalog holds: documents, paragraphs, chunks, sentences and words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np

from rag.errors import StoreError
from rag.index import schema
from rag.types import Chunk, DocumentInfo, Paragraph, Place, Span, Vector


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

    def __init__(self, connection: sqlite3.Connection, counts: dict[str, int]) -> None:
        """`counts` are the frequencies found in this state before, to which new ones are added."""
        self._connection = connection
        self._frequency = counts

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

    def paragraphs(self, keys: Iterable[Place]) -> dict[Place, Paragraph]:
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
        for stem in wanted:
            if stem not in self._frequency:  # counted word by word: a common one takes a while
                self._frequency[stem] = next((row[1] for row in self._rows(statement, stem)), 0)
        return {stem: self._frequency[stem] for stem in wanted}

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

    def vectors_at(self, places: Iterable[Place]) -> dict[Place, list[Vector]]:
        """The vectors of the chunks of each (source, paragraph number)."""
        found: dict[Place, list[Vector]] = {}
        for source, paragraph, blob in self._rows(schema.VECTORS_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), []).append(np.frombuffer(blob, dtype=np.float32))
        return found

    def sentences(self, places: Iterable[Place]) -> dict[Place, dict[Span, Vector]]:
        """The vectors of the sentences of each paragraph, by where they stand in its text, in order."""
        found: dict[Place, dict[Span, Vector]] = {}
        for source, paragraph, start, end, blob in self._rows(schema.SENTENCES_AT, json.dumps(list(places))):
            vector = np.frombuffer(blob, dtype=np.float16).astype(np.float32)
            found.setdefault((source, paragraph), {})[start, end] = vector
        return found

    def sentences_of(self, source: str) -> dict[tuple[str, str], dict[Span, Vector]]:
        """The vectors of the sentences of each paragraph of a document, by its heading and text."""
        paragraphs = self.all_paragraphs(source)
        held = self.sentences((source, paragraph.number) for paragraph in paragraphs)
        return {
            (each.heading, each.text): held[source, each.number]
            for each in paragraphs
            if (source, each.number) in held
        }

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
            (
                "SELECT count(*) FROM sentence WHERE length(vector) <> ?",
                (2 * dimension,),
                "vectors of sentences are damaged",
            ),
        ):
            if count := self._rows(statement, *values)[0][0]:
                found.append(f"catalog: {count} {meaning}")
        return found
