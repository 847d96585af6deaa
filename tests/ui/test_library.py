"""The page's library and suggested questions, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from unicodedata import normalize

import pytest

from rag import Assistant, Settings
from ui import chat, library
from ui.conversations import FILE, Conversations
from ui.source import page_image


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        yield assistant


def file(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)


def add(shelf: Assistant, *given: str) -> str:
    """Upload files; the last progress that the page shows."""
    return unescape(list(library.ingest(shelf, library.save(shelf, given)))[-1])


def test_another_upload_of_a_name_keeps_both_and_the_same_file_adds_nothing(
    shelf: Assistant, tmp_path: Path
) -> None:
    nine, ten = (
        file(tmp_path / hour / "ferry.txt", f"The ferry Zwaluw sailed at {hour}.") for hour in ("nine", "ten")
    )
    add(shelf, nine)
    assert "ferry (2).txt" in add(shelf, ten)
    assert "already up to date" in add(shelf, nine)
    add(shelf, nine, ten)
    assert [document.source for document in shelf.documents()] == ["ferry (2).txt", "ferry.txt"]
    assert "nine" in shelf.ask("When did the Zwaluw sail?", sources=["ferry.txt"]).text
    assert "ten" in shelf.ask("When did the Zwaluw sail?", sources=["ferry (2).txt"]).text


def test_two_uploads_of_one_name_are_two_documents(shelf: Assistant, tmp_path: Path) -> None:
    add(shelf, *(file(tmp_path / place / "log.txt", f"A log of {place}.") for place in ("Urk", "Enkhuizen")))
    assert sorted(document.source for document in shelf.documents()) == ["log (2).txt", "log.txt"]


def test_an_upload_stays_apart_from_a_document_of_its_name_elsewhere(
    shelf: Assistant, tmp_path: Path
) -> None:
    own = Path(file(tmp_path / "own" / "log.txt", "A log of Urk."))
    shelf.ingest([own.parent])
    assert "log (2).txt" in add(shelf, file(tmp_path / "given" / "log.txt", "A log of Enkhuizen."))
    assert "already up to date" in add(shelf, file(tmp_path / "again" / "log.txt", "A log of Urk."))
    assert shelf.paragraph("log.txt", 1).text == "A log of Urk."
    assert shelf.paragraph("log (2).txt", 1).text == "A log of Enkhuizen."
    assert len(shelf.documents()) == 2
    own.unlink()
    assert "log (3).txt" in add(shelf, file(tmp_path / "new" / "log.txt", "A log of Elburg."))
    assert shelf.path("log.txt") == own
    library.remove(shelf, "log (2).txt")
    add(shelf, file(tmp_path / "last" / "log.txt", "A log of Hoorn."))
    assert shelf.paragraph("log (2).txt", 1).text == "A log of Hoorn."


def test_an_upload_named_in_nfd_is_the_document_named_in_nfc(shelf: Assistant, tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        add(shelf, file(tmp_path / form / normalize(form, "Verträge.txt"), "A log of Urk."))
    assert [document.source for document in shelf.documents()] == ["Verträge.txt"]


def test_table_shows_the_state_of_each_file(shelf: Assistant, tmp_path: Path) -> None:
    path = Path(file(tmp_path / "log.txt", "A log of Urk."))
    shelf.ingest([path])
    assert "up to date" in unescape(library.table(shelf))
    path.write_text("A log of Enkhuizen.", "utf-8")
    assert "file has changed" in unescape(library.table(shelf))
    path.unlink()
    assert "file is gone" in unescape(library.table(shelf))


def test_removing_keeps_the_users_file_and_deletes_the_pages_copy(shelf: Assistant, tmp_path: Path) -> None:
    own = Path(file(tmp_path / "own.txt", "A log of Urk."))
    (copy,) = library.save(shelf, [file(tmp_path / "given.txt", "A log of Enkhuizen.")])
    shelf.ingest([own, copy])
    assert library.remove(shelf, "own.txt") == "Removed own.txt."
    library.remove(shelf, "given.txt")
    assert own.is_file()
    assert not copy.exists()
    assert shelf.documents() == []


def test_documents_answer_the_suggested_questions(assistant: Assistant) -> None:
    questions = assistant.suggestions()
    assert len(questions) >= 3
    for question in questions:
        answer = assistant.ask(question)
        assert not answer.abstained, question
        assert answer.citations


def test_an_empty_index_says_to_add_files_and_records_nothing(shelf: Assistant, tmp_path: Path) -> None:
    assert shelf.suggestions() == ()
    with Conversations(tmp_path / FILE) as conversations:
        *_, asked = chat.ask(shelf, conversations, "", "", "What is Wagner?", ())
        assert asked.failed
        assert conversations.search("") == []
        for html in (asked.draft, chat.show(shelf, conversations, "", ""), library.table(shelf)):
            assert "The index is empty. Add files" in unescape(html)


def test_only_pages_of_pdf_files_are_drawn(seeds: Path) -> None:
    assert page_image(seeds / "fact-sheet-wagner.pdf", 1).startswith(b"\x89PNG")
    for path, number in ((seeds / "fact-sheet-wagner.pdf", 99), (seeds / "glossary.md", 1)):
        with pytest.raises(ValueError, match="page"):
            page_image(path, number)
