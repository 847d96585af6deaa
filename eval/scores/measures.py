"""The metrics of the nightly evaluation: name, meaning, and the questions each applies to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.scores.cases import Case

FAITHFULNESS = "faithfulness"


@dataclass(frozen=True, slots=True)
class Score:
    """The value of one metric for one case, 0 to 1; None if it failed, with the reason."""

    value: float | None
    reason: str = ""


Scores = Mapping[str, Mapping[str, Score]]  # by metric, then by id of the questions it applies to


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of the report. `group` is its section; `lower` says that less is better."""

    name: str
    group: str
    meaning: str
    applies: Callable[[Case], bool]
    lower: bool = False


def _answerable(case: Case) -> bool:
    return case.question.answerable


def _both(case: Case) -> bool:
    return case.answered and case.question.answerable


def _answered(case: Case) -> bool:
    return case.answered


ANSWERS, CITATIONS, ABSTENTION, RETRIEVAL = "Answers", "Citations", "Abstention", "Retrieval"
MEASURES = (
    Measure(
        "answer accuracy",
        ANSWERS,
        "share of answerable questions with an answer that contains an accepted one",
        _answerable,
    ),
    Measure(
        "exact match",
        ANSWERS,
        "share of answerable questions whose highlighted words are an accepted answer (SQuAD)",
        _answerable,
    ),
    Measure(
        "F1",
        ANSWERS,
        "F1 of the highlighted words against the accepted answer that fits best (SQuAD)",
        _answerable,
    ),
    Measure(
        "string similarity",
        ANSWERS,
        "answer against reference: 1 minus the Levenshtein distance (RAGAS NonLLMStringSimilarity)",
        _both,
    ),
    Measure(
        "semantic similarity",
        ANSWERS,
        "answer against reference: cosine of the built-in embedder (RAGAS SemanticSimilarity)",
        _both,
    ),
    Measure(
        FAITHFULNESS,
        CITATIONS,
        "share of an answer's statements that its cited paragraphs support, says the judge (RAGAS)",
        _answered,
    ),
    Measure(
        "citation right",
        CITATIONS,
        "share of answers to answerable questions that cite a paragraph that answers",
        _both,
    ),
    Measure(
        "citation precision",
        CITATIONS,
        "share of an answer's citations that support their statement and are needed for it (ALCE)",
        _answered,
    ),
    Measure(
        "citation recall",
        CITATIONS,
        "share of an answer's statements that their own citations support (ALCE)",
        _answered,
    ),
    Measure(
        "fabricated citations",
        CITATIONS,
        "share of an answer's citation marks that lead to no paragraph",
        _answered,
        lower=True,
    ),
    Measure(
        "quote exactness",
        CITATIONS,
        "share of an answer's quotes found, letter by letter, at their place in the paragraph",
        _answered,
    ),
    Measure(
        "abstention precision",
        ABSTENTION,
        "share of abstentions on questions that the documents do not answer",
        lambda case: not case.answered,
    ),
    Measure(
        "abstention recall",
        ABSTENTION,
        "share of unanswerable questions on which it abstained",
        lambda case: not case.question.answerable,
    ),
    Measure(
        "hit@1",
        RETRIEVAL,
        "share of answerable questions with a paragraph that answers in first place",
        _answerable,
    ),
    Measure(
        "hit@5",
        RETRIEVAL,
        "share of answerable questions with a paragraph that answers in the first five",
        _answerable,
    ),
    Measure("MRR", RETRIEVAL, "one over the rank of the first paragraph that answers, else 0", _answerable),
    Measure(
        "nDCG@10",
        RETRIEVAL,
        "first ten paragraphs against the best possible order",
        _answerable,
    ),
    Measure(
        "context precision",
        RETRIEVAL,
        "share of the paragraphs read that answer (RAGAS IDBasedContextPrecision)",
        lambda case: case.question.answerable and bool(case.answer.evidence),
    ),
    Measure(
        "context recall",
        RETRIEVAL,
        "share of the paragraphs that answer that were read (RAGAS IDBasedContextRecall)",
        _answerable,
    ),
)
