"""What a watch remembers between two sweeps: the files it read and the folders it listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from rag.index.files import RECENT
from rag.ingestion.scan import Listed

Stamp = tuple[int, int, int, int, int]  # device, inode, size, and times of modification and change in ns


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read: its SHA-256 ("" if it could not be read), and why it has no document, or ""."""

    sha256: str
    reason: str = ""


class Memory:
    """The readings of files, each as long as the file's stamp stays the same; and known folders."""

    def __init__(self) -> None:
        self._readings: dict[Path, tuple[Stamp, Reading]] = {}
        self._folders: dict[Path, tuple[int, int]] = {}

    def reading(self, path: Path, stamp: Stamp | None) -> Reading | None:
        """Return the reading of a file that was not touched since."""
        stored, reading = self._readings.get(path, (None, None))
        return reading if stamp and stamp == stored else None

    def record(self, path: Path, stamp: Stamp | None, reading: Reading) -> None:
        """Remember a reading; not of a file touched a moment ago, which may change without a new stamp."""
        if stamp and max(stamp[3:]) < time_ns() - RECENT:
            self._readings[path] = stamp, reading
        else:
            self._readings.pop(path, None)

    def record_folders(self, folders: Iterable[Listed]) -> None:
        """Remember the folders that have entries."""
        for listed in folders:
            if not (listed.is_empty or self.is_on_another_disk(listed)):
                self._folders[listed.folder] = listed.identity

    def was_emptied(self, listed: Listed) -> bool:
        """Return whether the very same folder had entries before, so that no disk was unmounted."""
        return listed.is_empty and self._folders.get(listed.folder) == listed.identity

    def is_on_another_disk(self, listed: Listed) -> bool:
        """Return whether the folder had entries before, on another disk."""
        known = self._folders.get(listed.folder)
        return known is not None and known[0] != listed.identity[0]


def stamp_of(path: Path) -> Stamp | None:
    """Return a file's stamp, to be taken before it is read; None if it is gone."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
