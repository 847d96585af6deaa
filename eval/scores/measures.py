"""The metrics of the nightly evaluation: their names, what each says, and which questions it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.scores.cases import Case

FAITHFULNESS = "faithfulness"


@dataclass(frozen=True, slots=True)
class Score:
    """What one metric gives one case, 0 to 1; None where it failed, with the reason."""

    value: float | None
    reason: str = ""


Scores = Mapping[str, Mapping[str, Score]]  # by metric, then by id of the rows that it applies to


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric as it stands in the report. `group`: where it is shown; `lower`: less is better."""

    name: str
    group: str
    meaning: str
    applies: Callable[[Case], bool]
    lower: bool = False


def _answerable(case: Case) -> bool:
    return case.row.answerable


def _both(case: Case) -> bool:
    return case.answered and case.row.answerable


def _answered(case: Case) -> bool:
    return case.answered


ANSWERS, CITATIONS, ABSTENTION, RETRIEVAL = "Answers", "Citations", "Abstention", "Retrieval"
MEASURES = (
    Measure(
        "answer accuracy",
        ANSWERS,
        "of the answerable questions, those with an answer that holds what is accepted",
        _answerable,
    ),
    Measure(
        "exact match",
        ANSWERS,
        "of the answerable questions, those whose highlighted words are an accepted answer (SQuAD)",
        _answerable,
    ),
    Measure(
        "F1",
        ANSWERS,
        "words shared by the highlighted words and the accepted answer that they fit best (SQuAD)",
        _answerable,
    ),
    Measure(
        "string similarity",
        ANSWERS,
        "of an answer and its reference: 1 less the Levenshtein distance (RAGAS NonLLMStringSimilarity)",
        _both,
    ),
    Measure(
        "semantic similarity",
        ANSWERS,
        "of an answer and its reference: the cosine of the built-in embedder (RAGAS SemanticSimilarity)",
        _both,
    ),
    Measure(
        FAITHFULNESS,
        CITATIONS,
        "share of an answer's statements that its cited paragraphs bear out, by the judge (RAGAS)",
        _answered,
    ),
    Measure(
        "citation right",
        CITATIONS,
        "of the answers to answerable questions, those that cite a paragraph which answers",
        _both,
    ),
    Measure(
        "citation precision",
        CITATIONS,
        "share of an answer's citations that bear out their statement and are needed for it (ALCE)",
        _answered,
    ),
    Measure(
        "citation recall",
        CITATIONS,
        "share of an answer's statements that their own citations bear out (ALCE)",
        _answered,
    ),
    Measure(
        "fabricated citations",
        CITATIONS,
        "share of an answer's marks that lead to no paragraph of the documents",
        _answered,
        lower=True,
    ),
    Measure(
        "quote exactness",
        CITATIONS,
        "share of an answer's quotes that stand, letter by letter, at their place in the paragraph cited",
        _answered,
    ),
    Measure(
        "abstention precision",
        ABSTENTION,
        "of the abstentions, those on questions that the documents do not answer",
        lambda case: not case.answered,
    ),
    Measure(
        "abstention recall",
        ABSTENTION,
        "of the questions that the documents do not answer, those it abstained on",
        lambda case: not case.row.answerable,
    ),
    Measure(
        "hit@1",
        RETRIEVAL,
        "of the answerable questions, those with a paragraph that answers in first place",
        _answerable,
    ),
    Measure(
        "hit@5",
        RETRIEVAL,
        "of the answerable questions, those with a paragraph that answers in the first five",
        _answerable,
    ),
    Measure(
        "MRR", RETRIEVAL, "one over the rank of the first paragraph that answers, 0 without one", _answerable
    ),
    Measure(
        "nDCG@10",
        RETRIEVAL,
        "how near the first ten are to the best order of the paragraphs that answer",
        _answerable,
    ),
    Measure(
        "context precision",
        RETRIEVAL,
        "of the paragraphs read for an answer, those that answer (RAGAS IDBasedContextPrecision)",
        lambda case: case.row.answerable and bool(case.answer.evidence),
    ),
    Measure(
        "context recall",
        RETRIEVAL,
        "of the paragraphs that answer, those read for the answer (RAGAS IDBasedContextRecall)",
        _answerable,
    ),
)
