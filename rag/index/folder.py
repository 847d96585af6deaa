"""One opened index folder: its lock, its catalog and its vector store, brought into agreement."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import RLock
from uuid import uuid4

from rag.errors import EmbedderMismatch, StoreError
from rag.index.catalog import Catalog
from rag.index.lock import FolderLock
from rag.index.snapshot import Snapshot
from rag.index.vectors import READ_AT_ONCE, VectorStore, broken_file

log = logging.getLogger(__name__)

SAMPLE_ON_OPENING = 32
SAMPLE_ON_CHECK = 1000
# HNSW keeps the place of a deleted vector: beyond this share of the living, building anew is the better deal.
MOST_DEAD = 0.3
FEWEST_DEAD = 1000


class Index:
    """An index folder, opened. Many threads may read; writers take `writing()` one after the other."""

    def __init__(self, folder: Path, catalog: Catalog, lock: FolderLock, chroma_url: str | None) -> None:
        self.folder = folder
        self.catalog = catalog
        self.vectors: VectorStore
        self._lock = lock
        self._chroma_url = chroma_url
        self._writer = RLock()

    @classmethod
    def open(cls, folder: Path, embedder_name: str, dimension: int, chroma_url: str | None = None) -> Index:
        """Open or create. An embedded Chroma is locked for this process; a server's only while it is written.

        What a cut-off write left over is cleared up, and a damaged vector store rebuilt without embedding.
        Raises StoreError (locked, damaged, newer version, no server) or EmbedderMismatch.
        """
        folder = folder.expanduser().resolve()
        with ExitStack() as undo:
            lock = FolderLock(folder)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                alone = _acquire(lock, shared=chroma_url is not None)
            except OSError as error:
                raise StoreError(
                    f"The index {folder} cannot be opened: {error.strerror}. Use another --index."
                ) from error
            undo.callback(lock.release)
            catalog = Catalog.open(folder / "catalog.sqlite3")
            undo.callback(catalog.close)
            _check_embedder(catalog, folder, embedder_name, dimension)
            index = cls(folder, catalog, lock, chroma_url)
            index.vectors = index._agreed() if alone else index._pointed()
            undo.pop_all()
        if chroma_url:
            lock.release()
        return index

    def close(self) -> None:
        """Close the files and let the lock go. The index cannot be used any more."""
        with self._writer:
            self.vectors.close()
            self.catalog.close()
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write, for one thread (and, with a server, one process) at a time."""
        with self._writer:
            if self._chroma_url:
                self._lock.acquire()
            try:
                self._check_pointer()
                self._replay(self.vectors)
                yield
            finally:
                if self._chroma_url:
                    self._lock.release()

    def _check_pointer(self) -> None:
        """StoreError where another process has moved the vectors since this index was opened."""
        with self.catalog.read() as snapshot:
            if snapshot.meta("collection") != self.vectors.name:
                raise StoreError(f"The index {self.folder} was rebuilt by another process; open it again.")

    def check(self) -> list[str]:
        """Problems found, for `doctor`; none where catalog, words and vectors agree to the last id."""
        with self._writer, self.catalog.read() as snapshot:
            found = snapshot.problems(int(snapshot.meta("dimension") or 0))
            if left := snapshot.pending():
                found.append(
                    f"catalog: {len(left)} chunks of a cut-off write; close the index and open it again"
                )
            found += [f"leftover folder {folder}; delete it" for folder in self._leftovers(snapshot)]
            try:
                found += _disagreements(snapshot, self.vectors)
                tried = snapshot.sample(SAMPLE_ON_CHECK)
                if fault := self.vectors.fault(tried, float(snapshot.meta("astray") or 0)):
                    found.append(f"vectors: {fault}")
            except StoreError as error:
                found.append(f"vectors: {error}")
        return found

    def _agreed(self) -> VectorStore:
        """The vector store in the state of the catalog: as it is, cleared up, or built anew."""
        with self.catalog.read() as snapshot:
            known = snapshot.meta("collection") is not None
            fault = self._known_fault(snapshot)
        if not fault:
            store, fault = self._tried()
            if store:
                self._sweep()
                return store
        if known:
            log.warning("The vectors of %s are built anew, without embedding: %s.", self.folder, fault)
        return self._rebuilt()

    def _known_fault(self, snapshot: Snapshot) -> str | None:
        """Why the store need not be tried: it is elsewhere, broken on disk, or full of dead places."""
        place = snapshot.meta("chroma")
        if place is None or (self._chroma_url or "") != (place if "://" in place else ""):
            return "it is kept in another place now"
        if not self._chroma_url:
            if not (self.folder / place / "chroma.sqlite3").exists():
                return "its folder is missing"
            if broken := broken_file(self.folder / place):
                return f"{broken.name} is damaged"
        dead = int(snapshot.meta("dead") or 0)
        if dead > max(FEWEST_DEAD, MOST_DEAD * snapshot.chunk_count()):
            return f"{dead} places of deleted vectors"
        return None

    def _tried(self) -> tuple[VectorStore | None, str]:
        """The store that the catalog points to, cleared up; or none, and why."""
        try:
            store = self._pointed()
        except StoreError as error:
            if self._chroma_url:
                raise
            return None, str(error)
        try:
            fault = self._fault(store)
        except StoreError as error:
            fault = str(error)
        if fault:
            store.close()
            return None, fault
        return store, ""

    def _fault(self, store: VectorStore) -> str:
        """What is wrong with an opened store once a cut-off write is cleared up; empty where it is sound."""
        touched = self._replay(store)
        with self.catalog.read() as snapshot:
            if store.count() != snapshot.chunk_count():
                return f"it holds {store.count()} in place of {snapshot.chunk_count()}"
            if touched and (found := _disagreements(snapshot, store)):
                return "; ".join(found)
            tried = snapshot.sample(SAMPLE_ON_CHECK if touched else SAMPLE_ON_OPENING)
            tried |= snapshot.vectors(touched[:SAMPLE_ON_CHECK])
            expected = float(snapshot.meta("astray") or 0)
        return store.fault(tried, expected)

    def _pointed(self) -> VectorStore:
        with self.catalog.read() as snapshot:
            place, collection = snapshot.meta("chroma"), snapshot.meta("collection")
        if place is None or collection is None or (self._chroma_url or place) != place:
            raise StoreError(
                f"The index {self.folder} is in use by another process that keeps its vectors elsewhere. "
                "Close it there, or use another --index."
            )
        return VectorStore.open(self._chroma_url or self.folder / place, collection)

    def _replay(self, store: VectorStore) -> list[str]:
        """Bring the ids that a cut-off write announced into the state of the catalog; which they were."""
        with self.catalog.read() as snapshot:
            pending = snapshot.pending()
            live = snapshot.vectors(pending)
            chunks = snapshot.chunks(pending)
        if not pending:
            return []
        store.upsert(list(live), list(live.values()), [chunks[i].source for i in live])
        self._discard(store, [i for i in pending if i not in live])
        return pending

    def discard(self, dead: list[str]) -> None:
        """The last step of a write: take dead vectors out, then forget what was announced."""
        self._discard(self.vectors, dead)

    def _discard(self, store: VectorStore, dead: list[str]) -> None:
        store.delete(dead)
        with self.catalog.read() as snapshot:
            before = int(snapshot.meta("dead") or 0)
        with self.catalog.write() as revision:
            revision.set_meta("dead", str(before + len(dead)))
            revision.settle()

    def _rebuilt(self) -> VectorStore:
        """A new store with the catalog's vectors; the pointer to it is swapped when it is whole."""
        name = uuid4().hex[:12]
        place = self._chroma_url or f"chroma-{name}"
        store = VectorStore.open(self._chroma_url or self.folder / place, f"pilcrow-{name}")
        with ExitStack() as undo:
            undo.callback(store.close)
            with self.catalog.read() as snapshot:
                old = snapshot.meta("chroma"), snapshot.meta("collection")
                ids = snapshot.chunk_ids()
                tried = snapshot.sample(SAMPLE_ON_CHECK)
                for start in range(0, len(ids), READ_AT_ONCE):
                    part = ids[start : start + READ_AT_ONCE]
                    vectors, chunks = snapshot.vectors(part), snapshot.chunks(part)
                    store.upsert(part, [vectors[i] for i in part], [chunks[i].source for i in part])
            with self.catalog.write() as revision:
                for key, value in (
                    ("chroma", place),
                    ("collection", f"pilcrow-{name}"),
                    ("dead", "0"),
                    ("astray", str(len(store.astray(tried)) / max(1, len(tried)))),
                ):
                    revision.set_meta(key, value)
                revision.settle()
            undo.pop_all()
        self._drop(*old)
        self._sweep()
        return store

    def _drop(self, place: str | None, collection: str | None) -> None:
        """Delete the collection that was replaced, where it lies on this server; folders are swept."""
        if collection and place and place == self._chroma_url:
            with suppress(StoreError):
                old = VectorStore.open(place, collection)
                old.drop()
                old.close()

    def _sweep(self) -> None:
        with self.catalog.read() as snapshot:
            for folder in self._leftovers(snapshot):
                shutil.rmtree(folder, ignore_errors=True)

    def _leftovers(self, snapshot: Snapshot) -> list[Path]:
        place = snapshot.meta("chroma")
        found = sorted(self.folder.glob("chroma-" + "[0-9a-f]" * 12))
        return [each for each in found if each.is_dir() and each.name != place]


def _acquire(lock: FolderLock, shared: bool) -> bool:
    """Take the lock; of an index that is shared, False where another process writes just now."""
    try:
        lock.acquire()
    except StoreError:
        if shared:
            return False
        raise
    return True


def _check_embedder(catalog: Catalog, folder: Path, name: str, dimension: int) -> None:
    """Record the embedder in a new index; EmbedderMismatch where an old one was made with another."""
    with catalog.read() as snapshot:
        made = snapshot.meta("embedder"), snapshot.meta("dimension")
    if made == (None, None):
        with catalog.write() as revision:
            revision.set_meta("embedder", name)
            revision.set_meta("dimension", str(dimension))
    elif made != (name, str(dimension)):
        raise EmbedderMismatch(
            f"The index {folder} was made with the embedder {made[0]} (dimension {made[1]}), but {name} "
            f"({dimension}) is set. Set embedder to {made[0]}, or make another index with: "
            f"pilcrow ingest --index NEW_FOLDER PATH…"
        )


def _disagreements(snapshot: Snapshot, store: VectorStore) -> list[str]:
    """How the ids of catalog and vector store differ."""
    live, held = set(snapshot.chunk_ids()), store.ids()
    found = []
    if absent := len(live - held):
        found.append(f"vectors: {absent} chunks have none; close the index and open it again")
    if orphans := len(held - live):
        found.append(f"vectors: {orphans} belong to no chunk; close the index and open it again")
    return found
