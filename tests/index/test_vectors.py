"""The vector store finds the nearest by cosine; damage on disk is found before Chroma opens it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from chroma_server import chroma_server, free_port

from rag.errors import StoreError
from rag.index.vectors import VectorStore, damaged_file
from rag.types import Vector


def vectors(count: int, dimension: int = 8) -> list[Vector]:
    return list(np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32))


def fill(store: VectorStore, count: int) -> list[Vector]:
    made = vectors(count)
    store.upsert([f"{n:05}" for n in range(count)], made, ["odd" if n % 2 else "even" for n in range(count)])
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    with closing(VectorStore.open(tmp_path / "chroma", "pilcrow-test")) as opened:
        yield opened


@pytest.fixture(scope="module")
def persisted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Chroma folder with enough vectors for HNSW's files to be on disk."""
    folder = tmp_path_factory.mktemp("persisted") / "chroma"
    store = VectorStore.open(folder, "pilcrow-test")
    fill(store, 1500)
    store.close()
    return folder


def test_nearest_come_first_with_their_cosine(store: VectorStore) -> None:
    made = fill(store, 200)
    asked = made[7] * 3
    cosines = {
        f"{n:05}": float(v @ asked / np.linalg.norm(v) / np.linalg.norm(asked)) for n, v in enumerate(made)
    }
    best = sorted(cosines, key=lambda i: -cosines[i])[:5]
    found = store.query(asked.tolist(), 5)
    assert [i for i, _ in found] == best
    assert [score for _, score in found] == pytest.approx([cosines[i] for i in best], abs=1e-5)
    assert len(store.query(asked.tolist(), 500)) == 200


def test_sources_restrict_the_query(store: VectorStore) -> None:
    made = fill(store, 50)
    found = store.query(made[7].tolist(), 50, ["even"])
    assert {i for i, _ in found} == {f"{n:05}" for n in range(0, 50, 2)}
    assert store.query(made[7].tolist(), 5, []) == []
    assert store.query(made[7].tolist(), 5, ["none"]) == []


def test_empty_store_finds_nothing(store: VectorStore) -> None:
    assert store.query([1.0, 0.0], 5) == []
    assert store.ids() == set()


def test_upsert_replaces_and_delete_ignores_unknown_ids(store: VectorStore) -> None:
    made = fill(store, 5)
    store.upsert(["00001"], [made[2]], ["odd"])
    assert store.count() == 5
    assert store.unreachable({"00001": made[2]}) == []
    assert store.unreachable({"00001": made[1], "00000": made[0]}) == ["00001"]
    store.delete(["00001", "nothing"])
    store.delete([])
    assert store.ids() == {"00000", "00002", "00003", "00004"}


def test_more_vectors_than_chroma_takes_at_once(store: VectorStore) -> None:
    fill(store, 6000)
    assert store.count() == 6000
    assert len(store.ids()) == 6000


def test_closed_folder_can_be_deleted_and_made_again(tmp_path: Path) -> None:
    for _ in range(3):
        store = VectorStore.open(tmp_path / "chroma", "pilcrow-test")
        assert store.count() == 0
        fill(store, 10)
        store.close()
        store.close()
        shutil.rmtree(tmp_path / "chroma")


def test_closed_store_says_so(tmp_path: Path) -> None:
    store = VectorStore.open(tmp_path / "chroma", "pilcrow-test")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query([1.0], 1)


def test_undamaged_files_pass(persisted: Path) -> None:
    assert list(persisted.glob("*/index_metadata.pickle"))
    assert damaged_file(persisted) is None


@pytest.mark.parametrize(
    "name", ["index_metadata.pickle", "header.bin", "data_level0.bin", "length.bin", "link_lists.bin"]
)
@pytest.mark.parametrize("size", [0, 40, None])
def test_truncated_or_missing_file_is_named(
    persisted: Path, tmp_path: Path, name: str, size: int | None
) -> None:
    copy = shutil.copytree(persisted, tmp_path / "chroma")
    [file] = copy.glob(f"*/{name}")
    if size is None:
        if name == "index_metadata.pickle":
            pytest.skip("a new graph has none either; test_folder checks that nothing is lost")
        file.unlink()
    else:
        os.truncate(file, size)
    assert damaged_file(copy) == file


def test_unreadable_chroma_raises_our_error(persisted: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(persisted, tmp_path / "chroma")
    (copy / "chroma.sqlite3").write_bytes(b"garbage" * 5000)
    with pytest.raises(StoreError, match="rebuilt"):
        VectorStore.open(copy, "pilcrow-test")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


def test_server_stores_and_finds_as_a_folder_does(server: str) -> None:
    store = VectorStore.open(server, "pilcrow-test")
    made = fill(store, 1500)
    other = VectorStore.open(server, "pilcrow-test")
    assert other.query(made[3].tolist(), 1)[0][0] == "00003"
    assert other.query(made[3].tolist(), 1, ["even"])[0][0] != "00003"
    assert len(other.ids()) == 1500
    assert other.unreachable({"00003": made[3]}) == []
    other.drop()
    other.close()
    store.close()


def test_server_that_is_down_names_the_remedy() -> None:
    with pytest.raises(StoreError, match=r"chroma run.*unset chroma_url"):
        VectorStore.open(f"http://127.0.0.1:{free_port()}", "pilcrow-test")
