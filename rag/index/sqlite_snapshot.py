"""One committed state of the catalog in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any
from unicodedata import normalize
from uuid import uuid4

from rag.index import sqlite_schema as schema
from rag.index.catalog import DatedEdition, Origin
from rag.index.rows import day, document_info, read_paragraph
from rag.index.vector_bytes import bytes_of, from_halves, from_steps
from rag.text.edition import Edition
from rag.text.encoding import encodable
from rag.types import Chunk, DocumentInfo, Paragraph, Place, Span, Vector

_CHUNKS = "\x00chunks"  # no stem


class SqliteSnapshot:
    """A read transaction of SQLite. For one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, counts: dict[str, int]) -> None:
        """`counts` caches this state's document frequencies, by stem, and its chunks; new ones are added."""
        self._connection = connection
        self._counts = counts

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def documents(self) -> list[DocumentInfo]:
        return [document_info(row) for row in self._rows(schema.DOCUMENTS)]

    def document_count(self) -> int:
        return int(self._rows("SELECT count(*) FROM document")[0][0])

    def document(self, source: str) -> DocumentInfo | None:
        composed = encodable(source)
        rows = self._rows(schema.DOCUMENT, composed, normalize("NFD", composed))
        return document_info(rows[0]) if rows else None

    def editions(self) -> list[DatedEdition]:
        return [
            DatedEdition(source, title, day(stated), Edition(version, replaces, bool(retired)))
            for source, title, stated, version, replaces, retired in self._rows(schema.EDITIONS)
        ]

    def origins(self, sources: Iterable[str] | None = None) -> list[Origin]:
        if sources is None:
            rows = self._rows(schema.ORIGINS)
        else:
            rows = self._rows(schema.ORIGINS_OF, json.dumps(list(sources)))
        return [Origin(*row) for row in rows]

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        wanted = list(dict.fromkeys(ids))
        rows = self._rows(schema.CHUNKS, json.dumps(wanted))
        found = {row[0]: Chunk(*row[1:]) for row in rows}
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def search(
        self, forms: Iterable[str], limit: int, sources: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        if not (match := _expression(forms)):
            return []
        if sources is None:
            rows = self._rows(schema.SEARCH, match, limit)
        else:
            rows = self._rows(schema.SEARCH_AMONG, match, json.dumps(list(sources)), limit)
        return [(identifier, -score) for identifier, score in rows]

    def paragraphs(self, keys: Iterable[Place]) -> dict[Place, Paragraph]:
        wanted = list(dict.fromkeys(keys))
        rows = self._rows(schema.PARAGRAPHS_BY_KEY, json.dumps(wanted))
        found = {(row[0], row[1]): read_paragraph(row[1:]) for row in rows}
        return {key: found[key] for key in wanted if key in found}

    def all_paragraphs(self, source: str) -> list[Paragraph]:
        return [read_paragraph(row) for row in self._rows(schema.PARAGRAPHS, source)]

    def document_frequency(self, stems: Iterable[str]) -> dict[str, int]:
        wanted = list(dict.fromkeys(stems))
        statement = "SELECT doc FROM chunk_vocabulary WHERE term = ?"
        for stem in wanted:
            if stem not in self._counts:  # FTS5 counts at each query, which is slow for a common word
                self._counts[stem] = next((row[0] for row in self._rows(statement, stem)), 0)
        return {stem: self._counts[stem] for stem in wanted}

    def sources_with(self, forms: Iterable[str], sources: Iterable[str]) -> set[str]:
        if not (match := _expression(forms)):
            return set()
        rows = self._rows(schema.SOURCES_WITH, match, json.dumps(list(sources)))
        return {row[0] for row in rows}

    def sources_at(self, paths: Iterable[str]) -> dict[str, str]:
        return dict(self._rows(schema.SOURCES_AT, json.dumps(list(paths))))

    def titles(self, sources: Iterable[str]) -> dict[str, str]:
        return dict(self._rows(schema.TITLES, json.dumps(list(sources))))

    def known_stems(self, stems: Iterable[str]) -> dict[str, int]:
        return dict(self._rows(schema.STEMS, json.dumps(list(stems))))

    def chunk_count(self) -> int:
        if _CHUNKS not in self._counts:  # it takes as long as a search in a million
            self._counts[_CHUNKS] = int(self._rows("SELECT count(*) FROM chunk")[0][0])
        return self._counts[_CHUNKS]

    def chunk_ids(self, sources: Iterable[str] | None = None) -> list[str]:
        if sources is None:
            rows = self._rows("SELECT id FROM chunk ORDER BY id")
        else:
            rows = self._rows(schema.CHUNK_IDS, json.dumps(list(sources)))
        return [row[0] for row in rows]

    def vectors(self, ids: Iterable[str]) -> dict[str, Vector]:
        statement = "SELECT id, vector FROM chunk WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._rows(statement, json.dumps(list(ids)))
        return {identifier: from_halves(blob) for identifier, blob in rows}

    def vectors_at(self, places: Iterable[Place]) -> dict[Place, list[Vector]]:
        found: dict[Place, list[Vector]] = {}
        for source, paragraph, blob in self._rows(schema.VECTORS_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), []).append(from_halves(blob))
        return found

    def sentences(self, places: Iterable[Place]) -> dict[Place, dict[Span, Vector]]:
        found: dict[Place, dict[Span, Vector]] = {}
        for source, paragraph, start, end, blob in self._rows(schema.SENTENCES_AT, json.dumps(list(places))):
            found.setdefault((source, paragraph), {})[start, end] = from_steps(blob)
        return found

    def windows_at(self, places: Iterable[Place]) -> dict[Place, Vector]:
        rows = self._rows(schema.WINDOWS_AT, json.dumps(list(places)))
        return {(source, number): from_steps(blob) for source, number, blob in rows}

    def windows_of(self, source: str) -> dict[Span, Vector]:
        return {(first, last): from_steps(blob) for first, last, blob in self._rows(schema.WINDOWS, source)}

    def sample(self, amount: int) -> dict[str, Vector]:
        statement = "SELECT id FROM chunk WHERE id >= ? ORDER BY id LIMIT 1"
        picked = [row[0] for _ in range(amount) for row in self._rows(statement, uuid4().hex)]
        return self.vectors(dict.fromkeys(picked))

    def meta(self, key: str) -> str | None:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def pending(self) -> dict[str, str]:
        return dict(self._rows("SELECT id, source FROM pending ORDER BY id"))

    def problems(self, dimension: int) -> list[str]:
        pages = [row[0] for row in self._rows("PRAGMA quick_check")]
        chunk, other = bytes_of(dimension)
        found = [] if pages == ["ok"] else [f"catalog: {page}" for page in pages]
        for statement, values, meaning in (
            ("SELECT count(*) FROM pragma_foreign_key_check", (), "rows belong to no document"),
            (schema.UNSEARCHABLE, (), "chunks are missing from the full-text index"),
            (schema.UNOWNED_WORDS, (), "entries of the full-text index belong to no chunk"),
            (schema.DAMAGED_CHUNKS, (chunk,), "vectors are damaged"),
            (schema.DAMAGED_SENTENCES, (other,), "sentence vectors are damaged"),
            (schema.DAMAGED_WINDOWS, (other,), "window vectors are damaged"),
        ):
            if count := self._rows(statement, *values)[0][0]:
                found.append(f"catalog: {count} {meaning}")
        return found


def _expression(forms: Iterable[str]) -> str:
    """Return the FTS5 expression for any of these word forms."""
    return " OR ".join(f'"{form}"' for form in forms)
