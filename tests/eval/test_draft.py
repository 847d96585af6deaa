"""Drafts of questions: proposed from documents and feedback, kept if a person accepts and they are valid."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.questions.draft import Draft, Prompt, append, from_documents, from_feedback, read_feedback, review
from eval.questions.question import Question, load, validate
from rag import Assistant, PilcrowError, Settings
from ui.cli import app

NOTES = """# Harbour notes

The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.

The pier was mended for 40,000 crowns.

It rained a lot.
"""
TABLE = "Ship,Port,Crew\nAurora,Veldhaven,12\n"
WRONG: dict[str, Any] = {
    "question": "How deep is the basin?",
    "answer": "The pier was mended for 40,000 crowns. [1]",
    "verdict": "wrong",
    "note": "no depth there",
    "history": [{"question": "Is there a pier?", "answer": "There is."}],
    "citations": [["harbour.md", 3]],
}
RIGHT = WRONG | {
    "question": "Who is the harbour master of Veldhaven?",
    "answer": "The harbour master of Veldhaven is Ines Okafor. [1]",
    "verdict": "right",
    "history": [],
    "citations": [["harbour.md", 2]],
}


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Assistant]:
    """An assistant over a page of notes and a table."""
    (tmp_path / "harbour.md").write_text(NOTES, "utf-8")
    (tmp_path / "ships.csv").write_text(TABLE, "utf-8")
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([tmp_path / "harbour.md", tmp_path / "ships.csv"])
        yield assistant


def typing(*answers: str) -> Prompt:
    """Someone who types these in turn; nothing typed takes the default."""
    left = iter(answers)

    def prompt(_: str, default: str) -> str:
        return next(left) or default

    return prompt


def test_drafts_ask_for_dates_numbers_names_and_table_fields(harbour: Assistant) -> None:
    drafts = list(from_documents(harbour, ()))
    by_place = {draft.question.gold[0]: draft.question for draft in drafts}
    assert by_place["harbour.md", 2].kind == "date"
    assert by_place["harbour.md", 2].accepted == ("3 March 2021",)
    assert "3 March 2021" not in by_place["harbour.md", 2].text
    assert by_place["harbour.md", 3].accepted == ("40,000",)
    assert by_place["ships.csv", 1].text == "What is the Crew for Ship Aurora, Port Veldhaven?"
    assert by_place["ships.csv", 1].accepted == ("12",)
    assert len(drafts) == 3, "nothing to ask about harbour.md ¶4"
    first, second, *_ = drafts
    assert (first.question.gold[0][0], second.question.gold[0][0]) == ("harbour.md", "ships.csv"), "in turn"


def test_known_questions_are_not_proposed_again(harbour: Assistant) -> None:
    known = [Question("k", "When?", "date", gold=(("harbour.md", 2),))]
    assert ("harbour.md", 2) not in {draft.question.gold[0] for draft in from_documents(harbour, known)}
    assert list(from_feedback([WRONG | {"question": "When?"}], known)) == []


def test_drafts_from_documents_are_valid(harbour: Assistant, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    assert review(list(from_documents(harbour, ())), harbour, file, (), lambda *_: "a", lambda _: None) == 3
    validate(load(file), harbour)


def test_person_accepts_edits_and_skips(harbour: Assistant, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    shown: list[str] = []
    question, answer = "Since when has Okafor been in office?", "Since 3 March 2021."
    edited = ("e", question, "", answer, "3 March 2021 | March 2021", "")
    drafts = list(from_documents(harbour, ()))
    kept = review(drafts, harbour, file, (), typing(*edited, "s", "a"), shown.append)
    rows = load(file)
    assert kept == len(rows) == 2
    assert (rows[0].text, rows[0].reference) == (question, answer)
    assert rows[0].accepted == ("3 March 2021", "March 2021")
    assert rows[1].gold == (("harbour.md", 3),)
    assert "She took office on 3 March 2021." in shown[0], "the paragraph is shown"


def test_invalid_question_is_not_kept_until_corrected(harbour: Assistant, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    printed: list[str] = []
    gold = (("harbour.md", 3),)
    draft = Draft(Question("", "Who mended the pier?", "fact", "Masons.", ("Masons",), gold=gold), "")
    mended = ("e", "What did mending the pier cost?", "number", "40,000 crowns.", "40,000", "harbour.md ¶3")
    assert review([draft], harbour, file, (), typing("a", *mended), printed.append) == 1
    assert any("can't accept: harbour.md ¶3 contains no accepted answer" in line for line in printed)
    assert load(file)[0].text == "What did mending the pier cost?"
    assert review([draft], harbour, file, load(file), typing("a", "s"), printed.append) == 0
    assert len(load(file)) == 1


def test_answer_judged_wrong_can_become_an_unanswerable_question(harbour: Assistant, tmp_path: Path) -> None:
    [draft] = from_feedback([WRONG], ())
    assert draft.question.kind == "follow-up"
    assert (draft.question.gold, draft.question.accepted) == ((), ())
    assert "no depth there" in draft.shown
    file = tmp_path / "mine.jsonl"
    assert review([draft], harbour, file, (), typing("e", "", "unanswerable"), lambda _: None) == 1
    [kept] = load(file)
    assert (kept.kind, kept.answerable) == ("unanswerable", False)
    assert kept.history[0].question == "Is there a pier?"


def test_question_is_appended_after_a_missing_newline(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    append(file, Question("a", "One?", "unanswerable"))
    file.write_text(file.read_text("utf-8").rstrip("\n"), "utf-8")
    append(file, Question("b", "Two?", "near miss"))
    assert [question.id for question in load(file)] == ["a", "b"]


def command(tmp_path: Path, feedback: Path | str) -> list[str]:
    index, questions = str(tmp_path / "index"), str(tmp_path / "mine.jsonl")
    return ["eval", "draft", "--index", index, "--questions", questions, "--feedback", str(feedback)]


def test_command_proposes_feedback_before_documents(harbour: Assistant, tmp_path: Path) -> None:
    harbour.close()
    feedback = tmp_path / "feedback.jsonl"
    feedback.write_text(f"{json.dumps(RIGHT)}\n\n", "utf-8")
    done = CliRunner().invoke(app, command(tmp_path, feedback), input="a\nq\n")
    assert done.exit_code == 0, done.output
    assert "judged right" in done.output
    assert "1 added to" in done.output
    [kept] = load(tmp_path / "mine.jsonl")
    assert kept.text == "Who is the harbour master of Veldhaven?"
    assert kept.gold == (("harbour.md", 2),)


@pytest.mark.parametrize("line", ["not JSON", "[]", '{"question": "Who?"}'])
def test_feedback_of_another_form_names_its_line(line: str) -> None:
    with pytest.raises(PilcrowError, match="Line 2 of the feedback"):
        read_feedback([json.dumps(RIGHT), line])


def test_piped_feedback_without_a_terminal_says_to_save_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ui", *command(tmp_path, "-")],
        input=json.dumps(RIGHT),
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # no terminal to read the choices from
    )
    assert done.returncode == 1
    assert "pilcrow eval draft --feedback FILE" in done.stderr
