"""Change catalog and vectors together: a kill at any moment leaves all of a change or nothing.

The order: mark the changing chunks, write their vectors, commit the catalog, delete the old vectors, clear
the marks. What a killed writer left marked is repaired by the next one and by the next opening. If another
process replaces the vector store before the commit, a change starts again with the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rag.errors import StoreError
from rag.index.catalog import Catalog, Revision
from rag.index.vectors import VectorStore
from rag.types import Vector

Current = Callable[[], VectorStore]  # returns the vector store that the catalog names now
New = Mapping[str, tuple[str, Vector]]  # a source and a vector by chunk id


def change(
    catalog: Catalog,
    current: Current,
    new: New,
    deleted: Mapping[str, str],
    write: Callable[[Revision], None],
) -> None:
    """Store the `new` vectors, commit what `write` does to the catalog, and delete vectors.

    The caller holds the right to change the sources, also of the `deleted` chunk ids.
    """
    marked = {key: source for key, (source, _) in new.items()} | dict(deleted)
    if new:
        with catalog.write() as revision:
            revision.mark_pending(marked)
    while not _committed(catalog, current, new, marked, write):
        pass
    store = current()
    if deleted:
        _unless_replaced(store, current, lambda: store.delete(list(deleted)))
    with catalog.write() as revision:
        revision.add_meta("deleted_vectors", len(deleted))
        revision.clear_pending(marked)


def _committed(
    catalog: Catalog,
    current: Current,
    new: New,
    marked: Mapping[str, str],
    write: Callable[[Revision], None],
) -> bool:
    """Store the vectors and commit; return False if the vector store was replaced before the commit."""
    store = current()
    sources, vectors = [source for source, _ in new.values()], [vector for _, vector in new.values()]
    if new and not _unless_replaced(store, current, lambda: store.upsert(list(new), vectors, sources)):
        return False
    with catalog.write() as revision:
        if revision.hold_meta("collection") != store.name:
            return False
        if not new:
            revision.mark_pending(marked)
        write(revision)
        revision.add_meta("revision", 1)
    return True


def _unless_replaced(store: VectorStore, current: Current, step: Callable[[], None]) -> bool:
    """Do a step of a vector store; return False if it failed because the store was replaced."""
    try:
        step()
    except StoreError:
        if current().name == store.name:
            raise
        return False
    return True


def repair(catalog: Catalog, current: Current, sources: Iterable[str] | None = None) -> list[str]:
    """Bring chunks that interrupted writes left marked into the catalog's state; return their ids.

    Those of `sources`, which the caller holds, or all that no living writer holds.
    """
    with catalog.read() as snapshot:
        pending = snapshot.pending()
    if sources is not None:
        return _repair(catalog, current, set(sources)) if pending else []
    if not pending:
        return []
    with catalog.locked(set(pending.values()), wait=False) as held:
        return _repair(catalog, current, held)


def _repair(catalog: Catalog, current: Current, sources: Iterable[str]) -> list[str]:
    among = frozenset(sources)
    with catalog.read() as snapshot:
        pending = {key: source for key, source in snapshot.pending().items() if source in among}
        vectors = snapshot.vectors(pending)
    if pending:
        new = {key: (pending[key], vector) for key, vector in vectors.items()}
        deleted = {key: source for key, source in pending.items() if key not in vectors}
        change(catalog, current, new, deleted, lambda _: None)
    return list(pending)
