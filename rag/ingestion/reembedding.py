"""Embed the documents of an index again, for another embedder, from their stored paragraphs.

The new vectors are collected in a catalog beside the index, document by document, while the index keeps its
own and other processes answer from it. A stopped or killed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rag.index.batching import in_batches
from rag.index.catalog import Catalog, Origin, Snapshot
from rag.index.sqlite_catalog import SqliteCatalog
from rag.index.stores import CATALOG
from rag.ingestion.chunker import chunk
from rag.ingestion.embedding import CachedEmbedder, EmbedSpans, Piece, sentence_vectors
from rag.ingestion.reading import BATCH, with_sentences
from rag.ingestion.report import Progress
from rag.ingestion.windows import Window, windows
from rag.types import Document

FOLDER = "reembedding"  # in the index


@dataclass(frozen=True, slots=True)
class NewEmbedder:
    """The embedder to embed for, and how it embeds, counts and is recorded."""

    name: str
    dimension: int
    embed: EmbedSpans
    count_tokens: Callable[[str], int]
    limit: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Split:
    """A stored document, split for the new embedder."""

    origin: Origin
    document: Document
    pieces: tuple[Piece, ...]
    windows: tuple[Window, ...]


def open_beside(file: Path, target: NewEmbedder) -> SqliteCatalog:
    """Open the catalog that collects the vectors; one that was begun for another embedder starts anew."""
    wanted = target.name, str(target.dimension)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    opened = SqliteCatalog.open(file)
    with opened.read() as snapshot:
        recorded = snapshot.meta("embedder"), snapshot.meta("dimension")
        sources = [origin.source for origin in snapshot.origins() if origin.fingerprint != target.fingerprint]
    with opened.write() as revision:
        revision.remove(sources)
        if recorded != wanted:
            revision.set_meta("embedder", target.name)
            revision.set_meta("dimension", str(target.dimension))
    opened.purge()
    return opened


def embed_missing(
    current: Catalog, beside: Catalog, target: NewEmbedder, progress: Progress, stopped: Callable[[], bool]
) -> tuple[int, bool]:
    """Embed what the catalog `beside` lacks, until `stopped`; return how many documents, and whether all.

    What the index no longer has is removed from it.
    """
    with current.read() as snapshot, beside.read() as other:
        origins = {origin.source: origin for origin in snapshot.origins()}
        known = {origin.source: origin for origin in other.origins()}
        missing = [one for one in origins if not (one in known and _is_same(one, snapshot, other))]
    with beside.write() as revision:
        revision.remove(sorted(known.keys() - origins.keys()))
    beside.purge()
    embedder, done = CachedEmbedder(target.embed), len(origins) - len(missing)

    def report(source: str, share: float = 0) -> None:
        progress(source, done + share, len(origins))

    texts = lambda one: 1 + len(one.pieces) + len(one.windows)  # noqa: E731
    for batch in in_batches(_split(missing, current, target), texts, BATCH):
        if stopped():
            return done - len(origins) + len(missing), False
        source = batch[-1].origin.source
        _store(beside, batch, embedder, partial(report, source))
        done += len(batch)
        report(source)
    return len(missing), True


def forget(index: Path, sources: Sequence[str]) -> None:
    """Remove documents that leave the index, or change, from a re-embedding that was begun."""
    if (file := index / FOLDER / CATALOG).exists():
        with closing(SqliteCatalog.open(file)) as beside:
            with beside.write() as revision:
                revision.remove(sources)
            beside.purge()


def _is_same(source: str, snapshot: Snapshot, other: Snapshot) -> bool:
    return snapshot.all_paragraphs(source) == other.all_paragraphs(source)


def _split(sources: Iterable[str], current: Catalog, target: NewEmbedder) -> Iterator[_Split]:
    """Yield documents, split; one that is gone by now is left out."""
    for source in sources:
        with current.read() as snapshot:
            stored = snapshot.origins([source])
            paragraphs = tuple(snapshot.all_paragraphs(source))
            title = snapshot.titles([source]).get(source, "")
        if not stored:
            continue
        origin = replace(stored[0], fingerprint=target.fingerprint)
        document = Document(source, origin.sha256, title, paragraphs)
        pieces = tuple(with_sentences(document, chunk(document, target.count_tokens, target.limit)))
        yield _Split(origin, document, pieces, tuple(windows(paragraphs)))


def _store(
    beside: Catalog, batch: list[_Split], embedder: CachedEmbedder, progress: Callable[[float], None]
) -> None:
    """Embed documents and write them, all or none."""
    texts = [piece.spanned for one in batch for piece in one.pieces]
    texts += [window.spanned for one in batch for window in one.windows]
    vectors = embedder.embed(texts, progress)
    with beside.write() as revision:
        for one in batch:
            revision.replace(
                one.origin,
                one.document,
                [piece.chunk for piece in one.pieces],
                [vectors[piece.spanned][0] for piece in one.pieces],
                sentence_vectors(one.document, one.pieces, vectors),
                {(each.first, each.last): vectors[each.spanned][0] for each in one.windows},
            )
