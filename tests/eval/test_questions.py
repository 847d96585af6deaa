"""The questions of the evaluation and their validator: what does not fit the documents is named by line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.questions.rows import FILE, KINDS, load, validate
from rag import Assistant, PilcrowError

GOOD: dict[str, object] = {
    "id": "a1",
    "question": "Who blamed the weather?",
    "kind": "fact",
    "reference": "Natalia Humeniuk did.",
    "accepted": ["Humeniuk"],
    "gold": [["black-sea-notes.txt", 5]],
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of questions: a good row, then the rows given, each over the fields of the good one."""

    def written(*changes: dict[str, object]) -> Path:
        rows = [GOOD, *({**GOOD, "id": f"b{at}", **change} for at, change in enumerate(changes))]
        path = tmp_path / "mine.jsonl"
        lines = [
            json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows
        ]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return written


def test_our_own_questions_fit_the_seeds(assistant: Assistant) -> None:
    rows = load(FILE)
    validate(rows, assistant)
    assert len(rows) >= 150
    assert sum(not row.answerable for row in rows) >= 40


def test_the_quick_questions_hold_every_kind() -> None:
    rows = load(FILE)
    assert {row.kind for row in rows[:30]} == set(KINDS)
    assert min(Counter(row.kind for row in rows).values()) >= 10


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = load(FILE)
    again = tmp_path / "again.jsonl"
    again.write_text("".join(json.dumps(row.as_json()) + "\n" for row in rows), "utf-8")
    assert load(again) == rows
    assert [row.digest for row in load(again)] == [row.digest for row in rows]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gold": [["black-sea-notes.txt", 4]]}, "black-sea-notes.txt ¶4 holds nothing that is accepted"),
        ({"gold": [["black-sea-notes.txt", 400]]}, "has no paragraph 400"),
        ({"gold": [["nowhere.txt", 1]]}, "hold no nowhere.txt"),
        ({"gold": []}, "no gold paragraph"),
        ({"accepted": ["Zaluzhnyi"]}, "would not be counted as right"),
        ({"accepted": ["Hum"], "reference": "Hum."}, "holds nothing that is accepted"),
        ({"accepted": []}, "either accepted or accepted_all"),
        ({"accepted_all": ["Humeniuk"]}, "and not both"),
        (
            {"accepted": [], "accepted_all": ["Humeniuk", "Kiper"], "reference": "Humeniuk, Kiper."},
            "no gold paragraph holds 'Kiper'",
        ),
        ({"kind": "riddle"}, "the kind 'riddle' is none of"),
        ({"kind": "follow-up"}, "needs the history"),
        ({"kind": "near miss"}, "has no answer, so no gold"),
        ({"question": " "}, "no question"),
        ({"id": "a1"}, "another row has the id 'a1'"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_its_line(
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
        ("{", "not a row"),
        ("[]", "not a JSON object"),
        ('{"id": "x", "question": "Who?"}', "'kind'"),
        ('{"id": "x", "question": "Who?", "kind": "fact", "answer": "me"}', "unknown field 'answer'"),
        ('{"id": 7, "question": "Who?", "kind": "fact"}', "7 is not a text"),
        ('{"id": "x", "question": "Who?", "kind": "fact", "gold": [["a.txt", "2"]]}', "not a paragraph's"),
        ('{"id": "x", "question": "Who?", "kind": "fact", "accepted": "me"}', "'me' is not a list"),
    ],
)
def test_a_line_that_is_no_row_is_named(line: str, problem: str, write: Write) -> None:
    path = write()
    path.write_text(path.read_text("utf-8") + "\n" + line + "\n", "utf-8")
    with pytest.raises(PilcrowError, match=problem) as raised:
        load(path)
    assert f"{path}, line 3: " in str(raised.value)


def test_a_file_without_questions_says_how_to_get_some(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n\n", "utf-8")
    with pytest.raises(PilcrowError, match="pilcrow eval draft"):
        load(empty)
    with pytest.raises(PilcrowError, match="cannot be read"):
        load(tmp_path / "missing.jsonl")
