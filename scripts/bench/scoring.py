"""What each reply is worth, and the figures of a system on a corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.metrics import (
    Figure,
    content_share,
    exact_match,
    f1,
    hit,
    holds_any,
    middle,
    ndcg,
    reciprocal_rank,
    share,
    words,
)
from scripts.bench.asking import Reply, Run
from scripts.bench.calibration import calibration
from scripts.bench.corpora import Corpus, Question

Pair = tuple[Question, Reply]

ENOUGH = 0.5  # of a long reference's content words, for an answer to count as right


def right(question: Question, reply: Reply) -> bool:
    """Whether an answer came that holds an accepted one, or half the content words of a long reference."""
    return reply.answered and (
        holds_any(reply.text, question.accepted)
        or any(content_share(reply.text, long) >= ENOUGH for long in question.references)
    )


def complete(question: Question, reply: Reply) -> bool:
    """Whether the answer is right and has one of each group that the question needs."""
    return right(question, reply) and all(holds_any(reply.text, group) for group in question.needs)


def cites_gold(question: Question, reply: Reply) -> bool:
    """Whether an answer came with a citation of a paragraph that answers."""
    return reply.answered and any(held & question.gold for held in reply.cited)


def figures(corpus: Corpus, run: Run) -> dict[str, Figure]:
    """Every figure of a system on a corpus, by the name it has in the report."""
    pairs = [(item, run.replies[item.id]) for item in corpus.questions if item.id in run.replies]
    answerable = [pair for pair in pairs if not pair[0].group]
    found = retrieval(answerable) | answers(answerable, spans=corpus.spans) | citations(answerable)
    found |= abstention(corpus, pairs, answerable) | calibration(corpus, run)
    seconds = [reply.seconds for _, reply in answerable]
    lengths = [words(reply.text) for _, reply in answerable if reply.answered]
    return found | {
        "words an answer, median": middle(lengths),
        "seconds a question, p50": middle(seconds),
        "seconds a question, p95": middle(seconds, 95),
        "seconds to ingest": Figure(run.ingest_seconds),
        "peak memory, MiB": Figure(run.peak_mib),
    }


def _mean(pairs: Sequence[Pair], value: Callable[[Question, Reply], float]) -> Figure:
    return share([value(question, reply) for question, reply in pairs])


def retrieval(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """How high the paragraphs that answer are ranked, whether or not an answer came."""
    return {
        "hit@1": _mean(pairs, lambda question, reply: hit(reply.ranked, question.gold, 1)),
        "hit@5": _mean(pairs, lambda question, reply: hit(reply.ranked, question.gold, 5)),
        "MRR": _mean(pairs, lambda question, reply: reciprocal_rank(reply.ranked, question.gold)),
        "nDCG@10": _mean(pairs, lambda question, reply: ndcg(reply.ranked, question.gold)),
    }


def answers(pairs: Sequence[Pair], *, spans: bool) -> dict[str, Figure]:
    """Right answers of all that could be had, refused ones counted as wrong."""
    found = {"answer right": _mean(pairs, right)}
    if any(question.needs for question, _ in pairs):
        found["answer right and complete"] = _mean(pairs, complete)
    if spans:
        found["exact match"] = _mean(
            pairs, lambda question, reply: exact_match(reply.marked, question.accepted)
        )
        found["F1"] = _mean(pairs, lambda question, reply: f1(reply.marked, question.accepted))
    return found


def citations(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """Citations of paragraphs that answer: by question, by citation, and by paragraph to be cited."""
    answered = [pair for pair in pairs if pair[1].answered]
    cited = [
        (len(reply.cited), sum(bool(held & question.gold) for held in reply.cited))
        for question, reply in answered
    ]
    covered = [
        len(question.gold & frozenset().union(*reply.cited)) / len(question.gold)
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
