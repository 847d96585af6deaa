"""Commit a batch of read files: embed what is new, and swap old versions for new ones, all or nothing.

Other threads and processes may write meanwhile. The right to change documents is held for one commit, and
what it rests on is looked at again then; files that another writer has overtaken must be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rag.index.catalog import Origin, Revision
from rag.index.folder import Index
from rag.ingestion.comparing import Failed, Unchanged
from rag.ingestion.embedding import CachedEmbedder, SpannedText, SpannedVectors, sentence_vectors
from rag.ingestion.missing import is_same
from rag.ingestion.reading import Outcome, Ready
from rag.ingestion.reembedding import forget
from rag.types import Chunk, Vector

REMOVED = 500  # documents removed together


def commit(
    index: Index, batch: Sequence[Outcome], embedder: CachedEmbedder, progress: Callable[[float], None]
) -> list[Outcome]:
    """Bring the outcomes into the index; return them, without those that another writer has overtaken.

    A document that another writer has stored in this version is unchanged. `progress` gets the share of a
    long batch that is embedded.
    """
    batch = _valid(index, batch)  # so that what others have stored is not embedded
    texts = [text for outcome in batch if isinstance(outcome, Ready) for text in outcome.new_texts]
    vectors = embedder.embed(texts, progress)
    if all(map(_is_settled, batch)):
        return batch
    with index.catalog.locked(_keys(batch)):
        index.repair(_sources(batch))
        batch = _valid(index, batch)
        if moved := [each.origin for each in batch if isinstance(each, Unchanged) and each.moved]:
            with index.catalog.write() as revision:
                for origin in moved:
                    revision.relocate(origin)
                revision.add_meta("revision", 1)
        if ready := [outcome for outcome in batch if isinstance(outcome, Ready)]:
            _replace_documents(index, ready, vectors)
    return batch


def _is_settled(outcome: Outcome) -> bool:
    """Return whether nothing has to be written."""
    return isinstance(outcome, Failed) or (isinstance(outcome, Unchanged) and not outcome.moved)


def _sources(batch: Sequence[Outcome]) -> list[str]:
    changing = [outcome for outcome in batch if not _is_settled(outcome)]
    former = [outcome.former for outcome in changing if isinstance(outcome, Ready) and outcome.former]
    return [outcome.source for outcome in changing] + former


def _keys(batch: Sequence[Outcome]) -> list[str]:
    """Return what the catalog locks, to change these documents."""
    paths = [f"path:{each.origin.path}" for each in batch if isinstance(each, Ready | Unchanged)]
    return _sources(batch) + paths


def _valid(index: Index, batch: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes, as of now, that rest on what the catalog has."""
    changing = [outcome for outcome in batch if isinstance(outcome, Ready | Unchanged)]
    with index.catalog.read() as snapshot:
        stored = {origin.source: origin for origin in snapshot.origins(_sources(batch))}
        sources = snapshot.sources_at(outcome.origin.path for outcome in changing)
    found = (each if _is_settled(each) else _as_of(each, stored, sources) for each in batch)
    return [outcome for outcome in found if outcome]


def _as_of(outcome: Outcome, stored: Mapping[str, Origin], sources: Mapping[str, str]) -> Outcome | None:
    """Return an outcome, unchanged if another writer has stored it, or None if it must be read again."""
    if isinstance(outcome, Failed):
        return outcome
    now, named = stored.get(outcome.source), sources.get(outcome.origin.path, outcome.source)
    if now and now.path == outcome.origin.path and is_same(now, outcome.origin):
        return outcome if now == outcome.old else Unchanged(outcome.origin, now)
    renamed = outcome.renamed if isinstance(outcome, Ready) else None
    if renamed and stored.get(renamed.source) != renamed:
        return None
    is_free = named in {outcome.source, renamed.source if renamed else ""}
    return outcome if is_free and now == outcome.old else None


def _replace_documents(
    index: Index, batch: Sequence[Ready], vectors: Mapping[SpannedText, SpannedVectors]
) -> None:
    """Store documents in place of their old versions; a kill at any point leaves all old or all new."""
    old = [ready.source for ready in batch if ready.is_update]
    old += [ready.former for ready in batch if ready.former]
    before = _chunks_of(index, old)
    stored = {piece.chunk.id: vectors[piece.spanned][0] for ready in batch for piece in ready.to_embed}
    for ready in batch:
        stored |= ready.vectors
    new = {
        piece.chunk.id: (piece.chunk.source, stored[piece.chunk.id])
        for ready in batch
        for piece in ready.pieces
        if not (piece.chunk.id in ready.vectors and piece.chunk.id in before)
    }
    kept = {piece.chunk.id for ready in batch for piece in ready.pieces}
    deleted = {key: source for key, source in before.items() if key not in kept}

    def write(revision: Revision) -> None:
        revision.remove(old)
        for ready in batch:
            _replace(revision, ready, stored, vectors)

    index.change(new, deleted, write)
    forget(index.folder, old)


def _replace(
    revision: Revision,
    ready: Ready,
    stored: Mapping[str, Vector],
    vectors: Mapping[SpannedText, SpannedVectors],
) -> None:
    """Write one document; `stored` are the vectors of chunks, by id, `vectors` those just embedded."""
    chunks: list[Chunk] = [piece.chunk for piece in ready.pieces]
    known = {
        each.number: ready.sentences.get((each.heading, each.text), {}) for each in ready.document.paragraphs
    }
    sentences = known | sentence_vectors(ready.document, ready.to_embed, vectors)
    around = dict(ready.known_windows) | {one.text: vectors[one.spanned][0] for one in ready.new_windows}
    placed = {(one.first, one.last): around[one.text] for one in ready.windows}
    revision.replace(
        ready.origin, ready.document, chunks, [stored[each.id] for each in chunks], sentences, placed
    )


def _chunks_of(index: Index, sources: Sequence[str]) -> dict[str, str]:
    """Return the source of each chunk of these documents, by id."""
    with index.catalog.read() as snapshot:
        return {key: source for source in sources for key in snapshot.chunk_ids([source])}


def remove_documents(
    index: Index, sources: Sequence[str], choose: Callable[[Sequence[Origin]], Sequence[str]]
) -> list[str]:
    """Remove those of the documents that `choose` returns, with their vectors; return them.

    It gets their origins while nobody else may change them. A kill leaves each document whole or none of it.
    """
    removed: list[str] = []
    for start in range(0, len(sources), REMOVED):
        part = sources[start : start + REMOVED]
        with index.catalog.locked(part):
            index.repair(part)
            with index.catalog.read() as snapshot:
                origins = snapshot.origins(part)
            if chosen := choose(origins):
                index.change({}, _chunks_of(index, chosen), lambda revision: revision.remove(chosen))
                forget(index.folder, chosen)
        removed += chosen
    return removed
