"""Ingestion: unchanged files are skipped, others replace themselves, each whole or not at all."""

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
from rag.index.folder import Index
from rag.index.snapshot import Origin
from rag.ingestion.chunker import chunk, sentences_within
from rag.ingestion.embedding import Embed, Embedding, Made, Piece, Spoken, Work, spoken
from rag.ingestion.interruption import Interruption
from rag.ingestion.scan import Scan, assign_sources, gone, present, scan
from rag.loaders import read_bytes
from rag.loaders.worker import Loader
from rag.types import Chunk, Document, IngestReport, Kind, Span, Vector

log = logging.getLogger(__name__)

Progress = Callable[[str, float, int], None]

# Small documents are embedded and committed together up to so many new chunks.
TOGETHER = 256


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that was not read, and why; what the index holds of it stays."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the index holds as it is; its `origin` differs from what is held where it was moved."""

    origin: Origin
    moved: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """A document read and cut into pieces, and the vectors that the index holds of them already.

    `known` are those of chunks, by id; `said` those of the sentences of a paragraph, by its heading and text.
    """

    origin: Origin
    document: Document
    pieces: tuple[Piece, ...]
    known: Mapping[str, Vector]
    said: Mapping[tuple[str, str], Spoken]
    held: bool

    @property
    def new(self) -> list[Piece]:
        """The pieces to embed."""
        unsaid = {p.number for p in self.document.paragraphs if (p.heading, p.text) not in self.said}
        return [
            piece
            for piece in self.pieces
            if piece.chunk.id not in self.known or (piece.sentences and piece.chunk.paragraph in unsaid)
        ]


def ingest(  # a step is a function of its arguments
    index: Index,
    paths: Sequence[Path],
    embed: Embed,
    count_tokens: Callable[[str], int],
    token_limit: int,
    fingerprint: str,
    prune: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring the index up to date with the files and folders; `embed` gives vectors as `Embed` says.

    `progress` hears (source, files done, files in all) when a file is done with: then it is committed; in the
    middle of a long one, a fraction.
    `prune` removes documents whose file is gone from a folder. LoadError for a path that does not exist.
    A first Ctrl-C or SIGTERM takes effect after the documents in hand; what was committed is kept.
    """
    began = monotonic()
    with Interruption() as interruption, index.writing():
        with index.catalog.read() as snapshot:
            held = snapshot.origins()
        there, failed = present(paths, held) if prune else (list(paths), [])
        seen = scan(there, index.folder)
        split = partial(chunk, count_tokens=count_tokens, limit=token_limit)
        done: list[Failed | Unchanged | Ready] = []

        def tell(source: str, share: float = 0) -> None:
            if progress:
                progress(source, len(done) + share, len(seen.found))

        with closing(_files(index, seen, held, split, fingerprint)) as files:
            for outcome in _committed(index, files, Embedding(embed), interruption, tell):
                done.append(outcome)
                tell(_source(outcome))
        removed, spared = gone(held, seen) if prune and not interruption.asked else ([], [])
        _swap(index, [], removed, {})
        if interruption.asked:
            log.warning("Stopped: %d of %d files are done, and kept.", len(done), len(seen.found))
    return _report(done, [*failed, *spared, *seen.failed], removed, monotonic() - began)


def remove(index: Index, sources: Sequence[str]) -> tuple[str, ...]:
    """Take documents out of the index; those of `sources` that it held."""
    with index.writing():
        with index.catalog.read() as snapshot:
            held = [source for source in dict.fromkeys(sources) if snapshot.document(source)]
        _swap(index, [], held, {})
    return tuple(held)


def _files(
    index: Index,
    seen: Scan,
    held: Sequence[Origin],
    split: Callable[[Document], tuple[Chunk, ...]],
    fingerprint: str,
) -> Generator[Failed | Unchanged | Ready]:
    """Read each file that is new or changed."""
    sources = assign_sources(seen.found, held)
    olds = {origin.source: origin for origin in held}
    with Loader() as loader:
        for file in seen.found:
            source = sources[file.path]
            old = olds.get(source)
            try:
                data = read_bytes(file.path, source)
                digest = sha256(data).hexdigest()
                origin = Origin(source, str(file.path), str(file.root), digest, fingerprint)
                if old and (old.sha256, old.fingerprint) == (digest, fingerprint):
                    yield Unchanged(origin, moved=old.path != origin.path)
                    continue
                document = loader.load(file.path, source, data, digest)
            except LoadError as error:
                yield Failed(source, error.reason)
                continue
            chunks = split(document)
            # Vectors of another fingerprint may be another model's: they are not taken over.
            same = old is not None and old.fingerprint == fingerprint
            known, said = _held(index, source, chunks) if same else ({}, {})
            pieces = _pieces(document, chunks)
            yield Ready(origin, document, pieces, known, said, held=old is not None)


def _held(
    index: Index, source: str, chunks: Sequence[Chunk]
) -> tuple[dict[str, Vector], dict[tuple[str, str], dict[Span, Vector]]]:
    """The vectors that the index holds of a document: of its chunks, and of its paragraphs' sentences."""
    with index.catalog.read() as snapshot:
        return snapshot.vectors(each.id for each in chunks), snapshot.sentences_of(source)


def _pieces(document: Document, chunks: Sequence[Chunk]) -> tuple[Piece, ...]:
    """The chunks with their sentences; a heading is not read as one."""
    chunks_of: dict[int, list[Chunk]] = {}
    for each in chunks:
        chunks_of.setdefault(each.paragraph, []).append(each)
    pieces = []
    for paragraph in document.paragraphs:
        held = chunks_of.get(paragraph.number, [])
        plain = paragraph.kind is not Kind.HEADING
        spans = sentences_within(paragraph.text, held) if plain else [{} for _ in held]
        pieces += [Piece(*pair) for pair in zip(held, spans, strict=True)]
    return tuple(pieces)


def _committed(
    index: Index,
    files: Iterator[Failed | Unchanged | Ready],
    embedding: Embedding,
    interruption: Interruption,
    tell: Callable[[str, float], None],
) -> Iterator[Failed | Unchanged | Ready]:
    """Each outcome once it is in the catalog; documents are committed together where they are small."""
    waiting: list[Ready] = []
    for outcome in files:
        if interruption.asked:
            return
        if isinstance(outcome, Ready):
            waiting.append(outcome)
            if sum(len(ready.new) for ready in waiting) >= TOGETHER:
                yield from _embedded(index, waiting, embedding, partial(tell, outcome.origin.source))
                waiting = []
            continue
        if isinstance(outcome, Unchanged) and outcome.moved:
            with index.catalog.write() as revision:
                revision.relocate(outcome.origin)
        yield outcome
    if waiting and not interruption.asked:
        yield from _embedded(index, waiting, embedding, partial(tell, waiting[-1].origin.source))


def _embedded(
    index: Index, batch: list[Ready], embedding: Embedding, told: Callable[[float], None]
) -> list[Ready]:
    """Embed what is new in some documents, then swap the documents in."""
    made = embedding.make([piece for ready in batch for piece in ready.new], told)
    _swap(index, batch, [], made)
    return batch


def _swap(index: Index, batch: Sequence[Ready], removed: Sequence[str], made: Mapping[Work, Made]) -> None:
    """Put documents in, and take others out, so that a kill at any point leaves all old or all new.

    The ids are announced, the new vectors written, the catalog changed (the swap), the old vectors taken out.
    """
    touched = [*(ready.origin.source for ready in batch), *removed]
    if not touched:
        return
    live = {piece.chunk.id for ready in batch for piece in ready.pieces}
    new = [p for ready in batch for p in ready.new if p.chunk.id not in ready.known]
    with index.catalog.read() as snapshot:
        dead = [i for i in snapshot.chunk_ids(touched) if i not in live]
    with index.catalog.write() as revision:
        revision.mark_pending([*(piece.chunk.id for piece in new), *dead])
    index.vectors.upsert(
        [piece.chunk.id for piece in new],
        [made[piece.work][0] for piece in new],
        [piece.chunk.source for piece in new],
    )
    with index.catalog.write() as revision:
        revision.remove([*removed, *(ready.origin.source for ready in batch if ready.held)])
        for ready in batch:
            vectors = [
                ready.known[p.chunk.id] if p.chunk.id in ready.known else made[p.work][0]
                for p in ready.pieces
            ]
            held = {p.number: ready.said.get((p.heading, p.text), {}) for p in ready.document.paragraphs}
            fresh = spoken(ready.document, ready.new, made)
            chunks = [piece.chunk for piece in ready.pieces]
            revision.replace(ready.origin, ready.document, chunks, vectors, held | fresh)
    index.finish_write(dead)


def _source(outcome: Failed | Unchanged | Ready) -> str:
    return outcome.source if isinstance(outcome, Failed) else outcome.origin.source


def _report(
    done: Sequence[Failed | Unchanged | Ready],
    failed: Sequence[tuple[str, str]],
    removed: Sequence[str],
    seconds: float,
) -> IngestReport:
    written = [outcome for outcome in done if isinstance(outcome, Ready)]
    unread = [(outcome.source, outcome.reason) for outcome in done if isinstance(outcome, Failed)]
    return IngestReport(
        added=tuple(ready.origin.source for ready in written if not ready.held),
        updated=tuple(ready.origin.source for ready in written if ready.held),
        unchanged=tuple(outcome.origin.source for outcome in done if isinstance(outcome, Unchanged)),
        removed=tuple(removed),
        failed=(*failed, *unread),
        paragraphs=sum(len(ready.document.paragraphs) for ready in written),
        seconds=seconds,
    )
