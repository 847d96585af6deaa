"""Find the files to ingest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from errno import ELOOP, ENOENT
from pathlib import Path
from unicodedata import normalize

from rag.errors import LoadError
from rag.ingestion.ignoring import GIT, OWN, Rules, rules_above
from rag.loaders import FORMATS, is_read, unsupported

_SETTINGS = "pilcrow.toml"  # may hold keys, which no answer should quote


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to ingest: `path` is absolute, links resolved; `name` is its POSIX path below `root`, in NFC."""

    path: Path
    root: Path
    name: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder listed completely, with its device and inode number; `is_empty` if nothing at all is in it."""

    folder: Path
    identity: tuple[int, int]
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """The files under the given paths, the folders listed completely, and what ignore files left out.

    `failed` has (name, reason). So has `skipped`, for the files of a folder that no loader reads.
    """

    found: tuple[FoundFile, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    complete: tuple[Listed, ...] = ()
    ignored: frozenset[Path] = frozenset()


def scan(paths: Sequence[Path], index_folder: Path, below: Path | None = None) -> Scan:
    """Find every file once, hidden ones left out: in the order of the paths, by name within a folder.

    A file given by itself is named by its path `below` that folder, or else by its name.
    Raises LoadError for a missing path, before anything is read.
    """
    scans = [_scan(path, index_folder, below) for path in [_existing(path) for path in paths]]
    found = {file.path: file for one in reversed(scans) for file in reversed(one.found)}
    return Scan(
        tuple(reversed(found.values())),
        tuple(dict.fromkeys(failure for one in scans for failure in one.failed)),
        tuple(dict.fromkeys(skip for one in scans for skip in one.skipped)),
        tuple(listed for one in scans for listed in one.complete),
        frozenset().union(*(one.ignored for one in scans)),
    )


def _existing(path: Path) -> Path:
    """Return the absolute path as the disk spells it; LoadError if nothing is there."""
    try:
        found = spelled(path.expanduser().absolute())
        found.stat()
        return found
    except (FileNotFoundError, NotADirectoryError):
        raise LoadError(str(path), "does not exist; check the path") from None
    except (OSError, RuntimeError) as error:
        raise LoadError(
            str(path), f"can't be reached ({error}); check the path and its permissions"
        ) from error


def spelled(path: Path) -> Path:
    """Return a path with each name in NFC or NFD, whichever exists: disks of macOS hold names in NFD."""
    if str(path).isascii() or path.exists():
        return path
    found = Path(path.anchor)
    for name in path.parts[1:]:
        spellings = [found / name, found / normalize("NFC", name), found / normalize("NFD", name)]
        found = next((one for one in spellings if one.exists()), spellings[0])
    return found


def _scan(path: Path, index_folder: Path, below: Path | None) -> Scan:
    if not _is_utf8(str(path)):
        shown = path.name.encode(errors="replace").decode()
        return Scan(failed=((shown, "has a path that is not valid UTF-8; rename it"),))
    if path.is_dir():
        return _scan_folder(path.resolve(), index_folder)
    if not path.is_file():
        return Scan(failed=((path.name, "is neither a file nor a folder; pass one of those"),))
    if not is_read(path.name):
        return Scan(failed=((path.name, unsupported(path.name)),))
    root, name = path.resolve().parent, path.name
    if below and path.is_relative_to(below.absolute()):
        root, name = below.resolve(), path.relative_to(below.absolute()).as_posix()
    return Scan((FoundFile(path.resolve(), root, normalize("NFC", name)),))


def _scan_folder(root: Path, index_folder: Path) -> Scan:
    failed: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    found: dict[Path, FoundFile] = {}
    entries = _Entries(root, index_folder)
    # Files before links, so that a link to a file of the same folder adds nothing.
    for is_link, path in sorted((_is_link(entry), entry) for entry in entries.walk()):
        name = path.relative_to(root).as_posix()
        if reason := _skip_reason(path, name, root, is_link):
            failed.append((name.encode(errors="backslashreplace").decode(), reason))
        elif path.is_file() and is_read(name):
            target = path.resolve() if is_link else path
            found.setdefault(target, FoundFile(target, root, normalize("NFC", name)))
        elif not is_link and path.exists():
            kind = unsupported(name) if path.is_file() else "is a pipe, socket or device; leave it out"
            skipped.append((name, kind))
    failed += [
        (str(error.filename), f"can't be listed ({error.strerror}); nothing under it was read or removed")
        for error in entries.errors
    ]
    if not (found or failed):
        failed.append((str(root), f"nothing found to read; add files of a format that is read: {FORMATS}"))
    files = sorted(found.values(), key=lambda file: file.name)
    return Scan(tuple(files), tuple(failed), tuple(skipped), entries.listed(), frozenset(entries.ignored))


class _Entries:
    """The files and links below a folder, without hidden ones, ignored ones, the index and the settings."""

    def __init__(self, root: Path, index_folder: Path) -> None:
        self._root = root
        self._index_folder = index_folder
        self._identity = (0, 0)
        self._is_empty = True
        self.errors: list[OSError] = []
        self.ignored: set[Path] = set()

    def walk(self) -> Iterator[Path]:
        """Yield each of them; a folder that can't be listed, or its ignore files read, is in `errors`."""
        try:
            state = self._root.stat()
            rules = {str(self._root): rules_above(self._root)}
        except OSError as error:
            self.errors.append(error)
            return
        self._identity = (state.st_dev, state.st_ino)
        for folder, folders, files in os.walk(self._root, onerror=self.errors.append):
            self._is_empty &= not (folders or files)
            own = rules.pop(folder)
            try:
                own = own.within(Path(folder)) if {GIT, OWN} & set(files) else own
            except OSError as error:
                self.errors.append(error)
                folders.clear()
                continue
            shown = [Path(folder, name) for name in folders if not name.startswith(".")]
            links = [path for path in shown if _is_link(path)]
            inner = [path for path in shown if path not in links and path != self._index_folder]
            inner = list(self._kept(inner, own, are_folders=True))
            folders[:] = [path.name for path in inner]
            rules |= {str(path): own for path in inner}
            readable = (Path(folder, n) for n in files if not n.startswith(".") and n != _SETTINGS)
            yield from self._kept([*links, *readable], own, are_folders=False)

    def _kept(self, paths: Sequence[Path], rules: Rules, are_folders: bool) -> Iterator[Path]:
        for path in paths:
            if rules.ignore(path, are_folders):
                self.ignored.add(path)
            else:
                yield path

    def listed(self) -> tuple[Listed, ...]:
        """Return the folder if every folder below it could be listed."""
        return () if self.errors else (Listed(self._root, self._identity, self._is_empty),)


def _skip_reason(path: Path, name: str, root: Path, is_link: bool) -> str | None:
    """Return why a folder's entry is not read if the user should know, or None."""
    if not _is_utf8(name):
        return "has a name that is not valid UTF-8; rename it"
    try:
        path.stat()
    except OSError as error:
        is_gone = error.errno == ENOENT and not is_link  # since the folder was listed
        return None if is_gone or (is_link and not is_read(name)) else _unreachable(error)
    if is_link and (is_read(name) or path.is_dir()) and not path.resolve().is_relative_to(root):
        return "is a link that leaves the folder; ingest its target by its own path"
    return None


def _unreachable(error: OSError) -> str:
    """Return why a folder's entry can't be reached, and the remedy."""
    if error.errno == ENOENT:
        return "is a link that leads nowhere; remove it or restore its target"
    if error.errno == ELOOP:
        return "is a link that leads in a circle; remove it"
    return f"can't be reached ({error.strerror}); shorten its path, or check its permissions"


def _is_link(path: Path) -> bool:
    """Return whether the path is a link; False if it can't be reached."""
    try:
        return path.is_symlink()
    except OSError:
        return False


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
