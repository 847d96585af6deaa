"""Watch folders: each time something in them changes, they are ingested again, as they are by then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Protocol

from watchfiles import watch as events

from rag.errors import LoadError
from rag.ingestion.ignoring import GIT, OWN
from rag.ingestion.interruption import Interruption
from rag.ingestion.memory import Memory
from rag.ingestion.report import IngestReport
from rag.ingestion.scan import spelled

log = logging.getLogger(__name__)

QUIET_MS = 250  # without changes before a sweep, so that a file being saved is there
LONGEST_MS = 1500  # between a change and a sweep, however busy the folder is
TICK_MS = 500  # between two looks at whether the folders are still there
SWEEP_SECONDS = 60.0  # between two sweeps without an event, which a network disk may not send
POLL_SECONDS = 5  # between two sweeps where the system can't report changes

Identity = tuple[int, int]
MISSING = (
    "is missing; its documents stay in the index. Restore it (is its disk mounted?), or remove them with: "
    "pilcrow remove SOURCE…"
)


class Ingest(Protocol):
    """The ingestion of folders, with what it remembers of the last one."""

    def __call__(self, paths: Sequence[Path], *, memory: Memory) -> IngestReport: ...


def watch(
    paths: Sequence[Path],
    ingest: Ingest,
    index_folder: Path,
    report: Callable[[IngestReport], None] | None = None,
    stop: Event | None = None,
) -> None:
    """Ingest the folders now and whenever they change, until `stop` is set, or Ctrl-C or SIGTERM.

    `report` gets the first report, then each one that tells something new. Events only say when to look:
    what counts is what is on disk then. LoadError if a path is not a folder.
    """
    roots = list(dict.fromkeys(_folder(path) for path in paths))
    sweep = partial(_sweep, roots, partial(ingest, memory=Memory()))
    shown: IngestReport | None = None
    with Interruption(stop) as interruption:
        while not interruption.requested:
            here = _identities(roots)
            for due in _due(here, index_folder, interruption):
                if due or shown is None:
                    done = sweep()
                    if report and (shown is None or _is_news(done, shown)):
                        report(done)
                    shown = done
                if interruption.requested or _identities(roots) != here:
                    break


def _folder(path: Path) -> Path:
    folder = spelled(path.expanduser().absolute()).resolve()
    if not folder.is_dir():
        what = "is not a folder; watch the folder that it is in" if folder.exists() else "does not exist"
        raise LoadError(str(path), what)
    return folder


def _identities(roots: Sequence[Path]) -> dict[Path, Identity]:
    """Return the device and inode number of each folder that is there."""
    found = {}
    for root in roots:
        try:
            state = root.stat()
        except OSError:
            continue
        found[root] = state.st_dev, state.st_ino
    return found


def _sweep(roots: Sequence[Path], ingest: Callable[[Sequence[Path]], IngestReport]) -> IngestReport:
    """Ingest the folders that are there; the others are failures."""
    here = _identities(roots)
    missing = tuple((str(root), MISSING) for root in roots if root not in here)
    try:
        done = ingest(list(here)) if here else IngestReport()
    except LoadError as error:  # it vanished just now
        done = IngestReport(failed=((error.source, error.reason),))
    told = dict(missing)
    return replace(done, failed=(*missing, *(each for each in done.failed if each[0] not in told)))


def _is_news(done: IngestReport, before: IngestReport) -> bool:
    changed = done.added or done.updated or done.renamed or done.removed
    return bool(changed or set(done.failed) != set(before.failed))


def _due(here: Mapping[Path, Identity], index_folder: Path, interruption: Interruption) -> Iterator[bool]:
    """Yield at least at each tick whether to sweep: first, after a change, and once in a while."""
    swept = 0.0
    for changed in _changes(list(here), interruption):
        due = any(_counts(Path(path), here, index_folder) for path in changed)
        if due or not swept or monotonic() - swept > SWEEP_SECONDS:
            yield True
            swept = monotonic()
        else:
            yield False


def _changes(folders: Sequence[Path], interruption: Interruption) -> Iterator[list[str]]:
    """Yield the changed paths, or none at a tick. The first one is yielded once changes are recorded."""
    try:
        for changes in events(
            *folders,
            watch_filter=None,
            debounce=LONGEST_MS,
            step=QUIET_MS,
            stop_event=_Requested(interruption),
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield [path for _, path in changes]
    except (OSError, RuntimeError) as error:  # watchfiles raises both, such as for too many folders
        log.warning("The system can't report changes (%s). Looking every %d seconds.", error, POLL_SECONDS)
        for _ in range(int(SWEEP_SECONDS / POLL_SECONDS)):
            for _ in range(int(POLL_SECONDS * 1000 / TICK_MS)):
                yield []
                sleep(TICK_MS / 1000)
            yield [str(folder) for folder in folders]


class _Requested:
    """What watchfiles asks whether to stop."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption

    def is_set(self) -> bool:
        return self._interruption.requested


def _counts(path: Path, roots: Mapping[Path, Identity], index_folder: Path) -> bool:
    """Return whether a changed path may change the documents: not the index, and nothing hidden."""
    if path.is_relative_to(index_folder):
        return False
    root = next((root for root in roots if path.is_relative_to(root)), path)
    hidden = [part for part in path.relative_to(root).parts if part.startswith(".")]
    return not hidden or (hidden == [path.name] and path.name in {GIT, OWN})
