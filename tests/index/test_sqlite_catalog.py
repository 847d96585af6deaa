"""The catalog returns what was written, all or nothing; a removed document leaves nothing behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from rag.errors import StoreError
from rag.index.catalog import Origin
from rag.index.sqlite_catalog import SqliteCatalog
from rag.types import Chunk, Document, Kind, Paragraph

PARAGRAPHS = (
    Paragraph(1, "Harbour news", Kind.HEADING, line=1),
    Paragraph(2, "The naïve pilot paid 9,000 crowns.", heading="Harbour news", line=3, date=date(2024, 5, 1)),
    Paragraph(3, "Barges wait at the quay.", Kind.LIST_ITEM, "Harbour news", page=2),
)


def write(
    catalog: SqliteCatalog, source: str = "a.txt", paragraphs: tuple[Paragraph, ...] = PARAGRAPHS
) -> list[Chunk]:
    chunks = [Chunk(source, p.number, 0, p.text, p.heading, p.page) for p in paragraphs]
    document = Document(source, "0" * 64, "Harbour", paragraphs)
    with catalog.write() as revision:
        revision.replace(
            Origin(source, f"/docs/{source}", "/docs", "0" * 64, "print"),
            document,
            chunks,
            [np.full(4, number, dtype=np.float32) for number in range(len(chunks))],
            {2: {(0, 34): np.full(4, 2, dtype=np.float32)}, 3: {(0, 24): np.full(4, 3, dtype=np.float32)}},
            {(1, 3): np.full(4, 4, dtype=np.float32)},
        )
    return chunks


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
