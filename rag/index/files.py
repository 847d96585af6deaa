"""Whether a document's file is still as it was read."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from stat import S_ISREG
from time import time_ns

from rag.index.catalog import Origin

CHANGED, GONE = "file has changed", "file is gone"
RECENT = 2_000_000_000  # nanoseconds; a second edit within the clock of some disks has the same time


def stamp(path: Path) -> tuple[int, int]:
    """Return a file's size and time of modification in nanoseconds, to take before it is read.

    The time is 0 if it is so recent that a later edit may have the same; both say nothing for a missing file.
    """
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    is_recent = time_ns() - status.st_mtime_ns < RECENT
    return status.st_size, 0 if is_recent else status.st_mtime_ns


def file_change(origin: Origin) -> str:
    """Return what happened to a document's file since it was read; "" if nothing. Hashes it if in doubt."""
    path = Path(origin.path)
    try:
        now = path.stat()
        if not S_ISREG(now.st_mode):
            return GONE
        if origin.size not in {-1, now.st_size}:
            return CHANGED
        if origin.modified and origin.modified == now.st_mtime_ns:
            return ""
        with path.open("rb") as content:
            return "" if file_digest(content, "sha256").hexdigest() == origin.sha256 else CHANGED
    except OSError:
        return GONE
