"""Files of questions and their validation: every problem is named by file and line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.questions.question import FILE, KINDS, load, validate
from rag import Assistant, PilcrowError

GOOD: dict[str, object] = {
    "id": "a1",
    "question": "Who blamed the weather?",
    "kind": "fact",
    "reference": "Natalia Humeniuk did.",
    "accepted": ["Humeniuk"],
    "gold": [["black-sea-notes.txt", 5]],
}
LIST = {"accepted": [], "accepted_all": ["Humeniuk", "Kiper"]}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of questions: a good one, then variants of it."""

    def written(*changes: dict[str, object]) -> Path:
        rows = [GOOD, *({**GOOD, "id": f"b{at}", **change} for at, change in enumerate(changes))]
        path = tmp_path / "mine.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return path

    return written


def test_built_in_questions_match_the_seeds(assistant: Assistant) -> None:
    rows = load(FILE)
    validate(rows, assistant)
    assert len(rows) >= 150
    assert sum(not row.answerable for row in rows) >= 40


def test_quick_questions_include_every_kind() -> None:
    rows = load(FILE)
    assert {row.kind for row in rows[:30]} == set(KINDS)
    assert min(Counter(row.kind for row in rows).values()) >= 10


def test_questions_survive_writing_and_reading(tmp_path: Path) -> None:
    rows = load(FILE)
    again = tmp_path / "again.jsonl"
    again.write_text("".join(json.dumps(row.as_json()) + "\n" for row in rows), "utf-8")
    assert load(again) == rows
    assert [row.digest for row in load(again)] == [row.digest for row in rows]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gold": [["black-sea-notes.txt", 4]]}, "black-sea-notes.txt ¶4 contains no accepted answer"),
        ({"gold": [["black-sea-notes.txt", 400]]}, "has no paragraph 400"),
        ({"gold": [["nowhere.txt", 1]]}, "no document nowhere.txt"),
        ({"gold": []}, "at least one gold paragraph"),
        ({"accepted": ["Zaluzhnyi"]}, "does not contain the accepted answer"),
        ({"accepted": ["Hum"], "reference": "Hum."}, "contains no accepted answer"),
        ({"accepted": []}, "either accepted or accepted_all"),
        ({"accepted_all": ["Humeniuk"]}, "not both"),
        ({**LIST, "reference": "Humeniuk, Kiper."}, "no gold paragraph contains 'Kiper'"),
        ({"kind": "riddle"}, "unknown kind 'riddle'"),
        ({"kind": "follow-up"}, "needs a history"),
        ({"kind": "near miss"}, "has no answer: leave out gold"),
        ({"question": " "}, "no question"),
        ({"id": "a1"}, "another question has the id 'a1'"),
    ],
)
def test_invalid_question_is_named_by_its_line(
    change: dict[str, object], problem: str, write: Write, assistant: Assistant
) -> None:
    path = write({}, change)
    with pytest.raises(PilcrowError, match=problem) as raised:
        validate(load(path), assistant)
    assert f"{path}, line 3: " in str(raised.value)
    assert f"{path}, line 2: " not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not a question"),
        ("[]", "not a JSON object"),
        ('{"id": "x", "question": "Who?"}', "'kind'"),
        ('{"id": "x", "question": "Who?", "kind": "fact", "answer": "me"}', "unknown field 'answer'"),
        ('{"id": 7, "question": "Who?", "kind": "fact"}', "7 is not a text"),
        ('{"id": "x", "question": "?", "kind": "fact", "gold": [["a", "2"]]}', "not a paragraph number"),
        ('{"id": "x", "question": "Who?", "kind": "fact", "accepted": "me"}', "'me' is not a list"),
    ],
)
def test_unreadable_line_is_named(line: str, problem: str, write: Write) -> None:
    path = write()
    path.write_text(path.read_text("utf-8") + "\n" + line + "\n", "utf-8")
    with pytest.raises(PilcrowError, match=problem) as raised:
        load(path)
    assert f"{path}, line 3: " in str(raised.value)


def test_empty_file_says_how_to_draft_questions(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n\n", "utf-8")
    with pytest.raises(PilcrowError, match="pilcrow eval draft"):
        load(empty)
    with pytest.raises(PilcrowError, match="Can't read"):
        load(tmp_path / "missing.jsonl")
