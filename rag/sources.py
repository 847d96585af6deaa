"""The documents that a question is limited to: by name, collection, folder or pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from rag.errors import StoreError
from rag.index.snapshot import Origin, Snapshot
from rag.text.encoding import encodable
from rag.types import DocumentInfo

Collections = Mapping[str, Sequence[str]] | None  # folders and patterns by name, as the setting has them


def document(source: str, snapshot: Snapshot) -> DocumentInfo:
    """Return the document of this name; StoreError if there is none."""
    if found := snapshot.document(source):
        return found
    raise StoreError(f"No document named {source!r}. Run `pilcrow list` to see all.")


def choose(
    wanted: Sequence[str] | str | None, collections: Collections, snapshot: Snapshot
) -> list[str] | None:
    """Return the sources that are wanted, each once; None for all.

    Each of `wanted` is a document's name, a collection's, a folder or a pattern; StoreError if it is none.
    """
    if wanted is None:
        return None
    found, known = dict[str, None](), collections or {}
    origins: Sequence[Origin] = ()
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if one := snapshot.document(name):
            found[one.source] = None
            continue
        origins = origins or snapshot.origins()
        inside = members(known.get(encodable(name), [name]), origins)
        if not inside:
            raise StoreError(_nothing(name, known))
        found |= dict.fromkeys(inside)
    return list(found)


def listed(
    wanted: Sequence[str] | str | None, collections: Collections, snapshot: Snapshot
) -> list[DocumentInfo]:
    """Return the documents that are wanted, sorted by source."""
    among = None if wanted is None else set(choose(wanted, collections, snapshot) or ())
    return [one for one in snapshot.documents() if among is None or one.source in among]


def contents(collections: Collections, snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the sources in each collection."""
    origins = snapshot.origins() if collections else []
    return {name: members(patterns, origins) for name, patterns in (collections or {}).items()}


def members(patterns: Sequence[str], origins: Sequence[Origin]) -> list[str]:
    """Return the sources that a pattern matches or that are in a folder of that name; case doesn't matter.

    A pattern may also start with the name of the ingested folder. If it is absolute, it matches paths.
    """
    wanted = [encodable(str(Path(one).expanduser())).removeprefix("**/").casefold() for one in patterns]
    return [
        origin.source
        for origin in origins
        if any(_matches(name, pattern) for name in _names(origin) for pattern in wanted)
    ]


def _names(origin: Origin) -> list[str]:
    """Return the source, the path from the ingested folder's name on, and the whole path."""
    above = origin.root.rpartition("/")[0]
    names = [origin.source, origin.path.removeprefix(f"{above}/"), origin.path]
    return [encodable(name).casefold() for name in names]


def _matches(name: str, pattern: str) -> bool:
    if name.startswith("/") != pattern.startswith("/"):
        return False
    return name == pattern or name.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(name, pattern)


def _nothing(name: str, collections: Mapping[str, Sequence[str]]) -> str:
    """Return why no document is meant, and what to do."""
    if patterns := collections.get(encodable(name)):
        matched = ", ".join(patterns)
        return (
            f"Collection {name!r} has no documents: none matches {matched}. Run `pilcrow list` to see all, "
            "then ingest its files, or change its patterns in pilcrow.toml."
        )
    if not collections:
        return f"No document named {name!r}. Run `pilcrow list` to see all."
    known = ", ".join(collections)
    return f"No document or collection named {name!r}. Collections: {known}. Run `pilcrow list` to see all."
