"""The lock of an index folder: one process holds it; an error names it to the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexInUse

# After a kill, a child of the process holds the lock a little longer.
WAIT_SECONDS = 3.0


def this_command() -> str:
    """Return what this process is, such as "pilcrow chat", without arguments, which may be private."""
    program = Path(sys.argv[0] if sys.argv and sys.argv[0] else sys.executable)
    if program.name == "__main__.py":
        program = Path("pilcrow") if program.parent.name == "ui" else program.parent
    if program.name == "-c":
        program = Path(sys.executable)
    words = [word for word in sys.argv[1:2] if program.name == "pilcrow" and word.isalpha()]
    return " ".join([program.name, *words])


class FolderLock:
    """A lock file in the folder that names its owner: process id and command. Released when it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "lock"
        self._lock = FileLock(self._file, thread_local=False, fallback_to_soft=False)

    def acquire(self) -> None:
        """Take the lock; IndexInUse, which names the owner, if a running process holds it."""
        try:
            self._lock.acquire(WAIT_SECONDS, cancel_check=self._owner_is_alive)
        except Timeout:
            raise IndexInUse(
                f"The index {self._folder} is in use by {self._owner_text()}. Close it there, use another "
                "--index, or go through it: commands do, and Assistant.connect in Python. To share an index "
                "between equal processes, set catalog_url and chroma_url."
            ) from None
        self._file.write_text(f"{os.getpid()}\n{this_command()}\n")

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

    def _owner(self) -> tuple[int | None, str]:
        """Return the process that took the lock, if that is known, and its command."""
        with suppress(OSError, ValueError):
            process, _, command = self._file.read_text().partition("\n")
            return int(process), command.strip()
        return None, ""

    def _owner_is_alive(self) -> bool:
        owner, _ = self._owner()
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
        owner, command = self._owner()
        if owner == os.getpid():
            return "this process"
        since = datetime.fromtimestamp(self._file.stat().st_mtime)
        named = f" ({command})" if command else ""
        return f"process {owner or '(unknown)'}{named} since {since:%Y-%m-%d %H:%M}"
