"""The lock of an index folder: one process holds it; the others get an error that names it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import StoreError

# After a kill, a child of the process holds the lock a little longer.
WAIT_SECONDS = 3.0


class FolderLock:
    """A lock file in the folder that contains its owner's process id. Released when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "lock"
        self._lock = FileLock(self._file, thread_local=False, fallback_to_soft=False)

    def acquire(self) -> None:
        """Take the lock; StoreError that names the owner if another running process holds it."""
        try:
            self._lock.acquire(WAIT_SECONDS, cancel_check=self._owner_is_alive)
        except Timeout:
            raise StoreError(
                f"The index {self._folder} is in use by {self._owner_text()}. Close it there, use another "
                "--index, or share one through a Chroma server (chroma_url)."
            ) from None
        self._file.write_text(f"{os.getpid()}\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._lock.is_locked:
            self._file.write_text("")
            self._lock.release()

    def _owner(self) -> int | None:
        with suppress(OSError, ValueError):
            return int(self._file.read_text())
        return None

    def _owner_is_alive(self) -> bool:
        owner = self._owner()
        if owner is None:
            return False
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it runs under another account
            return True
        return True

    def _owner_text(self) -> str:
        owner = self._owner()
        if owner == os.getpid():
            return "this process"
        since = datetime.fromtimestamp(self._file.stat().st_mtime)
        return f"process {owner or '(unknown)'} since {since:%Y-%m-%d %H:%M}"
