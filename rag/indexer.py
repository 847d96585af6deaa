"""Ingestion: unchanged files are skipped, others replace themselves, each whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from rag.chunker import chunk
from rag.errors import LoadError
from rag.index import Index
from rag.interruption import Interruption
from rag.loaders.worker import Loader
from rag.scan import Found, Scan, assign_sources, gone, present, scan
from rag.snapshot import Origin, Span, Vector
from rag.types import Chunk, Document, IngestReport, Kind
from rag.words import sentences

log = logging.getLogger(__name__)

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Progress = Callable[[str, int, int], None]

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
    """A document read and chunked; `known` are the vectors of those of its chunks that are not new.

    `spans` tells where the sentences of each paragraph stand, `said` the vectors of those that are not new.
    """

    origin: Origin
    document: Document
    chunks: tuple[Chunk, ...]
    spans: dict[int, list[Span]]
    known: dict[str, Vector]
    said: dict[str, Vector]
    held: bool

    @property
    def new(self) -> list[Chunk]:
        """The chunks to embed."""
        return [each for each in self.chunks if each.id not in self.known]

    @property
    def texts(self) -> dict[int, dict[Span, str]]:
        """The sentences of each paragraph, by its number and where they stand."""
        return {
            each.number: {(start, end): each.text[start:end] for start, end in self.spans[each.number]}
            for each in self.document.paragraphs
            if each.number in self.spans
        }


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
    """Bring the index up to date with the files and folders; `embed` gives float32 (n, dimension).

    `progress` hears (source, files done, files in all) when a file is done with: then it is committed.
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
        done = []
        with closing(_files(index, seen, held, split, fingerprint)) as files:
            for outcome in _committed(index, files, embed, interruption):
                done.append(outcome)
                if progress:
                    progress(_source(outcome), len(done), len(seen.found))
        removed: list[str] = []
        if prune and not interruption.asked:
            removed, spared = gone(held, seen)
            failed += spared
            _swap(index, [], [], removed, {})
        if interruption.asked:
            log.warning("Stopped: %d of %d files are done, and kept.", len(done), len(seen.found))
    return _report(done, [*failed, *seen.failed], removed, monotonic() - began)


def remove(index: Index, sources: Sequence[str]) -> tuple[str, ...]:
    """Take documents out of the index; those of `sources` that it held."""
    with index.writing():
        with index.catalog.read() as snapshot:
            held = [source for source in dict.fromkeys(sources) if snapshot.document(source)]
        _swap(index, [], [], held, {})
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
                digest = _digest(file, source)
                origin = Origin(source, str(file.path), str(file.root), digest, fingerprint)
                if old and (old.sha256, old.fingerprint) == (digest, fingerprint):
                    yield Unchanged(origin, moved=old.path != origin.path)
                    continue
                document = loader.load(file.path, source)
            except LoadError as error:
                yield Failed(source, error.reason)
                continue
            origin = Origin(source, origin.path, origin.root, document.sha256, fingerprint)
            chunks = split(document)
            # Vectors of another fingerprint may be another model's: they are not taken over.
            same = old is not None and old.fingerprint == fingerprint
            known, said = _held(index, source, chunks) if same else ({}, {})
            yield Ready(origin, document, chunks, _spans(document), known, said, held=old is not None)


def _digest(file: Found, source: str) -> str:
    try:
        with file.path.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise LoadError(
            source, f"cannot be read ({error.strerror}); check that it is there and its rights"
        ) from error


def _held(index: Index, source: str, chunks: Sequence[Chunk]) -> tuple[dict[str, Vector], dict[str, Vector]]:
    """The vectors that the index holds of a document's chunks, by id, and of its sentences, by text."""
    with index.catalog.read() as snapshot:
        return snapshot.vectors(each.id for each in chunks), snapshot.sentences_of(source)


def _spans(document: Document) -> dict[int, list[Span]]:
    """Where the sentences of each paragraph stand; a heading is not read as one."""
    return {
        each.number: list(sentences(each.text))
        for each in document.paragraphs
        if each.kind is not Kind.HEADING
    }


def _committed(
    index: Index,
    files: Iterator[Failed | Unchanged | Ready],
    embed: Embed,
    interruption: Interruption,
) -> Iterator[Failed | Unchanged | Ready]:
    """Each outcome once it is in the catalog; documents are committed together where they are small."""
    waiting: list[Ready] = []
    for outcome in files:
        if interruption.asked:
            return
        if isinstance(outcome, Ready):
            waiting.append(outcome)
            if sum(len(ready.new) for ready in waiting) >= TOGETHER:
                yield from _embedded(index, waiting, embed)
                waiting = []
            continue
        if isinstance(outcome, Unchanged) and outcome.moved:
            with index.catalog.write() as revision:
                revision.relocate(outcome.origin)
        yield outcome
    if waiting and not interruption.asked:
        yield from _embedded(index, waiting, embed)


def _embedded(index: Index, batch: list[Ready], embed: Embed) -> list[Ready]:
    """Embed the new chunks and sentences of some documents, each text once, then swap the documents in."""
    new = [each for ready in batch for each in ready.new]
    texts = dict.fromkeys(each.embedded for each in new) | dict.fromkeys(
        text
        for ready in batch
        for spans in ready.texts.values()
        for text in spans.values()
        if text not in ready.said
    )
    vectors = dict(zip(texts, embed(list(texts)), strict=True)) if texts else {}
    _swap(index, batch, [(each, vectors[each.embedded]) for each in new], [], vectors)
    return batch


def _swap(
    index: Index,
    batch: Sequence[Ready],
    new: Sequence[tuple[Chunk, Vector]],
    removed: Sequence[str],
    said: Mapping[str, Vector],
) -> None:
    """Put documents in, and take others out, so that a kill at any point leaves all old or all new.

    The ids are announced, the new vectors written, the catalog changed (the swap), the old vectors taken out.
    """
    touched = [*(ready.origin.source for ready in batch), *removed]
    if not touched:
        return
    live = {each.id for ready in batch for each in ready.chunks}
    with index.catalog.read() as snapshot:
        dead = [i for i in snapshot.chunk_ids(touched) if i not in live]
    with index.catalog.write() as revision:
        revision.announce([*(each.id for each, _ in new), *dead])
    index.vectors.upsert([each.id for each, _ in new], [v for _, v in new], [each.source for each, _ in new])
    fresh = {each.id: vector for each, vector in new}
    with index.catalog.write() as revision:
        revision.remove(removed)
        for ready in batch:
            vectors = [fresh[each.id] if each.id in fresh else ready.known[each.id] for each in ready.chunks]
            spoken = {
                number: {
                    span: ready.said[text] if text in ready.said else said[text]
                    for span, text in spans.items()
                }
                for number, spans in ready.texts.items()
            }
            revision.replace(ready.origin, ready.document, ready.chunks, vectors, spoken)
    index.discard(dead)


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
