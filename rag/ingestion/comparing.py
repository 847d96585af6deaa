"""Compare the files with the index: which are unchanged, which can't be read, and which to load."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from rag.errors import LoadError
from rag.index.catalog import Origin
from rag.index.files import stamp
from rag.ingestion.memory import Memory, Reading, Stamp, stamp_of
from rag.ingestion.missing import Former, is_same, moved_roots
from rag.ingestion.scan import Scan
from rag.ingestion.sources import assign_sources
from rag.loaders import read_bytes
from rag.loaders.limits import Limits
from rag.loaders.ocr import can_read_more


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read, and why; its last version stays in the index."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the index has in this version; `old` is where it has it from."""

    origin: Origin
    old: Origin

    @property
    def source(self) -> str:
        """The document's name in the index."""
        return self.origin.source

    @property
    def moved(self) -> bool:
        """Whether the index has it from another path."""
        return self.old.path != self.origin.path


@dataclass(frozen=True, slots=True)
class Changed:
    """A new or changed file to load; its `origin` lacks the hash until it is read, unless `data` has it.

    `old` is the document's older version, `renamed` the document whose file was renamed to this one, and
    `like` the document whose vectors it can share, if any.
    """

    origin: Origin
    old: Origin | None
    renamed: Origin | None
    like: Origin | None
    touched: Stamp | None
    data: bytes | None


def compare(
    files: Scan, origins: Sequence[Origin], fingerprint: str, memory: Memory, limits: Limits
) -> Generator[Failed | Unchanged | Changed]:
    """Compare each file with the index, by its hash; one that has no namesake there by its size first."""
    moved = moved_roots(files.found, origins)
    sources = assign_sources(files.found, origins, moved)
    stored, sizes = {origin.source: origin for origin in origins}, {origin.size for origin in origins}
    former = Former(origins, files, sources.values(), moved)
    for file in files.found:
        source, before = sources[file.path], stamp(file.path)
        old, touched = stored.get(source), stamp_of(file.path)
        known = memory.reading(file.path, touched) or Reading("")
        origin = Origin(source, str(file.path), str(file.root), known.sha256, fingerprint, *before)
        if known.reason:
            yield Failed(source, known.reason)
            continue
        data = None
        if not _is_current(old, origin) and (old or not sizes.isdisjoint((-1, origin.size))):
            try:
                data = read_bytes(file.path, source, limits)
            except LoadError as error:
                memory.record(file.path, touched, Reading("", error.reason))
                yield Failed(source, error.reason)
                continue
            origin = replace(origin, sha256=sha256(data).hexdigest())
        if old and _is_current(old, origin):
            memory.record(file.path, touched, Reading(origin.sha256))
            yield Unchanged(origin, old)
            continue
        renamed = former.renamed(origin)
        like = renamed or former.same_content(origin) or old
        if old and old.fingerprint != fingerprint:  # the vectors may be another model's
            like = None
        yield Changed(origin, old, renamed, like, touched, data)


def _is_current(old: Origin | None, origin: Origin) -> bool:
    """Return whether the index has this version of a file, and all of it that can be read."""
    return old is not None and is_same(old, origin) and not can_read_more(old.left_out)
