"""One committed state of the catalog in PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize
from uuid import uuid4

from sqlalchemy import Connection, TextClause

from rag.index import postgres_schema as schema
from rag.index import postgres_search as searching
from rag.index.catalog import DatedEdition, Origin
from rag.index.postgres_words import Phrase, lexeme, phrase, tsquery
from rag.index.rows import day, document_info, read_paragraph
from rag.index.vector_bytes import from_halves, from_steps
from rag.text.edition import Edition
from rag.text.encoding import encodable
from rag.types import Chunk, DocumentInfo, Paragraph, Place, Span, Vector


@dataclass(frozen=True, slots=True)
class State:
    """What tells one committed state from another, its sums, and a cache of its document frequencies."""

    revision: tuple[int | None, int]
    chunks: int
    tokens: int
    counts: dict[Phrase, int] = field(default_factory=dict)


class PostgresSnapshot:
    """A read transaction of PostgreSQL. For one thread at a time."""

    def __init__(self, connection: Connection, state: State) -> None:
        self._connection = connection
        self._state = state

    def _rows(self, statement: TextClause, **values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connection.execute(statement, values)]

    def documents(self) -> list[DocumentInfo]:
        return [document_info(row) for row in self._rows(schema.DOCUMENTS)]

    def document_count(self) -> int:
        return int(self._rows(schema.DOCUMENT_COUNT)[0][0])

    def document(self, source: str) -> DocumentInfo | None:
        composed = encodable(source).replace("\x00", "\ufffd")
        rows = self._rows(schema.DOCUMENT, composed=composed, decomposed=normalize("NFD", composed))
        return document_info(rows[0]) if rows else None

    def editions(self) -> list[DatedEdition]:
        return [
            DatedEdition(source, title, day(stated), Edition(version, replaces, retired))
            for source, title, stated, version, replaces, retired in self._rows(schema.EDITIONS)
        ]

    def origins(self, sources: Iterable[str] | None = None) -> list[Origin]:
        if sources is None:
            rows = self._rows(schema.ORIGINS)
        else:
            rows = self._rows(schema.ORIGINS_OF, sources=list(sources))
        return [Origin(*row) for row in rows]

    def sources_at(self, paths: Iterable[str]) -> dict[str, str]:
        return dict(self._rows(schema.SOURCES_AT, paths=list(paths)))

    def titles(self, sources: Iterable[str]) -> dict[str, str]:
        return dict(self._rows(schema.TITLES, sources=list(sources)))

    def paragraphs(self, keys: Iterable[Place]) -> dict[Place, Paragraph]:
        wanted = list(dict.fromkeys(keys))
        rows = self._rows(schema.PARAGRAPHS_AT, **_places(wanted))
        found = {(row[0], row[1]): read_paragraph(row[1:]) for row in rows}
        return {key: found[key] for key in wanted if key in found}

    def all_paragraphs(self, source: str) -> list[Paragraph]:
        return [read_paragraph(row) for row in self._rows(schema.PARAGRAPHS, source=source)]

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        wanted = list(dict.fromkeys(ids))
        found = {row[0]: Chunk(*row[1:]) for row in self._rows(schema.CHUNKS, ids=wanted)}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def chunk_count(self) -> int:
        return self._state.chunks

    def chunk_ids(self, sources: Iterable[str] | None = None) -> list[str]:
        if sources is None:
            rows = self._rows(schema.CHUNK_IDS)
        else:
            rows = self._rows(schema.CHUNK_IDS_OF, sources=list(sources))
        return [row[0] for row in rows]

    def search(
        self, forms: Iterable[str], limit: int, sources: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        # FTS5 counts a word twice if two forms have its stem.
        phrases = Counter(tokens for form in forms if (tokens := phrase(form)))
        if not phrases or not self._state.chunks:
            return []
        counts, chunks = self._phrase_frequency(phrases), self._state.chunks
        weights = {
            each: times * searching.inverse_frequency(counts[each], chunks) for each, times in phrases.items()
        }
        among = None if sources is None else list(sources)
        return searching.best(self._connection, weights, self._state.tokens / chunks, limit, among)

    def sources_with(self, forms: Iterable[str], sources: Iterable[str]) -> set[str]:
        if not (query := tsquery(tokens for form in forms if (tokens := phrase(form)))):
            return set()
        rows = self._rows(searching.SOURCES_WITH, sources=list(sources), query=query)
        return {row[0] for row in rows}

    def document_frequency(self, stems: Iterable[str]) -> dict[str, int]:
        wanted = {stem: (lexeme(stem),) for stem in stems}
        counts = self._phrase_frequency(wanted.values())
        return {stem: counts[single] for stem, single in wanted.items()}

    def known_stems(self, stems: Iterable[str]) -> dict[str, int]:
        return {stem: count for stem, count in self.document_frequency(stems).items() if count}

    def _phrase_frequency(self, phrases: Iterable[Phrase]) -> dict[Phrase, int]:
        """Return in how many chunks each phrase is, 0 for those that are in none."""
        counts = self._state.counts
        wanted = list(dict.fromkeys(phrases))
        if single := [each[0] for each in wanted if each not in counts and len(each) == 1]:
            found = dict(self._rows(schema.FREQUENCIES, stems=single))
            counts.update({(stem,): found.get(stem, 0) for stem in single})
        for each in wanted:
            if each not in counts:
                counts[each] = self._rows(searching.PHRASE_FREQUENCY, query=tsquery([each]))[0][0]
        return {each: counts[each] for each in wanted}

    def vectors(self, ids: Iterable[str]) -> dict[str, Vector]:
        rows = self._rows(schema.VECTORS, ids=list(ids))
        return {identifier: from_halves(blob) for identifier, blob in rows}

    def vectors_at(self, places: Iterable[Place]) -> dict[Place, list[Vector]]:
        found: dict[Place, list[Vector]] = {}
        for source, number, blob in self._rows(schema.VECTORS_AT, **_places(places)):
            found.setdefault((source, number), []).append(from_halves(blob))
        return found

    def sentences(self, places: Iterable[Place]) -> dict[Place, dict[Span, Vector]]:
        found: dict[Place, dict[Span, Vector]] = {}
        for source, number, start, end, blob in self._rows(schema.SENTENCES_AT, **_places(places)):
            found.setdefault((source, number), {})[start, end] = from_steps(blob)
        return found

    def windows_at(self, places: Iterable[Place]) -> dict[Place, Vector]:
        rows = self._rows(schema.WINDOWS_AT, **_places(places))
        return {(source, number): from_steps(blob) for source, number, blob in rows}

    def windows_of(self, source: str) -> dict[Span, Vector]:
        rows = self._rows(schema.WINDOWS, source=source)
        return {(first, last): from_steps(blob) for first, last, blob in rows}

    def sample(self, amount: int) -> dict[str, Vector]:
        rows = self._rows(schema.SAMPLE, picks=[uuid4().hex for _ in range(amount)])
        return {identifier: from_halves(blob) for identifier, blob in rows}

    def meta(self, key: str) -> str | None:
        rows = self._rows(schema.META, key=key)
        return rows[0][0] if rows else None

    def pending(self) -> dict[str, str]:
        return dict(self._rows(schema.PENDING))

    def problems(self, dimension: int) -> list[str]:
        found = []
        for statement, values, meaning in schema.checks(dimension, self._state.chunks, self._state.tokens):
            if count := self._rows(statement, **values)[0][0]:
                found.append(f"catalog: {count} {meaning}")
        return found


def _places(places: Iterable[Place]) -> dict[str, list[Any]]:
    wanted = list(places)
    return {"sources": [source for source, _ in wanted], "numbers": [number for _, number in wanted]}
