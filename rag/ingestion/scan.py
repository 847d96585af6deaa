"""Which files an ingestion is to read, and under which source each is held."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from rag.errors import LoadError
from rag.index.snapshot import Origin
from rag.loaders import SUFFIXES


@dataclass(frozen=True, slots=True)
class Found:
    """A file to ingest: `path` absolute with links resolved, `name` its POSIX path below `root`."""

    path: Path
    root: Path
    name: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies under the given paths. `failed`: (name, reason)…; `complete`: folders read whole."""

    found: tuple[Found, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    complete: tuple[Path, ...] = ()


def scan(paths: Sequence[Path], index_folder: Path) -> Scan:
    """Every file once, in the order of the paths, a folder's sorted by name; hidden ones are passed over.

    Raises LoadError for a path that does not exist, before anything is read.
    """
    for path in paths:
        _check(path)
    scans = [_scan(path.expanduser().absolute(), index_folder) for path in paths]
    found = {file.path: file for one in reversed(scans) for file in reversed(one.found)}
    return Scan(
        tuple(reversed(found.values())),
        tuple(dict.fromkeys(failure for one in scans for failure in one.failed)),
        tuple(folder for one in scans for folder in one.complete),
    )


def _check(path: Path) -> None:
    try:
        path.expanduser().stat()
    except (FileNotFoundError, NotADirectoryError):
        raise LoadError(str(path), "does not exist; check the path") from None
    except (OSError, RuntimeError) as error:
        raise LoadError(str(path), f"cannot be reached ({error}); check the path and its rights") from error


def _scan(path: Path, index_folder: Path) -> Scan:
    if not _is_utf8(str(path)):
        shown = path.name.encode(errors="replace").decode()
        return Scan(failed=((shown, "has a path that is not valid UTF-8; rename it"),))
    if path.is_dir():
        return _scan_folder(path.resolve(), index_folder)
    if not path.is_file():
        return Scan(failed=((path.name, "is neither a file nor a folder"),))
    if path.suffix.lower() not in SUFFIXES:
        kind = path.suffix or "a file without a suffix"
        reason = f"no loader for {kind}; there are loaders for {', '.join(sorted(SUFFIXES))}"
        return Scan(failed=((path.name, reason),))
    return Scan((Found(path.resolve(), path.resolve().parent, path.name),))


def _scan_folder(root: Path, index_folder: Path) -> Scan:
    errors: list[OSError] = []
    failed: list[tuple[str, str]] = []
    found: dict[Path, Found] = {}
    # Files before links: a link to a file that is in the folder anyway adds nothing.
    for path in sorted(_entries(root, index_folder, errors), key=lambda entry: (entry.is_symlink(), entry)):
        name = path.relative_to(root).as_posix()
        if reason := _unfit(path, name, root):
            failed.append((name.encode(errors="backslashreplace").decode(), reason))
        elif path.is_file() and path.suffix.lower() in SUFFIXES:
            found.setdefault(path.resolve(), Found(path.resolve(), root, name))
    failed += [
        (str(error.filename), f"cannot be listed ({error.strerror}); nothing under it was read or removed")
        for error in errors
    ]
    complete = () if errors else (root,)
    return Scan(tuple(sorted(found.values(), key=lambda file: file.name)), tuple(failed), complete)


def _entries(root: Path, index_folder: Path, errors: list[OSError]) -> Iterator[Path]:
    """Files and links below a folder; of hidden ones and of the index itself nothing."""
    for folder, folders, files in os.walk(root, onerror=errors.append):
        shown = [Path(folder, name) for name in folders if not name.startswith(".")]
        folders[:] = [entry.name for entry in shown if not entry.is_symlink() and entry != index_folder]
        yield from (entry for entry in shown if entry.is_symlink())
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _unfit(path: Path, name: str, root: Path) -> str | None:
    """Why an entry of a folder is not read, where a person should hear of it."""
    if path.is_symlink() and (path.is_dir() or path.suffix.lower() in SUFFIXES):
        if not path.resolve().is_relative_to(root):
            return "is a link that leaves the folder; ingest its target by its own path"
        if not path.exists():
            return "is a link that leads nowhere; remove it or restore its target"
    return None if _is_utf8(name) else "has a name that is not valid UTF-8; rename it"


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def assign_sources(found: Sequence[Found], held: Sequence[Origin]) -> dict[Path, str]:
    """The source of each file: the one its path is held under, else its name, prefixed where that is taken.

    A source is free again when the file that had it is gone from a folder that is still there, or its folder
    was moved: another of its files stands here unchanged. A disk that is not mounted keeps its names.
    """
    owners = {origin.source: Path(origin.path) for origin in held}
    known = {path: source for source, path in owners.items()}
    origins = {origin.source: origin for origin in held}
    moved = {
        origins[file.name].root
        for file in found
        if file.name in origins and _is_moved(origins[file.name], file.path)
    }
    sources: dict[Path, str] = {}
    for file in found:
        source = known.get(file.path) or next(
            name
            for name in _names(file)
            if name not in owners or (name in origins and _is_free(origins[name], moved))
        )
        owners[source] = file.path
        sources[file.path] = source
    return sources


def _is_free(origin: Origin, moved: set[str]) -> bool:
    return not exists(Path(origin.path)) and (exists(Path(origin.root)) or origin.root in moved)


def _is_moved(origin: Origin, path: Path) -> bool:
    """Whether the file of an origin is gone, and stands unchanged at this path."""
    if exists(Path(origin.path)):
        return False
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == origin.sha256
    except OSError:
        return False


def _names(file: Found) -> Iterator[str]:
    """The name below the root, then with ever more of the root's own path before it."""
    name = file.name
    yield name
    for folder in (file.root, *file.root.parents):
        name = f"{folder.name}/{name}"
        yield name  # at last with a leading slash: the absolute path, which nothing else can have


def exists(path: Path) -> bool:
    """Whether something is at the path, as far as can be told: a folder that may not be read may hold it."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def present(paths: Sequence[Path], held: Sequence[Origin]) -> tuple[list[Path], list[tuple[str, str]]]:
    """The paths without those that are missing while documents are known under them: a disk not mounted."""
    there, lost = [], []
    for path in paths:
        place = path.expanduser().resolve()
        known = sum(Path(origin.path).is_relative_to(place) for origin in held)
        if known and not exists(place):
            lost.append((str(path), _spared("is missing", known)))
        else:
            there.append(path)
    return there, lost


def _spared(state: str, known: int) -> str:
    return (
        f"{state}, though {known} documents of it are held: nothing was removed. Bring it back (is its disk "
        "mounted?), or take them out with: pilcrow remove SOURCE…"
    )


def gone(held: Sequence[Origin], seen: Scan) -> tuple[list[str], list[tuple[str, str]]]:
    """The sources whose file is gone from a folder that was read whole, and the folders that were spared."""
    lost: dict[str, None] = {}
    spared = []
    for folder in seen.complete:
        known = [origin for origin in held if Path(origin.path).is_relative_to(folder)]
        if known and not (exists(folder) and any(folder.iterdir())):
            spared.append((str(folder), _spared("is empty", len(known))))
        else:
            lost |= {origin.source: None for origin in known if not exists(Path(origin.path))}
    return list(lost), spared
