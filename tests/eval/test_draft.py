"""Drafts of questions: proposed from documents and feedback, kept only when a person says so and they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.questions.draft import Draft, append, from_documents, from_feedback, review
from eval.questions.rows import Row, load, validate
from rag import Assistant, Settings
from ui.cli import app
from ui.conversations import FILE, Conversations

NOTES = """# Harbour notes

The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.

The pier was mended for 40,000 crowns.

It rained a lot.
"""
TABLE = "Ship,Port,Crew\nAurora,Veldhaven,12\n"
Answers = Callable[[str, str], str]


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Assistant]:
    """An assistant over a page of notes and a table."""
    (tmp_path / "harbour.md").write_text(NOTES, "utf-8")
    (tmp_path / "ships.csv").write_text(TABLE, "utf-8")
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([tmp_path / "harbour.md", tmp_path / "ships.csv"])
        yield assistant


def typing(*answers: str) -> Answers:
    """Someone who types these, one after the other; nothing typed takes what is proposed."""
    left = iter(answers)

    def prompt(_: str, proposed: str) -> str:
        return next(left) or proposed

    return prompt


def test_a_document_is_asked_for_its_dates_numbers_names_and_fields(harbour: Assistant) -> None:
    drafts = list(from_documents(harbour, ()))
    by_place = {draft.row.gold[0]: draft.row for draft in drafts}
    assert by_place["harbour.md", 2].kind == "date"
    assert by_place["harbour.md", 2].accepted == ("3 March 2021",)
    assert "3 March 2021" not in by_place["harbour.md", 2].question
    assert by_place["harbour.md", 3].accepted == ("40,000",)
    assert by_place["ships.csv", 1].question == "What is the Crew for Ship Aurora, Port Veldhaven?"
    assert by_place["ships.csv", 1].accepted == ("12",)
    assert ("harbour.md", 4) not in by_place, "nothing to ask about"
    assert [draft.row.gold[0][0] for draft in drafts[:2]] == ["harbour.md", "ships.csv"], "each in turn"


def test_what_is_asked_already_is_not_proposed_again(harbour: Assistant) -> None:
    known = [Row("k", "When?", "date", gold=(("harbour.md", 2),))]
    assert ("harbour.md", 2) not in {draft.row.gold[0] for draft in from_documents(harbour, known)}
    judged = {
        "question": "When?",
        "answer": "",
        "verdict": "right",
        "note": "",
        "history": [],
        "citations": [],
    }
    assert list(from_feedback([judged], known)) == []


def test_every_draft_of_a_document_fits_it(harbour: Assistant, tmp_path: Path) -> None:
    """Accepted as they are, they pass the validator."""
    file = tmp_path / "mine.jsonl"
    drafts = list(from_documents(harbour, ()))
    kept = review(drafts, harbour, file, (), lambda *_: "a", lambda _: None)
    assert kept == len(drafts) == 3
    validate(load(file), harbour)


def test_a_person_accepts_edits_and_skips(harbour: Assistant, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    shown: list[str] = []
    edited = (
        "e",
        "Since when has Okafor been in office?",
        "",
        "Since 3 March 2021.",
        "3 March 2021 | March 2021",
        "",
    )
    kept = review(
        list(from_documents(harbour, ())), harbour, file, (), typing(*edited, "s", "a"), shown.append
    )
    rows = load(file)
    assert kept == len(rows) == 2
    assert rows[0].question == "Since when has Okafor been in office?"
    assert rows[0].accepted == ("3 March 2021", "March 2021")
    assert rows[1].gold == (("harbour.md", 3),)
    assert "She took office on 3 March 2021." in shown[0], "the paragraph is there to be read"


def test_what_does_not_fit_is_not_kept_until_it_does(harbour: Assistant, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    told: list[str] = []
    draft = Draft(
        Row("", "Who mended the pier?", "fact", "Masons.", ("Masons",), gold=(("harbour.md", 3),)), ""
    )
    mended = ("e", "What did mending the pier cost?", "number", "40,000 crowns.", "40,000", "harbour.md ¶3")
    assert review([draft], harbour, file, (), typing("a", *mended), told.append) == 1
    assert any("not yet: harbour.md ¶3 holds nothing that is accepted" in line for line in told)
    assert load(file)[0].question == "What did mending the pier cost?"
    assert review([draft], harbour, file, load(file), typing("a", "s"), told.append) == 0
    assert len(load(file)) == 1


def test_an_answer_judged_wrong_can_become_a_question_without_an_answer(
    harbour: Assistant, tmp_path: Path
) -> None:
    judged = {
        "question": "How deep is the basin?",
        "answer": "The pier was mended for 40,000 crowns. [1]",
        "verdict": "wrong",
        "note": "no depth there",
        "history": [{"question": "Is there a pier?", "answer": "There is."}],
        "citations": [["harbour.md", 3]],
    }
    [draft] = from_feedback([judged], ())
    assert draft.row.kind == "follow-up"
    assert (draft.row.gold, draft.row.accepted) == ((), ())
    assert "no depth there" in draft.shown
    file = tmp_path / "mine.jsonl"
    assert review([draft], harbour, file, (), typing("e", "", "unanswerable"), lambda _: None) == 1
    [row] = load(file)
    assert (row.kind, row.answerable, row.history[0].question) == ("unanswerable", False, "Is there a pier?")


def test_a_row_is_added_below_what_stands_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    append(file, Row("a", "One?", "unanswerable"))
    file.write_text(file.read_text("utf-8").rstrip("\n"), "utf-8")
    append(file, Row("b", "Two?", "near miss"))
    assert [row.id for row in load(file)] == ["a", "b"]


def test_the_command_proposes_feedback_first_and_adds_to_the_file(harbour: Assistant, tmp_path: Path) -> None:
    answer = harbour.ask("Who is the harbour master of Veldhaven?")
    with Conversations(tmp_path / "index" / FILE) as conversations:
        conversation = conversations.add("", None, answer)
        conversations.judge("", conversation, 1, "right")
    harbour.close()
    file = tmp_path / "mine.jsonl"
    typed = "a\nq\n"
    arguments = ["eval", "draft", "--index", str(tmp_path / "index"), "--questions", str(file)]
    done = CliRunner().invoke(app, arguments, input=typed)
    assert done.exit_code == 0, done.output
    assert "judged right" in done.output
    assert "1 added to" in done.output
    [row] = load(file)
    assert row.question == "Who is the harbour master of Veldhaven?"
    assert row.gold == (("harbour.md", 2),)
