"""Files are read while others are embedded, and nothing else changes by it."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hash_embedder import DIMENSION, count_words, embed_parts

from rag.errors import StoreError
from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.ingestion.reading import ahead
from rag.types import Document, Span, Vector

ITEMS = 300  # more than a batch has


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with closing(Index.open(tmp_path / "index", "hash", DIMENSION)) as opened:
        yield opened


def write(folder: Path, name: str, paragraphs: int) -> None:
    folder.mkdir(exist_ok=True)
    texts = (f"Item {number} of {name} lies on the quay – wet." for number in range(paragraphs))
    (folder / name).write_text("\n\n".join(texts))


def test_next_file_is_read_while_one_is_embedded(index: Index, tmp_path: Path) -> None:
    """The embedder waits until the reading thread counts the words of the next file."""
    docs, next_is_read = tmp_path / "docs", threading.Event()
    for name in ("a.txt", "b.txt"):
        write(docs, name, ITEMS)

    def count(text: str) -> int:
        if "of b.txt" in text:
            next_is_read.set()
        return count_words(text)

    def embed(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> tuple[Vector, Sequence[Vector]]:
        assert next_is_read.wait(30)
        return embed_parts(texts, spans)

    assert ingest(index, [docs], embed, count, 100, "one").added == ("a.txt", "b.txt")
    assert index.check() == []


def test_report_and_progress_keep_the_order_of_the_files(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for number in range(12):
        write(docs, f"{number:02}.txt", (1, ITEMS, 40)[number % 3])
    ingest(index, [docs], embed_parts, count_words, 64, "one")
    for number in range(0, 12, 4):
        write(docs, f"{number:02}.txt", 7)
    (docs / "05.txt").write_bytes(b"")
    (docs / "07.txt").write_bytes(b" ")
    shown: list[tuple[str, float]] = []
    report = ingest(
        index,
        [docs],
        embed_parts,
        count_words,
        64,
        "one",
        progress=lambda source, done, _total: shown.append((source, done)),
    )
    assert shown == [(f"{number:02}.txt", number + 1) for number in range(12)]
    assert report.updated == ("00.txt", "04.txt", "08.txt")
    assert [source for source, _ in report.failed] == ["05.txt", "07.txt"]
    assert report.unchanged == ("01.txt", "02.txt", "03.txt", "06.txt", "09.txt", "10.txt", "11.txt")


@pytest.mark.long
def test_documents_are_released_once_committed(index: Index, tmp_path: Path) -> None:
    """One batch is committed, one waits, one is being read; each document here is a batch."""
    docs = tmp_path / "docs"
    for number in range(6):
        write(docs, f"{number:02}.txt", ITEMS)
    gc.collect()
    before = sum(type(each) is Document for each in gc.get_objects())
    alive: list[int] = []

    def count(_source: str, _done: float, _total: int) -> None:
        gc.collect()
        alive.append(sum(type(each) is Document for each in gc.get_objects()) - before)

    ingest(index, [docs], embed_parts, count_words, 64, "one", progress=count)
    assert len(alive) == 6
    assert max(alive) <= 3


def test_second_interruption_does_not_wait_for_a_slow_file(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(docs, "a.txt", ITEMS)
    (docs / "b.md").write_text("*a_ " * 2_000_000)  # takes minutes

    def interrupt_twice(_source: str, _done: float, _total: int) -> None:
        for seconds in (0.5, 1):
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ingest(index, [docs], embed_parts, count_words, 64, "one", progress=interrupt_twice)
    assert time.monotonic() - began < 60
    (docs / "b.md").unlink()
    assert ingest(index, [docs], embed_parts, count_words, 64, "one").unchanged == ("a.txt",)


def test_error_of_the_reading_thread_reaches_the_caller() -> None:
    def items() -> Generator[int]:
        yield 1
        raise StoreError("The catalog is damaged.")

    given: list[int] = []
    with pytest.raises(StoreError, match="damaged"):
        given.extend(ahead(items(), lambda: None))


def test_closing_stops_what_is_being_read() -> None:
    stopped = threading.Event()

    def items() -> Generator[int]:
        yield 1
        assert stopped.wait(30)
        yield 2

    with closing(ahead(items(), stopped.set)) as given:
        assert next(given) == 1
    assert stopped.is_set()
