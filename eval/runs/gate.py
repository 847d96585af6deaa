"""The gate: compares each metric with the accepted run, question by question, within its noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Figure, bootstrap, share
from eval.scores.measures import MEASURES, Measure, Scores

Values = NDArray[np.float64]

RESAMPLES = 4000
INVISIBLE_CHANGE = 0.0005  # the largest that three decimals don't show


class Verdict(StrEnum):
    """The result of comparing a metric with the accepted run."""

    SAME = "same"
    FELL = "fell"
    ROSE = "rose"
    LOST = "no longer has a value"
    FAILED = "could not be scored for some questions"
    NEW = "not compared"


BAD = (Verdict.FELL, Verdict.LOST, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Change:
    """A metric now, in the accepted run, and the difference on the questions of both runs.

    `by` is now minus then; NaN if there is nothing to compare. `compared` counts the questions of both
    runs; `scored` and `failed` count the questions of this run that have a value and that should have one.
    """

    measure: Measure
    now: Figure
    then: Figure
    by: Figure
    compared: int
    scored: int
    failed: int
    verdict: Verdict

    @property
    def bad(self) -> bool:
        """Whether the gate fails because of it."""
        return self.verdict in BAD


def compare(
    scores: Scores, asked: Mapping[str, str], then: Scores, asked_then: Mapping[str, str]
) -> tuple[Change, ...]:
    """Compare every metric with the accepted run; `asked` has the digest of each question by id."""
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
        then=Figure(float(_means(before)), count=int((~np.isnan(before)).sum())),
        by=by,
        compared=len(rows),
        scored=len(values),
        failed=len(failed),
        verdict=_verdict(measure, now, before, by, newly),
    )


def _share(values: Sequence[float]) -> Figure:
    """Return the mean with its interval; if all are 1 or all 0, the exact one (Clopper and Pearson 1934).

    A bootstrap would show no uncertainty there.
    """
    if not values or set(values) not in ({1.0}, {0.0}):
        return share(values)
    from scipy.stats import binomtest

    exact = binomtest(int(sum(values)), len(values)).proportion_ci(0.95, "exact")
    return Figure(values[0], float(exact.low), float(exact.high), len(values))


def _verdict(
    measure: Measure, now: Values, before: Values, by: Figure, newly_failed: Sequence[str]
) -> Verdict:
    if np.isnan(before).all():
        return Verdict.NEW
    if np.isnan(now).all():
        return Verdict.LOST
    if newly_failed:
        return Verdict.FAILED
    fell, rose = (by.high or 0.0) < -INVISIBLE_CHANGE, (by.low or 0.0) > INVISIBLE_CHANGE
    if measure.lower:
        fell, rose = rose, fell
    return Verdict.FELL if fell else Verdict.ROSE if rose else Verdict.SAME


def _difference(now: Values, before: Values) -> Figure:
    """Return the mean now minus the mean before, each over the questions that have a value.

    The interval is of a paired bootstrap: the same questions are drawn for both runs (Koehn 2004).
    """
    figure = bootstrap(lambda rows: _means(now[rows]) - _means(before[rows]), len(now), RESAMPLES)
    if figure.low is None or figure.high is None:
        return figure
    # A rounding error is not a difference.
    return Figure(round(figure.value, 9), round(figure.low, 9), round(figure.high, 9), figure.count)


def _means(values: Values) -> Values:
    """Return the mean along the last axis without NaN; NaN if there is no value."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    means: Values = np.where(known, values, 0.0).sum(axis=-1) / np.where(count > 0, count, math.nan)
    return means


def _column(scores: Scores, measure: Measure, rows: Sequence[str]) -> Values:
    """Return the value of each question, NaN if the metric does not apply or failed."""
    by_id = scores.get(measure.name, {})
    found = [by_id[id_].value if id_ in by_id else None for id_ in rows]
    return np.array([math.nan if value is None else value for value in found], dtype=float)


def _scored(scores: Scores, measure: Measure, id_: str) -> bool:
    found = scores.get(measure.name, {}).get(id_)
    return found is not None and found.value is not None
