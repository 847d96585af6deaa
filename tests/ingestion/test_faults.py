"""Killed at any moment, an index answers from its last committed state.

PILCROW_KILLS sets how many processes are killed; half of them while Chroma writes its own files.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import faulty_ingestion
import numpy as np
import pytest
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.index.folder import Index
from rag.index.vectors import broken_file
from rag.ingestion.indexer import ingest
from rag.models.embedder import Embedder

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("PILCROW_KILLS", "8"))
NAMES = [f"{letter}.txt" for letter in "abcdefghijkl"]
SENTENCES = 400
PARAGRAPHS = 130

Texts = dict[str, list[str]]


@pytest.fixture(scope="module")
def table(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences and their vectors by the real embedder, in a file."""
    things = ("crane", "barge", "pilot", "tide table", "customs officer", "grain silo")
    texts = [
        f"On pier {n} the {things[n % 6]} waited for ship number {n * 37 % 1009}." for n in range(SENTENCES)
    ]
    file = tmp_path_factory.mktemp("table") / "table.npz"
    np.savez(file, texts=np.array(texts), vectors=embedder.embed(texts))
    return file


@dataclass
class Corpus:
    """A folder of documents made of known sentences, which changes from one ingestion to the next."""

    folder: Path
    sentences: list[str]
    chance: random.Random
    texts: Texts = field(default_factory=dict)

    def change(self, documents: int) -> None:
        """Write some documents anew; one of them, where there are some, is deleted instead."""
        for name in self.chance.sample(NAMES, documents):
            self.texts[name] = self.chance.sample(self.sentences, PARAGRAPHS)
            (self.folder / name).write_text("\n\n".join(self.texts[name]))
        if documents < len(NAMES) and len(self.texts) > 6:
            gone = self.chance.choice(sorted(self.texts))
            del self.texts[gone]
            (self.folder / gone).unlink()


def held(index: Index) -> Texts:
    with index.catalog.read() as snapshot:
        return {
            document.source: [paragraph.text for paragraph in snapshot.all_paragraphs(document.source)]
            for document in snapshot.documents()
        }


def graph_files(index: Path) -> list[int]:
    """When the files that Chroma must not be cut off from writing last changed."""
    return [
        file.stat().st_mtime_ns for file in index.glob("chroma-*/*/*") if file.suffix in {".pickle", ".bin"}
    ]


def kill_at_a_moment(process: multiprocessing.process.BaseProcess, index: Path, wait: float | None) -> None:
    """SIGKILL after `wait` seconds, or, for None, as soon as Chroma writes its graph."""
    if wait is not None:
        process.join(wait)
    else:
        before = graph_files(index)
        while process.is_alive() and graph_files(index) == before:
            pass
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def told(connection: Connection) -> Iterator[str]:
    """What the process said, as far as it came."""
    try:
        while connection.poll(0):
            yield connection.recv()
    except EOFError:
        return


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faulty_ingestion", "chromadb", "llama_index.vector_stores.chroma"])
    return context


def ingest_until_killed(
    processes: multiprocessing.context.ForkServerContext,
    index: Path,
    corpus: Corpus,
    table: Path,
    wait: float | None,
) -> list[str]:
    """What a process that ingests the corpus said before it was killed, or ended by itself."""
    reader, writer = processes.Pipe(duplex=False)
    process = processes.Process(target=faulty_ingestion.run, args=(index, corpus.folder, table, writer))
    process.start()
    writer.close()
    said = [reader.recv()]
    kill_at_a_moment(process, index, wait)
    return [*said, *told(reader)]


def state_after(said: list[str], index: Path, before: Texts, corpus: Corpus) -> Texts:
    """Open the index as a person would; each document is the old or the new, and new where so told."""
    opened = Index.open(index, "all-MiniLM-L6-v2", 384)
    now = held(opened)
    acknowledged = {source for source in said if source in NAMES}
    for source in {*before, *now, *acknowledged}:
        assert now.get(source) == corpus.texts.get(source) or source not in acknowledged, source
        assert now.get(source) in (before.get(source), corpus.texts.get(source)), source
    with opened.catalog.read() as snapshot:
        assert snapshot.chunk_count() == sum(map(len, now.values())) == opened.vectors.count()
    assert opened.check() == []
    opened.close()
    return now


def test_no_kill_loses_or_doubles_anything(
    tmp_path: Path, table: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    chance = random.Random(KILLS)  # noqa: S311
    folder, index = tmp_path / "docs", tmp_path / "index"
    folder.mkdir()
    corpus = Corpus(folder, [str(text) for text in np.load(table)["texts"]], chance)
    corpus.change(len(NAMES))
    before: Texts = {}
    killed, broken, took = 0, 0, 3.0
    while killed < KILLS:
        began = time.monotonic()
        wait = None if killed % 2 else chance.uniform(0, took)
        said = ingest_until_killed(processes, index, corpus, table, wait)
        ended = said[-1] == "end"
        if ended:
            took = min(took, time.monotonic() - began)
        killed += not ended
        broken += any(broken_file(place) is not None for place in index.glob("chroma-*"))
        before = state_after(said, index, before, corpus)
        if ended or chance.random() < 0.7:
            corpus.change(5)
    log.info("%d killed; %d of them left files of Chroma broken", killed, broken)
    ended = ingest_until_killed(processes, index, corpus, table, 60)[-1] == "end"
    assert ended
    assert state_after(NAMES, index, corpus.texts, corpus) == corpus.texts


def test_a_write_cut_off_by_an_error_is_cleared_up_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("One paragraph stands here.\n\nAnother paragraph stands there.")
    index = Index.open(tmp_path / "index", "hash", DIMENSION)
    ingest(index, [tmp_path / "docs"], embed_parts, count_words, 64, "one")
    with index.catalog.read() as snapshot:
        ids = snapshot.chunk_ids()
    with index.catalog.write() as revision:
        revision.announce([*ids, "0" * 32])
    index.vectors.delete(ids[:1])
    index.vectors.upsert(["0" * 32], list(embed(["of a document never committed"])), ["b.txt"])
    assert any("cut-off write" in problem for problem in index.check())
    assert len(ingest(index, [tmp_path / "docs"], embed_parts, count_words, 64, "one").unchanged) == 1
    assert index.check() == []
    index.close()
