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
from rag.types import Chunk, Paragraph


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


def test_removed_words_leave_the_file(catalog: SqliteCatalog, tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    for source in ("a.txt", "b.txt"):
        write(catalog, source, [Paragraph(1, "Zanzibar belongs to nobody.")], chunks=[])
        with catalog.write() as revision:
            revision.remove([source])
        assert is_in_word_index(b"zanzibar", file)
        if source == "a.txt":
            catalog.purge()
        else:  # the writer was killed
            SqliteCatalog.open(file).close()
        assert not is_in_word_index(b"zanzibar", file)


def is_in_word_index(word: bytes, file: Path) -> bool:
    """Return whether a word is in the blocks of the full-text index, also if it belongs to nothing."""
    with closing(sqlite3.connect(file)) as connection:
        return any(word in block for (block,) in connection.execute("SELECT block FROM chunk_fts_data"))


def test_text_of_a_chunk_is_stored_once(catalog: SqliteCatalog, tmp_path: Path) -> None:
    whole, part = Paragraph(1, "Barges wait at the quay."), Paragraph(2, "The pilot sleeps. The tide turns.")
    chunks = [
        Chunk("a.txt", 1, 0, whole.text),
        *(Chunk("a.txt", 2, at, text) for at, text in enumerate(("The pilot sleeps.", "The tide turns."))),
    ]
    write(catalog, paragraphs=[whole, part], chunks=chunks)
    with catalog.read() as snapshot:
        assert list(snapshot.chunks(chunk.id for chunk in chunks).values()) == chunks
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3")) as connection:
        stored = connection.execute("SELECT text FROM chunk ORDER BY rowid").fetchall()
    assert stored == [("",), ("The pilot sleeps.",), ("The tide turns.",)]
