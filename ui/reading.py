"""Files on their way into the index: a queue that one thread reads, whatever the browsers do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from threading import RLock
from time import monotonic, time

from rag import Assistant, IngestReport, PilcrowError

_SHOWN_SECONDS = 600.0  # how long a file that was read stays in the list
_TOGETHER, _SMALL = 32, 256 * 1024  # so many small files are read at once, as each reading starts a process


@dataclass(slots=True)
class Entry:
    """A file on its way. `state`: clash, waiting, reading, done, known, failed or passed (over).

    `file` is what was uploaded, or else, if `target` is None, the document's own file. `target` is where an
    upload is kept, `below` the folder below which its path is its name.
    """

    key: str
    name: str
    state: str = "waiting"
    reason: str = ""
    file: Path = Path()
    target: Path | None = None
    below: Path | None = None
    sha256: str = ""
    share: float = 0.0
    paragraphs: int = 0
    left_out: tuple[str, ...] = ()
    may_replace: bool = True
    ended: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it will be read by itself."""
        return self.state in {"waiting", "reading"}

    def end(self, state: str, reason: str = "") -> None:
        """Set its last state; one that needs nobody's attention vanishes after a while."""
        self.state, self.reason = state, reason
        self.ended = monotonic() if state in {"done", "known", "passed"} else 0.0


class Queue:
    """The files being read, kept in `folder`; `revision` grows with every one."""

    def __init__(self, assistant: Assistant, folder: Path) -> None:
        self.lock = RLock()
        self.revision = 0
        self.folder, self.waiting, self.aside = folder, folder / ".waiting", folder / ".removed"
        self._assistant = assistant
        self._entries: dict[str, Entry] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="read")

    def close(self) -> None:
        """Stop after the current files."""
        with self.lock:
            self._entries.clear()
        self._worker.shutdown()

    def add(self, entry: Entry) -> None:
        """List a file, and read it when its turn comes."""
        with self.lock:
            self._entries[entry.key] = entry
        self._worker.submit(self._work)

    def drop(self, key: str) -> Entry | None:
        """Take a file that isn't active off the list."""
        with self.lock:
            entry = self._entries.get(key)
            return self._entries.pop(key) if entry and not entry.active else None

    def entries(self) -> list[Entry]:
        """Return the files on their way, and those that ended lately, in their order."""
        with self.lock:
            for one in list(self._entries.values()):
                if one.ended and monotonic() - one.ended > _SHOWN_SECONDS:
                    del self._entries[one.key]
            return list(self._entries.values())

    def _work(self) -> None:
        while group := self._next():
            try:
                self._read(group)
            except (PilcrowError, OSError) as error:
                _fail(group, str(error))
            finally:
                _fail(group, "can't be read because of a fault in Pilcrow; its log has the details")
                for entry in group:
                    self._tidy(entry)
                self.revision += 1

    def _next(self) -> list[Entry]:
        """Return the next file to read, or several small ones."""
        with self.lock:
            waiting = [entry for entry in self._entries.values() if entry.state == "waiting"]
            group = waiting[:1]
            for entry in waiting[1:_TOGETHER]:
                names = {one.name for one in group}
                if entry.below != group[0].below or entry.name in names or not _are_small(group[0], entry):
                    break
                group.append(entry)
            for entry in group:
                entry.state = "reading"
            return group

    def _read(self, group: Sequence[Entry]) -> None:
        def progress(_: str, done: float, total: int) -> None:
            for entry in group:
                entry.share = min(done / max(total, 1), 0.99)

        for entry in group:
            self._place(entry)
        if not (ready := [entry for entry in group if entry.active]):
            return
        paths = [entry.target or entry.file for entry in ready]
        report = self._assistant.ingest(paths, False, progress, group[0].below)
        counts = {one.source: one.paragraphs for one in self._assistant.documents()}
        for entry in ready:
            _record(entry, report, counts)

    def _place(self, entry: Entry) -> None:
        """Copy an upload to its place, and set aside what is there."""
        try:
            if target := entry.target:
                if target.is_file():
                    move(target, self.aside / entry.key)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry.file, target)
                os.utime(target, (time() - 10,) * 2)  # as each look at a recent file hashes it
            else:
                entry.file.stat()
        except OSError as error:
            entry.end(
                "failed", f"can't be reached ({error.strerror}); put it back, or rename and add it again"
            )

    def _tidy(self, entry: Entry) -> None:
        """Delete the upload of a file that was read; restore what one that can't be read was to replace."""
        old = self.aside / entry.key
        if entry.state == "done":
            shutil.rmtree(self.waiting / entry.key, ignore_errors=True)
            old.unlink(missing_ok=True)
        elif entry.target:
            self.discard(entry.target)
            if old.is_file():
                move(old, entry.target)

    def discard(self, file: Path) -> None:
        """Delete a kept file, if it is there, and the folders that this leaves empty."""
        file.unlink(missing_ok=True)
        with suppress(OSError):  # a folder isn't empty
            for above in takewhile(lambda one: one != self.folder, file.parents):
                above.rmdir()


def move(file: Path, target: Path) -> Path:
    """Move a file, into a new folder if needed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return file.replace(target)


def _record(entry: Entry, report: IngestReport, counts: Mapping[str, int]) -> None:
    failed = dict(report.failed)
    if reason := failed.get(entry.name) or failed.get(Path(entry.name).name):
        entry.end("failed", reason)
        return
    entry.paragraphs = counts.get(entry.name, 0)
    entry.left_out = tuple(reason for source, reason in report.partly if source == entry.name)
    entry.end("done")


def _fail(group: Sequence[Entry], reason: str) -> None:
    """Fail what was not read of a group."""
    for entry in group:
        if entry.active:
            entry.end("failed", reason)


def _are_small(*entries: Entry) -> bool:
    return all(not one.file.is_file() or one.file.stat().st_size < _SMALL for one in entries)
