"""The catalog in SQLite reports damage and leaves foreign files alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from harbour import write

from rag.errors import StoreError
from rag.index.sqlite_catalog import SqliteCatalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    with closing(SqliteCatalog.open(tmp_path / "catalog.sqlite3")) as opened:
        yield opened


def test_damage_inside_the_file_is_reported(catalog: SqliteCatalog, tmp_path: Path) -> None:
    write(catalog)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3")) as connection:
        connection.executescript(
            "DELETE FROM chunk_fts WHERE rowid = 2;"
            "UPDATE chunk SET vector = x'00' WHERE rowid = 3;"
            "DELETE FROM chunk WHERE rowid = 1;"
        )
    with catalog.read() as snapshot:
        assert snapshot.problems(4) == [
            "catalog: 1 chunks are missing from the full-text index",
            "catalog: 1 entries of the full-text index belong to no chunk",
            "catalog: 1 vectors are damaged",
        ]


def test_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="another folder"):
        SqliteCatalog.open(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
