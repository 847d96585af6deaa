"""The page's library and suggested questions, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

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


def test_newer_upload_replaces_the_older_file(shelf: Assistant, tmp_path: Path) -> None:
    for number, text in enumerate(("The ferry Zwaluw sailed at nine.", "The ferry Zwaluw sailed at ten.")):
        given = library.save(shelf, [file(tmp_path / str(number) / "ferry.txt", text)])
        lines = list(library.ingest(shelf, given))
    assert "1 paragraph<" in lines[-1]
    assert [document.source for document in shelf.documents()] == ["ferry.txt"]
    assert "ten" in shelf.ask("When did the Zwaluw sail?").text


def test_two_uploads_of_one_name_are_two_documents(shelf: Assistant, tmp_path: Path) -> None:
    given = [file(tmp_path / place / "log.txt", f"A log of {place}.") for place in ("Urk", "Enkhuizen")]
    list(library.ingest(shelf, library.save(shelf, given)))
    assert sorted(document.source for document in shelf.documents()) == ["log (2).txt", "log.txt"]


def test_document_state_follows_its_file(shelf: Assistant, tmp_path: Path) -> None:
    path = Path(file(tmp_path / "log.txt", "A log of Urk."))
    shelf.ingest([path])
    (document,) = shelf.documents()
    assert library.state(shelf, document) == "up to date"
    path.write_text("A log of Enkhuizen.", "utf-8")
    assert library.state(shelf, document) == "file has changed"
    path.unlink()
    assert library.state(shelf, document) == "file is gone"


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
