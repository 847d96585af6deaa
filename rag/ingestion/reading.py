"""Read the files, ahead of the embedding: skip unchanged ones, parse and split others, look up vectors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import takewhile
from typing import TypeVar

from rag.errors import LoadError
from rag.index.catalog import Origin
from rag.index.files import stamp
from rag.index.folder import Index
from rag.ingestion.chunker import sentence_spans
from rag.ingestion.embedding import Piece, SentenceVectors, SpannedText
from rag.ingestion.memory import Memory, Reading, stamp_of
from rag.ingestion.missing import Former, is_same, moved_roots
from rag.ingestion.scan import Scan
from rag.ingestion.sources import assign_sources
from rag.ingestion.windows import Window, stored_windows, windows
from rag.loaders import read_bytes
from rag.loaders.ocr import can_read_more
from rag.loaders.worker import Loader
from rag.types import Chunk, Document, Kind, Vector

BATCH = 256  # new texts, or files, up to which small documents are embedded and committed together

Item = TypeVar("Item")
Split = Callable[[Document], tuple[Chunk, ...]]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read, and why; its last version stays in the index."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the index has in this version; `old` is where it has it from."""

    origin: Origin
    old: Origin

    @property
    def source(self) -> str:
        """The document's name in the index."""
        return self.origin.source

    @property
    def moved(self) -> bool:
        """Whether the index has it from another path."""
        return self.old.path != self.origin.path


@dataclass(frozen=True, slots=True)
class Ready:
    """A document read and split; `to_embed` are the pieces that lack vectors.

    The index already has `vectors` of chunks, by id, of `sentences`, by their paragraph's heading and text,
    and of windows, by their text (`known_windows`). `old` is the version that it has of the document, if any,
    `renamed` the document whose file was renamed to this one, if any.
    """

    origin: Origin
    document: Document
    pieces: tuple[Piece, ...]
    to_embed: tuple[Piece, ...]
    vectors: Mapping[str, Vector]
    sentences: Mapping[tuple[str, str], SentenceVectors]
    windows: tuple[Window, ...]
    known_windows: Mapping[str, Vector]
    old: Origin | None
    renamed: Origin | None

    @property
    def source(self) -> str:
        """The document's name in the index."""
        return self.origin.source

    @property
    def is_update(self) -> bool:
        """Whether the index has an older version of the document."""
        return self.old is not None

    @property
    def former(self) -> str:
        """The source of the document whose file was renamed to this one, or ""."""
        return self.renamed.source if self.renamed else ""

    @property
    def new_texts(self) -> list[SpannedText]:
        """What the embedder gets: the pieces and windows that lack vectors."""
        pieces = [piece.spanned for piece in self.to_embed]
        return pieces + [window.spanned for window in self.new_windows]

    @property
    def new_windows(self) -> list[Window]:
        """The windows that lack vectors."""
        return [window for window in self.windows if window.text not in self.known_windows]


Outcome = Failed | Unchanged | Ready


def read_files(
    index: Index,
    files: Scan,
    origins: Sequence[Origin],
    split: Split,
    fingerprint: str,
    memory: Memory,
    loader: Loader,
    stopped: Callable[[], bool],
) -> Generator[Outcome]:
    """Read each file once, until `stopped`; parse and split it if it is new or changed."""
    moved = moved_roots(files.found, origins)
    sources = assign_sources(files.found, origins, moved)
    stored = {origin.source: origin for origin in origins}
    former = Former(origins, files, sources.values(), moved)
    for file in takewhile(lambda _: not stopped(), files.found):
        source, before = sources[file.path], stamp(file.path)
        old, touched = stored.get(source), stamp_of(file.path)
        known = memory.reading(file.path, touched) or Reading("")
        origin = Origin(source, str(file.path), str(file.root), known.sha256, fingerprint, *before)
        if known.reason:
            yield Failed(source, known.reason)
            continue
        try:
            if not _is_current(old, origin):
                data = read_bytes(file.path, source, loader.limits)
                origin = replace(origin, sha256=sha256(data).hexdigest())
            if old and _is_current(old, origin):
                outcome: Outcome = Unchanged(origin, old)
            else:
                document = loader.load(file.path, source, data, origin.sha256)
                outcome = _ready(index, origin, old, former, document, split(document))
            memory.record(file.path, touched, Reading(origin.sha256))
            yield outcome
        except LoadError as error:
            if stopped():  # it may be the loader that was stopped
                return
            memory.record(file.path, touched, Reading("", error.reason))
            yield Failed(source, error.reason)


def in_batches(outcomes: Iterator[Outcome]) -> Generator[list[Outcome]]:
    """Yield the outcomes in lists that are worth a commit, in their order."""
    batch: list[Outcome] = []
    size = 0
    for outcome in outcomes:
        batch.append(outcome)
        size += max(1, len(outcome.new_texts)) if isinstance(outcome, Ready) else 1
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def ahead(items: Generator[Item], stop: Callable[[], None]) -> Generator[Item]:
    """Yield the items while a thread makes the next one; on closing, `stop` must make it end soon."""
    with closing(items), ThreadPoolExecutor(1) as thread:
        try:
            following = thread.submit(next, items, None)
            while (item := following.result()) is not None:
                following = thread.submit(next, items, None)
                yield item
        finally:
            stop()


def _is_current(old: Origin | None, origin: Origin) -> bool:
    """Return whether the index has this version of a file, and all of it that can be read."""
    return old is not None and is_same(old, origin) and not can_read_more(old.left_out)


def _ready(
    index: Index,
    origin: Origin,
    old: Origin | None,
    former: Former,
    document: Document,
    chunks: Sequence[Chunk],
) -> Ready:
    """Return a document with the vectors that its older version has, or one of the same content."""
    pieces, made = tuple(with_sentences(document, chunks)), tuple(windows(document.paragraphs))
    renamed = former.renamed(origin)
    like = renamed or former.same_content(origin) or old
    if not like or (old and old.fingerprint != origin.fingerprint):  # its vectors may be another model's
        return Ready(origin, document, pieces, pieces, {}, {}, made, {}, old, renamed)
    theirs = {replace(each, source=like.source).id: each.id for each in chunks}
    with index.catalog.read() as snapshot:
        vectors = {theirs[key]: vector for key, vector in snapshot.vectors(theirs).items()}
        sentences = snapshot.sentences_of(like.source)
        known = stored_windows(like.source, snapshot)
    new = {each.number for each in document.paragraphs if (each.heading, each.text) not in sentences}
    to_embed = tuple(
        piece
        for piece in pieces
        if piece.chunk.id not in vectors or (piece.sentences and piece.chunk.paragraph in new)
    )
    return Ready(origin, document, pieces, to_embed, vectors, sentences, made, known, old, renamed)


def with_sentences(document: Document, chunks: Sequence[Chunk]) -> Iterator[Piece]:
    """Yield the chunks with their sentences; a heading has none."""
    by_paragraph: dict[int, list[Chunk]] = {}
    for each in chunks:
        by_paragraph.setdefault(each.paragraph, []).append(each)
    for paragraph in document.paragraphs:
        own = by_paragraph.get(paragraph.number, [])
        is_heading = paragraph.kind is Kind.HEADING
        spans = [{} for _ in own] if is_heading else sentence_spans(paragraph, own)
        yield from map(Piece, own, spans)
