"""The faithfulness of answers, by a chosen judge, and trials of how reliable that judge is."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from ragas.metrics.collections import Faithfulness

from eval.judge import public_sets
from eval.judge.faithfulness import SUPPORTED, LocalFaithfulness, held_out_verdict, verdict
from eval.judge.planted import Fault, Planted, Right, planted
from eval.judge.public_sets import Claim
from eval.judge.words import statements
from eval.metrics import Figure, area, bootstrap, share
from rag import PilcrowError

SAMPLE = 400  # claims of each public set
_WICE = (
    "Labelled by people; partly supported counts as not supported. The local judge is trained on this set, \
but judges each claim with weights trained without its article."
)
_SUMMEDITS = "Labelled by people; not used for training. Published balanced accuracy: people .91, GPT-4 .82, \
ChatGPT .71, models of 7B .50 to .58 (Laban et al. 2023)."


@dataclass(frozen=True, slots=True)
class AnswerToJudge:
    """An answer to judge: its text with citation marks, and the paragraphs that it cites."""

    id: str
    question: str
    answer: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The share of an answer's statements that its paragraphs support, 0 to 1; or None and the reason.

    `failed`: the reason is an error, not that there was nothing to judge. `statements` have the probability
    that each is supported, if the judge gives one.
    """

    id: str
    score: float | None
    reason: str = ""
    failed: bool = False
    statements: tuple[tuple[str, float], ...] = ()

    @property
    def rank(self) -> float:
        """How well the answer is supported: the lowest probability, else the score."""
        return min((chance for _, chance in self.statements), default=self.score or 0.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """The judge's results on one set of claims whose truth is known.

    `figures` by name: balanced accuracy and AUC on a public set; for planted faults detection, overall and
    by kind, and false alarms. `scored`, `failed` and `abstained` count claims.
    """

    name: str
    figures: Mapping[str, Figure]
    scored: int
    failed: int
    abstained: int
    note: str = ""


def faithfulness(rows: Sequence[AnswerToJudge], judge: Faithfulness | None = None) -> tuple[Judgement, ...]:
    """Judge each answer in turn, by the local judge unless another is given. Call it outside an event loop.

    `eval.judge.llm.judge` and `judge_at` make a judge from an LLM.
    """
    return asyncio.run(_each(rows, judge or LocalFaithfulness()))


async def _each(rows: Sequence[AnswerToJudge], judge: Faithfulness) -> tuple[Judgement, ...]:
    return tuple([await _one(row, judge) for row in rows])


async def _one(row: AnswerToJudge, judge: Faithfulness) -> Judgement:
    if not statements(row.answer):
        return Judgement(row.id, None, "no statement to judge")
    if not any(context.strip() for context in row.contexts):
        return Judgement(row.id, None, "no paragraph cited")
    try:
        result = await judge.ascore(
            user_input=row.question, response=row.answer, retrieved_contexts=list(row.contexts)
        )
    except (PilcrowError, ValueError) as error:
        return Judgement(row.id, None, str(error), failed=True)
    score = result.value
    if not isinstance(score, int | float) or math.isnan(score):
        return Judgement(row.id, None, "the judge gave no score", failed=True)
    chances: tuple[tuple[str, float], ...] = ()
    if isinstance(judge, LocalFaithfulness):
        chances = tuple((text, verdict(text, row.contexts)) for text in statements(row.answer))
    return Judgement(row.id, float(score), statements=chances)


def mean(judged: Sequence[Judgement]) -> tuple[Figure, int, int]:
    """Return the mean score with its interval, how many failed, and how many had nothing to judge."""
    scored = [item.score for item in judged if item.score is not None]
    failed, abstained = _unscored(judged)
    return share(scored), failed, abstained


def drawn(ids: Iterable[str], size: int | None) -> Collection[str]:
    """Return `size` of the ids (None: all), the same ones every night."""
    return set(sorted(set(ids), key=lambda id_: (crc32(id_.encode()), id_))[:size])


def judge_the_judge(
    data: Path | None,
    answers: Mapping[str, Sequence[AnswerToJudge]],
    judge: Faithfulness | None = None,
    sample: int | None = None,
) -> tuple[Trial, ...]:
    """Try the judge on the public sets below `data`, if present, and on faults planted in right answers.

    `answers` are sets of right answers by name. `sample` limits the claims and answers of each set, for a
    slow judge; the default is SAMPLE public claims and all answers.
    """
    trials = []
    for name, claims, note in _public(data):
        ids = drawn((claim.id for claim in claims), sample or SAMPLE)
        trials.append(on_labels(name, [claim for claim in claims if claim.id in ids], judge, note))
    for name, rows in answers.items():
        ids = drawn((row.id for row in rows), sample)
        trials.append(on_faults(name, [row for row in rows if row.id in ids], judge))
    return tuple(trials)


def _public(data: Path | None) -> Iterator[tuple[str, list[Claim], str]]:
    if data and (data / "wice").is_dir():
        first: dict[str, Claim] = {}
        for claim in public_sets.wice(data):
            first.setdefault(claim.id, claim)  # with its first set of evidence
        yield "WiCE", list(first.values()), _WICE
    if data and (data / "summedits").is_dir():
        yield "SummEdits", list(public_sets.summedits(data)), _SUMMEDITS


def on_labels(name: str, claims: Sequence[Claim], judge: Faithfulness | None, note: str = "") -> Trial:
    """Compare the judge with people; it accepts a claim if it accepts all of its statements.

    The local judge is trained on WiCE, so there it uses weights trained without the claim's article.
    """
    if name == "WiCE" and (judge is None or isinstance(judge, LocalFaithfulness)):
        chances = [held_out_verdict(claim.group, claim.text, claim.contexts) for claim in claims]
        judged = tuple(
            Judgement(claim.id, float(chance >= SUPPORTED), statements=((claim.text, chance),))
            for claim, chance in zip(claims, chances, strict=True)
        )
    else:
        asked = [AnswerToJudge(each.id, each.question, each.text, each.contexts) for each in claims]
        judged = faithfulness(asked, judge)
    pairs = [pair for pair in zip(claims, judged, strict=True) if pair[1].score is not None]
    return Trial(name, _against_people(pairs), len(pairs), *_unscored(judged), note)


def _against_people(pairs: Sequence[tuple[Claim, Judgement]]) -> dict[str, Figure]:
    """Return balanced accuracy and AUC; the claims of one document are resampled together."""
    truth = np.array([claim.supported for claim, _ in pairs], dtype=bool)
    accepted = np.array([judged.score == 1 for _, judged in pairs], dtype=bool)
    rank = np.array([judged.rank for _, judged in pairs], dtype=float)
    rows: dict[str, list[int]] = defaultdict(list)
    for at, (claim, _) in enumerate(pairs):
        rows[claim.group].append(at)
    groups = [np.array(each) for each in rows.values()]

    def by_group(value: Callable[[NDArray[np.intp]], float]) -> Figure:
        def of(drawn: NDArray[np.intp]) -> float:
            return value(np.concatenate([groups[at] for at in drawn]))

        figure = bootstrap(lambda drawn: np.apply_along_axis(of, -1, drawn), len(groups))
        return replace(figure, count=len(pairs))

    return {
        "balanced accuracy": by_group(lambda at: _balanced(truth[at], accepted[at])),
        "AUC": by_group(lambda at: float(area(rank[at], truth[at]))),
    }


def _balanced(truth: NDArray[np.bool_], accepted: NDArray[np.bool_]) -> float:
    if truth.all() or not truth.any():
        return math.nan
    return float((accepted[truth].mean() + (~accepted[~truth]).mean()) / 2)


def on_faults(name: str, rows: Sequence[AnswerToJudge], judge: Faithfulness | None) -> Trial:
    """Return the share of planted faults that the judge detects, and its false alarms on right answers."""
    rights = [Right(row.id, row.answer, row.contexts) for row in rows]
    faults = planted(rights)
    questions = {row.id: row.question for row in rows}
    untouched = faithfulness(rows, judge)
    judged = faithfulness(
        [AnswerToJudge(item.id, questions[item.id], item.text, item.contexts) for item in faults], judge
    )
    pairs = [pair for pair in zip(faults, judged, strict=True) if pair[1].score is not None]
    figures = {"detection": _detection(pairs)}
    figures |= {f"detection: {fault}": _detection(pairs, fault) for fault in Fault}
    alarms = [float(item.score < 1) for item in untouched if item.score is not None]
    figures["false alarms"] = share(alarms)
    failed, abstained = _unscored((*untouched, *judged))
    return Trial(f"faults planted in {name}", figures, len(pairs) + len(alarms), failed, abstained)


def _detection(pairs: Sequence[tuple[Planted, Judgement]], fault: Fault | None = None) -> Figure:
    """Return the share of faults detected; the faults of one answer are resampled together."""
    detected: dict[str, list[bool]] = defaultdict(list)
    for item, judged in pairs:
        if fault in {None, item.fault}:
            detected[item.id].append(judged.score != 1)
    return share([sum(each) for each in detected.values()], [len(each) for each in detected.values()])


def _unscored(judged: Sequence[Judgement]) -> tuple[int, int]:
    """Return how many failed and how many had nothing to judge."""
    failed = sum(item.failed for item in judged)
    return failed, sum(item.score is None for item in judged) - failed
