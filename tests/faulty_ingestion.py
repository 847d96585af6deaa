"""The processes that test_faults kills: they ingest or watch a folder and tell what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from hash_embedder import count_words
from numpy.typing import NDArray

from rag.index.folder import Index
from rag.index.stores import Stores
from rag.ingestion.indexer import ingest
from rag.ingestion.memory import Memory
from rag.ingestion.report import IngestReport
from rag.ingestion.watching import watch


class Table:
    """Sentences with the vectors that a real embedder gave them, so that each process need not load it."""

    def __init__(self, file: Path) -> None:
        with np.load(file) as stored:
            self._rows = {
                str(text): row for text, row in zip(stored["texts"], stored["vectors"], strict=True)
            }

    def __call__(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """The vectors of known texts, float32 (n, 384); every sentence has that of its text."""
        any_row = next(iter(self._rows.values()))  # for windows, which no test searches
        found = np.stack([self._rows.get(text, any_row) for text in texts])
        return found, [np.tile(row, (len(each), 1)) for row, each in zip(found, spans, strict=True)]


def run(index: Path, docs: Path, table: Path, stores: Stores, told: Connection) -> None:
    """Say "start", then the source of each document once it is committed, then "end"."""
    embed = Table(table)
    opened = Index.open(index, "all-MiniLM-L6-v2", 384, stores)
    told.send("start")
    ingest(
        opened,
        [docs],
        embed,
        count_words,
        64,
        "one",
        prune=True,
        progress=lambda source, _done, _total: told.send(source),
    )
    told.send("end")
    opened.close()


def upgrade(index: Path, told: Connection) -> None:
    """Say "start", then "end" once the index is open, which upgrades an older one."""
    told.send("start")
    opened = Index.open(index, "all-MiniLM-L6-v2", 384)
    told.send("end")
    opened.close()


def watch_folder(index: Path, docs: Path, table: Path, told: Connection) -> None:
    """Say the source of each document that is committed, "removed SOURCE" and "end" after each sweep."""
    embed = Table(table)
    opened = Index.open(index, "all-MiniLM-L6-v2", 384)

    def sweep(paths: Sequence[Path], *, memory: Memory) -> IngestReport:
        progress = lambda source, _done, _total: told.send(source)  # noqa: E731
        return ingest(opened, paths, embed, count_words, 64, "one", True, progress, memory)

    def report(done: IngestReport) -> None:
        for source in done.removed:
            told.send(f"removed {source}")
        told.send("end")

    watch([docs], sweep, index, report)
