"""The figures of a system on a corpus, and how far its probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.metrics import Bin, Figure, auc, brier, calibration_error, in_bins, percentile, share
from eval.questions.question import Question
from eval.scores.reply import SCORES, Reply, cites_gold, complete, right
from scripts.bench.asking import Pair, Run
from scripts.bench.corpora import Corpus


@dataclass(frozen=True, slots=True)
class Reliability:
    """The probabilities of one set in bins, and their calibration.

    `unanswerable` are the groups of unanswerable questions counted; `share` is that of the answerable.
    """

    unanswerable: tuple[str, ...]
    share: float
    count: int
    error: Figure
    brier: Figure
    auc: Figure
    bins: tuple[Bin, ...]


def figures(corpus: Corpus, run: Run) -> dict[str, Figure]:
    """Return every figure of a system on a corpus, by its name in the report."""
    pairs = run.pairs(corpus)
    answerable = [pair for pair in pairs if pair[0].answerable]
    found = {name: _mean(answerable, SCORES[name]) for name in ("hit@1", "hit@5", "MRR", "nDCG@10")}
    found |= answers(answerable, spans=corpus.spans) | citations(answerable)
    found |= abstention(corpus, pairs, answerable) | calibration(corpus, run)
    seconds = [reply.seconds for _, reply in answerable]
    lengths = [len(reply.text.split()) for _, reply in answerable if reply.answered]
    return found | {
        "words an answer, median": percentile(lengths),
        "seconds a question, p50": percentile(seconds),
        "seconds a question, p95": percentile(seconds, 95),
        "seconds to ingest": Figure(run.ingest_seconds),
        "peak memory, MiB": Figure(run.peak_mib),
    }


def _mean(pairs: Sequence[Pair], value: Callable[[Question, Reply], float]) -> Figure:
    return share([value(question, reply) for question, reply in pairs])


def answers(pairs: Sequence[Pair], *, spans: bool) -> dict[str, Figure]:
    """Return the shares of right answers; an abstention counts as wrong."""
    found = {"answer right": _mean(pairs, right)}
    if any(question.needs for question, _ in pairs):
        found["answer right and complete"] = _mean(pairs, complete)
    if spans:
        found |= {name: _mean(pairs, SCORES[name]) for name in ("exact match", "F1")}
    return found


def citations(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """Return the shares of right citations: by question, by citation, and by gold paragraph."""
    answered = [(question, reply) for question, reply in pairs if reply.answered]
    good = [sum(not piece.isdisjoint(item.gold) for piece in reply.cited) for item, reply in answered]
    covered = [
        len(frozenset().union(*reply.cited).intersection(question.gold)) / len(question.gold)
        for question, reply in answered
    ]
    return {
        "citation right": _mean(pairs, cites_gold),
        "citation right, of those answered": _mean(answered, cites_gold),
        "citation precision": share(good, [len(reply.cited) for _, reply in answered]),
        "citation recall": share(covered),
    }


def abstention(corpus: Corpus, pairs: Sequence[Pair], answerable: Sequence[Pair]) -> dict[str, Figure]:
    """Return the shares of abstentions: on answerable questions, on unanswerable ones, and by group."""
    refused = [float(not reply.answered) for _, reply in answerable]
    abstained = [float(not reply.answered) for question, reply in pairs if question.group in corpus.headline]
    found = {"answerable refused": share(refused)}
    if not abstained:  # nothing was asked: the system never abstains
        return found | {"abstention recall": Figure(0.0)}
    found["abstention recall"] = share(abstained)
    found["abstention precision"] = share(abstained + [0.0] * len(refused), abstained + refused)
    for group in sorted({question.group for question, _ in pairs} - {""}):
        of_group = [pair for pair in pairs if pair[0].group == group]
        found[f"abstains: {group}"] = _mean(of_group, SCORES["abstention recall"])
    return found


def reliabilities(corpus: Corpus, run: Run) -> dict[str, Reliability]:
    """Return the reliability by name: for the headline groups, and for all groups if there are more.

    Empty for a system without probabilities, and if all questions or none have an answer.
    """
    pairs = run.pairs(corpus)
    groups = sorted({question.group for question, _ in pairs} - {""})
    headline = [group for group in groups if group in corpus.headline]
    chosen = {corpus.name: headline} | ({f"{corpus.name}, every group": groups} if groups != headline else {})
    found = {name: _reliability(pairs, of) for name, of in chosen.items()}
    return {name: reliability for name, reliability in found.items() if reliability}


def _reliability(pairs: Sequence[Pair], groups: Sequence[str]) -> Reliability | None:
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
        tuple(groups),
        sum(answerable) / len(answerable),
        len(judged),
        calibration_error(probabilities, answerable),
        brier(probabilities, answerable),
        auc(probabilities, answerable),
        in_bins(probabilities, answerable),
    )


def calibration(corpus: Corpus, run: Run) -> dict[str, Figure]:
    """Return how far the probabilities can be trusted, by the name in the report."""
    found: dict[str, Figure] = {}
    for name, reliability in reliabilities(corpus, run).items():
        suffix = name.removeprefix(corpus.name)
        found[f"calibration error{suffix}"] = reliability.error
        found[f"Brier score{suffix}"] = reliability.brier
        found[f"area under ROC (AUC){suffix}"] = reliability.auc
    return found
