"""Names and questions in NFC and in NFD, as keyboards and disks of macOS write them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest

from rag import Assistant, PilcrowError, Settings, Turn

FORMS = ("NFC", "NFD")
NAMES = ("Müller-Verträge.md", "한국어.md", "ガイド.md", "Điều lệ.md")
TEXT = "# Büro\n\nDer Schlüssel für das Büro liegt bei Zoë Köhler.\n\nLe café est à l’étage.\n"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        yield assistant


def folder(tmp_path: Path, form: str) -> Path:
    """A folder whose name, files and texts are in one form."""
    made = tmp_path / normalize(form, "Büro Süd")
    made.mkdir(parents=True)
    for name in NAMES:
        (made / normalize(form, name)).write_text(normalize(form, TEXT), "utf-8")
    return made


@pytest.mark.parametrize("disk", FORMS)
def test_a_document_is_found_by_its_name_in_either_form(shelf: Assistant, tmp_path: Path, disk: str) -> None:
    shelf.ingest([folder(tmp_path, disk)])
    assert {document.source for document in shelf.documents()} == set(NAMES), "sources are in NFC"
    for name in NAMES:
        for asked in (normalize(form, name) for form in FORMS):
            assert shelf.paragraph(asked, 2).text == "Der Schlüssel für das Büro liegt bei Zoë Köhler."
            assert len(shelf.paragraphs(asked, 1, 9)) == 3
            assert shelf.path(asked).is_file()
            assert {found.source for found in shelf.search("Schlüssel", [asked])} == {name}
            assert shelf.ask("Bei wem liegt der Schlüssel?", sources=[asked]).citations[0].source == name
    assert shelf.remove(*(normalize("NFD", name) for name in NAMES)) == NAMES
    assert shelf.documents() == []


@pytest.mark.parametrize("disk", FORMS)
def test_a_question_in_either_form_has_the_same_answer(shelf: Assistant, tmp_path: Path, disk: str) -> None:
    shelf.ingest([folder(tmp_path, disk)])
    earlier = [Turn("Wer ist Zoë Köhler?", "Zoë Köhler hat den Schlüssel für das Büro.")]
    for question in (
        "Bei wem liegt der Schlüssel für das Büro?",
        "Où est le café ?",
        "Was tut sie in Løgstør?",
    ):
        composed, decomposed = (
            shelf.ask(
                normalize(form, question),
                [Turn(normalize(form, turn.question), normalize(form, turn.answer)) for turn in earlier],
            )
            for form in FORMS
        )
        assert (composed.text, composed.missing) == (decomposed.text, decomposed.missing)
        assert composed.standalone == decomposed.standalone
        assert composed.probability == decomposed.probability


@pytest.mark.parametrize("disk", FORMS)
def test_a_path_may_be_typed_in_the_other_form(shelf: Assistant, tmp_path: Path, disk: str) -> None:
    made = folder(tmp_path, disk)
    typed = tmp_path / normalize(FORMS[disk == "NFC"], made.name)
    assert shelf.ingest([typed]).added == tuple(sorted(NAMES))
    again = shelf.ingest([typed / normalize("NFC", NAMES[0]), typed / normalize("NFD", NAMES[1])])
    assert set(again.unchanged) == {NAMES[0], NAMES[1]}
    with pytest.raises(PilcrowError, match="does not exist"):
        shelf.ingest([typed / normalize(disk, "Verträge von früher.md")])


def test_one_file_reached_by_two_spellings_is_one_document(shelf: Assistant, tmp_path: Path) -> None:
    """On macOS both spellings open one file; here a second link does."""
    path = tmp_path / normalize("NFD", NAMES[0])
    path.write_text(TEXT, "utf-8")
    shelf.ingest([path])
    os.link(path, tmp_path / NAMES[0])
    assert shelf.ingest([tmp_path / NAMES[0]]).unchanged == (NAMES[0],)


def test_two_files_that_differ_in_spelling_only_stay_apart(shelf: Assistant, tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / "disk" / form).mkdir(parents=True, exist_ok=True)
        (tmp_path / "disk" / normalize(form, NAMES[0])).write_text(f"This file is in {form}.", "utf-8")
    if len(list((tmp_path / "disk").glob("*.md"))) < len(FORMS):
        pytest.skip("this disk holds one of them")
    shelf.ingest([tmp_path / "disk"])
    texts = {shelf.paragraph(document.source, 1).text for document in shelf.documents()}
    assert texts == {"This file is in NFC.", "This file is in NFD."}
    assert shelf.ingest([tmp_path / "disk"]).added == ()
