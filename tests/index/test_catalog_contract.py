"""Both catalogs keep the same promises: what is written is read back and found, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event, Thread

import pytest
from harbour import PARAGRAPHS, write

from rag.errors import StoreError
from rag.index.catalog import Catalog, Conflict, DatedEdition, Origin
from rag.index.sqlite_catalog import SqliteCatalog
from rag.ingestion.embedding import stored_sentences
from rag.retrieval.retriever import searched_forms
from rag.text.edition import Edition
from rag.text.recognition import Recognition
from rag.types import Document, DocumentInfo, Paragraph

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
        assert snapshot.document_count() == len(snapshot.documents())
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


def test_everything_about_a_document_is_read_back(catalog: Catalog) -> None:
    scanned = Paragraph(1, "Tide tables", recognised=Recognition(0.5, (0.0, 0.1, 0.2, 0.3)), page=4)
    document = Document(
        "b.pdf", "1" * 64, "Tides", (scanned,), Edition("2", "the 2019 tables", True), ("page 2", "page 3")
    )
    origin = Origin("b.pdf", "/docs/b.pdf", "/docs", "1" * 64, "print", 10, 1_900_000_000_000_000_000)
    with catalog.write() as revision:
        revision.replace(origin, document, [], [], {}, {})
    write(catalog)
    with catalog.read() as snapshot:
        assert snapshot.all_paragraphs("b.pdf") == [scanned]
        assert snapshot.editions() == [DatedEdition("b.pdf", "Tides", None, document.edition)]
        assert [each.source for each in snapshot.origins()] == ["a.txt", "b.pdf"]
        assert snapshot.origins(["b.pdf", "c.pdf"]) == [replace(origin, left_out="page 2; page 3")]
        assert snapshot.sources_at(["/docs/b.pdf", "/docs/c.pdf"]) == {"/docs/b.pdf": "b.pdf"}
        assert snapshot.titles(["b.pdf", "c.pdf"]) == {"b.pdf": "Tides"}
    moved = replace(origin, path="/new/b.pdf", root="/new", size=11, modified=5)
    with catalog.write() as revision:
        revision.relocate(moved)
    with catalog.read() as snapshot:
        assert snapshot.origins(["b.pdf"]) == [replace(moved, left_out="page 2; page 3")]


def test_vectors_are_found_by_place_and_by_window(catalog: Catalog) -> None:
    heading, pilot, barges = write(catalog)
    others = write(catalog, "b.txt")
    with catalog.read() as snapshot:
        at = snapshot.vectors_at([("a.txt", 3), ("a.txt", 9)])
        assert {place: [v.tolist() for v in found] for place, found in at.items()} == {
            ("a.txt", 3): [[2, 2, 2, 2]]
        }
        assert {
            place: v.tolist() for place, v in snapshot.windows_at([("a.txt", 2), ("a.txt", 4)]).items()
        } == {("a.txt", 2): [4, 4, 4, 4]}
        assert {span: v.tolist() for span, v in snapshot.windows_of("a.txt").items()} == {
            (1, 3): [4, 4, 4, 4]
        }
        assert list(stored_sentences("a.txt", snapshot)) == [
            ("Harbour news", "The naïve pilot paid 9,000 crowns."),
            ("Harbour news", "Barges wait at the quay."),
        ]
        ids = {chunk.id for chunk in (heading, pilot, barges)}
        assert snapshot.chunk_ids(["a.txt"]) == sorted(ids)
        assert snapshot.chunk_ids() == sorted(ids | {chunk.id for chunk in others})
        assert set(snapshot.sample(50)) <= set(snapshot.chunk_ids())
        assert snapshot.sources_with(["barge"], ["b.txt", "c.txt"]) == {"b.txt"}
        assert snapshot.sources_with([], ["b.txt"]) == set()
        assert [key for key, _ in snapshot.search(["barge"], 5, ["b.txt"])] == [others[2].id]


def test_document_is_found_by_its_name_however_it_is_composed(catalog: Catalog) -> None:
    write(catalog, "Ma\u0308rz.txt")
    with catalog.read() as snapshot:
        assert snapshot.document("M\u00e4rz.txt") == snapshot.documents()[0]
        for unknown in ("März", "\ud800", "a\x00b"):
            assert snapshot.document(unknown) is None


def test_second_name_of_a_path_is_a_conflict(catalog: Catalog) -> None:
    write(catalog, path="/docs/one")
    with pytest.raises(Conflict, match="/docs/one is in the index under another name than b.txt"):
        write(catalog, "b.txt", path="/docs/one")
    with catalog.read() as snapshot:
        assert [each.source for each in snapshot.documents()] == ["a.txt"]


def test_values_about_the_index_add_up(catalog: Catalog, reopen: Reopen) -> None:
    with closing(reopen()) as other:
        for each in (catalog, other, catalog):
            with each.write() as revision:
                revision.add_meta("deleted_vectors", 2)
                revision.add_meta("deleted_vectors", 3)
                assert revision.hold_meta("collection") is None
    with catalog.write() as revision:
        revision.set_meta("collection", "one")
        revision.add_meta("other", 5)
        revision.set_meta("other", "1")
    with catalog.read() as snapshot:
        assert [snapshot.meta(key) for key in ("deleted_vectors", "collection", "other", "none")] == [
            "15",
            "one",
            "1",
            None,
        ]


def test_pending_chunks_are_cleared_one_by_one(catalog: Catalog) -> None:
    with catalog.write() as revision:
        revision.mark_pending({"1": "a.txt", "2": "b.txt"})
    with catalog.write() as revision:
        revision.mark_pending({"3": "c.txt", "1": "a2.txt"})
        revision.clear_pending(["2", "9"])
    with catalog.read() as snapshot:
        assert snapshot.pending() == {"1": "a2.txt", "3": "c.txt"}


def test_right_to_change_a_document_is_held_by_one_thread(catalog: Catalog) -> None:
    held, leave, order = Event(), Event(), []

    def first() -> None:
        with catalog.locked(["a.txt", "path:/docs/a.txt"]) as keys:
            assert keys == {"a.txt", "path:/docs/a.txt"}
            held.set()
            leave.wait(30)
            order.append("first")

    def second() -> None:
        with catalog.locked(["a.txt", "b.txt"]) as keys:
            assert keys == {"a.txt", "b.txt"}
            order.append("second")

    threads = [Thread(target=first), Thread(target=second)]
    threads[0].start()
    assert held.wait(30)
    with catalog.locked(["a.txt"], wait=False) as keys:
        assert keys == frozenset()
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first", "second"]
    with catalog.locked(["a.txt"], wait=False) as keys:
        assert keys == {"a.txt"}


def test_right_ends_with_an_error(catalog: Catalog) -> None:
    with pytest.raises(KeyError), catalog.locked(["a.txt"]):
        raise KeyError
    with catalog.locked(["a.txt"], wait=False) as keys:
        assert keys == {"a.txt"}
    with catalog.locked([]) as keys:
        assert keys == frozenset()


def test_large_document_is_written_in_one_transaction(catalog: Catalog) -> None:
    paragraphs = [Paragraph(n, f"Barge {n} waits at quay {n % 7}.") for n in range(1, 4_501)]
    write(catalog, paragraphs=paragraphs)
    with catalog.read() as snapshot:
        assert snapshot.chunk_count() == 4_500
        assert snapshot.document_frequency(["barg", "7", "none"]) == {"barg": 4_500, "7": 1, "none": 0}
        assert snapshot.problems(4) == []
