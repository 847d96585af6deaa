"""The library: uploads under names that clash with no document's, and documents removed with an undo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from secrets import token_hex
from threading import Timer
from typing import BinaryIO
from unicodedata import normalize

from rag import Assistant, PilcrowError
from rag.formats import unreadable
from ui.reading import Entry, Queue, move
from ui.words import t

FOLDER = "documents"  # in the index's folder: copies of the uploaded files, under their paths
MIB = 2**20
CHANGED = "file has changed"  # as Assistant.changed() says it
UNDO_SECONDS = 60.0  # the page offers the undo for 8
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Refused(PilcrowError):
    """Something that the library does not accept; `status` is the response's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Shelf:
    """What people do with the documents. Many threads may use it."""

    def __init__(self, assistant: Assistant, undo_seconds: float = UNDO_SECONDS) -> None:
        self._assistant = assistant
        self._undo_seconds = undo_seconds
        self._folder = assistant.settings.index.expanduser().resolve() / FOLDER
        self._queue = Queue(assistant, self._folder)
        self._removed: dict[str, list[tuple[str, Path, Path | None]]] = {}
        shutil.rmtree(self._queue.aside, ignore_errors=True)
        # What was uploaded before a restart, and not read.
        for file in sorted(path for path in self._queue.waiting.rglob("*") if path.is_file()):
            key, *parts = file.relative_to(self._queue.waiting).parts
            self._admit(Entry(key, "/".join(parts), file=file), "ask")

    def close(self) -> None:
        """Stop after the current files; the others are read at the next start."""
        self._queue.close()
        shutil.rmtree(self._queue.aside, ignore_errors=True)

    @property
    def limit(self) -> int:
        """The most MiB of a file."""
        return self._assistant.settings.file_mib

    @property
    def revision(self) -> int:
        """A number that grows with every change made here."""
        return self._queue.revision

    def entries(self) -> list[Entry]:
        """Return the files on their way, and those that ended lately."""
        return self._queue.entries()

    def offer(self, files: Sequence[tuple[str, int]]) -> list[int]:
        """Return which of these files, by path and size, to send; the others are listed with the reason."""
        accepted = []
        for at, (path, size) in enumerate(files):
            try:
                self._check(clean(path), size)
                accepted.append(at)
            except Refused as error:
                passed = Entry(token_hex(8), path)
                passed.end("passed", str(error))
                self._list(passed)
        return accepted

    def add(self, content: BinaryIO, size: int, path: str, on_clash: str = "ask") -> Entry:
        """Store an upload and queue it; Refused for a bad path, a format that isn't read, or a large file.

        A document of its name with other content is a clash, unless `on_clash` is "replace" or "keep" (both).
        """
        try:
            name = clean(path)
            self._check(name, size)
        except Refused as error:
            raise Refused(f"{path}: {error}", error.status) from None
        entry = Entry(token_hex(8), name)
        entry.file = self._queue.waiting / entry.key / name
        entry.file.parent.mkdir(parents=True, exist_ok=True)
        with entry.file.open("wb") as copy:
            shutil.copyfileobj(content, copy, MIB)
        return self._admit(entry, on_clash)

    def settle(self, key: str, on_clash: str) -> None:
        """Decide a clash: "replace", "keep" or "skip"; or try an upload again that failed: "ask"."""
        entry = self._queue.drop(key)
        if not entry or not entry.target or not entry.file.is_file():
            raise Refused(t("This has already been decided."), 409)
        if on_clash == "skip":
            shutil.rmtree(self._queue.waiting / key, ignore_errors=True)
        else:
            self._admit(entry, on_clash)

    def dismiss(self, keys: Iterable[str]) -> None:
        """Take files off the list that are not on their way, and delete what was uploaded of them."""
        for key in keys:
            if self._queue.drop(key):
                shutil.rmtree(self._queue.waiting / key, ignore_errors=True)

    def again(self, sources: Sequence[str]) -> None:
        """Read the files of documents again; without sources, all changed ones."""
        changed = (one for one, what in self._assistant.changed().items() if what == CHANGED)
        for source in sources or changed:
            self._read_again(source, self._assistant.path(source))

    def remove(self, sources: Sequence[str]) -> str:
        """Remove documents from the index at once; return what `restore` takes, for a while, to undo it."""
        paths = {source: self._assistant.path(source) for source in sources}
        self._assistant.remove(*paths)
        self._queue.revision += 1
        key = token_hex(8)
        removed = self._removed[key] = []
        for source, path in paths.items():
            kept = None
            if path.is_relative_to(self._folder) and path.is_file():
                kept = move(path, self._queue.aside / key / str(len(removed)))
                self._queue.discard(path)
            removed.append((source, path, kept))
        timer = Timer(self._undo_seconds, self._forget, [key])
        timer.daemon = True
        timer.start()
        return key

    def restore(self, key: str) -> None:
        """Undo a removal: read the documents again."""
        if (removed := self._removed.pop(key, None)) is None:
            raise Refused(t("It is too late to undo this. Add the files again."), 410)
        for source, path, kept in removed:
            if kept:
                entry = Entry(token_hex(8), path.relative_to(self._folder).as_posix())
                entry.file = move(kept, self._queue.waiting / entry.key / entry.name)
                self._admit(entry, "keep")
            else:
                self._read_again(source, path)

    def _forget(self, key: str) -> None:
        if self._removed.pop(key, None) is not None:
            shutil.rmtree(self._queue.aside / key, ignore_errors=True)

    def _read_again(self, source: str, path: Path) -> None:
        root = str(path).removesuffix(f"/{source}")
        below = None if root == str(path) else Path(root or "/")
        self._list(Entry(token_hex(8), source, file=path, below=below))

    def _check(self, name: str, size: int) -> None:
        if reason := unreadable(name):
            raise Refused(reason, 415)
        if size > self.limit * MIB:
            large = f"{-(-size // MIB):,} MiB"
            raise Refused(
                f"is {large}, more than {self.limit:,}; split it, or raise file_mib in pilcrow.toml", 413
            )

    def _admit(self, entry: Entry, on_clash: str) -> Entry:
        """Queue an upload under a free name, or under that of the document which it replaces."""
        with self._queue.lock, entry.file.open("rb") as content:
            entry.sha256 = file_digest(content, "sha256").hexdigest()
            taken = self._taken()
            before = taken.get(folded(entry.name))
            same = [one for one in _numbered(entry.name, taken) if taken[folded(one)][1] == entry.sha256]
            entry.state = "waiting"
            if same:
                entry.name = taken[folded(same[0])][0]
                entry.end("known")
                shutil.rmtree(self._queue.waiting / entry.key)
            elif before and on_clash == "keep":
                entry.name = list(_numbered(entry.name, taken, free=True))[-1]
            elif before:
                entry.may_replace = self._may_replace(before[0])
                if on_clash == "replace" and entry.may_replace:
                    entry.name = before[0]
                else:
                    entry.end("clash")
            entry.target, entry.below = self._folder / entry.name, self._folder
            self._list(entry)
            return entry

    def _list(self, entry: Entry) -> None:
        """List a file in place of what the list says of an earlier one of its name."""
        self.dismiss(one.key for one in self.entries() if one.name == entry.name and one.state != "clash")
        self._queue.add(entry)

    def _taken(self) -> dict[str, tuple[str, str]]:
        """Return name and hash of each document and each upload on its way, by its folded name."""
        known = [(one.source, one.sha256) for one in self._assistant.documents()]
        known += [(one.name, one.sha256) for one in self.entries() if one.active and one.target]
        return {folded(name): (name, sha256) for name, sha256 in known}

    def _may_replace(self, source: str) -> bool:
        """Return whether a document came by an upload; only then is its file ours to replace."""
        try:
            return self._assistant.path(source).is_relative_to(self._folder)
        except PilcrowError:  # it is still to be read
            return True


def clean(path: str) -> str:
    """Return an upload's path as a document's name; Refused if it leads elsewhere or is hidden."""
    text = normalize("NFC", _ODD.sub("", path.encode(errors="replace").decode())).replace("\\", "/")
    parts = [part.strip() for part in text.split("/")]
    if re.match("[A-Za-z]:|/", text) or not all(part.strip(".") for part in parts):
        raise Refused("has a path that leads elsewhere; add the file itself, or its folder")
    if any(part.startswith(".") for part in parts):
        raise Refused("is hidden; rename it without the leading dot")
    if len(text.encode()) > 700 or any(len(part.encode()) > 200 for part in parts):
        raise Refused("has a name that is too long; shorten it")
    if parts[-1] == "pilcrow.toml":
        raise Refused("holds settings, perhaps with keys; rename it to add it nevertheless")
    return "/".join(parts)


def folded(name: str) -> str:
    """Return a name for comparisons, as on a disk that knows no case."""
    return normalize("NFC", name).casefold()


def _numbered(name: str, taken: Iterable[str], free: bool = False) -> Iterator[str]:
    """Yield the name and "name (2)", "name (3)"… that are taken; then, if wanted, the first that is free."""
    path, number, one = PurePosixPath(name), 1, name
    while folded(one) in taken:
        yield one
        number += 1
        one = path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix()
    if free:
        yield one
