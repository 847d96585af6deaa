"""The folders that the page's process watches, and their state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from rag import Assistant, IngestReport, PilcrowError
from ui.server import is_only_here


@dataclass
class _Folder:
    """A watched folder: its thread, what stops it, and its state, a problem if it is out of order."""

    state: str = "reading"
    is_problem: bool = False
    stopped: Event = field(default_factory=Event)
    thread: Thread | None = None


class WatchedFolders:
    """The folders being watched, each by a thread. On the page, only a user of this machine adds one."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._folders: dict[Path, _Folder] = {}

    @property
    def may_add(self) -> bool:
        """Whether the page's users may choose folders: not if they are on other machines."""
        return is_only_here(self._assistant.settings)

    def add(self, path: str | Path) -> None:
        """Watch a folder; PilcrowError if there is none, or if it is watched already."""
        given = Path(path).expanduser()
        folder = given.resolve()
        if not str(path) or not folder.is_dir():
            raise PilcrowError(f"There is no folder {given}. Type the path of a folder on this machine.")
        if around := next((each for each in self._folders if folder.is_relative_to(each)), None):
            raise PilcrowError(f"{around} is watched already, with all folders in it.")
        self._folders[folder] = one = _Folder()
        one.thread = Thread(target=self._watch, args=(folder, one), name=f"watch {folder}")
        one.thread.start()

    def stop(self, path: str | Path) -> None:
        """Watch a folder no more; its documents stay. PilcrowError if it isn't watched."""
        one = self._folders.pop(Path(path), None)
        if one is None:
            raise PilcrowError(f"{path} is not watched.")
        one.stopped.set()
        if one.thread:
            one.thread.join()

    def close(self) -> None:
        """Stop all, after their current documents."""
        for one in self._folders.values():
            one.stopped.set()
        for folder in list(self._folders):
            self.stop(folder)

    def states(self) -> list[tuple[str, _Folder]]:
        """Return the folders with their states."""
        return [(str(folder), one) for folder, one in self._folders.items()]

    def _watch(self, folder: Path, one: _Folder) -> None:
        def report(done: IngestReport) -> None:
            unread = len(done.failed)
            reason = dict(done.failed).get(str(folder))
            one.is_problem = reason is not None
            one.state = reason or (f"watching; {unread} can't be read" if unread else "watching")

        def progress(_: str, done: float, total: int) -> None:
            one.state = f"reading, {int(done):,} of {total:,}" if done < total else "watching"

        try:
            self._assistant.watch(folder, report, progress, one.stopped)
        except PilcrowError as error:
            one.state, one.is_problem = str(error), True
