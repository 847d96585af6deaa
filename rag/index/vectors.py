"""The vector store: Chroma in a folder or on a server."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rag.errors import StoreError
from rag.index.access import NO_ACCESS, Access, BatchSize
from rag.types import Vector

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Where

WRITE_BATCH = 1000  # a server takes at most 40 MB in one request
READ_BATCH = 5000  # Chroma can't return all ids of a large collection at once
FILTER_BATCH = 5000  # sources in one filter; Chroma's SQLite takes at most 32,766
# With Chroma's defaults (16 neighbours, 100 candidates) vectors that are nearly equal often aren't found.
HNSW: CreateHNSWConfiguration = {
    "space": "cosine",
    "max_neighbors": 32,
    "ef_construction": 200,
    "ef_search": 400,
}
SAME_DISTANCE = 1e-3  # cosine distance up to which two vectors count as the same


class VectorStore:
    """A Chroma collection in cosine space that holds chunk ids, their vectors and sources, but no texts."""

    def __init__(self, client: Client, collection: Collection, location: Path | str) -> None:
        self._client = client
        self._collection = collection
        self._location = location
        self._closed = False
        self._records = BatchSize(min(WRITE_BATCH, client.get_max_batch_size()))
        self._pages = BatchSize(READ_BATCH)
        self._filters = BatchSize(FILTER_BATCH)

    @classmethod
    def open(cls, location: Path | str, collection: str, access: Access = NO_ACCESS) -> VectorStore:
        """Open or create a collection in a folder or on the server at a URL; StoreError if that fails."""
        with _translated_errors(location):
            client = _client(location, access)
            try:
                opened = client.get_or_create_collection(
                    collection,
                    embedding_function=None,
                    configuration={"hnsw": HNSW},
                )
            except BaseException:
                client.close()
                raise
            return cls(client, opened, location)

    def other(self, collection: str) -> VectorStore:
        """Return another collection on the same server; StoreError if it isn't there."""
        with self._errors():
            found = self._client.get_collection(collection, embedding_function=None)
        return VectorStore(self._client, found, self._location)

    @property
    def name(self) -> str:
        """The name of the collection."""
        return self._collection.name

    def query(
        self, vector: Sequence[float], limit: int, sources: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """Return the nearest (chunk id, cosine similarity), best first; `sources` restricts the search."""
        if limit < 1 or (sources is not None and not sources):
            return []
        query = np.asarray([vector], dtype=np.float32)

        def nearest(among: Sequence[str] | None) -> list[tuple[str, float]]:
            # LlamaIndex's ChromaVectorStore would make a search a tenth slower, the first one by a second.
            where = None if among is None else cast("Where", {"source": {"$in": list(among)}})
            found = self._collection.query(
                query_embeddings=query, n_results=limit, where=where, include=["distances"]
            )
            return list(zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True))

        with self._errors():
            lists = [nearest(None)] if sources is None else list(self._filters.parts(sources, nearest))
        hits = [(i, 1 - float(distance)) for hits in lists for i, distance in hits]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:limit]

    def upsert(self, ids: Sequence[str], vectors: Sequence[Vector], sources: Sequence[str]) -> None:
        """Write vectors under their chunk ids; stored ones are replaced."""

        def write(places: Sequence[int]) -> None:
            part = slice(places[0], places[-1] + 1)
            self._collection.upsert(
                ids=list(ids[part]),
                embeddings=np.asarray(vectors[part], dtype=np.float32),
                metadatas=[{"source": source} for source in sources[part]],
            )

        with self._errors():
            list(self._records.parts(range(len(ids)), write))

    def delete(self, ids: Sequence[str]) -> None:
        """Delete vectors; unknown ids are ignored."""
        with self._errors():
            list(self._records.parts(ids, lambda part: self._collection.delete(ids=list(part))))

    def count(self) -> int:
        """Return the number of stored ids; a query may miss some of their vectors, see `unreachable`."""
        with self._errors():
            return self._collection.count()

    def ids(self) -> set[str]:
        """Return every stored id."""

        def page(places: Sequence[int]) -> list[str]:
            return self._collection.get(limit=len(places), offset=places[0], include=[])["ids"]

        with self._errors():
            return set(chain.from_iterable(self._pages.parts(range(self._collection.count()), page)))

    def held(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are stored; of a million it takes a thirtieth of the time of `ids`."""
        found: set[str] = set()
        with self._errors():
            for start in range(0, len(ids), READ_BATCH):
                found.update(
                    self._collection.get(ids=list(ids[start : start + READ_BATCH]), include=[])["ids"]
                )
        return found

    def unreachable(self, vectors: Mapping[str, Vector]) -> list[str]:
        """Return the ids whose vector isn't stored as given, or can't be found by its own query.

        HNSW can't reach all of many nearly equal vectors, however often it is rebuilt.
        """

        def missing(part: Sequence[str]) -> set[str]:
            return self._changed(list(part), vectors) | self._not_found(list(part), vectors)

        with self._errors():
            return sorted(chain.from_iterable(self._records.parts(list(vectors), missing)))

    def _changed(self, ids: list[str], vectors: Mapping[str, Vector]) -> set[str]:
        page = self._collection.get(ids=ids, include=["embeddings"])
        stored = dict(zip(page["ids"], np.asarray(page["embeddings"]), strict=True))
        return {i for i in ids if i not in stored or 1 - _cosine(stored[i], vectors[i]) > SAME_DISTANCE}

    def _not_found(self, ids: list[str], vectors: Mapping[str, Vector]) -> set[str]:
        queries = np.stack([vectors[i] for i in ids])
        answer = self._collection.query(query_embeddings=queries, n_results=1, include=["distances"])
        nearest = answer["distances"] or [[] for _ in ids]
        return {i for i, row in zip(ids, nearest, strict=True) if not row or row[0] > SAME_DISTANCE}

    def drop(self) -> None:
        """Delete the collection and its content."""
        with self._errors():
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Close the files or the connection."""
        if not self._closed:
            self._closed = True
            self._client.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"The vector store at {self._location} is closed. Open the index again.")
        with _translated_errors(self._location):
            yield


def damaged_file(folder: Path) -> Path | None:
    """Return the first file of an embedded Chroma that an interrupted write made unusable, or None.

    Chroma itself must not open such a file: some make it answer as if nothing were wrong, others crash the
    whole process.
    """
    graphs = sorted({file.parent for file in folder.glob("*/*") if file.suffix in {".bin", ".pickle"}})
    return next((damaged for graph in graphs if (damaged := _damaged_file(graph))), None)


def _damaged_file(graph: Path) -> Path | None:
    """Compare the files of an HNSW graph with the element count and size in its header."""
    pickle, header, links = (graph / n for n in ("index_metadata.pickle", "header.bin", "link_lists.bin"))
    if not pickle.exists():
        return None  # a new graph that Chroma still rebuilds from its log; self-queries show a loss
    try:
        content = pickle.read_bytes()
        if not (content.startswith(b"\x80") and content.endswith(b".")):
            return pickle
        count, size = struct.unpack("<iQQQQ64s", header.read_bytes())[3:5]
        for name, expected in (("data_level0.bin", count * size), ("length.bin", count * 4)):
            if (graph / name).stat().st_size != expected:
                return graph / name
        return None if _is_whole(links.read_bytes(), count) else links
    except (FileNotFoundError, struct.error) as error:
        return Path(error.filename) if isinstance(error, FileNotFoundError) else header


def _is_whole(links: bytes, count: int) -> bool:
    """Check that there are `count` lists of links, each after its length, which is 0 for most."""
    lengths = np.frombuffer(links, dtype="<u4", count=len(links) // 4)
    filled = np.flatnonzero(lengths)
    position = 0
    while (at := np.searchsorted(filled, position)) < len(filled):
        count -= int(filled[at]) - position + 1
        position = int(filled[at]) + 1 + int(lengths[filled[at]]) // 4
    return count >= 0 and 4 * (position + count) == len(links)


def _client(location: Path | str, access: Access) -> Client:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(location, Path):
        return cast("Client", chromadb.PersistentClient(path=str(location), settings=settings))

    from rag.index.chroma_server import Session

    session = Session(location, access)
    try:
        session.check()
        if access.authority:
            settings.chroma_server_ssl_verify = str(access.authority)
        client = chromadb.HttpClient(host=session.address, headers=dict(session.headers), settings=settings)
    except BaseException:
        session.close()
        raise
    # Chroma's own session waits for ever, tries once, and raises bare exceptions.
    server = cast("Any", client)._server
    server._session.close()
    server._session = session
    return cast("Client", client)


def _cosine(one: Vector, other: Vector) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@contextmanager
def _translated_errors(location: Path | str) -> Iterator[None]:
    """Raise Chroma's errors, which come from several families, as StoreError."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        if not isinstance(location, Path):
            from rag.index.chroma_server import explain

            raise StoreError(explain(error, location)) from error
        remedy = "Close the index and open it again: a damaged vector store is rebuilt from the catalog."
        raise StoreError(f"The vector store at {location} failed: {error}. {remedy}") from error
