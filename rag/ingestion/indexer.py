"""Ingestion: unchanged files are skipped; changed ones replace their old version, all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from rag.index.catalog import Origin
from rag.index.folder import Index
from rag.ingestion.chunker import chunk
from rag.ingestion.committing import commit, remove_documents
from rag.ingestion.embedding import CachedEmbedder, EmbedSpans
from rag.ingestion.interruption import Interruption
from rag.ingestion.memory import Memory
from rag.ingestion.missing import existing_paths, gone_sources
from rag.ingestion.reading import Failed, Outcome, Ready, Unchanged, ahead, in_batches, read_files
from rag.ingestion.report import IngestReport
from rag.ingestion.scan import Scan, scan
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.worker import Loader

log = logging.getLogger(__name__)

PASSES = 10  # over files that other writers overtake
BUSY = "other processes keep changing documents of this name; ingest it again"

Progress = Callable[[str, float, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What the report needs of a committed document; `former` is its source before it was renamed, or ""."""

    source: str
    former: str
    is_update: bool
    left_out: tuple[str, ...]
    paragraphs: int


Done = Failed | Unchanged | Written


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
    below: Path | None = None,
) -> IngestReport:
    """Bring the index up to date with files and folders.

    `progress` gets (source, files done, files in all) once a file is committed; during a long file, `files
    done` has a fraction. `prune` removes documents whose files were deleted from a folder. A file that was
    not touched since the `memory` has it isn't read. `below` is as for `scan`. LoadError for a missing path.
    A first Ctrl-C or SIGTERM, or `stop`, takes effect after the current documents; what is committed stays.
    """
    start, memory = monotonic(), memory or Memory()
    with Interruption(stop) as interruption:
        index.repair()
        with index.catalog.read() as snapshot:
            origins = snapshot.origins()
        existing, missing = existing_paths(paths, origins) if prune else (list(paths), [])
        files = scan(existing, index.folder, below)
        split = partial(chunk, count_tokens=count_tokens, limit=token_limit)
        read = partial(read_files, index, split=split, fingerprint=fingerprint, memory=memory)
        done = _brought_in(index, files, origins, read, CachedEmbedder(embed), limits, interruption, progress)
        gone, skipped = ([], []) if interruption.requested else _gone(origins, files, done, memory)
        memory.record_folders(files.complete)
        if prune:
            still = lambda origins: _gone(origins, files, done, memory)[0]  # noqa: E731
            gone = remove_documents(index, gone, still)
        index.catalog.purge()
        if len(done) < len(files.found):
            log.warning("Stopped: %d of %d files are done and stay.", len(done), len(files.found))
    return _report(done, [*missing, *skipped] if prune else [], files, gone, prune, monotonic() - start)


def remove(index: Index, sources: Sequence[str]) -> tuple[str, ...]:
    """Remove documents from the index; return the sources that it had."""
    index.repair()
    wanted = list(dict.fromkeys(sources))
    removed = set(remove_documents(index, wanted, lambda origins: [origin.source for origin in origins]))
    index.catalog.purge()
    return tuple(source for source in wanted if source in removed)


def _gone(
    origins: Sequence[Origin], files: Scan, done: Sequence[Done], memory: Memory
) -> tuple[list[str], list[tuple[str, str]]]:
    kept = {outcome.source for outcome in done}
    kept |= {outcome.former for outcome in done if isinstance(outcome, Written)}
    return gone_sources(origins, files, kept, memory)


def _brought_in(
    index: Index,
    files: Scan,
    origins: Sequence[Origin],
    read: Callable[..., Generator[Outcome]],
    embedder: CachedEmbedder,
    limits: Limits,
    interruption: Interruption,
    progress: Progress | None,
) -> list[Done]:
    """Read and commit the files, again those that other writers have overtaken; return what was done."""
    done: list[Done] = []
    left = files
    for _ in range(PASSES):
        with Loader(limits) as loader:
            stopped = lambda: loader.stopped or interruption.requested  # noqa: E731
            outcomes = read(files=left, origins=origins, loader=loader, stopped=stopped)
            batches = ahead(in_batches(outcomes), loader.stop)
            report = partial(_report_progress, progress, len(files.found))
            committed, overtaken = _committed(index, batches, embedder, interruption, report, len(done))
        done += committed
        left = replace(left, found=tuple(file for file in left.found if str(file.path) in overtaken))
        if interruption.requested or not left.found:
            return done
        with index.catalog.read() as snapshot:
            origins = snapshot.origins()
    return done + [Failed(file.name, BUSY) for file in left.found]


def _report_progress(progress: Progress | None, total: int, source: str, done: float) -> None:
    if progress:
        progress(source, done, total)


def _committed(
    index: Index,
    batches: Generator[list[Outcome]],
    embedder: CachedEmbedder,
    interruption: Interruption,
    report: Callable[[str, float], None],
    before: int,
) -> tuple[list[Done], set[str]]:
    """Commit the batches; return of each outcome what the report needs, and the paths to be read again.

    `report` gets a source and how many files are done, `before` this pass and in it.
    """
    done: list[Done] = []
    overtaken: set[str] = set()
    with closing(batches):
        for batch in batches:
            if interruption.requested:
                break
            source, count = batch[-1].source, before + len(done)
            outcomes = commit(index, batch, embedder, lambda share: report(source, count + share))  # noqa: B023
            for outcome in outcomes:
                done.append(_without_content(outcome) if isinstance(outcome, Ready) else outcome)
                report(outcome.source, before + len(done))
            overtaken |= _paths(batch) - _paths(outcomes)
    return done, overtaken


def _paths(outcomes: Sequence[Outcome]) -> set[str]:
    return {outcome.origin.path for outcome in outcomes if not isinstance(outcome, Failed)}


def _without_content(ready: Ready) -> Written:
    document = ready.document
    return Written(ready.source, ready.former, ready.is_update, document.left_out, len(document.paragraphs))


def _report(
    done: Sequence[Done],
    failed: Sequence[tuple[str, str]],
    files: Scan,
    gone: Sequence[str],
    prune: bool,
    seconds: float,
) -> IngestReport:
    written = [outcome for outcome in done if isinstance(outcome, Written)]
    same_name = [document for document in written if not document.former]
    unread = [(outcome.source, outcome.reason) for outcome in done if isinstance(outcome, Failed)]
    return IngestReport(
        added=tuple(document.source for document in same_name if not document.is_update),
        updated=tuple(document.source for document in same_name if document.is_update),
        unchanged=tuple(outcome.source for outcome in done if isinstance(outcome, Unchanged)),
        renamed=tuple((document.former, document.source) for document in written if document.former),
        removed=tuple(gone) if prune else (),
        gone=() if prune else tuple(gone),
        failed=(*failed, *(each for each in files.failed if each[0] not in dict(failed)), *unread),
        skipped=files.skipped,
        ignored=len(files.ignored),
        partly=tuple((document.source, each) for document in written for each in document.left_out),
        paragraphs=sum(document.paragraphs for document in written),
        seconds=seconds,
    )
