"""Opening an index: whatever happened to it, it answers from its last committed state or says what to do."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from chroma_server import chroma_server
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.errors import EmbedderMismatch, SettingsError, StoreError
from rag.index import keeping
from rag.index import sqlite_schema as schema
from rag.index.folder import Index
from rag.index.stores import Stores
from rag.ingestion.indexer import ingest


def opened(folder: Path, chroma_url: str | None = None) -> Index:
    return Index.open(folder, "hash", DIMENSION, Stores(chroma_url))


def fill(index: Index, docs: Path) -> None:
    assert ingest(index, [docs], embed_parts, count_words, 64, "one").failed == ()


def write(docs: Path, lines: int = 10) -> Path:
    docs.mkdir()
    for name in "ab":
        (docs / f"{name}.txt").write_text("\n\n".join(f"Item {n} of {name}, counted." for n in range(lines)))
    return docs


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed index of two documents and 2,400 chunks, enough for HNSW's files to be on disk."""
    folder = tmp_path_factory.mktemp("filled")
    with closing(opened(folder / "index")) as index:
        fill(index, write(folder / "docs", 1200))
    return folder / "index"


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(filled, tmp_path / "index")


def check_answers(index: Index) -> None:
    """A chunk is found by its own vector, and nothing is missing or duplicated."""
    text = "Item 700 of b, counted."
    [(found, score), *_] = index.vectors.query(embed([text])[0].tolist(), 3)
    with index.catalog.read() as snapshot:
        assert snapshot.chunks([found])[found].text == text
        assert snapshot.chunk_count() == 2400
    assert score == pytest.approx(1, abs=1e-3)
    assert index.check() == []


def open_and_check(folder: Path) -> None:
    with closing(opened(folder)) as index:
        check_answers(index)


def chroma(folder: Path) -> Path:
    [location] = (path for path in folder.glob("chroma-*") if path.is_dir())
    return location


def test_index_opens_repeatedly_in_one_process_without_rebuild(folder: Path) -> None:
    before = chroma(folder)
    for _ in range(3):
        open_and_check(folder)
    assert chroma(folder) == before


@pytest.mark.parametrize("lines", [5, 75, 400])
def test_sound_index_of_any_size_is_not_rebuilt(tmp_path: Path, lines: int) -> None:
    docs = write(tmp_path / "docs", lines)
    locations = set()
    for _ in range(3):
        with closing(opened(tmp_path / "index")) as index:
            fill(index, docs)
            index.vectors.query([1.0] + [0.0] * (DIMENSION - 1), 5)
            locations.add(chroma(tmp_path / "index"))
    assert len(locations) == 1


def test_deleted_index_can_be_made_again_in_one_process(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs")
    for _ in range(2):
        with closing(opened(tmp_path / "index")) as index:
            fill(index, docs)
            assert index.vectors.count() == 20
        shutil.rmtree(tmp_path / "index")


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda location: [os.truncate(file, size) for file in location.glob(f"*/{name}")].clear()


@pytest.mark.parametrize(
    "damage",
    [
        cut("index_metadata.pickle", 1000),
        cut("data_level0.bin", 1000),
        cut("header.bin", 0),
        lambda location: [file.unlink() for file in location.glob("*/index_metadata.pickle")],
        shutil.rmtree,
        lambda location: (location / "chroma.sqlite3").unlink(),
        lambda location: (location / "chroma.sqlite3").write_bytes(b"garbage" * 9000),
        lambda location: (shutil.rmtree(location), location.write_text("a file in its place")),
    ],
    ids=["pickle cut", "data cut", "header empty", "no pickle", "no folder", "no rows", "bad rows", "a file"],
)
def test_damaged_vector_store_is_rebuilt_without_embedding(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(chroma(folder))
    open_and_check(folder)
    assert chroma(folder).is_dir()


def test_missing_and_surplus_vectors_are_reported_and_repaired(folder: Path) -> None:
    with closing(opened(folder)) as index:
        with index.catalog.read() as snapshot:
            ids = snapshot.chunk_ids()
        index.vectors.delete(ids[:5])
        index.vectors.upsert(["0" * 32], [embed(["nobody's"])[0]], ["a.txt"])
        problems = "\n".join(index.check())
        assert "5 chunks have no vector" in problems
        assert "1 vectors have no chunk" in problems
    open_and_check(folder)


def test_leftovers_of_an_interrupted_rebuild_are_reported_and_deleted(folder: Path) -> None:
    leftover = folder / "chroma-0123456789ab"
    with closing(opened(folder)) as index:
        leftover.mkdir()
        assert [problem for problem in index.check() if str(leftover) in problem]
    open_and_check(folder)
    assert not leftover.exists()


def test_many_deleted_vectors_lead_to_a_rebuild_that_says_how_far_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    with closing(opened(folder)) as index:
        for turn in range(2):
            (docs / "c.txt").write_text("\n\n".join(f"Turn {turn} of {n}, gone." for n in range(1200)))
            fill(index, docs)
        before = chroma(folder)
    monkeypatch.setattr(keeping, "READ_BATCH", 500)
    monkeypatch.setattr(keeping, "TOLD_EVERY", 1000)
    with closing(opened(folder)) as index:
        assert chroma(folder) != before
        assert "Rebuilding the vectors" in caplog.text
        assert "3,000 of 3,600 vectors are rebuilt" in caplog.text
        assert index.check() == []


@pytest.mark.parametrize("content", [b"garbage" * 9000, b"SQLite format 3\0" + b"garbage" * 9000])
def test_damaged_catalog_is_left_alone_and_the_remedy_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalog.sqlite3").write_bytes(content)
    with pytest.raises(StoreError, match=r"catalog\.sqlite3 is damaged.*ingest the documents again"):
        opened(tmp_path)
    assert (tmp_path / "catalog.sqlite3").read_bytes() == content
    assert not list(tmp_path.glob("chroma-*"))


def test_other_embedder_is_refused_with_the_command_to_run(folder: Path) -> None:
    for name, dimension in (("other", DIMENSION), ("hash", 384)):
        message = rf"made with the embedder hash .*but {name} .*pilcrow ingest --reembed"
        with pytest.raises(EmbedderMismatch, match=message):
            Index.open(folder, name, dimension)
    open_and_check(folder)


def test_second_process_learns_who_holds_the_index(folder: Path) -> None:
    code = (
        "import sys; from rag.index.folder import *\nIndex.open(Path(sys.argv[1]), 'hash', int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(folder), str(DIMENSION)]
    with closing(opened(folder)):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode != 0
        assert re.search(rf"in use by process {os.getpid()} \(\S+\) since 20", second.stderr)
        assert "--index" in second.stderr
        assert "chroma_url" in second.stderr
        with pytest.raises(StoreError, match="in use by this process"):
            opened(folder)
    subprocess.run(command, capture_output=True, check=True)


def test_threads_read_while_the_index_is_checked(folder: Path) -> None:
    with closing(opened(folder)) as index, ThreadPoolExecutor(4) as threads:
        for checked in [threads.submit(check_answers, index) for _ in range(4)]:
            checked.result()


def test_vectors_move_to_a_server_and_back_while_one_process_holds_the_index(
    folder: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "new.txt").write_text("Item of the server.")
    with chroma_server(tmp_path / "server") as url:
        with closing(opened(folder, url)) as index:
            check_answers(index)
            assert not list(folder.glob("chroma-*"))
            fill(index, docs)
            with pytest.raises(StoreError, match="in use by this process"):
                opened(folder, url)
        with closing(opened(folder, url)) as index:
            assert index.vectors.query(embed(["Item of the server."])[0].tolist(), 1)[0][1] > 0.99
    with closing(opened(folder)) as index:
        assert index.check() == []


def test_database_without_a_chroma_server_is_refused() -> None:
    with pytest.raises(SettingsError, match="set chroma_url"):
        Stores(catalog_url="postgresql://127.0.0.1/pilcrow")


def test_many_nearly_equal_chunks_do_not_cause_a_rebuild_at_every_opening(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for number in range(20):
        text = "\n\n".join(["lorem ipsum dolor sit amet " * 3 + str(number)] * 100)
        (tmp_path / "docs" / f"{number}.txt").write_text(text)
    others = "\n\n".join(f"The mayor of town {number} counts the boats." for number in range(40))
    (tmp_path / "docs" / "others.txt").write_text(others)
    with closing(opened(tmp_path / "index")) as index:
        fill(index, tmp_path / "docs")
    locations = set()
    for _ in range(4):
        with closing(opened(tmp_path / "index")) as index:
            locations.add(chroma(tmp_path / "index"))
            assert index.check() == []
    assert len(locations) <= 2, "one rebuild at most, as it can't help"


@pytest.fixture
def old_catalog(tmp_path: Path) -> Path:
    """The catalog of an index that Pilcrow 0.1.0 wrote."""
    catalog = tmp_path / "index" / "catalog.sqlite3"
    catalog.parent.mkdir()
    with closing(sqlite3.connect(catalog)) as connection:
        connection.executescript(Path(__file__).with_name("index_0_1_0.sql").read_text("utf-8"))
    return catalog


def rows(catalog: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(catalog)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_index_written_by_0_1_0_is_upgraded_in_place(old_catalog: Path) -> None:
    with closing(Index.open(old_catalog.parent, "hash", 4)) as index:
        with index.catalog.read() as snapshot:
            [document] = snapshot.documents()
            [(found, _)] = index.vectors.query([0.0, 1.0, 0.0, 0.0], 1)
            assert (document.source, document.paragraphs) == ("a.txt", 2)
            assert snapshot.chunks([found])[found].text == "Barges wait at the quay."
            assert snapshot.search(["barge"], 5) == [(found, pytest.approx(0, abs=1))]
            assert list(snapshot.sentences([("a.txt", 2)])["a.txt", 2]) == [(0, 24)]
        assert index.check() == []
    assert rows(old_catalog, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]
    kept = {key for (key,) in rows(old_catalog, "SELECT key FROM meta")}
    assert {"unreachable_share", "deleted_vectors"} <= kept
    assert not {"astray", "dead"} & kept


def test_upgrade_that_fails_leaves_the_old_index_as_it_was(old_catalog: Path) -> None:
    rows(old_catalog, "INSERT INTO meta VALUES ('deleted_vectors', 'in the way')")
    before = rows(old_catalog, "SELECT * FROM meta")
    with pytest.raises(StoreError, match="Nothing was deleted"):
        Index.open(old_catalog.parent, "hash", 4)
    assert rows(old_catalog, "SELECT * FROM meta") == before
    assert rows(old_catalog, "PRAGMA user_version") == [(2,)]


@pytest.mark.parametrize(
    ("version", "remedy"),
    [(99, "newer Pilcrow.*Update"), (1, "Delete that folder, then run `pilcrow ingest PATH`")],
)
def test_index_of_an_unknown_version_is_not_touched(old_catalog: Path, version: int, remedy: str) -> None:
    rows(old_catalog, f"PRAGMA user_version = {version}")
    before = rows(old_catalog, "SELECT * FROM meta")
    with pytest.raises(StoreError, match=remedy):
        Index.open(old_catalog.parent, "hash", 4)
    assert rows(old_catalog, "SELECT * FROM meta") == before
