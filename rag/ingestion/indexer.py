"""Ingestion: unchanged files are skipped; changed ones replace their old version, all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from rag.index.folder import Index
from rag.index.snapshot import Origin
from rag.ingestion.chunker import chunk
from rag.ingestion.embedding import CachedEmbedder, EmbedSpans, SpannedText, SpannedVectors, sentence_vectors
from rag.ingestion.interruption import Interruption
from rag.ingestion.memory import Memory
from rag.ingestion.missing import existing_paths, gone_sources
from rag.ingestion.reading import Failed, Outcome, Ready, Unchanged, read_files
from rag.ingestion.report import IngestReport
from rag.ingestion.scan import Scan, scan
from rag.loaders.limits import DEFAULT, Limits

log = logging.getLogger(__name__)

Progress = Callable[[str, float, int], None]
COMMIT_BATCH = 256  # new chunks up to which small documents are embedded and committed together


def ingest(
    index: Index,
    paths: Sequence[Path],
    embed: EmbedSpans,
    count_tokens: Callable[[str], int],
    token_limit: int,
    fingerprint: str,
    prune: bool = False,
    progress: Progress | None = None,
    memory: Memory | None = None,
    stop: Event | None = None,
    limits: Limits = DEFAULT,
) -> IngestReport:
    """Bring the index up to date with files and folders.

    `progress` gets (source, files done, files in all) once a file is committed; during a long file, `files
    done` has a fraction. `prune` removes documents whose files were deleted from a folder. A file that was
    not touched since the `memory` has it isn't read. LoadError for a missing path.
    A first Ctrl-C or SIGTERM, or `stop`, takes effect after the current documents; what is committed stays.
    """
    start, memory = monotonic(), memory or Memory()
    with Interruption(stop) as interruption, index.writing():
        with index.catalog.read() as snapshot:
            origins = snapshot.origins()
        existing, missing = existing_paths(paths, origins) if prune else (list(paths), [])
        files = scan(existing, index.folder)
        split = partial(chunk, count_tokens=count_tokens, limit=token_limit)
        outcomes = read_files(index, files, origins, split, fingerprint, memory, limits)
        done = _commit(index, outcomes, CachedEmbedder(embed), interruption, progress, len(files.found))
        gone, skipped = ([], []) if interruption.requested else _gone(origins, files, done, memory)
        memory.record_folders(files.complete)
        if prune:
            _remove_documents(index, gone)
        if len(done) < len(files.found):
            log.warning("Stopped: %d of %d files are done and stay.", len(done), len(files.found))
    return _report(done, [*missing, *skipped] if prune else [], files, gone, prune, monotonic() - start)


def remove(index: Index, sources: Sequence[str]) -> tuple[str, ...]:
    """Remove documents from the index; return the sources that it had."""
    with index.writing():
        with index.catalog.read() as snapshot:
            known = [source for source in dict.fromkeys(sources) if snapshot.document(source)]
        _remove_documents(index, known)
    return tuple(known)


def _gone(
    origins: Sequence[Origin], files: Scan, done: Sequence[Outcome], memory: Memory
) -> tuple[list[str], list[tuple[str, str]]]:
    kept = {_source(outcome) for outcome in done}
    kept |= {outcome.former for outcome in done if isinstance(outcome, Ready)}
    return gone_sources(origins, files, kept, memory)


def _commit(
    index: Index,
    outcomes: Generator[Outcome],
    embedder: CachedEmbedder,
    interruption: Interruption,
    progress: Progress | None,
    total: int,
) -> list[Outcome]:
    """Commit the outcomes and return those that are in the catalog."""
    done: list[Outcome] = []

    def report(source: str, share: float = 0) -> None:
        if progress:
            progress(source, len(done) + share, total)

    with closing(outcomes):
        for outcome in _committed(index, outcomes, embedder, interruption, report):
            done.append(outcome)
            report(_source(outcome))
    return done


def _committed(
    index: Index,
    outcomes: Iterator[Outcome],
    embedder: CachedEmbedder,
    interruption: Interruption,
    report: Callable[[str, float], None],
) -> Iterator[Outcome]:
    """Yield each outcome once it is in the catalog; small documents are committed together."""
    batch: list[Ready] = []
    for outcome in outcomes:
        if interruption.requested:
            return
        if isinstance(outcome, Ready):
            batch.append(outcome)
            if sum(len(ready.to_embed) + len(ready.new_windows) for ready in batch) >= COMMIT_BATCH:
                yield from _embed_and_replace(index, batch, embedder, report)
                batch = []
            continue
        if isinstance(outcome, Unchanged) and outcome.moved:
            with index.catalog.write() as revision:
                revision.relocate(outcome.origin)
        yield outcome
    if batch and not interruption.requested:
        yield from _embed_and_replace(index, batch, embedder, report)


def _embed_and_replace(
    index: Index, batch: list[Ready], embedder: CachedEmbedder, report: Callable[[str, float], None]
) -> list[Ready]:
    texts = [piece.spanned for ready in batch for piece in ready.to_embed]
    texts += [window.spanned for ready in batch for window in ready.new_windows]
    _replace_documents(index, batch, embedder.embed(texts, partial(report, batch[-1].origin.source)))
    return batch


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
        revision.mark_pending([*new, *deleted])
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


def _remove_documents(index: Index, sources: Sequence[str]) -> None:
    """Remove documents with their vectors; a kill at any point leaves all or none of them."""
    if sources:
        with index.catalog.read() as snapshot:
            deleted = snapshot.chunk_ids(sources)
        with index.catalog.write() as revision:
            revision.mark_pending(deleted)
            revision.remove(sources)
        index.finish_write(deleted)


def _source(outcome: Outcome) -> str:
    return outcome.source if isinstance(outcome, Failed) else outcome.origin.source


def _report(
    done: Sequence[Outcome],
    failed: Sequence[tuple[str, str]],
    files: Scan,
    gone: Sequence[str],
    prune: bool,
    seconds: float,
) -> IngestReport:
    written = [outcome for outcome in done if isinstance(outcome, Ready)]
    same_name = [ready for ready in written if not ready.former]
    unread = [(outcome.source, outcome.reason) for outcome in done if isinstance(outcome, Failed)]
    return IngestReport(
        added=tuple(ready.origin.source for ready in same_name if not ready.is_update),
        updated=tuple(ready.origin.source for ready in same_name if ready.is_update),
        unchanged=tuple(outcome.origin.source for outcome in done if isinstance(outcome, Unchanged)),
        renamed=tuple((ready.former, ready.origin.source) for ready in written if ready.former),
        removed=tuple(gone) if prune else (),
        gone=() if prune else tuple(gone),
        failed=(*failed, *(each for each in files.failed if each[0] not in dict(failed)), *unread),
        skipped=files.skipped,
        ignored=len(files.ignored),
        partly=tuple((ready.origin.source, each) for ready in written for each in ready.document.left_out),
        paragraphs=sum(len(ready.document.paragraphs) for ready in written),
        seconds=seconds,
    )
