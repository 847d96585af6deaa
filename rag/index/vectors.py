"""The vector store: Chroma in a folder or on a server."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import numpy as np

from rag.errors import StoreError
from rag.types import Vector

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Where

WRITTEN_AT_ONCE = 1000  # a server takes at most 40 MB in one request
READ_AT_ONCE = 5000
MISSED = 0.01  # share of the vectors that a sound store may miss, for HNSW is approximate
CANDIDATES = 400  # looked at by HNSW; Chroma's 100 miss up to 13 of 2,000 nearly equal vectors, 400 none
SAME = 1e-3  # cosine distance below which a vector counts as found by itself


class VectorStore:
    """One Chroma collection, cosine, that holds chunk ids, their vectors and sources; no texts."""

    def __init__(self, client: Client, collection: Collection, place: Path | str) -> None:
        self._client = client
        self._collection = collection
        self._place = place
        self._closed = False

    @classmethod
    def open(cls, place: Path | str, collection: str) -> VectorStore:
        """Open or create the collection in a folder or at a server's URL; StoreError where that fails."""
        with _explained(place):
            client = _client(place)
            try:
                found = client.get_or_create_collection(
                    collection,
                    embedding_function=None,
                    configuration={
                        "hnsw": {"space": "cosine", "ef_construction": CANDIDATES, "ef_search": CANDIDATES}
                    },
                )
            except BaseException:
                client.close()
                raise
            return cls(client, found, place)

    @property
    def name(self) -> str:
        """The name of the collection."""
        return self._collection.name

    def query(
        self, vector: Sequence[float], limit: int, sources: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """The nearest (chunk id, cosine similarity), best first; among `sources` only, where given."""
        if limit < 1 or (sources is not None and not sources):
            return []
        among = None if sources is None else cast("Where", {"source": {"$in": list(sources)}})
        asked = np.asarray([vector], dtype=np.float32)
        with self._used():
            found = self._collection.query(
                query_embeddings=asked, n_results=limit, where=among, include=["distances"]
            )
        # cosine similarity is one less the distance
        scored = zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)
        return sorted(((i, 1 - float(distance)) for i, distance in scored), key=lambda hit: (-hit[1], hit[0]))

    def upsert(self, ids: Sequence[str], vectors: Sequence[Vector], sources: Sequence[str]) -> None:
        """Write vectors under their chunk ids, replacing those that are held."""
        with self._used():
            for start in range(0, len(ids), WRITTEN_AT_ONCE):
                part = slice(start, start + WRITTEN_AT_ONCE)
                self._collection.upsert(
                    ids=list(ids[part]),
                    embeddings=np.asarray(vectors[part], dtype=np.float32),
                    metadatas=[{"source": source} for source in sources[part]],
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Take vectors out; ids that are not held are passed over."""
        with self._used():
            for start in range(0, len(ids), WRITTEN_AT_ONCE):
                self._collection.delete(ids=list(ids[start : start + WRITTEN_AT_ONCE]))

    def count(self) -> int:
        """How many ids are held. No proof that their vectors are found: see `astray`."""
        with self._used():
            return self._collection.count()

    def ids(self) -> set[str]:
        """Every id that is held."""
        found: set[str] = set()
        with self._used():
            while page := self._collection.get(limit=READ_AT_ONCE, offset=len(found), include=[])["ids"]:
                found.update(page)
        return found

    def astray(self, vectors: Mapping[str, Vector]) -> list[str]:
        """The ids whose vector is not held as given, or whose own query finds nothing that near."""
        ids = list(vectors)
        lost: set[str] = set()
        with self._used():
            for start in range(0, len(ids), WRITTEN_AT_ONCE):
                part = ids[start : start + WRITTEN_AT_ONCE]
                lost.update(self._not_held(part, vectors), self._not_found(part, vectors))
        return sorted(lost)

    def fault(self, vectors: Mapping[str, Vector], expected: float) -> str:
        """That more of these vectors are not found by themselves than the share `expected`; or "".

        HNSW cannot reach each of many that are nearly equal, however often it is built: the share that a new
        store misses is recorded, and only a clearly larger one is a fault. Words find what vectors do not.
        """
        lost = len(self.astray(vectors))
        allowed = 2 * expected + 0.1 if expected else MISSED
        if lost <= allowed * len(vectors):
            return ""
        return f"{lost} of {len(vectors)} tried are not found by themselves"

    def _not_held(self, ids: list[str], vectors: Mapping[str, Vector]) -> set[str]:
        page = self._collection.get(ids=ids, include=["embeddings"])
        held = dict(zip(page["ids"], np.asarray(page["embeddings"]), strict=True))
        return {i for i in ids if i not in held or 1 - _cosine(held[i], vectors[i]) > SAME}

    def _not_found(self, ids: list[str], vectors: Mapping[str, Vector]) -> set[str]:
        asked = np.stack([vectors[i] for i in ids])
        answer = self._collection.query(query_embeddings=asked, n_results=1, include=["distances"])
        nearest = answer["distances"] or [[] for _ in ids]
        return {i for i, row in zip(ids, nearest, strict=True) if not row or row[0] > SAME}

    def drop(self) -> None:
        """Delete the collection with all that it holds."""
        with self._used():
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Let go of the files or the connection."""
        if not self._closed:
            self._closed = True
            self._client.close()

    @contextmanager
    def _used(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"The vector store at {self._place} is closed; open the index again.")
        with _explained(self._place):
            yield


def broken_file(folder: Path) -> Path | None:
    """The first file of an embedded Chroma that a cut-off write left unusable, or None.

    Chroma itself must not see such a file: with some it answers as if nothing were wrong, with others the
    whole process dies.
    """
    for graph in sorted({file.parent for file in folder.glob("*/*") if file.suffix in {".bin", ".pickle"}}):
        if broken := _broken_file(graph):
            return broken
    return None


def _broken_file(graph: Path) -> Path | None:
    """Compare the files of one HNSW graph with the element count and size that its header states."""
    pickle, header, links = (graph / n for n in ("index_metadata.pickle", "header.bin", "link_lists.bin"))
    if not pickle.exists():
        return (
            None  # a graph not yet persisted: Chroma builds it from its log; a loss shows in the self-queries
        )
    try:
        content = pickle.read_bytes()
        if not (content.startswith(b"\x80") and content.endswith(b".")):
            return pickle
        count, size = struct.unpack("<iQQQQ64s", header.read_bytes())[3:5]
        for name, expected in (("data_level0.bin", count * size), ("length.bin", count * 4)):
            if (graph / name).stat().st_size != expected:
                return graph / name
        return None if _whole(links.read_bytes(), count) else links
    except (FileNotFoundError, struct.error) as error:
        return Path(error.filename) if isinstance(error, FileNotFoundError) else header


def _whole(links: bytes, count: int) -> bool:
    """Whether the lists of links, each after its length, are as many as the elements."""
    position = 0
    for _ in range(count):
        if position + 4 > len(links):
            return False
        position += 4 + struct.unpack_from("<I", links, position)[0]
    return position == len(links)


def _client(place: Path | str) -> Client:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(place, Path):
        return cast("Client", chromadb.PersistentClient(path=str(place), settings=settings))
    url = urlsplit(place)
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 8000)
    client = chromadb.HttpClient(host=url.hostname or "localhost", port=port, ssl=secure, settings=settings)
    return cast("Client", client)


def _cosine(one: Vector, other: Vector) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@contextmanager
def _explained(place: Path | str) -> Iterator[None]:
    """Chroma's errors, of several families, as ours."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        if isinstance(place, Path):
            remedy = "Close the index and open it again: a damaged vector store is rebuilt from the catalog."
        else:
            remedy = "Start the server (chroma run --path FOLDER --port PORT), or unset chroma_url."
        raise StoreError(f"The vector store at {place} failed: {error}. {remedy}") from error
