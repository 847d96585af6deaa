"""What each reply is worth, and the figures of a system on a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.metrics import Figure, percentile, share
from eval.questions.question import Question
from eval.scores.reply import SCORES, Reply, cites_gold, complete, right
from scripts.bench.asking import Run
from scripts.bench.calibration import calibration
from scripts.bench.corpora import Corpus

Pair = tuple[Question, Reply]


def figures(corpus: Corpus, run: Run) -> dict[str, Figure]:
    """Every figure of a system on a corpus, by the name it has in the report."""
    pairs = [(item, run.replies[item.id]) for item in corpus.questions if item.id in run.replies]
    answerable = [pair for pair in pairs if not pair[0].group]
    found = retrieval(answerable) | answers(answerable, spans=corpus.spans) | citations(answerable)
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


def retrieval(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """How high the paragraphs that answer are ranked, whether or not an answer came."""
    return {name: _mean(pairs, SCORES[name]) for name in ("hit@1", "hit@5", "MRR", "nDCG@10")}


def answers(pairs: Sequence[Pair], *, spans: bool) -> dict[str, Figure]:
    """Right answers of all that could be had, refused ones counted as wrong."""
    found = {"answer right": _mean(pairs, right)}
    if any(question.needs for question, _ in pairs):
        found["answer right and complete"] = _mean(pairs, complete)
    if spans:
        found |= {name: _mean(pairs, SCORES[name]) for name in ("exact match", "F1")}
    return found


def citations(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """Citations of paragraphs that answer: by question, by citation, and by paragraph to be cited."""
    answered = [pair for pair in pairs if pair[1].answered]
    cited = [
        (len(reply.cited), sum(not piece.isdisjoint(question.gold) for piece in reply.cited))
        for question, reply in answered
    ]
    covered = [
        len(frozenset().union(*reply.cited).intersection(question.gold)) / len(question.gold)
        for question, reply in answered
    ]
    return {
        "citation right": _mean(pairs, cites_gold),
        "citation right, of those answered": _mean(answered, cites_gold),
        "citation precision": share([good for _, good in cited], [all_ for all_, _ in cited]),
        "citation recall": share(covered),
    }


def abstention(corpus: Corpus, pairs: Sequence[Pair], answerable: Sequence[Pair]) -> dict[str, Figure]:
    """Refusals of what cannot be answered, of what can, and of each group by itself."""
    refused = [float(not reply.answered) for _, reply in answerable]
    headline = [pair for pair in pairs if pair[0].group in corpus.headline]
    found: dict[str, Figure] = {"answerable refused": share(refused)}
    if not headline:  # nothing was asked: the system never abstains
        return found | {"abstention recall": Figure(0.0)}
    abstained = [float(not reply.answered) for _, reply in headline]
    every = abstained + refused
    found["abstention recall"] = share(abstained)
    found["abstention precision"] = share(abstained + [0.0] * len(refused), every)
    for group in sorted({question.group for question, _ in pairs} - {""}):
        of_group = [pair for pair in pairs if pair[0].group == group]
        found[f"abstains: {group}"] = _mean(of_group, lambda _, reply: float(not reply.answered))
    return found
