"""The catalog: documents, paragraphs, chunks, their vectors and words; the same in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date as Day
from typing import Protocol

from rag.errors import StoreError
from rag.text.edition import Edition
from rag.types import Chunk, Document, DocumentInfo, Paragraph, Place, Span, Vector


class Conflict(StoreError):
    """Another writer has taken the name or the path of a document since it was read: read it again."""


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


class Snapshot(Protocol):
    """A read transaction: everything comes from one committed state. For one thread at a time."""

    def documents(self) -> list[DocumentInfo]:
        """Return all documents, sorted by source."""

    def document_count(self) -> int:
        """Return the number of documents."""

    def document(self, source: str) -> DocumentInfo | None:
        """Return the document with this source, in NFC or in NFD, or None."""

    def editions(self) -> list[DatedEdition]:
        """Return the documents that say which version they are."""

    def origins(self, sources: Iterable[str] | None = None) -> list[Origin]:
        """Return where each document was read, or each of some, sorted by source."""

    def sources_at(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the source of each of these paths that a document was read from."""

    def titles(self, sources: Iterable[str]) -> dict[str, str]:
        """Return the title of each of these documents."""

    def paragraphs(self, keys: Iterable[Place]) -> dict[Place, Paragraph]:
        """Return the stored paragraphs among the (source, number) keys, in their order."""

    def all_paragraphs(self, source: str) -> list[Paragraph]:
        """Return every paragraph of a document, in order; [] for an unknown document."""

    def chunks(self, ids: Iterable[str]) -> dict[str, Chunk]:
        """Return the stored chunks among `ids`, in their order."""

    def chunk_count(self) -> int:
        """Return the number of chunks, counted once in each state of the index."""

    def chunk_ids(self, sources: Iterable[str] | None = None) -> list[str]:
        """Return the ids of all chunks, or of those of some sources, sorted."""

    def search(
        self, forms: Iterable[str], limit: int, sources: Iterable[str] | None = None
    ) -> list[tuple[str, float]]:
        """Return the best (chunk id, BM25 score) for chunks with any of these word forms, best first.

        Higher is better. A form is a base form, as `searchable` makes it. `sources` restricts the search.
        """

    def sources_with(self, forms: Iterable[str], sources: Iterable[str]) -> set[str]:
        """Return those of the sources that have a chunk with any of these word forms."""

    def document_frequency(self, stems: Iterable[str]) -> dict[str, int]:
        """Return each Porter stem's document frequency in chunks (0 if absent)."""

    def known_stems(self, stems: Iterable[str]) -> dict[str, int]:
        """Return the document frequency of those Porter stems that any chunk has."""

    def vectors(self, ids: Iterable[str]) -> dict[str, Vector]:
        """Return the vectors of the chunks among `ids`: float32, of shape (dimension,)."""

    def vectors_at(self, places: Iterable[Place]) -> dict[Place, list[Vector]]:
        """Return the vectors of the chunks of each (source, paragraph number)."""

    def sentences(self, places: Iterable[Place]) -> dict[Place, dict[Span, Vector]]:
        """Return the vectors of each paragraph's sentences, by their spans in its text, in order."""

    def windows_at(self, places: Iterable[Place]) -> dict[Place, Vector]:
        """Return the vector of the window around each (source, paragraph number) that has one."""

    def windows_of(self, source: str) -> dict[Span, Vector]:
        """Return the vectors of a document's windows, by their first and last paragraph number."""

    def sample(self, amount: int) -> dict[str, Vector]:
        """Return the vectors of up to `amount` random chunks (their ids are hashes, so evenly spread)."""

    def meta(self, key: str) -> str | None:
        """Return a value stored about the index, or None."""

    def pending(self) -> dict[str, str]:
        """Return the chunk ids that unfinished writes marked as about to change, with their sources.

        They are those of living writers, which hold the right to change these sources, and of killed ones.
        """

    def problems(self, dimension: int) -> list[str]:
        """Return what is wrong in the store: pages, references, the word index, lengths of vectors."""


def embedder_of(snapshot: Snapshot) -> tuple[str, int]:
    """Return the name and the dimension of the embedder that made an index; "" and 0 of a new one."""
    return snapshot.meta("embedder") or "", int(snapshot.meta("dimension") or 0)


class Revision(Protocol):
    """A write transaction: everything is committed, or nothing."""

    def replace(
        self,
        origin: Origin,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Sequence[Vector],
        sentences: Mapping[int, Mapping[Span, Vector]],
        windows: Mapping[Span, Vector],
    ) -> None:
        """Replace the document with this source; `vectors` are those of `chunks`, in their order.

        `sentences` holds the vectors of each paragraph's sentences, by its number and their spans, `windows`
        those of runs of paragraphs, by the first and last number. Raises Conflict if another document has the
        path.
        """

    def remove(self, sources: Sequence[str]) -> None:
        """Delete the documents with their paragraphs, chunks, vectors and words."""

    def relocate(self, origin: Origin) -> None:
        """Record the new path of an unchanged document."""

    def set_meta(self, key: str, value: str) -> None:
        """Store a value about the index."""

    def add_meta(self, key: str, amount: int) -> None:
        """Add to a number stored about the index, which starts at 0. Amounts of other writers aren't lost."""

    def hold_meta(self, key: str) -> str | None:
        """Return a value stored about the index, and keep others from changing it until this is committed.

        Many may hold it at once. Who sets it waits for them, then holds it alone.
        """

    def mark_pending(self, sources: Mapping[str, str]) -> None:
        """Record chunk ids whose vectors are about to change, with their sources: a kill is then repaired."""

    def clear_pending(self, ids: Iterable[str]) -> None:
        """Delete the record of changing chunk ids, once catalog and vectors agree again."""


class Catalog(Protocol):
    """The store that an index is rebuilt from. Many threads may read while one writes."""

    def read(self) -> AbstractContextManager[Snapshot]:
        """Yield a consistent snapshot that lasts as long as the block."""

    def write(self) -> AbstractContextManager[Revision]:
        """Yield a transaction that is committed at the end of the block, or undone if it raises."""

    def locked(self, keys: Iterable[str], wait: bool = True) -> AbstractContextManager[frozenset[str]]:
        """Hold the right to change documents within the block; yield the keys held: all, or the free ones.

        A key is a source, or "path:" and the path that a document is read from. No other thread or process
        has the same right meanwhile; it ends with its process. A transaction that the same thread writes in
        the block fails if the right was lost, as when the server was restarted. Blocks aren't nested.
        """

    def purge(self) -> None:
        """Erase what removed and replaced documents left in the store, after an ingestion or a removal."""

    def close(self) -> None:
        """Close all connections; those in use are closed once they are returned."""
