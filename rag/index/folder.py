"""An opened index: its catalog and its vector store, kept consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from rag.errors import EmbedderMismatch, StoreError
from rag.index.catalog import Catalog, Revision, Snapshot
from rag.index.changing import change, repair
from rag.index.checking import problems
from rag.index.keeping import (
    COLLECTION,
    Home,
    delete_leftovers,
    drop_from_server,
    fault,
    leftovers,
    opened,
    rebuild,
)
from rag.index.lock import FolderLock
from rag.index.sqlite_adopting import adopt
from rag.index.stores import CATALOG, Stores
from rag.index.vectors import VectorStore
from rag.types import Vector

SEARCHES = 64  # of vectors, at once


class Index:
    """An opened index. Many threads may read and write; on shared stores, many processes too."""

    def __init__(self, home: Home, lock: FolderLock | None, vectors: VectorStore) -> None:
        self.folder = home.folder
        self.catalog = home.catalog
        self._home = home
        self._lock = lock
        self._vectors = vectors
        self._searches = ThreadPoolExecutor(SEARCHES, "nearest")

    @classmethod
    def open(cls, folder: Path, embedder_name: str, dimension: int, stores: Stores | None = None) -> Index:
        """Open or create. Unless its stores are shared, the folder is locked until `close`.

        An interrupted write is completed or undone, and a damaged vector store rebuilt without embedding.
        Raises StoreError (locked, damaged, newer version, no server) or EmbedderMismatch.
        """
        folder, stores = folder.expanduser().resolve(), stores or Stores()
        with ExitStack() as undo:
            lock = None if stores.shared else FolderLock(folder)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if lock:
                    lock.acquire()
                    undo.callback(lock.release)
            except OSError as error:
                raise StoreError(
                    f"Can't open the index {folder}: {error.strerror}. Use another --index."
                ) from error
            catalog = stores.open_catalog(folder)
            undo.callback(catalog.close)
            _check_embedder(catalog, folder, embedder_name, dimension)
            home = Home(folder, catalog, stores)
            index = cls(home, lock, opened(home))
            undo.callback(index._vectors.close)
            index._settle()
            undo.pop_all()
        return index

    def _settle(self) -> None:
        """Complete or undo interrupted writes, and rebuild a store that differs from the catalog."""
        try:
            problem = fault(self._home, self._vectors, self.repair())
        except StoreError as error:
            if self._home.stores.chroma_url:
                self._vectors.count()  # raises if the server is down, so that a rebuild would not help
            problem = str(error)
        if problem:
            self._vectors.close()
            self._vectors = rebuild(self._home, self._vectors.name, problem)
            self.repair()
        delete_leftovers(self._home)

    def close(self) -> None:
        """Close the files and release the lock. The index can't be used any more."""
        with ExitStack() as undo:
            if self._lock:
                undo.callback(self._lock.release)
                undo.enter_context(self.catalog.locked(()))  # once a commit is done
            undo.callback(self.catalog.close)
            self._searches.shutdown()
            self._vectors.close()

    @property
    def stores(self) -> Stores:
        """Where the index keeps what it holds."""
        return self._home.stores

    @property
    def vectors(self) -> VectorStore:
        """The vector store, opened again if another process has replaced it."""
        if not self._home.stores.shared:
            return self._vectors
        with self.catalog.read() as snapshot:
            return self._named(snapshot.meta("collection") or "")

    def _named(self, collection: str) -> VectorStore:
        if self._home.stores.shared and collection != self._vectors.name:
            self._vectors = self._vectors.other(collection)
        return self._vectors

    def nearest(
        self, vector: Sequence[float], limit: int, sources: Sequence[str] | None, snapshot: Snapshot
    ) -> Future[list[tuple[str, float]]]:
        """Begin to find the (chunk id, cosine similarity) nearest to a vector, best first, as of a snapshot.

        The snapshot may be used meanwhile. Those that a writer has added or is about to delete may be among
        them. `sources` restricts the search.
        """
        used = snapshot.meta("collection") or ""
        return self._searches.submit(self._nearest, used, vector, limit, sources)

    def _nearest(
        self, used: str, vector: Sequence[float], limit: int, sources: Sequence[str] | None
    ) -> list[tuple[str, float]]:
        try:
            return self._named(used).query(vector, limit, sources)
        except StoreError:
            if self.vectors.name == used:
                raise
        return self.vectors.query(vector, limit, sources)

    def change(
        self,
        new: Mapping[str, tuple[str, Vector]],
        deleted: Mapping[str, str],
        write: Callable[[Revision], None],
    ) -> None:
        """Change the catalog by `write`, and with it the vectors; a kill leaves all of it or nothing.

        `new` has the source and the vector of each chunk id to store, `deleted` the source of each to delete.
        The caller holds the right to change these sources.
        """
        change(self.catalog, lambda: self.vectors, new, deleted, write)

    def repair(self, sources: Iterable[str] | None = None) -> list[str]:
        """Complete or undo interrupted writes; return the ids of the chunks.

        Those of `sources`, which the caller holds, or all that no living writer holds.
        """
        return repair(self.catalog, lambda: self.vectors, sources)

    def check(self) -> list[str]:
        """Return the problems found, for `doctor`: where catalog, word index and vectors disagree."""
        found = [f"leftover folder {folder}; delete it" for folder in leftovers(self._home)]
        return found + problems(self.catalog, lambda: self.vectors)

    def adopt(self, beside: Path) -> None:
        """Use the vectors and the embedder of another catalog of the same documents from now on."""
        with self.catalog.locked(()):
            with self.catalog.read() as snapshot:
                old = snapshot.meta("chroma"), snapshot.meta("collection")
            self._vectors.close()
            adopt(self.folder / CATALOG, beside)
            self._vectors = rebuild(self._home, None, "")
            drop_from_server(self._home, *old)


def _check_embedder(catalog: Catalog, folder: Path, name: str, dimension: int) -> None:
    """Record the embedder in a new index; EmbedderMismatch if the index was made with another."""
    wanted = name, str(dimension)
    if _embedder(catalog) == (None, None):
        with catalog.locked([COLLECTION]):
            if _embedder(catalog) == (None, None):
                with catalog.write() as revision:
                    revision.set_meta("embedder", name)
                    revision.set_meta("dimension", str(dimension))
    if (recorded := _embedder(catalog)) != wanted:
        raise EmbedderMismatch(
            f"The index {folder} was made with the embedder {recorded[0]} (dimension {recorded[1]}), but "
            f"{name} ({dimension}) is set. Run `pilcrow ingest --reembed` to embed its documents with "
            f"{name}, or set embedder to {recorded[0]}."
        )


def _embedder(catalog: Catalog) -> tuple[str | None, str | None]:
    with catalog.read() as snapshot:
        return snapshot.meta("embedder"), snapshot.meta("dimension")
