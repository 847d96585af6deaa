"""The documents that a question is limited to: by name, collection, folder or pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import StoreError
from rag.text.encoding import encodable
from rag.types import DocumentInfo

if TYPE_CHECKING:
    from rag.index.catalog import Origin, Snapshot  # brings numpy

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
    everything = len(found) == len(origins) > 0
    return None if everything else list(found)


def listed(
    wanted: Sequence[str] | str | None, collections: Collections, snapshot: Snapshot
) -> list[DocumentInfo]:
    """Return the documents that are wanted, sorted by source."""
    among = choose(wanted, collections, snapshot)
    inside = None if among is None else set(among)
    return [one for one in snapshot.documents() if inside is None or one.source in inside]


def contents(collections: Collections, snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the sources in each collection."""
    origins = snapshot.origins() if collections else []
    return {name: members(patterns, origins) for name, patterns in (collections or {}).items()}


def members(patterns: Sequence[str], origins: Sequence[Origin]) -> list[str]:
    """Return the sources that a pattern matches or that are in a folder of that name; case doesn't matter.

    A pattern may also start with the name of the ingested folder. If it is absolute, it matches paths.
    """
    wanted = [_folded(str(Path(one).expanduser())).removeprefix("**/") for one in patterns]
    absolute = _expression([one for one in wanted if one.startswith("/")])
    relative = _expression([one for one in wanted if not one.startswith("/")])

    def is_inside(origin: Origin) -> bool:
        below = origin.path.removeprefix(f"{origin.root.rpartition('/')[0]}/")
        return bool(
            relative.match(_folded(origin.source))
            or relative.match(_folded(below))
            or absolute.match(_folded(origin.path))
        )

    return [origin.source for origin in origins if is_inside(origin)]


def _folded(name: str) -> str:
    return encodable(name).casefold()


def _expression(patterns: Sequence[str]) -> re.Pattern[str]:
    """Return an expression for the names that are a pattern, match it or are in a folder of that name."""
    inside = [rf"{re.escape(one.rstrip('/'))}(?:/.*)?\Z" for one in patterns]
    return re.compile("|".join([*inside, *map(translate, patterns)]) or r"(?!)", re.DOTALL)


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
