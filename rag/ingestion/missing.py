"""Documents whose files are no longer where the index has them: renamed, moved, deleted or out of reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from stat import S_ISDIR
from unicodedata import normalize

from rag.index.catalog import Origin
from rag.ingestion.memory import Memory
from rag.ingestion.scan import FoundFile, Listed, Scan

Failures = list[tuple[str, str]]  # names with reasons


def may_exist(path: Path) -> bool:
    """Return False if nothing is at the path; True also for a folder that can't be read."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def may_be_file(path: Path) -> bool:
    """Return False if the path, which once was a file's with links resolved, is not one now."""
    try:
        state = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return not S_ISDIR(state.st_mode) and path.resolve() == path


def is_same(old: Origin, new: Origin) -> bool:
    """Return whether two versions have the same content, embedded alike."""
    return (old.sha256, old.fingerprint) == (new.sha256, new.fingerprint)


def is_gone(origin: Origin, moved: Set[str]) -> bool:
    """Return whether the file is gone though its folder exists, or is among the `moved` ones."""
    return not may_be_file(Path(origin.path)) and (may_exist(Path(origin.root)) or origin.root in moved)


def moved_roots(found: Iterable[FoundFile], origins: Sequence[Origin]) -> set[str]:
    """Return the missing folders whose files were found elsewhere; one unchanged file is enough."""
    by_source = {origin.source: origin for origin in origins}
    moved: set[str] = set()
    for file in found:
        origin = by_source.get(file.name)
        if origin and origin.root not in moved and not may_exist(Path(origin.root)):
            with suppress(OSError), file.path.open("rb") as content:
                if file_digest(content, "sha256").hexdigest() == origin.sha256:
                    moved.add(origin.root)
    return moved


class Former:
    """The documents of the index by content, to recognise a file under its new name."""

    def __init__(
        self, origins: Sequence[Origin], files: Scan, taken: Collection[str], moved: Set[str]
    ) -> None:
        """`taken` are the sources of the files found; the version of one of them is not renamed."""
        self._by_content: dict[tuple[str, str], list[Origin]] = {}
        for origin in origins:
            self._by_content.setdefault((origin.sha256, origin.fingerprint), []).append(origin)
        self._present = _Present(files)
        self._folders = [listed.folder for listed in files.complete]
        self._taken = set(taken)
        self._moved = moved

    def same_content(self, origin: Origin) -> Origin | None:
        """Return a document that the index has with the content of `origin`, which is new there, if any."""
        return next(iter(self._by_content.get((origin.sha256, origin.fingerprint), ())), None)

    def renamed(self, origin: Origin) -> Origin | None:
        """Return the document whose file was renamed to that of `origin`, if any; each one once.

        One of the same file name comes first.
        """
        same = self._by_content.get((origin.sha256, origin.fingerprint), [])
        name = Path(origin.path).name
        for former in sorted(same, key=lambda each: Path(each.path).name != name):
            if former.source not in self._taken and self._is_gone(former):
                self._taken.add(former.source)
                return former
        return None

    def _is_gone(self, origin: Origin) -> bool:
        path = Path(origin.path)
        if any(path.is_relative_to(folder) for folder in self._folders):
            return not self._present.has(path)
        return is_gone(origin, self._moved)


class _Present:
    """What exists on disk: the files found, and others, such as ignored or explicitly given ones."""

    def __init__(self, files: Scan) -> None:
        self._found = {file.path for file in files.found}
        self._spelt = {_folded(path): path for path in self._found}

    def has(self, path: Path) -> bool:
        """Return whether a file is there under this very name, on a disk that ignores case as well."""
        if path in self._found:
            return True
        if not may_be_file(path):
            return False
        with suppress(OSError):
            other = self._spelt.get(_folded(path))
            return not (other and other.samefile(path))
        return True  # one of the two vanished just now


def _folded(path: Path) -> str:
    return normalize("NFC", str(path)).casefold()


def existing_paths(paths: Sequence[Path], origins: Sequence[Origin]) -> tuple[list[Path], Failures]:
    """Split the paths into existing ones and, as failures, missing ones that have documents in the index."""
    existing: list[Path] = []
    missing: Failures = []
    for path in paths:
        location = path.expanduser().resolve()
        known = sum(Path(origin.path).is_relative_to(location) for origin in origins)
        if known and not may_exist(location):
            missing.append((str(path), out_of_reach("is missing", known)))
        else:
            existing.append(path)
    return existing, missing


def out_of_reach(state: str, known: int) -> str:
    """Return that a folder is out of reach and what to do."""
    return (
        f"{state}, but the index has {known} documents from it: nothing was removed. Restore it (is its disk "
        "mounted?), or remove them with: pilcrow remove SOURCE…"
    )


def gone_sources(
    origins: Sequence[Origin], files: Scan, kept: Collection[str], memory: Memory
) -> tuple[list[str], Failures]:
    """Return the sources whose files are gone from completely listed folders, or ignored there by now.

    Folders are returned instead, with the reason, if it may be that their disk was unmounted. `kept` are
    sources that are not gone.
    """
    present = _Present(files)
    gone: dict[str, None] = {}
    skipped: Failures = []
    for listed in files.complete:
        folder = listed.folder
        known = [
            origin
            for origin in origins
            if origin.source not in kept and Path(origin.path).is_relative_to(folder)
        ]
        absent = [
            origin.source
            for origin in known
            if not present.has(Path(origin.path)) or _is_ignored(origin, folder, files.ignored)
        ]
        if absent and (state := _doubt(listed, memory)):
            skipped.append((str(folder), out_of_reach(state, len(known))))
        else:
            gone |= dict.fromkeys(absent)
    return list(gone), skipped


def _doubt(listed: Listed, memory: Memory) -> str:
    """Return why files that seem gone from a folder may be on a disk that was unmounted, or ""."""
    try:
        state = listed.folder.stat()
    except OSError:
        return "is missing"
    if (state.st_dev, state.st_ino) != listed.identity or memory.is_on_another_disk(listed):
        return "is another folder now"
    return "is empty" if listed.is_empty and not memory.was_emptied(listed) else ""


def _is_ignored(origin: Origin, folder: Path, ignored: Set[Path]) -> bool:
    """Return whether a file that was found by listing the folder is ignored there by now."""
    path = Path(origin.path)
    return bool(ignored) and origin.root == str(folder) and not ignored.isdisjoint((path, *path.parents))
