"""An opened index folder: its lock, its catalog and its vector store, kept consistent."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import RLock
from uuid import uuid4

from rag.errors import EmbedderMismatch, StoreError
from rag.index.catalog import Catalog, Snapshot
from rag.index.lock import FolderLock
from rag.index.sqlite_adopting import adopt
from rag.index.sqlite_catalog import SqliteCatalog
from rag.index.vectors import READ_BATCH, VectorStore, damaged_file

log = logging.getLogger(__name__)

SAMPLE_ON_OPENING = 32
SAMPLE_ON_CHECK = 1000
# HNSW never reuses the places of deleted vectors: above both limits, a rebuild costs less than keeping them.
MAX_DELETED_SHARE = 0.3
MAX_DELETED = 1000


class Index:
    """An opened index folder. Many threads may read; writers take turns with `writing()`."""

    def __init__(self, folder: Path, catalog: Catalog, lock: FolderLock, chroma_url: str | None) -> None:
        self.folder = folder
        self.catalog = catalog
        self.vectors: VectorStore
        self._lock = lock
        self._chroma_url = chroma_url
        self._writer = RLock()

    @classmethod
    def open(cls, folder: Path, embedder_name: str, dimension: int, chroma_url: str | None = None) -> Index:
        """Open or create. The folder stays locked while open; with a Chroma server, only during writes.

        An interrupted write is completed or undone, and a damaged vector store rebuilt without embedding.
        Raises StoreError (locked, damaged, newer version, no server) or EmbedderMismatch.
        """
        folder = folder.expanduser().resolve()
        with ExitStack() as undo:
            lock = FolderLock(folder)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                locked = _acquire(lock, shared=chroma_url is not None)
            except OSError as error:
                raise StoreError(
                    f"Can't open the index {folder}: {error.strerror}. Use another --index."
                ) from error
            undo.callback(lock.release)
            catalog = SqliteCatalog.open(folder / "catalog.sqlite3")
            undo.callback(catalog.close)
            _check_embedder(catalog, folder, embedder_name, dimension)
            index = cls(folder, catalog, lock, chroma_url)
            index.vectors = index._repaired_store() if locked else index._recorded_store()
            undo.pop_all()
        if chroma_url:
            lock.release()
        return index

    def close(self) -> None:
        """Close the files and release the lock. The index can't be used any more."""
        with self._writer:
            self.vectors.close()
            self.catalog.close()
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write: one thread (and, with a server, one process) at a time."""
        with self._writer:
            if self._chroma_url:
                self._lock.acquire()
            try:
                with self.catalog.read() as snapshot:
                    if snapshot.meta("collection") != self.vectors.name:
                        raise StoreError(
                            f"The index {self.folder} was rebuilt by another process. Open it again."
                        )
                self._repair_interrupted_write(self.vectors)
                yield
            finally:
                if self._chroma_url:
                    self._lock.release()

    def check(self) -> list[str]:
        """Return the problems found, for `doctor`: where catalog, word index and vectors disagree."""
        with self._writer, self.catalog.read() as snapshot:
            found = snapshot.problems(int(snapshot.meta("dimension") or 0))
            if pending := snapshot.pending():
                found.append(f"catalog: an interrupted write left {len(pending)} chunks; reopen the index")
            found += [f"leftover folder {folder}; delete it" for folder in self._leftovers(snapshot)]
            try:
                found += _id_differences(snapshot, self.vectors)
                expected = float(snapshot.meta("unreachable_share") or 0)
                if problem := self.vectors.problem(snapshot.sample(SAMPLE_ON_CHECK), expected):
                    found.append(f"vectors: {problem}")
            except StoreError as error:
                found.append(f"vectors: {error}")
        return found

    def _repaired_store(self) -> VectorStore:
        """Return a vector store that agrees with the catalog: the recorded one, repaired or rebuilt."""
        with self.catalog.read() as snapshot:
            is_new = snapshot.meta("collection") is None
            reason = self._rebuild_reason(snapshot)
        if not reason:
            store, reason = self._checked_store()
            if store:
                self._delete_leftovers()
                return store
        if not is_new:
            log.warning("Rebuilding the vectors of %s, without embedding: %s.", self.folder, reason)
        return self._rebuild()

    def _rebuild_reason(self, snapshot: Snapshot) -> str | None:
        """Return why the store must be rebuilt, or None, as far as can be seen without opening it."""
        location = snapshot.meta("chroma")
        if location is None or (self._chroma_url or "") != (location if "://" in location else ""):
            return "chroma_url has changed"
        if not self._chroma_url:
            if not (self.folder / location / "chroma.sqlite3").exists():
                return "their folder is missing"
            if damaged := damaged_file(self.folder / location):
                return f"{damaged.name} is damaged"
        deleted = int(snapshot.meta("deleted_vectors") or 0)
        if deleted > max(MAX_DELETED, MAX_DELETED_SHARE * snapshot.chunk_count()):
            return f"{deleted} deleted vectors take up space"
        return None

    def _checked_store(self) -> tuple[VectorStore | None, str]:
        """Return the recorded store after repairing an interrupted write, or None and what is wrong."""
        store = None
        try:
            store = self._recorded_store()
            problem = self._problem(store)
        except StoreError as error:
            if self._chroma_url and store is None:
                raise
            problem = str(error)
        if not problem:
            return store, ""
        if store:
            store.close()
        return None, problem

    def _problem(self, store: VectorStore) -> str:
        """Repair an interrupted write, then return what is wrong with the store, or ""."""
        changed = self._repair_interrupted_write(store)
        with self.catalog.read() as snapshot:
            if store.count() != snapshot.chunk_count():
                return f"there are {store.count()} instead of {snapshot.chunk_count()}"
            if changed and (found := _id_differences(snapshot, store)):
                return "; ".join(found)
            sample = snapshot.sample(SAMPLE_ON_CHECK if changed else SAMPLE_ON_OPENING)
            sample |= snapshot.vectors(changed[:SAMPLE_ON_CHECK])
            return store.problem(sample, float(snapshot.meta("unreachable_share") or 0))

    def _recorded_store(self) -> VectorStore:
        """Open the store that the catalog names; StoreError if another process keeps it elsewhere."""
        with self.catalog.read() as snapshot:
            location, collection = snapshot.meta("chroma"), snapshot.meta("collection")
        if location is None or collection is None or (self._chroma_url or location) != location:
            raise StoreError(
                f"The index {self.folder} is in use by another process that keeps its vectors elsewhere. "
                "Close it there, or use another --index."
            )
        return VectorStore.open(self._chroma_url or self.folder / location, collection)

    def _repair_interrupted_write(self, store: VectorStore) -> list[str]:
        """Bring the chunks that a write left pending into the catalog's state; return their ids."""
        with self.catalog.read() as snapshot:
            pending = list(snapshot.pending())
            vectors = snapshot.vectors(pending)
            chunks = snapshot.chunks(pending)
        if pending:
            store.upsert(list(vectors), list(vectors.values()), [chunks[i].source for i in vectors])
            self._finish_write(store, [i for i in pending if i not in vectors])
        return pending

    def finish_write(self, deleted: list[str]) -> None:
        """Delete the vectors of chunks that are gone, then clear the pending chunks: a write's last step."""
        self._finish_write(self.vectors, deleted)

    def _finish_write(self, store: VectorStore, deleted: list[str]) -> None:
        store.delete(deleted)
        with self.catalog.read() as snapshot:
            pending = snapshot.pending()
        with self.catalog.write() as revision:
            revision.add_meta("deleted_vectors", len(deleted))
            revision.clear_pending(pending)

    def _rebuild(self) -> VectorStore:
        """Return a new store with the catalog's vectors; the catalog names it once it is complete."""
        name = uuid4().hex[:12]
        location, collection = self._chroma_url or f"chroma-{name}", f"pilcrow-{name}"
        store = VectorStore.open(self._chroma_url or self.folder / location, collection)
        with ExitStack() as undo:
            undo.callback(store.close)
            with self.catalog.read() as snapshot:
                old = snapshot.meta("chroma"), snapshot.meta("collection")
                ids, snapshot_pending = snapshot.chunk_ids(), snapshot.pending()
                sample = snapshot.sample(SAMPLE_ON_CHECK)
                for start in range(0, len(ids), READ_BATCH):
                    part = ids[start : start + READ_BATCH]
                    vectors, chunks = snapshot.vectors(part), snapshot.chunks(part)
                    store.upsert(part, [vectors[i] for i in part], [chunks[i].source for i in part])
            unreachable = len(store.unreachable(sample)) / max(1, len(sample))
            with self.catalog.write() as revision:
                revision.set_meta("chroma", location)
                revision.set_meta("collection", collection)
                revision.set_meta("deleted_vectors", "0")
                revision.set_meta("unreachable_share", str(unreachable))
                revision.clear_pending(snapshot_pending)
            undo.pop_all()
        self._drop_from_server(*old)
        self._delete_leftovers()
        return store

    def adopt(self, beside: Path) -> None:
        """Use the vectors and the embedder of another catalog of the same documents from now on."""
        with self.catalog.read() as snapshot:
            old = snapshot.meta("chroma"), snapshot.meta("collection")
        self.vectors.close()
        adopt(self.folder / "catalog.sqlite3", beside)
        self.vectors = self._rebuild()
        self._drop_from_server(*old)

    def _drop_from_server(self, location: str | None, collection: str | None) -> None:
        """Delete a replaced collection if it is on this server."""
        if collection and location and location == self._chroma_url:
            with suppress(StoreError):
                old = VectorStore.open(location, collection)
                old.drop()
                old.close()

    def _delete_leftovers(self) -> None:
        with self.catalog.read() as snapshot:
            for folder in self._leftovers(snapshot):
                shutil.rmtree(folder, ignore_errors=True)

    def _leftovers(self, snapshot: Snapshot) -> list[Path]:
        """Return the folders of Chroma that the catalog does not name."""
        location = snapshot.meta("chroma")
        found = sorted(self.folder.glob("chroma-" + "[0-9a-f]" * 12))
        return [each for each in found if each.is_dir() and each.name != location]


def _acquire(lock: FolderLock, shared: bool) -> bool:
    """Take the lock; return False for a shared index that another process is writing."""
    try:
        lock.acquire()
    except StoreError:
        if shared:
            return False
        raise
    return True


def _check_embedder(catalog: Catalog, folder: Path, name: str, dimension: int) -> None:
    """Record the embedder in a new index; EmbedderMismatch if the index was made with another."""
    with catalog.read() as snapshot:
        recorded = snapshot.meta("embedder"), snapshot.meta("dimension")
    if recorded == (None, None):
        with catalog.write() as revision:
            revision.set_meta("embedder", name)
            revision.set_meta("dimension", str(dimension))
    elif recorded != (name, str(dimension)):
        raise EmbedderMismatch(
            f"The index {folder} was made with the embedder {recorded[0]} (dimension {recorded[1]}), but "
            f"{name} ({dimension}) is set. Run `pilcrow ingest --reembed` to embed its documents with "
            f"{name}, or set embedder to {recorded[0]}."
        )


def _id_differences(snapshot: Snapshot, store: VectorStore) -> list[str]:
    """Return how the ids in the catalog and in the vector store differ."""
    expected, stored = set(snapshot.chunk_ids()), store.ids()
    counts = {
        "chunks have no vector": len(expected - stored),
        "vectors have no chunk": len(stored - expected),
    }
    return [f"vectors: {n} {what}; reopen the index" for what, n in counts.items() if n]
