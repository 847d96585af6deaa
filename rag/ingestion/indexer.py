"""Ingestion: unchanged files are skipped; changed ones replace their old version, all or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from rag.index.catalog import Origin
from rag.index.folder import Index
from rag.ingestion.chunker import chunk
from rag.ingestion.committing import remove_documents
from rag.ingestion.comparing import Failed, Unchanged
from rag.ingestion.embedding import CachedEmbedder, EmbedSpans
from rag.ingestion.interruption import Interruption
from rag.ingestion.memory import Memory
from rag.ingestion.missing import existing_paths, gone_sources
from rag.ingestion.reading import Outcome, read_here
from rag.ingestion.report import IngestReport, Progress
from rag.ingestion.scan import Scan, scan
from rag.ingestion.settling import Committed, Done, Written, settle
from rag.ingestion.spread import read_on_cluster
from rag.loaders.limits import DEFAULT, Limits

log = logging.getLogger(__name__)

PASSES = 10  # over files that other writers overtake
BUSY = "other processes keep changing documents of this name; ingest it again"


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
    ray: str | None = None,
) -> IngestReport:
    """Bring the index up to date with files and folders.

    `progress` gets (source, files done, files in all) once a file is committed; during a long file, `files
    done` has a fraction. `prune` removes documents whose files were deleted from a folder. A file not touched
    since the `memory` has it isn't read. `below` is as for `scan`; the cluster `ray` loads and embeds.
    A first Ctrl-C or SIGTERM, or `stop`, ends it after the current documents. LoadError for a missing path.
    """
    start, memory, embedder = monotonic(), memory or Memory(), CachedEmbedder(embed)
    with Interruption(stop) as interruption:
        index.repair()
        with index.catalog.read() as snapshot:
            origins = snapshot.origins()
        existing, missing = existing_paths(paths, origins) if prune else (list(paths), [])
        files = scan(existing, index.folder, below)
        reader = _reader(index, embedder, count_tokens, token_limit, ray)
        read = partial(reader, fingerprint=fingerprint, memory=memory, limits=limits)
        done = _brought_in(index, files, origins, read, embedder, interruption, progress)
        gone, skipped = ([], []) if interruption.requested else _gone(origins, files, done, memory)
        memory.record_folders(files.complete)
        if prune:
            gone = remove_documents(index, gone, lambda origins: _gone(origins, files, done, memory)[0])
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


def _reader(
    index: Index,
    embedder: CachedEmbedder,
    count_tokens: Callable[[str], int],
    token_limit: int,
    ray: str | None,
) -> Callable[..., Generator[list[Outcome] | Committed]]:
    """Return what reads files: the cluster at `ray`, if that is set, or this process."""
    if ray:
        return partial(read_on_cluster, ray, index, embedder, token_limit)
    return partial(read_here, index, partial(chunk, count_tokens=count_tokens, limit=token_limit))


def _brought_in(
    index: Index,
    files: Scan,
    origins: Sequence[Origin],
    read: Callable[..., Generator[list[Outcome] | Committed]],
    embedder: CachedEmbedder,
    interruption: Interruption,
    progress: Progress | None,
) -> list[Done]:
    """Read and commit the files, again those that other writers have overtaken; return what was done."""
    done: list[Done] = []
    left = files
    for _ in range(PASSES):
        batches = read(files=left, origins=origins, stopped=lambda: interruption.requested)
        report = partial(_report_progress, progress, len(files.found))
        committed = _committed(index, batches, embedder, interruption, report, len(done))
        done += committed.done
        left = replace(
            left, found=tuple(file for file in left.found if str(file.path) in committed.overtaken)
        )
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
    batches: Generator[list[Outcome] | Committed],
    embedder: CachedEmbedder,
    interruption: Interruption,
    report: Callable[[str, float], None],
    before: int,
) -> Committed:
    """Commit the batches; return what came of all of them.

    `report` gets a source and how many files are done, `before` this pass and in it.
    """
    done: list[Done] = []
    overtaken: set[str] = set()
    with closing(batches):
        for batch in batches:
            if interruption.requested and not isinstance(batch, Committed):
                break
            if not isinstance(batch, Committed):
                report_share = partial(_report_share, report, batch[-1].source, before + len(done))
                batch = settle(index, batch, embedder, report_share)  # noqa: PLW2901
            for outcome in batch.done:
                done.append(outcome)
                report(outcome.source, before + len(done))
            overtaken |= batch.overtaken
    return Committed(tuple(done), frozenset(overtaken))


def _report_share(report: Callable[[str, float], None], source: str, done: int, share: float) -> None:
    report(source, done + share)


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
