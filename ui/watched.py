"""The folders that the page's process watches, and their state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from rag import Assistant, IngestReport, PilcrowError
from ui.metrics import count_changes
from ui.server import is_only_here


@dataclass
class Folder:
    """A watched folder: how far it is read, why it is out of order, and (name, reason) of files not read."""

    done: int = 0
    total: int = 0
    reading: bool = True
    problem: str = ""
    unread: tuple[tuple[str, str], ...] = ()
    stopped: Event = field(default_factory=Event)
    thread: Thread | None = None


class WatchedFolders:
    """The folders being watched, each by a thread."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._folders: dict[Path, Folder] = {}

    @property
    def may_add(self) -> bool:
        """Whether the page's users may choose folders: not if they are on other machines."""
        return is_only_here(self._assistant.settings)

    def folders(self) -> list[tuple[str, Folder]]:
        """Return the folders with their state."""
        return [(str(path), folder) for path, folder in list(self._folders.items())]

    def add(self, path: str | Path) -> None:
        """Watch a folder; PilcrowError if there is none, or if it is watched already."""
        given = Path(path).expanduser()
        folder = given.resolve()
        if not str(path) or not folder.is_dir():
            raise PilcrowError(f"There is no folder {given}. Type the path of a folder on this machine.")
        if around := next((each for each in self._folders if folder.is_relative_to(each)), None):
            raise PilcrowError(f"{around} is watched already, with all folders in it.")
        self._folders[folder] = one = Folder()
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

    def _watch(self, folder: Path, one: Folder) -> None:
        def report(done: IngestReport) -> None:
            one.problem = dict(done.failed).get(str(folder), "")
            one.unread = tuple(each for each in done.failed + done.skipped if each[0] != str(folder))
            one.reading = False
            count_changes(done)

        def progress(_: str, done: float, total: int) -> None:
            one.done, one.total, one.reading = int(done), total, done < total

        try:
            self._assistant.watch(folder, report, progress, one.stopped)
        except PilcrowError as error:
            one.problem, one.reading = str(error), False
