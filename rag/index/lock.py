"""The lock of an index folder: one process holds it, the others learn which."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from rag.errors import StoreError

# A child of a process that was killed keeps the lock for the moment that it needs to end itself.
PATIENCE = 3.0


class FolderLock:
    """An flock on a file of the folder that holds the owner's process id. Released when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise StoreError that names the process which has it."""
        file = (self._folder / "lock").open("a+", encoding="utf-8")
        deadline = monotonic() + PATIENCE
        while not _taken(file):
            owner = _owner(file)
            if _alive(owner) or monotonic() > deadline:
                file.close()
                raise StoreError(self._message(owner))
            sleep(0.05)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def _message(self, owner: int | None) -> str:
        holder = "this process" if owner == os.getpid() else f"process {owner or '(unknown)'}"
        return (
            f"The index {self._folder} is in use by {holder}. Close it there, use another --index, "
            "or share one through a Chroma server (chroma_url)."
        )

    def release(self) -> None:
        """Let the lock go; nothing happens where it is not held."""
        if self._file:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(file: IO[str]) -> int | None:
    file.seek(0)
    with suppress(ValueError):
        return int(file.read())
    return None


def _alive(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
