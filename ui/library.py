"""The library: uploads that never overwrite a document, read in the background; removal with an undo."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from secrets import token_hex
from threading import RLock, Timer
from time import monotonic
from typing import BinaryIO
from unicodedata import normalize

from rag import Assistant, IngestReport, PilcrowError
from rag.formats import unreadable
from ui.metrics import count_changes
from ui.words import t

NOTES = "removed"  # in the index's folder: of each removal that can be undone, its documents
FOLDER = "uploads"  # in the index's folder: of each upload a folder, with the file under its path
MIB = 2**20
CHANGED = "file has changed"  # as Assistant.changed() says it
UNDO_SECONDS = 60.0  # the page offers the undo for 8
SHOWN_SECONDS = 600.0  # how long a file that was read stays in the list
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Refused(PilcrowError):
    """Something that the library does not accept; `status` is the response's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Entry:
    """A file on its way, named by its path below `below`; an upload has the `sha256` of its content.

    `state`: waiting, reading, done, known, failed, passed (over), or clash, which is neither kept nor listed.
    """

    name: str
    file: Path = Path()
    below: Path | None = None
    sha256: str = ""
    state: str = "waiting"
    reason: str = ""
    share: float = 0.0
    paragraphs: int = 0
    left_out: tuple[str, ...] = ()
    may_replace: bool = False
    since: float = field(default_factory=monotonic)

    @property
    def active(self) -> bool:
        """Whether it is still to be read."""
        return self.state in {"waiting", "reading"}

    def progress(self, _: str, done: float, total: int) -> None:
        """Take how far it is read."""
        self.share = min(done / max(total, 1), 0.99)


class Shelf:
    """What people do with the documents. Many threads may use it; one more reads the files."""

    def __init__(self, assistant: Assistant, undo_seconds: float = UNDO_SECONDS) -> None:
        self.limit = assistant.settings.file_mib
        self._assistant, self._undo_seconds = assistant, undo_seconds
        self._index = assistant.settings.index.expanduser().resolve()
        self._folder = self._index / FOLDER
        self._entries: list[Entry] = []
        self._notes = self._index / NOTES
        self._removed: set[str] = set()
        self._lock = RLock()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read")

    def close(self) -> None:
        """Stop after the current file; the uploads after it are not kept."""
        self._reader.shutdown(cancel_futures=True)
        for entry in self._entries:
            if entry.active and entry.sha256:
                self._delete(entry.file)
        for key in list(self._removed):
            self._forget(key)

    def entries(self) -> list[Entry]:
        """Return the files on their way, those that failed, and what was read lately."""
        lately = monotonic() - SHOWN_SECONDS
        with self._lock:
            return [one for one in self._entries if one.active or one.state == "failed" or one.since > lately]

    def clear(self) -> None:
        """Take the files off the list that aren't on their way."""
        with self._lock:
            self._entries = [one for one in self._entries if one.active]

    def offer(self, files: Sequence[tuple[str, int]]) -> list[int]:
        """Return which of these files, by path and size, to send; the others are listed with the reason."""
        accepted = []
        for at, (path, size) in enumerate(files):
            try:
                self._name(path, size)
                accepted.append(at)
            except Refused as error:
                self._list(Entry(path, state="passed", reason=str(error)))
        return accepted

    def add(self, content: BinaryIO, size: int, path: str, on_clash: str = "ask") -> Entry:
        """Keep an upload and queue it; Refused for a bad path, a format that isn't read, or a large file.

        A document of its name with other content is a clash, unless `on_clash` is "replace" or "keep" (both).
        """
        try:
            name = self._name(path, size)
        except Refused as error:
            raise Refused(f"{path}: {error}", error.status) from None
        kept = self._folder / token_hex(8) / name
        with self._lock:
            kept.parent.mkdir(parents=True)
        with kept.open("wb") as file:
            shutil.copyfileobj(content, file, MIB)
        return self._admit(kept, on_clash)

    def again(self, sources: Sequence[str]) -> None:
        """Read the files of documents again; without sources, all changed ones."""
        changed = [one for one, what in self._assistant.changed().items() if what == CHANGED]
        for source in sources or changed:
            path = self._assistant.path(source)
            self._list(Entry(source, path, _root(path, source)))

    def remove(self, sources: Sequence[str]) -> str:
        """Remove documents from the index at once; return what `restore` takes, for a while, to undo it."""
        removed = [(source, self._assistant.path(source)) for source in sources]
        count_changes(IngestReport(removed=self._assistant.remove(*sources)))
        key = token_hex(8)
        self._notes.mkdir(mode=0o700, exist_ok=True)
        (self._notes / key).write_text(json.dumps([(source, str(path)) for source, path in removed]), "utf-8")
        self._removed.add(key)
        timer = Timer(self._undo_seconds, self._forget, [key])
        timer.daemon = True
        timer.start()
        return key

    def restore(self, key: str) -> None:
        """Undo a removal: read the documents again."""
        if not (removed := self._take_note(key)):
            raise Refused(t("It is too late to undo this. Add the files again."), 410)
        for source, path in removed:
            if path.is_relative_to(self._folder) and path.is_file():
                self._admit(path, "keep")
            else:
                self._list(Entry(source, path, _root(path, source)))

    def _forget(self, key: str) -> None:
        self._removed.discard(key)
        for _, path in self._take_note(key):
            if path.is_relative_to(self._index):
                self._delete(path)

    def _take_note(self, key: str) -> list[tuple[str, Path]]:
        """Return what was removed, once: to whichever process comes first, to undo it or to forget it."""
        note, taken = self._notes / key, self._notes / f"{key}.taken"
        if not re.fullmatch("[0-9a-f]{16}", key) or not note.is_file():
            return []
        with suppress(FileNotFoundError):
            note.rename(taken)
            removed = json.loads(taken.read_text("utf-8"))
            taken.unlink()
            return [(source, Path(path)) for source, path in removed]
        return []

    def _delete(self, file: Path) -> None:
        """Delete an uploaded file, and the folders that this leaves empty."""
        with self._lock, suppress(OSError):
            file.unlink(missing_ok=True)
            os.removedirs(file.parent)

    def _name(self, path: str, size: int) -> str:
        """Return the name of a file to be added; Refused if it can't be."""
        name, large = clean(path), f"is {-(-size // MIB):,} MiB, more than {self.limit:,}"
        if reason := unreadable(name):
            raise Refused(reason, 415)
        if size > self.limit * MIB:
            raise Refused(f"{large}; split it, or raise file_mib in pilcrow.toml", 413)
        return name

    def _admit(self, file: Path, on_clash: str) -> Entry:
        """Queue an upload under a free name, or under that of the document which it replaces."""
        own, *inner = file.relative_to(self._folder).parts
        below = self._folder / own if inner else self._folder  # without an own folder in earlier versions
        name = file.relative_to(below).as_posix()
        with self._lock, file.open("rb") as content:
            entry = Entry(name, file, below, file_digest(content, "sha256").hexdigest())
            coming = {one.name: one.sha256 for one in self._entries if one.active and one.sha256}
            hashes = {one.source: one.sha256 for one in self._assistant.documents()} | coming
            taken = {folded(one): one for one in hashes}
            before, path, number = taken.get(folded(name)), PurePosixPath(name), 1
            while (there := taken.get(folded(entry.name))) and hashes[there] != entry.sha256:
                number += 1
                entry.name = path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix()
            if there:
                entry.name, entry.state = there, "known"
            elif before and on_clash != "keep":
                entry.name = before
                entry.may_replace = before in coming or bool(self._upload(before))
                if on_clash != "replace" or not entry.may_replace:
                    entry.state = "clash"
            if not entry.active:
                self._delete(file)
            elif entry.name != name:
                entry.file = file.rename(below / entry.name)
            if entry.state != "clash":
                self._list(entry)
            return entry

    def _upload(self, source: str) -> Path | None:
        """Return a document's file if it was uploaded: only then may it be replaced."""
        with suppress(PilcrowError):  # there is no such document yet
            path = self._assistant.path(source)
            return path if path.is_relative_to(self._index) else None
        return None

    def _list(self, entry: Entry) -> None:
        """List a file in place of an earlier one of its name, and read it when its turn comes."""
        with self._lock:
            self._entries = [one for one in self._entries if one.active or one.name != entry.name]
            self._entries.append(entry)
        if entry.active:
            self._reader.submit(self._read, entry)

    def _read(self, entry: Entry) -> None:
        """Read a file. An upload that can't be read is deleted, and replaces nothing."""
        entry.state, old = "reading", None
        problem = "can't be read because of a fault in Pilcrow; please report it"
        try:
            old = self._replace(entry) if entry.sha256 else None
            report = self._assistant.ingest(entry.file, False, entry.progress, entry.below)
            count_changes(report)
            problem = "; ".join(reason for _, reason in report.failed)
            entry.left_out = tuple(reason for _, reason in report.partly)
            if not problem:
                entry.paragraphs = sum(one.paragraphs for one in self._assistant.documents(entry.name))
        except PilcrowError as error:
            problem = str(error)
        finally:
            if problem and old:
                old.replace(entry.file)
            elif problem and entry.sha256:
                self._delete(entry.file)
            if old:
                self._delete(old)
            entry.reason, entry.since = problem, monotonic()
            entry.state = "failed" if problem else "done"

    def _replace(self, entry: Entry) -> Path | None:
        """Move an upload to the place of the document it replaces; return where that one's file is now."""
        if not (place := self._upload(entry.name)) or place == entry.file:
            return None
        place.parent.mkdir(parents=True, exist_ok=True)
        old = place.rename(entry.file.with_name(".old")) if place.is_file() else None
        entry.file, entry.below = entry.file.rename(place), _root(place, entry.name)
        return old


def _root(path: Path, source: str) -> Path | None:
    """Return the folder below which a document's path is its name; None if its name isn't such a path."""
    root = str(path).removesuffix(f"/{source}")
    return None if root == str(path) else Path(root or "/")


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
