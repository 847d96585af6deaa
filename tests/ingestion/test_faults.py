"""An index whose writer was killed at any moment answers from its last committed state."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import faulty_ingestion
import numpy as np
import pytest
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.index.folder import Index
from rag.index.stores import Stores
from rag.index.vector_bytes import from_halves, from_steps
from rag.index.vectors import damaged_file
from rag.ingestion.indexer import ingest
from rag.models.embedder import Embedder
from rag.text.words import searchable
from rag.types import Vector

log = logging.getLogger(__name__)

EMBEDDED = Stores()
SHARED_KILLS = 30
NAMES = [f"{letter}.txt" for letter in "abcdefghijkl"]
SENTENCES = 400
PARAGRAPHS = 130

Texts = dict[str, list[str]]


@pytest.fixture(scope="module")
def table(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of sentences and their vectors from the real embedder."""
    things = ("crane", "barge", "pilot", "tide table", "customs officer", "grain silo")
    texts = [
        f"On pier {n} the {things[n % 6]} waited for ship number {n * 37 % 1009}." for n in range(SENTENCES)
    ]
    file = tmp_path_factory.mktemp("table") / "table.npz"
    np.savez(file, texts=np.array(texts), vectors=embedder.embed(texts))
    return file


def vectors_in(table: Path) -> dict[str, Vector]:
    with np.load(table) as stored:
        return {str(text): row for text, row in zip(stored["texts"], stored["vectors"], strict=True)}


@dataclass
class Corpus:
    """A folder of documents made of known sentences that changes from one ingestion to the next."""

    folder: Path
    sentences: list[str]
    chance: random.Random
    texts: Texts = field(default_factory=dict)

    def change(self, documents: int) -> None:
        """Rewrite some documents and, if enough are left, delete one."""
        for name in self.chance.sample(NAMES, documents):
            self.texts[name] = self.chance.sample(self.sentences, PARAGRAPHS)
            (self.folder / name).write_text("\n\n".join(self.texts[name]))
        if documents < len(NAMES) and len(self.texts) > 6:
            name = self.chance.choice(sorted(self.texts))
            del self.texts[name]
            (self.folder / name).unlink()


def full_corpus(folder: Path, table: Path, chance: random.Random) -> tuple[Corpus, dict[str, Vector]]:
    """Return a corpus with every document, and the vectors of its sentences."""
    vectors = vectors_in(table)
    folder.mkdir()
    corpus = Corpus(folder, list(vectors), chance)
    corpus.change(len(NAMES))
    return corpus, vectors


def stored_texts(index: Index) -> Texts:
    with index.catalog.read() as snapshot:
        return {
            document.source: [paragraph.text for paragraph in snapshot.all_paragraphs(document.source)]
            for document in snapshot.documents()
        }


def graph_files(index: Path) -> list[int]:
    """Return when the files whose writing Chroma can't resume last changed."""
    return [
        file.stat().st_mtime_ns for file in index.glob("chroma-*/*/*") if file.suffix in {".pickle", ".bin"}
    ]


def marks(url: str) -> int:
    """Return how many chunks writers have marked in a database."""
    import psycopg

    with psycopg.connect(url) as connection:
        [(found,)] = connection.execute("SELECT count(*) FROM pending").fetchall()
        return int(found)


Moment = Callable[[multiprocessing.process.BaseProcess], object]  # waits for it, or for the process's end


def after(seconds: float) -> Moment:
    return lambda process: process.join(seconds)


def once_changed(watched: Callable[[], object], seconds: float = 0) -> Moment:
    """Wait until what is watched changes, and some time more."""

    def wait(process: multiprocessing.process.BaseProcess) -> None:
        before = watched()
        while process.is_alive() and watched() == before:
            pass
        process.join(seconds)

    return wait


def kill_at(moment: Moment, process: multiprocessing.process.BaseProcess) -> None:
    """Send SIGKILL at a moment, unless the process has ended."""
    moment(process)
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def received(connection: Connection) -> Iterator[str]:
    """Yield the messages of the process up to its end."""
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


def run_until_killed(
    processes: multiprocessing.context.ForkServerContext,
    target: Callable[..., None],
    arguments: tuple[Path | Stores, ...],
    moment: Moment,
) -> list[str]:
    """Return the messages of a process that runs `target`, until it is killed or done."""
    reader, writer = processes.Pipe(duplex=False)
    process = processes.Process(target=target, args=(*arguments, writer))
    process.start()
    writer.close()
    messages = [reader.recv()]
    kill_at(moment, process)
    return [*messages, *received(reader)]


def ingest_until_killed(
    processes: multiprocessing.context.ForkServerContext,
    index: Path,
    corpus: Corpus,
    table: Path,
    moment: Moment,
    stores: Stores = EMBEDDED,
) -> list[str]:
    """Return the messages of a process that ingests the corpus, until it is killed or done."""
    arguments = (index, corpus.folder, table, stores)
    return run_until_killed(processes, faulty_ingestion.run, arguments, moment)


def finds(opened: Index, source: str, text: str, vectors: dict[str, Vector]) -> bool:
    """Whether a search in one document finds its paragraph by its meaning and by its words."""
    with opened.catalog.read() as snapshot:
        by_words = [i for i, _ in snapshot.search(searchable(text).split(), 20, [source])]
        by_meaning = [i for i, _ in opened.vectors.query(vectors[text].tolist(), 20, [source])]
        wanted = [
            chunk.id for chunk in snapshot.chunks({*by_words, *by_meaning}).values() if chunk.text == text
        ]
    return any(i in by_words and i in by_meaning for i in wanted)


def is_pending(opened: Index) -> bool:
    with opened.catalog.read() as snapshot:
        return bool(snapshot.pending())


def state_after(
    messages: list[str],
    index: Path,
    before: Texts,
    corpus: Corpus,
    vectors: dict[str, Vector],
    stores: Stores = EMBEDDED,
) -> Texts:
    """Open the index and check that each document is the old or the new one, and new if committed."""
    with closing(Index.open(index, "all-MiniLM-L6-v2", 384, stores)) as opened:
        while is_pending(opened):  # a server learns a moment later that a process was killed
            opened.repair()
        now = stored_texts(opened)
        committed = {source for source in messages if source in NAMES}
        assert now == corpus.texts or "end" not in messages
        for source in {*before, *now, *committed}:
            assert now.get(source) == corpus.texts.get(source) or source not in committed, source
            assert now.get(source) in (before.get(source), corpus.texts.get(source)), source
        for source, texts in now.items():
            assert finds(opened, source, texts[-1], vectors), source
        for source in {*NAMES} - {*now}:
            assert opened.vectors.query(next(iter(vectors.values())).tolist(), 5, [source]) == []
        with opened.catalog.read() as snapshot:
            assert snapshot.chunk_count() == sum(map(len, now.values())) == opened.vectors.count()
        assert opened.check() == []
    return now


@pytest.mark.parametrize(
    ("stores_of", "kills"),
    [
        ("embedded", 8),
        ("shared", 4),
        pytest.param("embedded", 120, marks=pytest.mark.long),
        pytest.param("shared", SHARED_KILLS, marks=pytest.mark.long),
    ],
)
def test_killed_ingestion_loses_and_duplicates_nothing(
    stores_of: str,
    kills: int,
    tmp_path: Path,
    table: Path,
    processes: multiprocessing.context.ForkServerContext,
    request: pytest.FixtureRequest,
) -> None:
    """Every second kill comes while Chroma writes its own files, or while documents are marked."""
    stores = EMBEDDED if stores_of == "embedded" else request.getfixturevalue("shared_stores")
    chance = random.Random(kills)  # noqa: S311
    corpus, vectors = full_corpus(tmp_path / "docs", table, chance)
    index = tmp_path / "index"
    before: Texts = {}
    killed, interrupted, seconds = 0, 0, 3.0

    def moment_of(number: int) -> Moment:
        if number % 2 and stores.catalog_url:
            return once_changed(partial(marks, stores.catalog_url), chance.uniform(0, 0.4))
        return once_changed(partial(graph_files, index)) if number % 2 else after(chance.uniform(0, seconds))

    while killed < kills:
        began, moment = time.monotonic(), moment_of(killed)
        messages = ingest_until_killed(processes, index, corpus, table, moment, stores)
        ended = messages[-1] == "end"
        if ended:
            seconds = min(seconds, time.monotonic() - began)
        killed += not ended
        damaged = any(damaged_file(location) is not None for location in index.glob("chroma-*"))
        interrupted += damaged or bool(stores.catalog_url and marks(stores.catalog_url))
        before = state_after(messages, index, before, corpus, vectors, stores)
        if ended or chance.random() < 0.7:
            corpus.change(5)
    log.info("%d processes were killed; %d of them left damaged files or marks", killed, interrupted)
    assert ingest_until_killed(processes, index, corpus, table, after(60), stores)[-1] == "end"
    assert state_after(NAMES, index, corpus.texts, corpus, vectors, stores) == corpus.texts


_AS_STORED_THEN = """
    UPDATE today.chunk SET vector = single(vector);
    UPDATE today.chunk SET text = (SELECT iif(chunk.text = '', paragraph.text, chunk.text)
        FROM today.paragraph WHERE paragraph.document = chunk.document AND number = chunk.paragraph);
    UPDATE today.sentence SET vector = half(vector);
"""


def downgrade(catalog: Path) -> None:
    """Turn a catalog into one of schema 2, which Pilcrow 0.1.0 wrote."""
    old_schema = (Path(__file__).parents[1] / "index" / "index_0_1_0.sql").read_text("utf-8")
    former = catalog.with_name("former")
    with closing(sqlite3.connect(former)) as connection:
        connection.executescript(old_schema)
        connection.execute("ATTACH ? AS today", (str(catalog),))
        connection.create_function("single", 1, lambda stored: from_halves(stored).tobytes())
        connection.create_function("half", 1, lambda stored: from_steps(stored).astype(np.float16).tobytes())
        connection.executescript(_AS_STORED_THEN)
        for table in ("document", "meta", "paragraph", "chunk", "sentence", "chunk_fts"):
            names = [f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(["rowid", *names] if table == "chunk_fts" else names)
            rows = "chunk" if table == "chunk_fts" else table
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM today.{rows}")  # noqa: S608
        connection.execute("UPDATE meta SET key = 'astray' WHERE key = 'unreachable_share'")
        connection.execute("UPDATE meta SET key = 'dead' WHERE key = 'deleted_vectors'")
        connection.commit()
    former.replace(catalog)


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.long)])
def test_killed_upgrade_loses_nothing(
    kills: int, tmp_path: Path, table: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    chance = random.Random(kills)  # noqa: S311
    corpus, vectors = full_corpus(tmp_path / "docs", table, chance)
    old, index = tmp_path / "old", tmp_path / "index"
    assert ingest_until_killed(processes, old, corpus, table, after(60))[-1] == "end"
    downgrade(old / "catalog.sqlite3")
    killed, seconds, versions = 0, 1.0, set()
    while killed < kills:
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(old, index)
        began = time.monotonic()
        wait = chance.uniform(0, seconds)
        messages = run_until_killed(processes, faulty_ingestion.upgrade, (index,), after(wait))
        if messages[-1] == "end":
            seconds = min(seconds, time.monotonic() - began)
            continue
        killed += 1
        with closing(sqlite3.connect(index / "catalog.sqlite3")) as connection:
            versions.add(connection.execute("PRAGMA user_version").fetchone()[0])
        assert state_after(NAMES, index, corpus.texts, corpus, vectors) == corpus.texts
    log.info("%d upgrades were killed; they left the schemas %s", killed, versions)


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.long)])
def test_killed_watch_loses_nothing_and_finds_nothing_deleted(
    kills: int, tmp_path: Path, table: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    """The folder changes while it is watched; every second kill comes once the change is reported."""
    chance = random.Random(kills)  # noqa: S311
    corpus, vectors = full_corpus(tmp_path / "docs", table, chance)
    index = tmp_path / "index"
    removed = 0
    for number in range(kills):
        reader, writer = processes.Pipe(duplex=False)
        process = processes.Process(
            target=faulty_ingestion.watch_folder, args=(index, corpus.folder, table, writer)
        )
        process.start()
        writer.close()
        while reader.recv() != "end":
            pass
        before = dict(corpus.texts)
        corpus.change(4)
        messages = []
        while number % 2 and "end" not in messages:
            messages.append(reader.recv())
        kill_at(after(0 if number % 2 else chance.uniform(0, 4)), process)
        messages += received(reader)
        gone = [message.removeprefix("removed ") for message in messages if message.startswith("removed ")]
        now = state_after([m for m in messages if m != "end"], index, before, corpus, vectors)
        assert not set(gone) & set(now)
        removed += len(gone)
    log.info("%d watching processes were killed; they had removed %d documents", kills, removed)


def test_write_interrupted_by_an_error_is_repaired_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("One paragraph stands here.\n\nAnother paragraph stands there.")
    with closing(Index.open(tmp_path / "index", "hash", DIMENSION)) as index:
        ingest(index, [tmp_path / "docs"], embed_parts, count_words, 64, "one")
        with index.catalog.read() as snapshot:
            ids = snapshot.chunk_ids()
        with index.catalog.write() as revision:
            revision.mark_pending(dict.fromkeys([*ids, "0" * 32], "a.txt"))
        index.vectors.delete(ids[:1])
        index.vectors.upsert(["0" * 32], list(embed(["of a document never committed"])), ["b.txt"])
        assert any("interrupted write" in problem for problem in index.check())
        assert len(ingest(index, [tmp_path / "docs"], embed_parts, count_words, 64, "one").unchanged) == 1
        assert index.check() == []
