"""What got worse: each metric against the accepted run, question by question, with the noise it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eval.metrics import SEED, Figure, share
from eval.scores.measures import MEASURES, Measure, Scores

RESAMPLES = 4000
UNSEEN = 0.0005  # a change below this is that of rounding, which three decimals do not show


class Verdict(StrEnum):
    """How a metric stands to the accepted run."""

    SAME = "same"
    FELL = "fell"
    ROSE = "rose"
    LOST = "has no value any more"
    FAILED = "could not be scored everywhere"
    NEW = "not compared"


BAD = (Verdict.FELL, Verdict.LOST, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Change:
    """One metric: its value now and, on the `rows` that both runs asked, then, and the difference.

    `by` is now less then, with the middle 95 % of the paired bootstrap; NaN: there is nothing to compare.
    `scored`, `failed`: rows of this run that got a value, and that should have but did not.
    """

    measure: Measure
    now: Figure
    then: Figure
    by: Figure
    rows: int
    scored: int
    failed: int
    verdict: Verdict

    @property
    def bad(self) -> bool:
        """Whether the gate fails for it."""
        return self.verdict in BAD


def compare(
    scores: Scores, asked: Mapping[str, str], then: Scores, asked_then: Mapping[str, str]
) -> tuple[Change, ...]:
    """Every metric against the accepted run; `asked`, by id: the digest of the question."""
    rows = [id_ for id_, digest in asked.items() if asked_then.get(id_) == digest]
    return tuple(_change(measure, scores, then, rows) for measure in MEASURES)


def _change(measure: Measure, scores: Scores, then: Scores, rows: Sequence[str]) -> Change:
    mine = scores.get(measure.name, {})
    values = [score.value for score in mine.values() if score.value is not None]
    failed = [id_ for id_, score in mine.items() if score.value is None]
    now, before = _column(scores, measure, rows), _column(then, measure, rows)
    by = _difference(now, before)
    newly = [id_ for id_ in failed if _scored(then, measure, id_)]
    return Change(
        measure=measure,
        now=_share(values),
        then=_mean(before),
        by=by,
        rows=len(rows),
        scored=len(values),
        failed=len(failed),
        verdict=_verdict(measure, now, before, by, newly),
    )


def _share(values: Sequence[float]) -> Figure:
    """The mean with its interval; where all are 1, or all 0, the exact one of Clopper and Pearson (1934).

    A resample would show no doubt there at all.
    """
    if not values:
        return Figure(math.nan)
    if set(values) in ({1.0}, {0.0}):
        doubt = 0.025 ** (1 / len(values))
        low, high = (doubt, 1.0) if values[0] else (0.0, 1 - doubt)
        return Figure(values[0], low, high, len(values))
    return share(values)


def _verdict(
    measure: Measure, now: np.ndarray, before: np.ndarray, by: Figure, newly_failed: Sequence[str]
) -> Verdict:
    if np.isnan(before).all():
        return Verdict.NEW
    if np.isnan(now).all():
        return Verdict.LOST
    if newly_failed:
        return Verdict.FAILED
    fell, rose = (by.high or 0.0) < -UNSEEN, (by.low or 0.0) > UNSEEN
    if measure.lower:
        fell, rose = rose, fell
    return Verdict.FELL if fell else Verdict.ROSE if rose else Verdict.SAME


def _difference(now: np.ndarray, before: np.ndarray) -> Figure:
    """The mean now less the mean before, each of the rows that it has a value for.

    The interval is the middle 95 % over RESAMPLES draws of rows, the same in both runs (Efron 1979; Koehn
    2004, paired), seeded.
    """
    if np.isnan(now).all() or np.isnan(before).all():
        return Figure(math.nan, count=len(now))
    drawn = np.random.default_rng(SEED).integers(len(now), size=(RESAMPLES, len(now)))
    values = _means(now, drawn) - _means(before, drawn)
    low, high = np.nanpercentile(values, [2.5, 97.5])
    value = float(np.nanmean(now) - np.nanmean(before))
    # What rounding leaves of no difference is none.
    return Figure(round(value, 9), round(float(low), 9), round(float(high), 9), len(now))


def _means(column: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The mean of each draw; NaN for one with no value in it."""
    has = ~np.isnan(column)
    counts = has[drawn].sum(axis=1)
    sums = np.where(has, column, 0.0)[drawn].sum(axis=1)
    means: np.ndarray = np.divide(sums, counts, out=np.full(len(drawn), np.nan), where=counts > 0)
    return means


def _column(scores: Scores, measure: Measure, rows: Sequence[str]) -> np.ndarray:
    """The value of each row, NaN where the metric does not apply to it or failed."""
    by_id = scores.get(measure.name, {})
    found = [by_id[id_].value if id_ in by_id else None for id_ in rows]
    return np.array([math.nan if value is None else value for value in found], dtype=float)


def _mean(column: np.ndarray) -> Figure:
    held = column[~np.isnan(column)]
    return Figure(float(held.mean()) if len(held) else math.nan, count=len(held))


def _scored(scores: Scores, measure: Measure, id_: str) -> bool:
    found = scores.get(measure.name, {}).get(id_)
    return found is not None and found.value is not None
