"""The metrics of the nightly evaluation: name, meaning, and the questions each is averaged over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.scores.cases import Case


@dataclass(frozen=True, slots=True)
class Score:
    """The value of one metric for one case, 0 to 1; None if it failed, with the reason."""

    value: float | None
    reason: str = ""


Scores = Mapping[str, Mapping[str, Score]]  # by metric, then by id of the questions it applies to


@dataclass(frozen=True, slots=True)
class Population:
    """The cases that a metric is averaged over."""

    name: str
    includes: Callable[[Case], bool]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of the report. `group` is its section; `lower`: less is better."""

    name: str
    group: str
    over: Population
    meaning: str
    lower: bool = False


ANSWERABLE = Population("answerable questions", lambda case: case.question.answerable)
ANSWERED = Population("answers", lambda case: case.answered)
BOTH = Population("answers to answerable questions", lambda case: case.answered and case.question.answerable)
ABSTAINED = Population("abstentions", lambda case: not case.answered)
UNANSWERABLE = Population("unanswerable questions", lambda case: not case.question.answerable)
READ = Population(
    "answerable questions with evidence", lambda case: case.question.answerable and bool(case.answer.evidence)
)

ANSWERS, CITATIONS, ABSTENTION, RETRIEVAL = "Answers", "Citations", "Abstention", "Retrieval"
FAITHFULNESS = "faithfulness"
MEASURES = (
    Measure("answer accuracy", ANSWERS, ANSWERABLE, "the answer contains an accepted one"),
    Measure("exact match", ANSWERS, ANSWERABLE, "the highlighted words are an accepted answer (SQuAD)"),
    Measure("F1", ANSWERS, ANSWERABLE, "words shared by the highlight and the best accepted answer (SQuAD)"),
    Measure("string similarity", ANSWERS, BOTH, "to the reference, by edit distance (RAGAS)"),
    Measure("semantic similarity", ANSWERS, BOTH, "to the reference, by the built-in embedder (RAGAS)"),
    Measure(
        FAITHFULNESS, CITATIONS, ANSWERED, "share of statements that the cited paragraphs support (RAGAS)"
    ),
    Measure("citation right", CITATIONS, BOTH, "a paragraph that answers is cited"),
    Measure("citation precision", CITATIONS, ANSWERED, "share of citations that a statement needs (ALCE)"),
    Measure(
        "citation recall", CITATIONS, ANSWERED, "share of statements that their citations support (ALCE)"
    ),
    Measure(
        "fabricated citations",
        CITATIONS,
        ANSWERED,
        "share of citation marks that point to no paragraph",
        lower=True,
    ),
    Measure(
        "quote exactness", CITATIONS, ANSWERED, "share of quotes found in their paragraph, letter by letter"
    ),
    Measure("abstention precision", ABSTENTION, ABSTAINED, "the documents do not answer the question"),
    Measure("abstention recall", ABSTENTION, UNANSWERABLE, "it abstained"),
    Measure("hit@1", RETRIEVAL, ANSWERABLE, "the first paragraph answers"),
    Measure("hit@5", RETRIEVAL, ANSWERABLE, "one of the first five paragraphs answers"),
    Measure("MRR", RETRIEVAL, ANSWERABLE, "one over the rank of the first paragraph that answers, else 0"),
    Measure("nDCG@10", RETRIEVAL, ANSWERABLE, "the first ten paragraphs against the best possible order"),
    Measure("context precision", RETRIEVAL, READ, "share of the paragraphs read that answer (RAGAS)"),
    Measure(
        "context recall", RETRIEVAL, ANSWERABLE, "share of the paragraphs that answer that were read (RAGAS)"
    ),
)
