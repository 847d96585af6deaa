"""A question that was asked: the answer, what was found for it, and the paragraphs to hold it against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from eval.metrics import Held, Place
from eval.questions.rows import Row
from rag import Answer, Assistant, Citation, PilcrowError, Statement

RANKED = 10  # paragraphs searched for


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph as the documents hold it, and the path of the headings above it."""

    text: str
    heading: str = ""

    @property
    def whole(self) -> str:
        """What a reader sees who looks it up: the headings, and below them the text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Case:
    """A row and its answer. `ranked`: the paragraphs of the search, best first, but for headings.

    `passages`: each cited and each gold paragraph; None for one that the documents do not hold.
    `seconds`: of the answer.
    """

    row: Row
    answer: Answer
    ranked: tuple[Place, ...]
    passages: Mapping[Place, Passage | None]
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether an answer came, not an abstention."""
        return not self.answer.abstained

    @property
    def said(self) -> str:
        """The statements without the marks of their citations; empty where it abstained."""
        return " ".join(statement.text for statement in self.answer.statements) if self.answered else ""

    @property
    def marked(self) -> str:
        """The words that are highlighted in the first statement with some, else the whole first statement."""
        for statement in self.answer.statements:
            if statement.highlight:
                return statement.text[slice(*statement.highlight)]
        return self.answer.statements[0].text if self.answer.statements else ""

    @property
    def cited(self) -> tuple[Place, ...]:
        """The paragraph of each citation."""
        return tuple((item.source, item.paragraph) for item in self.answer.citations)

    @property
    def contexts(self) -> tuple[str, ...]:
        """The different paragraphs cited, as the documents hold them."""
        found = (self.passages.get(place) for place in dict.fromkeys(self.cited))
        return tuple(passage.whole for passage in found if passage)

    @property
    def ranks(self) -> tuple[Held, ...]:
        """The ranked paragraphs as the arithmetic of ranks takes them."""
        return tuple(frozenset({place}) for place in self.ranked)

    def of(self, statement: Statement) -> tuple[Citation | None, ...]:
        """The citation behind each mark of a statement; None for a mark that leads to none."""
        by_number = {item.number: item for item in self.answer.citations}
        return tuple(by_number.get(number) for number in statement.citations)

    def passage(self, citation: Citation | None) -> Passage | None:
        """The cited paragraph as the documents hold it; None where there is none."""
        return self.passages.get((citation.source, citation.paragraph)) if citation else None

    def as_json(self) -> dict[str, object]:
        """The case in values that JSON has."""
        return {
            "id": self.row.id,
            "digest": self.row.digest,
            "answer": self.answer.as_json(),
            "ranked": [list(place) for place in self.ranked],
            "passages": [
                [*place, *((passage.text, passage.heading) if passage else ())]
                for place, passage in self.passages.items()
            ],
            "seconds": round(self.seconds, 4),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any], row: Row) -> Case:
        """The case of this row that `as_json` wrote."""
        return cls(
            row=row,
            answer=Answer.from_json(written["answer"]),
            ranked=tuple((source, number) for source, number in written["ranked"]),
            passages={
                (source, number): Passage(*held) if held else None
                for source, number, *held in written["passages"]
            },
            seconds=written["seconds"],
        )


def ask(row: Row, assistant: Assistant) -> Case:
    """Asks one question, with its history, and searches for it as it was understood."""
    start = perf_counter()
    answer = assistant.ask(row.question, row.history)
    seconds = perf_counter() - start
    found = assistant.search(answer.standalone or row.question, limit=RANKED)
    cited = [(item.source, item.paragraph) for item in answer.citations]
    return Case(
        row=row,
        answer=answer,
        ranked=tuple((item.source, item.paragraph) for item in found if item.kind != "heading"),
        passages={place: _held(assistant, place) for place in dict.fromkeys([*cited, *row.gold])},
        seconds=seconds,
    )


def _held(assistant: Assistant, place: Place) -> Passage | None:
    try:
        paragraph = assistant.paragraph(*place)
    except PilcrowError:  # there is no such paragraph, which is what a citation must not name
        return None
    return Passage(paragraph.text, paragraph.heading)
