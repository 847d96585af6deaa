"""Keep the vectors as the catalog has them: find out whether they are, and rebuild them if not."""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rag.errors import StoreError
from rag.index.catalog import Catalog, Snapshot
from rag.index.checking import SAMPLE, differences, lost
from rag.index.stores import Stores
from rag.index.vectors import READ_BATCH, VectorStore, damaged_file

log = logging.getLogger(__name__)

SAMPLE_ON_OPENING = 32
# HNSW never reuses the places of deleted vectors: above both limits, a rebuild costs less than keeping them.
MAX_DELETED_SHARE = 0.3
MAX_DELETED = 1000
COLLECTION = "collection:"  # the right to replace the vector store
LOOKS = 3  # at a number that others may be changing
TOLD_EVERY = 4 * READ_BATCH  # vectors; of a million, they take half a minute


@dataclass(frozen=True, slots=True)
class Home:
    """An index's folder, its catalog, and where its stores are."""

    folder: Path
    catalog: Catalog
    stores: Stores


def opened(home: Home) -> VectorStore:
    """Open the vector store that the catalog names, or rebuild it if that can't be.

    StoreError if its server can't be reached.
    """
    with home.catalog.read() as snapshot:
        location, collection = snapshot.meta("chroma"), snapshot.meta("collection")
        reason = _rebuild_reason(home, snapshot, location) if location else ""
    if location and collection and not reason:
        try:
            return home.stores.open_vectors(home.folder, location, collection)
        except StoreError as error:
            if home.stores.chroma_url:
                raise
            reason = str(error)
    return rebuild(home, collection, reason)


def _rebuild_reason(home: Home, snapshot: Snapshot, location: str) -> str:
    """Return why the store must be rebuilt, or "", as far as can be seen without opening it."""
    url = home.stores.chroma_url
    # Processes on different machines may know a shared server under different addresses.
    if not home.stores.shared and (url or "") != (location if "://" in location else ""):
        return "chroma_url has changed"
    if not url:
        if not (home.folder / location / "chroma.sqlite3").exists():
            return "their folder is missing"
        if damaged := damaged_file(home.folder / location):
            return f"{damaged.name} is damaged"
    deleted = int(snapshot.meta("deleted_vectors") or 0)
    if deleted > max(MAX_DELETED, MAX_DELETED_SHARE * snapshot.chunk_count()):
        return f"{deleted} deleted vectors take up space"
    return ""


def fault(home: Home, store: VectorStore, repaired: list[str]) -> str:
    """Return what is wrong with a store, or ""; `repaired` chunks are looked at closely."""
    if problem := _miscount(home.catalog, store):
        return problem
    if repaired and (found := differences(home.catalog, store)):
        return "; ".join(found)
    with home.catalog.read() as snapshot:
        sample = snapshot.sample(SAMPLE if repaired else SAMPLE_ON_OPENING)
        sample |= snapshot.vectors(repaired[:SAMPLE])
    return lost(home.catalog, store, sample)


def _miscount(catalog: Catalog, store: VectorStore) -> str:
    """Return that the store has more or fewer vectors than the catalog, unless others write meanwhile."""
    found = set()
    for _ in range(LOOKS):
        with catalog.read() as snapshot:
            expected, pending = snapshot.chunk_count(), snapshot.pending()
        if pending or (stored := store.count()) == expected:
            return ""
        found.add((stored, expected))
    return f"there are {stored} instead of {expected}" if len(found) == 1 else ""


def rebuild(home: Home, replaced: str | None, reason: str) -> VectorStore:
    """Return a new store with the catalog's vectors in place of the collection `replaced`, if there is one.

    The catalog names it once it is complete. Others may write meanwhile; if one of them has already replaced
    the store, theirs is returned.
    """
    with home.catalog.locked([COLLECTION]):
        with home.catalog.read() as snapshot:
            location, collection = snapshot.meta("chroma"), snapshot.meta("collection")
            leftover = snapshot.meta("leftover")
        if location and collection and collection != replaced:
            return home.stores.open_vectors(home.folder, location, collection)
        if collection:
            log.warning("Rebuilding the vectors of %s, without embedding: %s.", home.folder, reason)
        drop_from_server(home, home.stores.chroma_url, leftover)
        name = uuid4().hex[:12]
        new = home.stores.chroma_url or f"chroma-{name}", f"pilcrow-{name}"
        with home.catalog.write() as revision:
            revision.set_meta("leftover", new[1])
        store = home.stores.open_vectors(home.folder, *new)
        with ExitStack() as undo:
            undo.callback(store.close)
            _fill(home.catalog, store, new, collection or "")
            undo.pop_all()
        drop_from_server(home, location, collection)
        with home.catalog.write() as revision:
            revision.set_meta("leftover", "")
    delete_leftovers(home)
    return store


def _fill(catalog: Catalog, store: VectorStore, new: tuple[str, str], collection: str) -> None:
    """Copy the catalog's vectors to a store, then make the catalog name it."""
    with catalog.read() as snapshot:
        ids = snapshot.chunk_ids()
        _copy(snapshot, ids, store)
        sample = snapshot.sample(SAMPLE)
    unreachable = len(store.unreachable(sample)) / max(1, len(sample))
    with catalog.write() as revision:
        revision.set_meta("collection", new[1])  # waits for writers, who then find the new one
        with catalog.read() as snapshot:  # what they have written since
            now = snapshot.chunk_ids()
            _copy(snapshot, sorted(set(now) - set(ids)), store)
            store.delete(sorted(set(ids) - set(now)))
        revision.set_meta("chroma", new[0])
        revision.set_meta("leftover", collection)
        revision.set_meta("deleted_vectors", "0")
        revision.set_meta("unreachable_share", str(unreachable))


def _copy(snapshot: Snapshot, ids: list[str], store: VectorStore) -> None:
    for start in range(0, len(ids), READ_BATCH):
        part = ids[start : start + READ_BATCH]
        vectors, chunks = snapshot.vectors(part), snapshot.chunks(part)
        store.upsert(part, [vectors[i] for i in part], [chunks[i].source for i in part])
        if (start + len(part)) % TOLD_EVERY == 0:
            log.warning("%s of %s vectors are rebuilt.", f"{start + len(part):,}", f"{len(ids):,}")


def drop_from_server(home: Home, location: str | None, collection: str | None) -> None:
    """Delete a replaced collection if it is on the server."""
    url = home.stores.chroma_url
    if collection and url and location and (home.stores.shared or location == url):
        with suppress(StoreError):
            old = home.stores.open_vectors(home.folder, url, collection)
            old.drop()
            old.close()


def delete_leftovers(home: Home) -> None:
    """Delete what interrupted rebuilds left in the folder."""
    for folder in leftovers(home):
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(home: Home) -> list[Path]:
    """Return the folders of Chroma that the catalog does not name; none of a shared index, which has none."""
    if home.stores.shared:
        return []
    with home.catalog.read() as snapshot:
        location = snapshot.meta("chroma")
    found = sorted(home.folder.glob("chroma-" + "[0-9a-f]" * 12))
    return [each for each in found if each.is_dir() and each.name != location]
