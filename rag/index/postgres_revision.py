"""A write transaction of PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from rag.index import postgres_schema as schema
from rag.index.catalog import Conflict, Origin
from rag.index.postgres_words import chunk_words
from rag.index.rows import document_row, paragraph_row
from rag.index.vector_bytes import to_halves, to_steps
from rag.types import Chunk, Document, Span, Vector

HELD_ROWS = 8192  # that are sent together
_COPIES = {
    "paragraph": "COPY paragraph FROM STDIN",
    "chunk": "COPY chunk FROM STDIN",
    "word": "COPY word FROM STDIN",
    "sentence": "COPY sentence FROM STDIN",
    "window": 'COPY "window" FROM STDIN',
    "stem_change": "COPY stem_change FROM STDIN",
}
Row = tuple[object, ...]


class PostgresRevision:
    """A write transaction of PostgreSQL. Its rows are sent many at a time, the last by `finish`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[str, list[Row]] = {table: [] for table in _COPIES}
        self._chunks: list[tuple[int, Chunk, Vector]] = []
        self._amounts: Counter[str] = Counter()  # to be added to meta
        self._change: Counter[str] = Counter()  # chunks, tokens, and the stems whose number changed

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
        values = dict(zip(schema.DOCUMENT_COLUMNS, document_row(origin, document), strict=True))
        key = self._connection.execute(schema.INSERT_DOCUMENT, values).scalar()
        if key is None:
            raise Conflict(f"{origin.path} is in the index under another name than {origin.source}.")
        rows = self._rows
        rows["paragraph"] += [paragraph_row(key, each) for each in document.paragraphs]
        rows["sentence"] += [
            (key, number, *span, to_steps(vector))
            for number, spans in sentences.items()
            for span, vector in spans.items()
        ]
        rows["window"] += [(key, *span, to_steps(vector)) for span, vector in windows.items()]
        self._chunks += [(key, chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True)]
        if len(self._chunks) + sum(map(len, rows.values())) > HELD_ROWS:
            self._send()

    def remove(self, sources: Sequence[str]) -> None:
        """Delete the documents with their paragraphs, chunks, vectors and words."""
        keys = list(self._connection.execute(schema.KEYS, {"sources": list(sources)}).scalars())
        if not keys:
            return
        self._send()
        chunks, tokens = self._connection.execute(schema.REMOVED, {"keys": keys}).one()
        stems = self._connection.execute(schema.REMOVE_STEMS, {"keys": keys}).rowcount
        self._change.update(chunks=-chunks, tokens=-tokens, stems=stems)
        self._connection.execute(schema.REMOVE, {"keys": keys})

    def relocate(self, origin: Origin) -> None:
        """Record the new path of an unchanged document."""
        names = ("source", "path", "root", "size", "modified")
        self._connection.execute(schema.RELOCATE, {name: getattr(origin, name) for name in names})

    def set_meta(self, key: str, value: str) -> None:
        """Store a value about the index."""
        self._amounts.pop(key, None)
        self._connection.execute(schema.SET_META, {"key": key, "value": value})

    def add_meta(self, key: str, amount: int) -> None:
        """Add to a number stored about the index: at the end, as others who add to it wait for this."""
        self._amounts[key] += amount

    def hold_meta(self, key: str) -> str | None:
        """Return a value stored about the index, and keep others from changing it until this is committed."""
        found: str | None = self._connection.execute(schema.HOLD_META, {"key": key}).scalar()
        return found

    def mark_pending(self, sources: Mapping[str, str]) -> None:
        """Record chunk ids whose vectors are about to change, with their sources."""
        values = {"ids": list(sources), "sources": list(sources.values())}
        self._connection.execute(schema.MARK_PENDING, values)

    def clear_pending(self, ids: Iterable[str]) -> None:
        """Delete the record of changing chunk ids, once catalog and vectors agree again."""
        self._connection.execute(schema.CLEAR_PENDING, {"ids": list(ids)})

    def finish(self) -> bool:
        """Send what is left; return whether the words have changed."""
        self._send()
        changed = any(self._change.values())
        if changed:
            self._connection.execute(
                schema.CHANGE, {name: self._change[name] for name in ("chunks", "tokens", "stems")}
            )
        for key, amount in sorted(self._amounts.items()):
            self._connection.execute(schema.ADD_META, {"key": key, "amount": amount})
        return changed

    def _send(self) -> None:
        self._hold_chunks()
        driver: Any = self._connection.connection.driver_connection
        for table, statement in _COPIES.items():
            if rows := self._rows[table]:
                with driver.cursor() as cursor, cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
                self._rows[table] = []

    def _hold_chunks(self) -> None:
        """Give the chunks their keys, and hold their rows and those of their words."""
        held, self._chunks = self._chunks, []
        if not held:
            return
        keys = self._connection.execute(schema.CHUNK_KEYS, {"amount": len(held)}).scalars()
        stems: Counter[str] = Counter()
        for key, (document, chunk, vector), words in zip(
            keys, held, chunk_words([chunk for _, chunk, _ in held]), strict=True
        ):
            place = (chunk.paragraph, chunk.part, chunk.text, chunk.heading, chunk.page, chunk.ordinal)
            self._rows["chunk"].append((key, chunk.id, document, *place, to_halves(vector)))
            self._rows["word"].append((key, words.heading, words.length, words.words))
            self._change.update(chunks=1, tokens=words.length)
            stems.update(words.stems)
        self._rows["stem_change"] += sorted(stems.items())
        self._change["stems"] += len(stems)
