"""The source that names each file in the index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

from rag.index.catalog import Origin
from rag.ingestion.missing import is_gone
from rag.ingestion.scan import FoundFile


def assign_sources(found: Sequence[FoundFile], origins: Sequence[Origin], moved: Set[str]) -> dict[Path, str]:
    """Return each file's source: the one its path has in the index, or a free name, with folders if needed.

    A name becomes free if its file was deleted from a folder that still exists, or if its folder is among
    the `moved`. A disk that isn't mounted keeps its names.
    """
    known = {Path(origin.path): origin.source for origin in origins}
    composed = {normalize("NFC", origin.path): origin for origin in origins if not origin.path.isascii()}
    by_source = {origin.source: origin for origin in origins}
    sources: dict[Path, str] = {}
    used: set[str] = set()
    for file in found:
        free = (
            name
            for name in _names(file)
            if name not in used and (name not in by_source or is_gone(by_source[name], moved))
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


def _names(file: FoundFile) -> Iterator[str]:
    """Yield the name below the root, then with more and more of the root's path, up to all of it."""
    name = file.name
    yield name
    for folder in (file.root, *file.root.parents):
        name = f"{normalize('NFC', folder.name)}/{name}"
        yield name
