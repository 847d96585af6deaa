"""Cases made by hand, shared by the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics import Place
from eval.questions.question import Question
from eval.scores.cases import Case, Passage
from rag import Answer, Citation, Evidence, Statement

PIER, BELL = ("harbour.md", 2), ("harbour.md", 3)
TEXTS = {PIER: "The north pier was closed on 5 May 2022.", BELL: "The bell of the chapel is brass."}


def cite(number: int, place: Place, text: str | None = None) -> Citation:
    """A citation of a whole paragraph, or of a text that it claims to be."""
    quote = TEXTS.get(place, "") if text is None else text
    return Citation(number, *place, None, None, None, quote, 0, len(quote), quote)


def case(
    question: Question,
    statements: Sequence[tuple[str, tuple[int, ...]]] = (),
    citations: Sequence[Citation] = (),
) -> Case:
    """A case whose documents are TEXTS; an abstention if there are no statements."""
    text = " ".join(f"{said} {''.join(f'[{number}]' for number in marks)}" for said, marks in statements)
    answer = Answer(
        question=question.text,
        text=text or "I couldn't find this in your documents.",
        statements=tuple(Statement(said, marks, 1.0) for said, marks in statements),
        citations=tuple(citations),
        evidence=tuple(Evidence(at, *place, TEXTS[place]) for at, place in enumerate(TEXTS, 1)),
        abstained=not statements,
    )
    places = dict.fromkeys([*((item.source, item.paragraph) for item in citations), *question.gold])
    passages = {place: Passage(TEXTS[place]) if place in TEXTS else None for place in places}
    return Case(question, answer, tuple(TEXTS), passages)
