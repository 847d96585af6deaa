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
from rag.retrieval.retriever import searched_forms
from rag.types import Chunk, Document, DocumentInfo, Kind, Paragraph

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


def test_written_document_is_read_back(catalog: SqliteCatalog) -> None:
    heading, pilot, barges = write(catalog)
    with catalog.read() as snapshot:
        info = DocumentInfo("a.txt", "Harbour", "0" * 64, 3, date(2024, 5, 1), language="en")
        assert snapshot.documents() == [info]
        assert snapshot.document("a.txt") == info
        assert snapshot.document("b.txt") is None
        assert snapshot.all_paragraphs("a.txt") == list(PARAGRAPHS)
        assert list(snapshot.paragraphs([("a.txt", 3), ("a.txt", 1), ("a.txt", 9)]).values()) == [
            PARAGRAPHS[2],
            PARAGRAPHS[0],
        ]
        assert list(snapshot.chunks([barges.id, "none", heading.id]).values()) == [barges, heading]
        assert {place: list(spans) for place, spans in snapshot.sentences([("a.txt", 3)]).items()} == {
            ("a.txt", 3): [(0, 24)]
        }
        assert snapshot.sentences([("a.txt", 2)])["a.txt", 2][0, 34].tolist() == [2, 2, 2, 2]
        assert snapshot.vectors([pilot.id])[pilot.id].tolist() == [1, 1, 1, 1]
        assert snapshot.chunk_count() == 3
        assert snapshot.problems(4) == []


def test_search_matches_word_forms_accents_and_thousands(catalog: SqliteCatalog) -> None:
    heading, pilot, barges = write(catalog)
    with catalog.read() as snapshot:
        for forms in (["naive"], ["9000"], ["pay", "pilots"]):
            assert [i for i, _ in snapshot.search(forms, 5)] == [pilot.id], forms
        found = snapshot.search(["news", "barge"], 5)
        assert found[0][0] == barges.id
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert snapshot.search(["news"], 2) == snapshot.search(["news"], 9)[:2]
        # a word in the text weighs more than one in its heading
        assert snapshot.search(["news"], 1)[0][0] == heading.id
        frequency = snapshot.document_frequency(["barg", "new", "zeppelin"])
        assert frequency == {"barg": 1, "new": 3, "zeppelin": 0}


@pytest.mark.parametrize(
    "question", ['a "quoted" AND (odd) NEAR/3 * question:', "who?", "C'est “ça”", "9,000", "?!"]
)
def test_no_question_can_break_the_word_index(catalog: SqliteCatalog, question: str) -> None:
    write(catalog)
    with catalog.read() as snapshot:
        snapshot.search(searched_forms(question), 5)


def test_replaced_and_removed_documents_leave_nothing(catalog: SqliteCatalog) -> None:
    old = write(catalog)
    write(catalog, paragraphs=(Paragraph(1, "Nothing but fog."),))
    with catalog.read() as snapshot:
        assert snapshot.chunks(chunk.id for chunk in old) == {}
        assert snapshot.search(["barges"], 5) == []
        assert snapshot.document_frequency(["barg", "fog"]) == {"barg": 0, "fog": 1}
    with catalog.write() as revision:
        revision.remove(["a.txt"])
    with catalog.read() as snapshot:
        assert snapshot.documents() == []
        assert snapshot.chunk_count() == 0
        assert snapshot.search(["fog"], 5) == []
        assert snapshot.problems(4) == []


def test_reader_keeps_its_state_while_another_writes(catalog: SqliteCatalog) -> None:
    write(catalog)
    with catalog.read() as before:
        write(catalog, "b.txt")
        assert [document.source for document in before.documents()] == ["a.txt"]
        with catalog.read() as after:
            assert [document.source for document in after.documents()] == ["a.txt", "b.txt"]


def test_failed_write_changes_nothing(catalog: SqliteCatalog) -> None:
    write(catalog)
    with pytest.raises(KeyError), catalog.write() as revision:
        revision.remove(["a.txt"])
        raise KeyError
    with catalog.read() as snapshot:
        assert snapshot.chunk_count() == 3


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


def test_document_frequency_follows_each_write(catalog: SqliteCatalog, tmp_path: Path) -> None:
    with closing(SqliteCatalog.open(tmp_path / "catalog.sqlite3")) as other:
        for number, name in enumerate("abc", 1):
            write(catalog if number % 2 else other, f"{name}.txt")
            for opened in (catalog, other):
                with opened.read() as snapshot:
                    assert snapshot.document_frequency(["barg"]) == {"barg": number}
        with other.write() as revision:
            revision.remove(["a.txt"])
    with catalog.read() as snapshot:
        assert snapshot.document_frequency(["barg"]) == {"barg": 2}


def test_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="another folder"):
        SqliteCatalog.open(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_closed_catalog_says_so(catalog: SqliteCatalog) -> None:
    catalog.close()
    with pytest.raises(StoreError, match="closed"), catalog.read():
        pass
