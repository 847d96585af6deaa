"""Find where catalog, word index and vectors disagree, also while others write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rag.errors import StoreError
from rag.index.catalog import Catalog
from rag.index.vectors import VectorStore
from rag.types import Vector

SAMPLE = 1000
TOLERATED_SHARE = 0.01  # of vectors that an undamaged store may miss, as HNSW is approximate


def problems(catalog: Catalog, current: Callable[[], VectorStore]) -> list[str]:
    """Return the problems found, one line each; `current` returns the vector store."""
    with catalog.read() as snapshot:
        found = snapshot.problems(int(snapshot.meta("dimension") or 0))
    if interrupted := _interrupted(catalog):
        found.append(f"catalog: an interrupted write left {interrupted} chunks; reopen the index")
    try:
        store = current()
        found += differences(catalog, store)
        with catalog.read() as snapshot:
            sample = snapshot.sample(SAMPLE)
        if problem := lost(catalog, store, sample):
            found.append(f"vectors: {problem}")
    except StoreError as error:
        found.append(f"vectors: {error}")
    return found


def _interrupted(catalog: Catalog) -> int:
    """Return how many chunks a writer left marked that is no longer there."""
    with catalog.read() as snapshot:
        pending = snapshot.pending()
    if not pending:
        return 0
    with catalog.locked(set(pending.values()), wait=False) as held, catalog.read() as snapshot:
        return sum(source in held for source in snapshot.pending().values())


def differences(catalog: Catalog, store: VectorStore) -> list[str]:
    """Return how the ids in the catalog and in the vector store differ, those that others change left out."""
    missing, surplus = _different_ids(catalog, store)
    if missing or surplus:  # still so?
        missing, surplus = (
            a & b for a, b in zip((missing, surplus), _different_ids(catalog, store), strict=True)
        )
    counts = {"chunks have no vector": len(missing), "vectors have no chunk": len(surplus)}
    return [f"vectors: {n} {what}; reopen the index" for what, n in counts.items() if n]


def _different_ids(catalog: Catalog, store: VectorStore) -> tuple[set[str], set[str]]:
    """Return the ids of chunks without a vector, and of vectors without a chunk."""
    before, changing = _ids(catalog)
    stored = store.held(sorted(before))
    if store.count() != len(stored):  # it has others
        stored = store.ids()
    after, still = _ids(catalog)
    changing |= still
    return (before & after) - stored - changing, stored - before - after - changing


def _ids(catalog: Catalog) -> tuple[set[str], set[str]]:
    """Return the ids of all chunks, and of those that are changing."""
    with catalog.read() as snapshot:
        return set(snapshot.chunk_ids()), set(snapshot.pending())


def lost(catalog: Catalog, store: VectorStore, sample: Mapping[str, Vector]) -> str:
    """Return that too many sampled vectors are unreachable, or "".

    The share that a new store misses is recorded, and only a clearly larger one is a problem. Word search
    finds the rest.
    """
    missed = store.unreachable(sample)
    with catalog.read() as snapshot:
        missed = list(snapshot.vectors(missed))  # others may have removed some of them meanwhile
        expected = float(snapshot.meta("unreachable_share") or 0)
    tolerated = 2 * expected + 0.1 if expected else TOLERATED_SHARE
    if len(missed) <= tolerated * len(sample):
        return ""
    return f"{len(missed)} of {len(sample)} sampled vectors can't be found by their own query"
