"""Documents as a catalog stores them, to copy them to another one and to compare both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from rag.index.batching import in_batches
from rag.index.catalog import Origin, Snapshot
from rag.text.edition import Edition
from rag.types import Chunk, Document, DocumentInfo, Paragraph, Place, Span, Vector

BATCH = 500  # paragraphs that are read together, unless one document has more

Progress = Callable[[str, float, int], None]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What `Revision.replace` takes: a document with its chunks and all its vectors."""

    origin: Origin
    document: Document
    chunks: tuple[Chunk, ...]
    vectors: tuple[Vector, ...]
    sentences: Mapping[int, Mapping[Span, Vector]]
    windows: Mapping[Span, Vector]

    @property
    def digest(self) -> str:
        """The SHA-256 of the content: equal in all catalogs, wherever the document's file is.

        Leaves out what is a machine's own (path, size and time of the file) and what is computed from the
        paragraphs (language, word index).
        """
        document, hashed = self.document, sha256()
        edition = document.edition
        head = (self.origin.source, document.sha256, self.origin.fingerprint, self.origin.left_out)
        written = (
            (*head, document.title, edition.version, edition.replaces, edition.retired),
            [_paragraph(each) for each in document.paragraphs],
            [(c.id, c.paragraph, c.part, c.text, c.heading, c.page, c.ordinal) for c in self.chunks],
            sorted((number, *span) for number, spans in self.sentences.items() for span in spans),
            sorted(self.windows),
        )
        hashed.update(json.dumps(written, separators=(",", ":")).encode())
        hashed.update(_joined(self.vectors, np.float32))
        sentences = (spans[span] for _, spans in sorted(self.sentences.items()) for span in sorted(spans))
        hashed.update(_joined(sentences, np.float16))
        hashed.update(_joined((self.windows[span] for span in sorted(self.windows)), np.float16))
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """The digest of each document of a catalog, by source, and the number of their paragraphs."""

    digests: Mapping[str, str]
    paragraphs: int

    @property
    def sha256(self) -> str:
        """The SHA-256 of all documents: equal for equal documents, in any store."""
        whole = "".join(self.digests[source] for source in sorted(self.digests))
        return sha256(whole.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{len(self.digests)} documents, {self.paragraphs} paragraphs, sha256 {self.sha256}"


def read_content(snapshot: Snapshot, progress: Progress) -> Content:
    """Return what a catalog holds; `progress` gets (source, documents read, documents in all)."""
    digests: dict[str, str] = {}
    paragraphs, total = 0, snapshot.document_count()
    for stored in stored_documents(snapshot):
        digests[stored.origin.source] = stored.digest
        paragraphs += len(stored.document.paragraphs)
        progress(stored.origin.source, len(digests), total)
    return Content(digests, paragraphs)


def stored_documents(snapshot: Snapshot, sources: Iterable[str] | None = None) -> Iterator[StoredDocument]:
    """Yield all documents, or some, in the order of their sources; only a few are in memory at a time."""
    wanted = None if sources is None else set(sources)
    chosen = (each for each in snapshot.documents() if wanted is None or each.source in wanted)
    for batch in in_batches(chosen, lambda each: each.paragraphs, BATCH):
        yield from _read(snapshot, batch)


def _read(snapshot: Snapshot, batch: Sequence[DocumentInfo]) -> Iterator[StoredDocument]:
    sources = [each.source for each in batch]
    origins = {origin.source: origin for origin in snapshot.origins(sources)}
    ids = snapshot.chunk_ids(sources)
    vectors = snapshot.vectors(ids)
    chunks: dict[str, list[tuple[Chunk, Vector]]] = {source: [] for source in sources}
    for identifier, chunk in snapshot.chunks(ids).items():
        chunks[chunk.source].append((chunk, vectors[identifier]))
    paragraphs = {source: snapshot.all_paragraphs(source) for source in sources}
    places: list[Place] = [(source, each.number) for source in sources for each in paragraphs[source]]
    sentences: dict[str, dict[int, Mapping[Span, Vector]]] = {source: {} for source in sources}
    for (source, number), spans in snapshot.sentences(places).items():
        sentences[source][number] = spans
    for each in batch:
        origin = origins[each.source]
        left_out = (origin.left_out,) if origin.left_out else ()
        edition = Edition(each.version, each.replaces, each.retired)
        text = tuple(paragraphs[each.source])
        placed = sorted(chunks[each.source], key=lambda pair: (pair[0].paragraph, pair[0].part))
        yield StoredDocument(
            origin,
            Document(each.source, each.sha256, each.title, text, edition, left_out),
            tuple(chunk for chunk, _ in placed),
            tuple(vector for _, vector in placed),
            sentences[each.source],
            snapshot.windows_of(each.source),
        )


def _paragraph(each: Paragraph) -> tuple[object, ...]:
    found = each.recognised
    return (
        *(each.number, each.text, each.kind, each.heading, each.page, each.line),
        each.date and each.date.isoformat(),
        found and (found.confidence, found.box),
    )


def _joined(vectors: Iterable[Vector], kind: type[np.floating]) -> bytes:
    """Return the numbers of vectors one after another, little-endian and of one kind on each machine."""
    return b"".join(
        np.asarray(vector, dtype=np.dtype(kind).newbyteorder("<")).tobytes() for vector in vectors
    )
