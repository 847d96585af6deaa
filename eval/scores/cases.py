"""A question that was asked, with the answer and the paragraphs needed to score it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from eval.metrics import Place
from eval.questions.question import Question
from eval.scores.reply import Reply
from rag import Answer, Assistant, Citation, PilcrowError, Statement

RANKED = 10  # paragraphs to search for


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph as the documents have it, and the path of the headings above it."""

    text: str
    heading: str = ""

    @property
    def whole(self) -> str:
        """The headings and the text below them, as a reader sees them."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its answer.

    `ranked` are the paragraphs found by search, best first, without headings. `passages` are the cited and
    the gold paragraphs; None for one that the documents lack. `seconds` is the time to answer.
    """

    question: Question
    answer: Answer
    ranked: tuple[Place, ...]
    passages: Mapping[Place, Passage | None]
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        """Whether there is an answer, not an abstention."""
        return not self.answer.abstained

    @property
    def reply(self) -> Reply:
        """The answer as any system's reply, for scoring."""
        return Reply.of(self.answer, self.ranked, self.seconds)

    @property
    def contexts(self) -> tuple[str, ...]:
        """The distinct cited paragraphs, as the documents have them."""
        places = dict.fromkeys((item.source, item.paragraph) for item in self.answer.citations)
        return tuple(passage.whole for place in places if (passage := self.passages.get(place)))

    def citations_of(self, statement: Statement) -> tuple[Citation | None, ...]:
        """Return the citation behind each mark of a statement; None for a mark without one."""
        by_number = {item.number: item for item in self.answer.citations}
        return tuple(by_number.get(number) for number in statement.citations)

    def passage(self, citation: Citation | None) -> Passage | None:
        """Return the cited paragraph as the documents have it, or None."""
        return self.passages.get((citation.source, citation.paragraph)) if citation else None

    def as_json(self) -> dict[str, object]:
        """Return the case as JSON values."""
        return {
            "id": self.question.id,
            "digest": self.question.digest,
            "answer": self.answer.as_json(),
            "ranked": [list(place) for place in self.ranked],
            "passages": [
                [*place, *((passage.text, passage.heading) if passage else ())]
                for place, passage in self.passages.items()
            ],
            "seconds": round(self.seconds, 4),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any], question: Question) -> Case:
        """Return the case of this question that `as_json` wrote."""
        return cls(
            question=question,
            answer=Answer.from_json(written["answer"]),
            ranked=tuple((source, number) for source, number in written["ranked"]),
            passages={
                (source, number): Passage(*texts) if texts else None
                for source, number, *texts in written["passages"]
            },
            seconds=written["seconds"],
        )


def ask(question: Question, assistant: Assistant, extractive: bool = True) -> Case:
    """Ask a question with its history, then search for it as it was understood."""
    start = perf_counter()
    answer = assistant.ask(question.text, question.history, extractive=extractive)
    seconds = perf_counter() - start
    found = assistant.search(answer.standalone or question.text, limit=RANKED)
    cited = [(item.source, item.paragraph) for item in answer.citations]
    return Case(
        question=question,
        answer=answer,
        ranked=tuple((item.source, item.paragraph) for item in found if item.kind != "heading"),
        passages={place: _passage(assistant, place) for place in dict.fromkeys([*cited, *question.gold])},
        seconds=seconds,
    )


def _passage(assistant: Assistant, place: Place) -> Passage | None:
    try:
        paragraph = assistant.paragraph(*place)
    except PilcrowError:  # the answer cites a paragraph that does not exist
        return None
    return Passage(paragraph.text, paragraph.heading)
