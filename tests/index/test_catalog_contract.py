"""Both catalogs keep the same promises: what is written is read back and found, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from harbour import PARAGRAPHS, write

from rag.errors import StoreError
from rag.index.catalog import Catalog
from rag.index.sqlite_catalog import SqliteCatalog
from rag.retrieval.retriever import searched_forms
from rag.types import DocumentInfo, Paragraph

Reopen = Callable[[], Catalog]


@pytest.fixture(params=["sqlite", "postgres"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Opens the same catalog again, as another process does."""
    if request.param == "sqlite":
        return lambda: SqliteCatalog.open(tmp_path / "catalog.sqlite3")
    url = request.getfixturevalue("postgres_url")
    from rag.index.postgres_catalog import PostgresCatalog

    return lambda: PostgresCatalog.open(url)


@pytest.fixture
def catalog(reopen: Reopen) -> Iterator[Catalog]:
    with closing(reopen()) as opened:
        yield opened


def test_written_document_is_read_back(catalog: Catalog) -> None:
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


def test_search_matches_word_forms_accents_and_thousands(catalog: Catalog) -> None:
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
def test_no_question_can_break_the_word_index(catalog: Catalog, question: str) -> None:
    write(catalog)
    with catalog.read() as snapshot:
        snapshot.search(searched_forms(question), 5)


def test_replaced_and_removed_documents_leave_nothing(catalog: Catalog) -> None:
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


def test_reader_keeps_its_state_while_another_writes(catalog: Catalog) -> None:
    write(catalog)
    with catalog.read() as before:
        write(catalog, "b.txt")
        assert [document.source for document in before.documents()] == ["a.txt"]
        with catalog.read() as after:
            assert [document.source for document in after.documents()] == ["a.txt", "b.txt"]


def test_failed_write_changes_nothing(catalog: Catalog) -> None:
    write(catalog)
    with pytest.raises(KeyError), catalog.write() as revision:
        revision.remove(["a.txt"])
        raise KeyError
    with catalog.read() as snapshot:
        assert snapshot.chunk_count() == 3


def test_document_frequency_follows_each_write(catalog: Catalog, reopen: Reopen) -> None:
    with closing(reopen()) as other:
        for number, name in enumerate("abc", 1):
            write(catalog if number % 2 else other, f"{name}.txt")
            for opened in (catalog, other):
                with opened.read() as snapshot:
                    assert snapshot.document_frequency(["barg"]) == {"barg": number}
        with other.write() as revision:
            revision.remove(["a.txt"])
    with catalog.read() as snapshot:
        assert snapshot.document_frequency(["barg"]) == {"barg": 2}


def test_closed_catalog_says_so(catalog: Catalog) -> None:
    catalog.close()
    with pytest.raises(StoreError, match="closed"), catalog.read():
        pass
