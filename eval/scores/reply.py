"""Any system's reply to a question and its scores, used by both the nightly evaluation and the bench."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from eval.metrics import Piece, Place, contains_any, exact_match, f1, hit, ndcg, reciprocal_rank
from eval.questions.question import Question
from rag import Answer


@dataclass(frozen=True, slots=True)
class Reply:
    """A system's reply to a question.

    `text` has no citation marks; `highlighted` are the words that answer. `ranked` and `cited` are pieces
    of text by the paragraphs they cover. `probability`: that the evidence answers, by the system itself.
    """

    answered: bool
    text: str
    highlighted: str
    ranked: tuple[Piece, ...]
    cited: tuple[Piece, ...]
    probability: float | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, answer: Answer, ranked: Iterable[Place], seconds: float = 0.0) -> Reply:
        """Return Pilcrow's answer as a reply; `ranked` are the paragraphs found, best first."""
        statements = " ".join(statement.text for statement in answer.statements)
        return cls(
            answered=not answer.abstained,
            text=answer.text if answer.abstained else statements,
            highlighted=highlighted(answer),
            ranked=tuple(frozenset({place}) for place in ranked),
            cited=tuple(frozenset({(item.source, item.paragraph)}) for item in answer.citations),
            probability=answer.probability,
            seconds=seconds,
        )


def highlighted(answer: Answer) -> str:
    """Return the highlighted words of the first statement that has some, else its whole first statement."""
    for statement in answer.statements:
        if statement.highlight:
            return statement.text[slice(*statement.highlight)]
    return answer.statements[0].text if answer.statements else ""


def right(question: Question, reply: Reply) -> float:
    """Return 1 for an answer that the question accepts."""
    return float(reply.answered and question.accepts(reply.text))


def complete(question: Question, reply: Reply) -> float:
    """Return 1 for a right answer with one of each group that the question needs."""
    return right(question, reply) * all(contains_any(reply.text, group) for group in question.needs)


def cites_gold(question: Question, reply: Reply) -> float:
    """Return 1 for an answer that cites a gold paragraph."""
    return float(reply.answered and any(not piece.isdisjoint(question.gold) for piece in reply.cited))


def _accepted(question: Question) -> tuple[str, ...]:
    """Return what the highlighted words are compared with: for a list, all of it."""
    return question.accepted or (" ".join(question.accepted_all),)


SCORES: Mapping[str, Callable[[Question, Reply], float]] = {
    "answer accuracy": right,
    "exact match": lambda question, reply: exact_match(reply.highlighted, _accepted(question)),
    "F1": lambda question, reply: f1(reply.highlighted, _accepted(question)),
    "citation right": cites_gold,
    "abstention precision": lambda question, _: float(not question.answerable),
    "abstention recall": lambda _, reply: float(not reply.answered),
    "hit@1": lambda question, reply: hit(reply.ranked, question.gold, 1),
    "hit@5": lambda question, reply: hit(reply.ranked, question.gold, 5),
    "MRR": lambda question, reply: reciprocal_rank(reply.ranked, question.gold),
    "nDCG@10": lambda question, reply: ndcg(reply.ranked, question.gold),
}
