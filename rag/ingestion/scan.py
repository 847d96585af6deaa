"""Find the files to ingest, and the source that names each in the index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from unicodedata import normalize

from rag.errors import LoadError
from rag.index.snapshot import Origin
from rag.loaders import FORMATS, SUFFIXES, unsupported

_SETTINGS = "pilcrow.toml"  # may hold keys, which no answer should quote


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to ingest: `path` is absolute, links resolved; `name` is its POSIX path below `root`, in NFC."""

    path: Path
    root: Path
    name: str


@dataclass(frozen=True, slots=True)
class Scan:
    """The files under the given paths; the folders listed completely.

    `failed` has (name, reason). So has `skipped`, for the files of a folder that no loader reads.
    """

    found: tuple[FoundFile, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    complete: tuple[Path, ...] = ()


def scan(paths: Sequence[Path], index_folder: Path) -> Scan:
    """Find every file once, hidden ones left out: in the order of the paths, by name within a folder.

    Raises LoadError for a missing path, before anything is read.
    """
    scans = [_scan(path, index_folder) for path in [_existing(path) for path in paths]]
    found = {file.path: file for one in reversed(scans) for file in reversed(one.found)}
    return Scan(
        tuple(reversed(found.values())),
        tuple(dict.fromkeys(failure for one in scans for failure in one.failed)),
        tuple(dict.fromkeys(skip for one in scans for skip in one.skipped)),
        tuple(folder for one in scans for folder in one.complete),
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


def _scan(path: Path, index_folder: Path) -> Scan:
    if not _is_utf8(str(path)):
        shown = path.name.encode(errors="replace").decode()
        return Scan(failed=((shown, "has a path that is not valid UTF-8; rename it"),))
    if path.is_dir():
        return _scan_folder(path.resolve(), index_folder)
    if not path.is_file():
        return Scan(failed=((path.name, "is neither a file nor a folder; pass one of those"),))
    if path.suffix.lower() not in SUFFIXES:
        return Scan(failed=((path.name, unsupported(path.name)),))
    return Scan((FoundFile(path.resolve(), path.resolve().parent, normalize("NFC", path.name)),))


def _scan_folder(root: Path, index_folder: Path) -> Scan:
    errors: list[OSError] = []
    failed: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    found: dict[Path, FoundFile] = {}
    # Files before links, so that a link to a file of the same folder adds nothing.
    for path in sorted(_entries(root, index_folder, errors), key=lambda entry: (entry.is_symlink(), entry)):
        name = path.relative_to(root).as_posix()
        if reason := _skip_reason(path, name, root):
            failed.append((name.encode(errors="backslashreplace").decode(), reason))
        elif path.is_file() and path.suffix.lower() in SUFFIXES:
            found.setdefault(path.resolve(), FoundFile(path.resolve(), root, normalize("NFC", name)))
        elif path.is_file() and not path.is_symlink():
            skipped.append((name, unsupported(name)))
    failed += [
        (str(error.filename), f"can't be listed ({error.strerror}); nothing under it was read or removed")
        for error in errors
    ]
    if not (found or failed):
        failed.append((str(root), f"nothing found to read; add files of a format that is read: {FORMATS}"))
    complete = () if errors else (root,)
    files = sorted(found.values(), key=lambda file: file.name)
    return Scan(tuple(files), tuple(failed), tuple(skipped), complete)


def _entries(root: Path, index_folder: Path, errors: list[OSError]) -> Iterator[Path]:
    """Yield the files and links below a folder, without hidden ones, the index and Pilcrow's settings."""
    for folder, folders, files in os.walk(root, onerror=errors.append):
        shown = [Path(folder, name) for name in folders if not name.startswith(".")]
        folders[:] = [entry.name for entry in shown if not entry.is_symlink() and entry != index_folder]
        yield from (entry for entry in shown if entry.is_symlink())
        yield from (Path(folder, name) for name in files if not name.startswith(".") and name != _SETTINGS)


def _skip_reason(path: Path, name: str, root: Path) -> str | None:
    """Return why a folder's entry is not read if the user should know, or None."""
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


def assign_sources(found: Sequence[FoundFile], origins: Sequence[Origin]) -> dict[Path, str]:
    """Return each file's source: the one its path has in the index, or a free name, with folders if needed.

    A name becomes free if its file was deleted from a folder that still exists, or if its folder was moved.
    A disk that isn't mounted keeps its names.
    """
    known = {Path(origin.path): origin.source for origin in origins}
    composed = {normalize("NFC", origin.path): origin for origin in origins if not origin.path.isascii()}
    by_source = {origin.source: origin for origin in origins}
    moved = _moved_roots(found, by_source)
    sources: dict[Path, str] = {}
    used: set[str] = set()
    for file in found:
        free = (
            name
            for name in _names(file)
            if name not in used and (name not in by_source or _is_free(by_source[name], moved))
        )
        source = known.get(file.path) or _respelled(file.path, composed) or next(free)
        used.add(source)
        sources[file.path] = source
    return sources


def _respelled(path: Path, composed: Mapping[str, Origin]) -> str | None:
    """Return the source of the same file under a path in NFD or NFC, as macOS accepts both; or None."""
    origin = composed.get(normalize("NFC", str(path)))
    with suppress(OSError):
        return origin.source if origin and path.samefile(origin.path) else None
    return None


def _is_free(origin: Origin, moved: set[str]) -> bool:
    return not may_exist(Path(origin.path)) and (may_exist(Path(origin.root)) or origin.root in moved)


def _moved_roots(found: Sequence[FoundFile], by_source: Mapping[str, Origin]) -> set[str]:
    """Return the missing folders whose files were found elsewhere; one unchanged file is enough."""
    moved: set[str] = set()
    for file in found:
        origin = by_source.get(file.name)
        if origin and origin.root not in moved and not may_exist(Path(origin.root)):
            with suppress(OSError), file.path.open("rb") as content:
                if file_digest(content, "sha256").hexdigest() == origin.sha256:
                    moved.add(origin.root)
    return moved


def _names(file: FoundFile) -> Iterator[str]:
    """Yield the name below the root, then with more and more of the root's path, up to all of it."""
    name = file.name
    yield name
    for folder in (file.root, *file.root.parents):
        name = f"{normalize('NFC', folder.name)}/{name}"
        yield name


def may_exist(path: Path) -> bool:
    """Return False if nothing is at the path; True also for a folder that can't be read."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def existing_paths(
    paths: Sequence[Path], origins: Sequence[Origin]
) -> tuple[list[Path], list[tuple[str, str]]]:
    """Split the paths into existing ones and, as failures, missing ones that have documents in the index."""
    existing, missing = [], []
    for path in paths:
        location = path.expanduser().resolve()
        known = sum(Path(origin.path).is_relative_to(location) for origin in origins)
        if known and not may_exist(location):
            missing.append((str(path), _skip_message("is missing", known)))
        else:
            existing.append(path)
    return existing, missing


def _skip_message(state: str, known: int) -> str:
    return (
        f"{state}, but the index has {known} documents from it: nothing was removed. Restore it (is its disk "
        "mounted?), or remove them with: pilcrow remove SOURCE…"
    )


def deleted_sources(origins: Sequence[Origin], files: Scan) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the sources whose files were deleted from completely listed folders, and the folders skipped."""
    deleted: dict[str, None] = {}
    skipped = []
    for folder in files.complete:
        known = [origin for origin in origins if Path(origin.path).is_relative_to(folder)]
        if known and not (may_exist(folder) and any(folder.iterdir())):
            skipped.append((str(folder), _skip_message("is empty", len(known))))
        else:
            deleted |= {origin.source: None for origin in known if not may_exist(Path(origin.path))}
    return list(deleted), skipped
