"""Ask the office questions: `python -m scripts.office [dev|test]`; prints what is right by shape.

`scripts/office_questions/` holds two sets of documents such as people keep, with questions, all written for
this: `dev` to fit and tune on, `test` only to measure. One line tells each wrong answer.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from rag import Answer, Assistant, Turn
from rag.types import Evidence
from scripts.public_sets import json_lines

FOLDER = Path(__file__).resolve().parent / "office_questions"


@dataclass(frozen=True, slots=True)
class OfficeQuestion:
    """A question in one of the shapes that people ask in, and what a right answer has.

    All of `expected` must be in it, each in one of its alternatives; none of `unexpected`. `sources` are the
    documents to cite, none if nothing answers.
    """

    id: str
    shape: str
    text: str
    history: tuple[Turn, ...]
    expected: tuple[tuple[str, ...], ...]
    unexpected: tuple[str, ...]
    sources: tuple[str, ...]

    def is_answered_by(self, paragraph: Evidence, sentence: str) -> bool:
        """Return whether a sentence of a paragraph holds something of what is expected."""
        return paragraph.source.endswith(self.sources) and any(_has(sentence, each) for each in self.expected)

    def accepts(self, answer: Answer) -> bool:
        """Return whether an answer is right, and cites one of the documents."""
        if not self.sources:
            return answer.abstained
        return (
            not answer.abstained
            and all(_has(answer.text, each) for each in self.expected)
            and not _has(answer.text, self.unexpected)
            and any(citation.source.endswith(self.sources) for citation in answer.citations)
        )


def _has(text: str, alternatives: Iterable[str]) -> bool:
    plain = text.casefold()
    return any(one.casefold() in plain for one in alternatives)


def load(part: str) -> list[OfficeQuestion]:
    """Read the questions of "dev" or "test"."""
    return [
        OfficeQuestion(
            row["id"],
            row["shape"],
            row["question"],
            tuple(Turn(turn["question"], turn["answer"]) for turn in row["history"]),
            tuple(tuple(each.split("|")) for each in row["expected"]),
            tuple(row["expected_not"]),
            tuple(row["sources"]),
        )
        for row in json_lines(FOLDER / part / "questions.jsonl")
    ]


def main(part: Annotated[str, typer.Argument(help="dev or test")] = "dev") -> None:
    """Ask every question of a part, and print the share of right answers by shape, and the wrong ones."""
    right: dict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as index, Assistant.open(index) as assistant:
        assistant.ingest(FOLDER / part / "files")
        for question in track(load(part), part):
            answer = assistant.ask(question.text, question.history)
            good = question.accepts(answer)
            right[question.shape].append(good)
            if not good:
                print(f"{question.id} {question.shape}: {question.text} | {_short(answer)}")
    for shape, marks in sorted(right.items()):
        print(f"{shape:14} {sum(marks) / len(marks):.2f} of {len(marks)}")
    every = [mark for marks in right.values() for mark in marks]
    print(f"{'all':14} {sum(every) / len(every):.3f} of {len(every)}")


def _short(answer: Answer) -> str:
    doubt = "" if answer.abstained or answer.sure else "(unsure) "
    return f"{doubt}{' '.join(answer.text.split())[:300]}"


if __name__ == "__main__":
    typer.run(main)
