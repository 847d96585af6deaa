"""Opening an index: whatever happened to it, it answers from its last state, or says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from chroma_server import chroma_server
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.errors import EmbedderMismatch, StoreError
from rag.index.folder import Index
from rag.ingestion.indexer import ingest


def opened(folder: Path, chroma_url: str | None = None) -> Index:
    return Index.open(folder, "hash", DIMENSION, chroma_url)


def fill(index: Index, docs: Path) -> None:
    report = ingest(index, [docs], embed_parts, count_words, 64, "one")
    assert report.failed == ()


def write(docs: Path, lines: int = 10) -> Path:
    docs.mkdir()
    for name in "ab":
        (docs / f"{name}.txt").write_text("\n\n".join(f"Item {n} of {name}, counted." for n in range(lines)))
    return docs


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed index of two documents and 2,400 chunks, so that HNSW's files are on disk."""
    folder = tmp_path_factory.mktemp("filled")
    index = opened(folder / "index")
    fill(index, write(folder / "docs", 1200))
    index.close()
    return folder / "index"


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(filled, tmp_path / "index")


def answers(index: Index) -> None:
    """Every chunk is found by its own vector, and nothing is wrong or double."""
    text = "Item 700 of b, counted."
    [(found, score), *_] = index.vectors.query(embed([text])[0].tolist(), 3)
    with index.catalog.read() as snapshot:
        assert snapshot.chunks([found])[found].text == text
        assert snapshot.chunk_count() == 2400
    assert score == pytest.approx(1, abs=1e-3)
    assert index.check() == []


def chroma(folder: Path) -> Path:
    [place] = folder.glob("chroma-*")
    return place


def test_an_index_is_opened_again_and_again_in_one_process(folder: Path) -> None:
    place = chroma(folder)
    for _ in range(3):
        index = opened(folder)
        answers(index)
        index.close()
    assert chroma(folder) == place


@pytest.mark.parametrize("lines", [5, 75, 400])
def test_a_sound_index_is_not_built_anew_whatever_its_size(tmp_path: Path, lines: int) -> None:
    index = opened(tmp_path / "index")
    fill(index, write(tmp_path / "docs", lines))
    places = []
    for _ in range(3):
        index.vectors.query([1.0] + [0.0] * (DIMENSION - 1), 5)
        places.append(chroma(tmp_path / "index").name)
        index.close()
        index = opened(tmp_path / "index")
    index.close()
    assert len(set(places)) == 1


def test_an_index_deleted_and_made_again_in_one_process(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs")
    for _ in range(2):
        index = opened(tmp_path / "index")
        fill(index, docs)
        assert index.vectors.count() == 20
        index.close()
        shutil.rmtree(tmp_path / "index")


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda place: [os.truncate(file, size) for file in place.glob(f"*/{name}")].clear()


def forget(place: Path) -> None:
    for file in place.glob("*/index_metadata.pickle"):
        file.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        cut("index_metadata.pickle", 1000),
        cut("data_level0.bin", 1000),
        cut("header.bin", 0),
        forget,
        shutil.rmtree,
        lambda place: (place / "chroma.sqlite3").unlink(),
        lambda place: (place / "chroma.sqlite3").write_bytes(b"garbage" * 9000),
        lambda place: (shutil.rmtree(place), place.write_text("a file in its place")),
    ],
    ids=["pickle cut", "data cut", "header empty", "no pickle", "no folder", "no rows", "bad rows", "a file"],
)
def test_a_broken_vector_store_is_rebuilt_without_embedding(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(chroma(folder))
    index = opened(folder)
    answers(index)
    index.close()
    assert len([place for place in folder.glob("chroma-*") if place.is_dir()]) == 1


def test_vectors_that_went_missing_or_astray_are_noticed_and_repaired(folder: Path) -> None:
    index = opened(folder)
    with index.catalog.read() as snapshot:
        ids = snapshot.chunk_ids()
    index.vectors.delete(ids[:5])
    index.vectors.upsert(["0" * 32], [embed(["nobody's"])[0]], ["a.txt"])
    problems = index.check()
    assert any("5 chunks have none" in problem for problem in problems)
    assert any("1 belong to no chunk" in problem for problem in problems)
    index.close()
    index = opened(folder)
    answers(index)
    index.close()


def test_leftovers_of_a_cut_off_rebuild_are_told_and_swept(folder: Path) -> None:
    index = opened(folder)
    left = folder / "chroma-0123456789ab"
    left.mkdir()
    assert [problem for problem in index.check() if str(left) in problem]
    index.close()
    index = opened(folder)
    assert not left.exists()
    answers(index)
    index.close()


def test_many_dead_places_are_cleared_by_a_rebuild(folder: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    index = opened(folder)
    for turn in range(2):
        shutil.rmtree(docs, ignore_errors=True)
        docs.mkdir()
        (docs / "c.txt").write_text("\n\n".join(f"Turn {turn} of {n}, gone." for n in range(1200)))
        fill(index, docs)
    place = chroma(folder)
    index.close()
    index = opened(folder)
    assert chroma(folder) != place
    assert index.check() == []
    index.close()


def test_a_damaged_catalog_is_left_alone_and_the_remedy_named(folder: Path) -> None:
    (folder / "catalog.sqlite3").write_bytes(b"garbage" * 9000)
    before = sorted(folder.rglob("*"))
    with pytest.raises(StoreError, match=r"damaged.*ingest the documents again"):
        opened(folder)
    assert sorted(folder.rglob("*")) == before


def test_another_embedder_is_told_what_to_run(folder: Path) -> None:
    for name, dimension in (("other", DIMENSION), ("hash", 384)):
        with pytest.raises(EmbedderMismatch, match=r"made with the embedder hash .*pilcrow ingest --index"):
            Index.open(folder, name, dimension)
    index = opened(folder)
    answers(index)
    index.close()


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(StoreError, match="another --index"):
        opened(tmp_path / "index")


def test_a_second_process_learns_who_holds_the_index(folder: Path) -> None:
    code = (
        "import sys; from rag.index.folder import *\nIndex.open(Path(sys.argv[1]), 'hash', int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(folder), str(DIMENSION)]
    index = opened(folder)
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert f"in use by process {os.getpid()}" in second.stderr
    assert "chroma_url" in second.stderr
    with pytest.raises(StoreError, match="in use by this process"):
        opened(folder)
    index.close()
    subprocess.run(command, capture_output=True, check=True)


def test_threads_read_while_the_index_is_checked(folder: Path) -> None:
    index = opened(folder)
    threads = [threading.Thread(target=answers, args=(index,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index.close()


def test_a_server_shares_one_index_between_openings(folder: Path, tmp_path: Path) -> None:
    with chroma_server(tmp_path / "server") as address:
        shared_through(address, folder, tmp_path / "docs")
    index = opened(folder)  # and back into the folder, without embedding
    assert index.check() == []
    index.close()


def shared_through(address: str, folder: Path, docs: Path) -> None:
    first, second = opened(folder, address), opened(folder, address)
    answers(first)
    assert not list(folder.glob("chroma-*"))
    docs.mkdir()
    (docs / "new.txt").write_text("Item of the first opening.")
    fill(first, docs)
    [(found, _)] = second.vectors.query(embed(["Item of the first opening."])[0].tolist(), 1)
    with second.catalog.read() as snapshot:
        assert snapshot.chunks([found])[found].source == "new.txt"
    with first.writing(), pytest.raises(StoreError, match="in use by"), second.writing():
        pass
    first.close()
    second.close()


def test_an_index_held_by_this_process_is_not_taken_for_one_on_a_server(folder: Path, tmp_path: Path) -> None:
    index = opened(folder)
    with chroma_server(tmp_path / "server") as address, pytest.raises(StoreError, match="in use by another"):
        opened(folder, address)
    answers(index)
    index.close()


def test_who_shared_an_index_learns_that_it_was_moved(folder: Path, tmp_path: Path) -> None:
    with chroma_server(tmp_path / "server") as address:
        shared = opened(folder, address)
        opened(folder).close()
        with pytest.raises(StoreError, match="open it again"), shared.writing():
            pass
        shared.close()


def test_many_nearly_equal_chunks_do_not_make_every_opening_a_rebuild(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for number in range(20):
        text = "\n\n".join(["lorem ipsum dolor sit amet " * 3 + str(number)] * 100)
        (tmp_path / "docs" / f"{number}.txt").write_text(text)
    for number in range(40):
        (tmp_path / "docs" / f"other-{number}.txt").write_text(
            f"The mayor of town {number} counts the boats."
        )
    index = opened(tmp_path / "index")
    fill(index, tmp_path / "docs")
    places = []
    for _ in range(4):
        index.close()
        index = opened(tmp_path / "index")
        places.append(chroma(tmp_path / "index").name)
    problems = index.check()
    index.close()
    assert len(set(places)) <= 2, "one rebuild at most: it cannot help"
    assert problems == []
