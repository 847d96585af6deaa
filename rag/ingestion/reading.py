"""Read the files, ahead of the embedding: parse and split new and changed ones, look up vectors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from rag.errors import LoadError
from rag.index.batching import in_batches
from rag.index.catalog import Origin
from rag.index.folder import Index
from rag.ingestion.chunker import sentence_spans
from rag.ingestion.comparing import Changed, Failed, Unchanged, compare
from rag.ingestion.embedding import Piece, SentenceVectors, SpannedText, stored_sentences
from rag.ingestion.memory import Memory, Reading
from rag.ingestion.scan import Scan
from rag.ingestion.windows import Window, stored_windows, windows
from rag.loaders.limits import Limits
from rag.loaders.worker import Loader
from rag.types import Chunk, Document, Kind, Vector

BATCH = 256  # new texts, or files, up to which small documents are embedded and committed together

Item = TypeVar("Item")
Split = Callable[[Document], tuple[Chunk, ...]]


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


@dataclass(frozen=True, slots=True)
class Keys:
    """What the vectors of a document are known by: chunk ids, headings with texts, texts of windows."""

    chunks: Set[str] = frozenset()
    paragraphs: Set[tuple[str, str]] = frozenset()
    windows: Set[str] = frozenset()


Outcome = Failed | Unchanged | Ready


def read_here(
    index: Index,
    split: Split,
    files: Scan,
    origins: Sequence[Origin],
    fingerprint: str,
    memory: Memory,
    limits: Limits,
    stopped: Callable[[], bool],
) -> Generator[list[Outcome]]:
    """Yield the files in batches that are worth a commit, each read while the one before is used."""
    with Loader(limits) as loader:
        until = lambda: loader.stopped or stopped()  # noqa: E731
        read = read_files(index, files, origins, split, fingerprint, memory, loader, until)
        yield from ahead(worth_a_commit(read), loader.stop)


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
    found = compare(files, origins, fingerprint, memory, loader.limits)
    for each in takewhile(lambda _: not stopped(), found):
        if not isinstance(each, Changed):
            yield each
            continue
        path = Path(each.origin.path)
        try:
            document = loader.load(path, each.origin.source, each.data, each.origin.sha256 or None)
        except LoadError as error:
            if stopped():  # it may be the loader that was stopped
                return
            memory.record(path, each.touched, Reading("", error.reason))
            yield Failed(each.origin.source, error.reason)
            continue
        memory.record(path, each.touched, Reading(document.sha256))
        yield make_ready(index, each, document, split(document))


def worth_a_commit(outcomes: Iterable[Outcome]) -> Generator[list[Outcome]]:
    """Yield the outcomes in lists that are worth a commit, in their order."""
    texts = lambda each: max(1, len(each.new_texts)) if isinstance(each, Ready) else 1  # noqa: E731
    return in_batches(outcomes, texts, BATCH)


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


def make_ready(index: Index, changed: Changed, document: Document, chunks: Sequence[Chunk]) -> Ready:
    """Return a document with the vectors that its older version has, or one of the same content."""
    origin = replace(changed.origin, sha256=document.sha256)
    pieces, made = tuple(with_sentences(document, chunks)), tuple(windows(document.paragraphs))
    vectors: dict[str, Vector] = {}
    sentences: Mapping[tuple[str, str], SentenceVectors] = {}
    known: Mapping[str, Vector] = {}
    if like := changed.like:
        theirs = {replace(each, source=like.source).id: each.id for each in chunks}
        with index.catalog.read() as snapshot:
            vectors = {theirs[key]: vector for key, vector in snapshot.vectors(theirs).items()}
            sentences = stored_sentences(like.source, snapshot)
            known = stored_windows(like.source, snapshot)
    to_embed = lacking(pieces, document, Keys(vectors.keys(), sentences.keys()))
    return Ready(
        origin,
        document,
        pieces,
        to_embed,
        vectors,
        sentences,
        made,
        known,
        changed.old,
        changed.renamed,
    )


def keys_of(index: Index, changed: Changed) -> Keys:
    """Return what a changed document can share; its chunks by their ids in the document that has them."""
    if not (like := changed.like):
        return Keys()
    with index.catalog.read() as snapshot:
        chunks, paragraphs = snapshot.chunk_ids([like.source]), stored_sentences(like.source, snapshot)
        return Keys(
            frozenset(chunks), frozenset(paragraphs), frozenset(stored_windows(like.source, snapshot))
        )


def lacking(pieces: Sequence[Piece], document: Document, known: Keys) -> tuple[Piece, ...]:
    """Return the pieces that have no vectors yet, or whose sentences have none."""
    new = {each.number for each in document.paragraphs if (each.heading, each.text) not in known.paragraphs}
    return tuple(
        piece
        for piece in pieces
        if piece.chunk.id not in known.chunks or (piece.sentences and piece.chunk.paragraph in new)
    )


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
