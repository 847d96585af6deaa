"""Commit a batch of read files: embed what is new, and swap old versions for new ones, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rag.index.folder import Index
from rag.ingestion.embedding import CachedEmbedder, SpannedText, SpannedVectors, sentence_vectors
from rag.ingestion.reading import Outcome, Ready, Unchanged
from rag.ingestion.reembedding import forget


def commit(
    index: Index, batch: Sequence[Outcome], embedder: CachedEmbedder, progress: Callable[[float], None]
) -> None:
    """Bring the outcomes into the index; `progress` gets the share of a long batch that is embedded."""
    moved = [outcome.origin for outcome in batch if isinstance(outcome, Unchanged) and outcome.moved]
    if moved:
        with index.catalog.write() as revision:
            for origin in moved:
                revision.relocate(origin)
    if read := [outcome for outcome in batch if isinstance(outcome, Ready)]:
        texts = [text for ready in read for text in ready.new_texts]
        _replace_documents(index, read, embedder.embed(texts, progress))


def _replace_documents(
    index: Index, batch: Sequence[Ready], vectors: Mapping[SpannedText, SpannedVectors]
) -> None:
    """Store documents in place of their old versions; a kill at any point leaves all old or all new.

    The order: mark the changing chunks, write their vectors, commit the catalog, delete the old vectors.
    """
    old = [ready.origin.source for ready in batch if ready.is_update]
    old += [ready.former for ready in batch if ready.former]
    with index.catalog.read() as snapshot:
        before = set(snapshot.chunk_ids(old))
    stored = {piece.chunk.id: vectors[piece.spanned][0] for ready in batch for piece in ready.to_embed}
    new = {
        piece.chunk.id: piece.chunk.source
        for ready in batch
        for piece in ready.pieces
        if not (piece.chunk.id in ready.vectors and piece.chunk.id in before)
    }
    for ready in batch:
        stored |= ready.vectors
    deleted = sorted(before - {piece.chunk.id for ready in batch for piece in ready.pieces})
    with index.catalog.write() as revision:
        revision.mark_pending(new | dict.fromkeys(deleted, ""))
    index.vectors.upsert(list(new), [stored[i] for i in new], list(new.values()))
    with index.catalog.write() as revision:
        revision.remove(old)
        for ready in batch:
            chunks = [piece.chunk for piece in ready.pieces]
            known = {
                p.number: ready.sentences.get((p.heading, p.text), {}) for p in ready.document.paragraphs
            }
            sentences = known | sentence_vectors(ready.document, ready.to_embed, vectors)
            around = dict(ready.known_windows)
            around |= {one.text: vectors[one.spanned][0] for one in ready.new_windows}
            placed = {(one.first, one.last): around[one.text] for one in ready.windows}
            revision.replace(
                ready.origin, ready.document, chunks, [stored[c.id] for c in chunks], sentences, placed
            )
    index.finish_write(deleted)
    forget(index.folder, old)


def remove_documents(index: Index, sources: Sequence[str]) -> None:
    """Remove documents with their vectors; a kill at any point leaves all or none of them."""
    if sources:
        with index.catalog.read() as snapshot:
            deleted = snapshot.chunk_ids(sources)
        with index.catalog.write() as revision:
            revision.mark_pending(dict.fromkeys(deleted, ""))
            revision.remove(sources)
        index.finish_write(deleted)
        forget(index.folder, sources)
