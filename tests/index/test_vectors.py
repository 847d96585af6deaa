"""The vector store finds the nearest by cosine; damage on disk is found before Chroma opens it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from chroma_server import free_port

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


def test_query_is_restricted_to_sources_and_an_empty_store_has_no_hits(store: VectorStore) -> None:
    assert (store.query([1.0, 0.0], 5), store.ids()) == ([], set())
    made = fill(store, 50)
    found = store.query(made[7].tolist(), 50, ["even"])
    assert {i for i, _ in found} == {f"{n:05}" for n in range(0, 50, 2)}
    assert store.query(made[7].tolist(), 5, []) == []
    assert store.query(made[7].tolist(), 5, ["none"]) == []


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
    assert store.held([*sorted(store.ids()), "none"]) == store.ids()


def test_closed_store_says_so(store: VectorStore) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query([1.0], 1)


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


def test_server_that_is_down_names_the_remedy() -> None:
    with pytest.raises(StoreError, match=r"chroma run.*unset chroma_url"):
        VectorStore.open(f"http://127.0.0.1:{free_port()}", "pilcrow-test")
