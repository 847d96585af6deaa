"""Ingestion: unchanged files are skipped; changed ones replace their old version, all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic

from rag.errors import LoadError
from rag.index.files import stamp
from rag.index.folder import Index
from rag.index.snapshot import Origin
from rag.ingestion.chunker import chunk, sentence_spans
from rag.ingestion.embedding import (
    CachedEmbedder,
    EmbedSpans,
    Piece,
    SentenceVectors,
    SpannedText,
    SpannedVectors,
    sentence_vectors,
)
from rag.ingestion.interruption import Interruption
from rag.ingestion.scan import Scan, assign_sources, deleted_sources, existing_paths, scan
from rag.ingestion.windows import Window, stored_windows, windows
from rag.loaders import read_bytes
from rag.loaders.worker import Loader
from rag.types import Chunk, Document, IngestReport, Kind, Vector

log = logging.getLogger(__name__)

Progress = Callable[[str, float, int], None]

COMMIT_BATCH = 256  # new chunks up to which small documents are embedded and committed together


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read, and why; its last version stays in the index."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the index has in this version; `moved` if it has it from another path."""

    origin: Origin
    moved: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """A document read and split; `to_embed` are the pieces that lack vectors.

    The index already has `vectors` of chunks, by id, of `sentences`, by their paragraph's heading and text,
    and of windows, by their text (`known_windows`). `is_update` if it has an older version of the document.
    """

    origin: Origin
    document: Document
    pieces: tuple[Piece, ...]
    to_embed: tuple[Piece, ...]
    vectors: Mapping[str, Vector]
    sentences: Mapping[tuple[str, str], SentenceVectors]
    windows: tuple[Window, ...]
    known_windows: Mapping[str, Vector]
    is_update: bool

    @property
    def new_windows(self) -> list[Window]:
        """The windows that lack vectors."""
        return [window for window in self.windows if window.text not in self.known_windows]


Outcome = Failed | Unchanged | Ready


def ingest(
    index: Index,
    paths: Sequence[Path],
    embed: EmbedSpans,
    count_tokens: Callable[[str], int],
    token_limit: int,
    fingerprint: str,
    prune: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring the index up to date with files and folders.

    `progress` gets (source, files done, files in all) once a file is committed; during a long file, `files
    done` has a fraction. `prune` removes documents whose files were deleted from a folder. LoadError for a
    missing path.
    A first Ctrl-C or SIGTERM takes effect after the current documents; everything committed stays.
    """
    start = monotonic()
    with Interruption() as interruption, index.writing():
        with index.catalog.read() as snapshot:
            origins = snapshot.origins()
        existing, missing = existing_paths(paths, origins) if prune else (list(paths), [])
        files = scan(existing, index.folder)
        split = partial(chunk, count_tokens=count_tokens, limit=token_limit)
        done: list[Outcome] = []

        def report(source: str, share: float = 0) -> None:
            if progress:
                progress(source, len(done) + share, len(files.found))

        with closing(_read_files(index, files, origins, split, fingerprint)) as outcomes:
            for outcome in _committed(index, outcomes, CachedEmbedder(embed), interruption, report):
                done.append(outcome)
                report(_source(outcome))
        finished = not interruption.requested
        removed, skipped = deleted_sources(origins, files) if prune and finished else ([], [])
        _remove_documents(index, removed)
        if not finished:
            log.warning("Stopped: %d of %d files are done and stay.", len(done), len(files.found))
    return _report(done, [*missing, *skipped], files, removed, monotonic() - start)


def remove(index: Index, sources: Sequence[str]) -> tuple[str, ...]:
    """Remove documents from the index; return the sources that it had."""
    with index.writing():
        with index.catalog.read() as snapshot:
            known = [source for source in dict.fromkeys(sources) if snapshot.document(source)]
        _remove_documents(index, known)
    return tuple(known)


def _read_files(
    index: Index,
    files: Scan,
    origins: Sequence[Origin],
    split: Callable[[Document], tuple[Chunk, ...]],
    fingerprint: str,
) -> Generator[Outcome]:
    """Read each file once; parse and split it if it is new or changed."""
    sources = assign_sources(files.found, origins)
    former = {origin.source: origin for origin in origins}
    with Loader() as loader:
        for file in files.found:
            source, before = sources[file.path], stamp(file.path)
            old = former.get(source)
            try:
                data = read_bytes(file.path, source)
                digest = sha256(data).hexdigest()
                origin = Origin(source, str(file.path), str(file.root), digest, fingerprint, *before)
                if old and (old.sha256, old.fingerprint) == (digest, fingerprint):
                    yield Unchanged(origin, moved=old.path != origin.path)
                    continue
                document = loader.load(file.path, source, data, digest)
            except LoadError as error:
                yield Failed(source, error.reason)
                continue
            yield _ready(index, origin, old, document, split(document))


def _ready(
    index: Index, origin: Origin, old: Origin | None, document: Document, chunks: Sequence[Chunk]
) -> Ready:
    pieces, made = tuple(_pieces(document, chunks)), tuple(windows(document.paragraphs))
    if not old or old.fingerprint != origin.fingerprint:  # its vectors may be another model's
        return Ready(origin, document, pieces, pieces, {}, {}, made, {}, is_update=old is not None)
    with index.catalog.read() as snapshot:
        vectors = snapshot.vectors(each.id for each in chunks)
        sentences = snapshot.sentences_of(origin.source)
        known = stored_windows(origin.source, snapshot)
    new = {each.number for each in document.paragraphs if (each.heading, each.text) not in sentences}
    to_embed = tuple(
        piece
        for piece in pieces
        if piece.chunk.id not in vectors or (piece.sentences and piece.chunk.paragraph in new)
    )
    return Ready(origin, document, pieces, to_embed, vectors, sentences, made, known, is_update=True)


def _pieces(document: Document, chunks: Sequence[Chunk]) -> Iterator[Piece]:
    """Yield the chunks with their sentences; a heading has none."""
    by_paragraph: dict[int, list[Chunk]] = {}
    for each in chunks:
        by_paragraph.setdefault(each.paragraph, []).append(each)
    for paragraph in document.paragraphs:
        own = by_paragraph.get(paragraph.number, [])
        is_heading = paragraph.kind is Kind.HEADING
        spans = [{} for _ in own] if is_heading else sentence_spans(paragraph, own)
        yield from map(Piece, own, spans)


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
    ids = {piece.chunk.id for ready in batch for piece in ready.pieces}
    new = [piece for ready in batch for piece in ready.to_embed if piece.chunk.id not in ready.vectors]
    new_ids = [piece.chunk.id for piece in new]
    with index.catalog.read() as snapshot:
        deleted = [i for i in snapshot.chunk_ids(ready.origin.source for ready in batch) if i not in ids]
    with index.catalog.write() as revision:
        revision.mark_pending([*new_ids, *deleted])
    index.vectors.upsert(
        new_ids, [vectors[piece.spanned][0] for piece in new], [piece.chunk.source for piece in new]
    )
    with index.catalog.write() as revision:
        revision.remove([ready.origin.source for ready in batch if ready.is_update])
        for ready in batch:
            chunks = [piece.chunk for piece in ready.pieces]
            embedded = {piece.chunk.id: vectors[piece.spanned][0] for piece in ready.to_embed}
            stored = {**embedded, **ready.vectors}
            known = {
                p.number: ready.sentences.get((p.heading, p.text), {}) for p in ready.document.paragraphs
            }
            sentences = known | sentence_vectors(ready.document, ready.to_embed, vectors)
            around = {one.text: vectors[one.spanned][0] for one in ready.new_windows}
            around |= ready.known_windows
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
    removed: Sequence[str],
    seconds: float,
) -> IngestReport:
    written = [outcome for outcome in done if isinstance(outcome, Ready)]
    unread = [(outcome.source, outcome.reason) for outcome in done if isinstance(outcome, Failed)]
    return IngestReport(
        added=tuple(ready.origin.source for ready in written if not ready.is_update),
        updated=tuple(ready.origin.source for ready in written if ready.is_update),
        unchanged=tuple(outcome.origin.source for outcome in done if isinstance(outcome, Unchanged)),
        removed=tuple(removed),
        failed=(*failed, *(each for each in files.failed if each[0] not in dict(failed)), *unread),
        skipped=files.skipped,
        paragraphs=sum(len(ready.document.paragraphs) for ready in written),
        seconds=seconds,
    )
