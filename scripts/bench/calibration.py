"""How far the probability of an answer can be taken at its word: on each set, against what was answerable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics import Bin, Figure, auc, brier, calibration_error, in_bins
from eval.questions.question import Question
from eval.scores.reply import Reply
from scripts.bench.asking import Run
from scripts.bench.corpora import Corpus

NOTE = (
    "The share of unanswerable questions is each set's own, and calibration depends on it: "
    "where fewer or more questions have an answer, the same probabilities mean more or less."
)


@dataclass(frozen=True, slots=True)
class Reliability:
    """The probabilities of one set in ten bins, and what they are worth.

    `unanswerable` are the groups of questions without an answer that were asked beside those with one;
    `share` is that of the answerable among all.
    """

    unanswerable: tuple[str, ...]
    share: float
    count: int
    error: Figure
    brier: Figure
    auc: Figure
    bins: tuple[Bin, ...]


def reliabilities(corpus: Corpus, run: Run) -> dict[str, Reliability]:
    """By name: the headline groups' reliability under that of the set, and that of all groups if more.

    Empty for a system that gives no probability, and where all questions or none have an answer.
    """
    pairs = [(item, run.replies[item.id]) for item in corpus.questions if item.id in run.replies]
    groups = sorted({question.group for question, _ in pairs} - {""})
    of_headline = [group for group in groups if group in corpus.headline]
    chosen = {corpus.name: of_headline, f"{corpus.name}, every group": groups}
    if of_headline == groups:
        del chosen[f"{corpus.name}, every group"]
    found = {name: _reliability(pairs, of) for name, of in chosen.items()}
    return {name: reliability for name, reliability in found.items() if reliability}


def _reliability(pairs: Sequence[tuple[Question, Reply]], groups: Sequence[str]) -> Reliability | None:
    judged = [
        (reply.probability, not question.group)
        for question, reply in pairs
        if reply.probability is not None and question.group in {"", *groups}
    ]
    probabilities = [probability for probability, _ in judged]
    answerable = [true for _, true in judged]
    if len(set(answerable)) < 2:  # all questions have an answer, or none
        return None
    return Reliability(
        unanswerable=tuple(groups),
        share=sum(answerable) / len(answerable),
        count=len(judged),
        error=calibration_error(probabilities, answerable),
        brier=brier(probabilities, answerable),
        auc=auc(probabilities, answerable),
        bins=in_bins(probabilities, answerable),
    )


def calibration(corpus: Corpus, run: Run) -> dict[str, Figure]:
    """What the probabilities of a system on a corpus are worth, by the name it has in the report."""
    found: dict[str, Figure] = {}
    for name, reliability in reliabilities(corpus, run).items():
        of = name.removeprefix(corpus.name)
        found[f"calibration error{of}"] = reliability.error
        found[f"Brier score{of}"] = reliability.brier
        found[f"area under ROC (AUC){of}"] = reliability.auc
    return found
