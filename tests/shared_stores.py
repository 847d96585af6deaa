"""Stores on servers that tests start, kill and start again; and processes that write to them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from chroma_server import free_port
from hash_embedder import DIMENSION, count_words, embed_parts

from rag.errors import StoreError
from rag.index.folder import Index
from rag.index.stores import Stores
from rag.index.vectors import VectorStore
from rag.ingestion.indexer import ingest
from rag.ingestion.report import IngestReport


class ChromaServer:
    """A server with its data in a folder, at one address for as long as the tests run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the server, if it doesn't run, and wait until it answers."""
        if self._process:
            return
        program = str(Path(sys.executable).parent / "chroma")
        where = ["--host", "127.0.0.1", "--port", str(self._port), "--path", str(self._folder)]
        self._process = subprocess.Popen(
            [program, "run", *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                VectorStore.open(self.url, "started").close()
                break
            except StoreError:
                assert self._process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)

    def kill(self) -> None:
        """End the server as kill -9 does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def chroma_of_session() -> Iterator[ChromaServer]:
    folder = Path(tempfile.mkdtemp(prefix="pilcrow-chroma-"))
    server = ChromaServer(folder)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def chroma(chroma_of_session: ChromaServer) -> ChromaServer:
    """A Chroma server, running."""
    chroma_of_session.start()
    return chroma_of_session


@pytest.fixture
def shared_stores(chroma: ChromaServer, postgres_url: str) -> Stores:
    """An empty database, and a Chroma server."""
    return Stores(chroma.url, catalog_url=postgres_url)


def opened(folder: Path, stores: Stores) -> Index:
    """Open an index with vectors made of hashes."""
    return Index.open(folder, "hash", DIMENSION, stores)


def fill(index: Index, docs: Sequence[Path], prune: bool = False) -> IngestReport:
    """Ingest folders; what can't be read is an error."""
    report = ingest(index, docs, embed_parts, count_words, 64, "one", prune=prune)
    assert not report.failed, report.failed
    return report


def keep_filling(folder: Path, stores: Stores, docs: Sequence[Path], told: Connection) -> None:
    """Say "start" once the index is open, then each source that is committed, then "end"."""
    index = opened(folder, stores)
    told.send("start")
    report = lambda source, _done, _total: told.send(source)  # noqa: E731
    ingest(index, docs, embed_parts, count_words, 64, "one", progress=report)
    told.send("end")
    index.close()
