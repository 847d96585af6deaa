"""The arithmetic of the evaluation: the score of one answer, and figures of many with their intervals."""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Place = tuple[str, int]  # a document's source and the number of a paragraph in it
Piece = frozenset[Place]  # the paragraphs that one retrieved or cited piece of text covers
Statistic = Callable[[NDArray[np.intp]], NDArray[np.float64]]  # row numbers (…, rows) to values (…)

BINS = 10  # equally wide bins of probabilities
RESAMPLES = 1000
SEED = 17
_DROPPED = str.maketrans(dict.fromkeys(string.punctuation + "“”„‘’‚«»…", "") | dict.fromkeys("–—", " "))
_FUNCTION_WORDS = """
a about after all also an and are as at be because been before but by can could did do does for from had
has have he her his how i if in into is it its more most no not of on one or other our out over she so
some such than that the their them then there these they this to up was were what when where which who
whom why will with would you
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, its 95 % interval if it has one, and the number of questions behind it."""

    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities from `low` to `high`: their mean, the share that came true (both NaN if none), count."""

    low: float
    high: float
    probability: float
    true: float
    count: int


def normalise(text: str) -> str:
    """Return the text in lower case without punctuation, a/an/the or extra spaces (SQuAD; Rajpurkar 2016).

    In addition, typographic quotes count as plain quotes and long dashes as spaces.
    """
    words = text.casefold().translate(_DROPPED).split()
    return " ".join(word for word in words if word not in {"a", "an", "the"})


def contains(text: str, answer: str) -> bool:
    """Return whether the normalised text contains the answer as whole words; a hyphen separates words."""
    wanted, given = (normalise(side.replace("-", " ")) for side in (answer, text))
    return bool(wanted) and f" {wanted} " in f" {given} "


def contains_any(text: str, answers: Collection[str]) -> bool:
    """Return whether the text contains one of the answers."""
    return any(contains(text, answer) for answer in answers)


def exact_match(text: str, answers: Collection[str]) -> float:
    """Return 1 if the normalised text equals one of the answers (SQuAD)."""
    return float(normalise(text) in {normalise(answer) for answer in answers})


def f1(text: str, answers: Collection[str]) -> float:
    """Return the F1 of the text's words against the answer that fits best (SQuAD)."""
    return max((_f1(normalise(text).split(), normalise(answer).split()) for answer in answers), default=0.0)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def content_share(text: str, reference: str) -> float:
    """Return the share of the reference's distinct content words that the text contains."""
    wanted = set(normalise(reference).split()) - set(_FUNCTION_WORDS.split())
    return len(wanted & set(normalise(text).split())) / len(wanted) if wanted else 0.0


def first_gold(ranked: Sequence[Piece], gold: Collection[Place]) -> int | None:
    """Return the rank, from 1, of the first piece that covers a gold paragraph."""
    return next((rank for rank, piece in enumerate(ranked, 1) if not piece.isdisjoint(gold)), None)


def hit(ranked: Sequence[Piece], gold: Collection[Place], depth: int) -> float:
    """Return 1 if one of the first `depth` pieces covers a gold paragraph."""
    return float(first_gold(ranked[:depth], gold) is not None)


def reciprocal_rank(ranked: Sequence[Piece], gold: Collection[Place]) -> float:
    """Return one over the rank of the first gold paragraph, 0 if there is none."""
    rank = first_gold(ranked, gold)
    return 1 / rank if rank else 0.0


def ndcg(ranked: Sequence[Piece], gold: Collection[Place], depth: int = 10) -> float:
    """Return the nDCG of the gold paragraphs, at most 1 (Järvelin and Kekäläinen 2002).

    The best order holds all gold paragraphs, also those not retrieved (scikit-learn's `ndcg_score` would
    not count them). A piece that covers several counts all of them at its rank.
    """
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), depth) + 1))
    gained, left = 0.0, set(gold)
    for rank, piece in enumerate(ranked[:depth], 1):
        gained += len(piece & left) / math.log2(rank + 1)
        left -= piece
    return min(1.0, gained / best) if best else 0.0


def bootstrap(statistic: Statistic, count: int, resamples: int = RESAMPLES) -> Figure:
    """Return a statistic of `count` rows with the middle 95 % of its resamples (Efron 1979), seeded.

    Resamples for which the statistic is NaN are left out.
    """
    value = float(statistic(np.arange(count))) if count else math.nan
    if math.isnan(value):
        return Figure(value, count=count)
    drawn = np.random.default_rng(SEED).integers(count, size=(resamples, count))
    low, high = np.nanpercentile(statistic(drawn), [2.5, 97.5])
    return Figure(value, float(low), float(high), count)


def share(parts: Sequence[float], wholes: Sequence[float] | None = None) -> Figure:
    """Return the sum of the parts over the sum of the wholes (1 each by default), one pair per question."""
    top = np.asarray(parts, dtype=float)
    bottom = np.ones_like(top) if wholes is None else np.asarray(wholes, dtype=float)

    def ratio(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        total = bottom[rows].sum(axis=-1)
        ratios: NDArray[np.float64] = top[rows].sum(axis=-1) / np.where(total > 0, total, math.nan)
        return ratios

    return bootstrap(ratio, len(top))


def percentile(values: Sequence[float], percent: float = 50) -> Figure:
    """Return the percentile of the values by linear interpolation, without an interval."""
    value = float(np.percentile(values, percent)) if values else math.nan
    return Figure(value, count=len(values))


def in_bins(probabilities: Sequence[float], truths: Sequence[bool]) -> tuple[Bin, ...]:
    """Return the BINS bins of a reliability diagram, from 0 to 1; the last includes 1."""
    stated, true = np.asarray(probabilities, dtype=float), np.asarray(truths, dtype=float)
    at = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = at == number
        count = int(inside.sum())
        means = (float(stated[inside].mean()), float(true[inside].mean())) if count else (math.nan, math.nan)
        bins.append(Bin(number / BINS, (number + 1) / BINS, *means, count))
    return tuple(bins)


def calibration_error(probabilities: Sequence[float], truths: Sequence[bool]) -> Figure:
    """Return the mean gap of probability and share true, weighted by bin count (Naeini et al. 2015)."""
    gaps = [
        abs(each.probability - each.true) * each.count
        for each in in_bins(probabilities, truths)
        if each.count
    ]
    return Figure(sum(gaps) / len(truths) if truths else math.nan, count=len(truths))


def brier(probabilities: Sequence[float], truths: Sequence[bool]) -> Figure:
    """Return the mean squared distance of the probabilities from the truths (Brier 1950)."""
    return share([(stated - true) ** 2 for stated, true in zip(probabilities, truths, strict=True)])


def auc(probabilities: Sequence[float], truths: Sequence[bool]) -> Figure:
    """Return the area under the ROC curve; NaN if all or none are true."""
    stated, true = np.asarray(probabilities, dtype=float), np.asarray(truths, dtype=bool)
    return bootstrap(lambda rows: area(stated[rows], true[rows]), len(true))


def area(stated: NDArray[np.float64], true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the area under the ROC curve of each row of (…, values); NaN if all or none are true."""
    from scipy.stats import rankdata

    # The Mann-Whitney statistic, a fast form of the area.
    above = np.where(true, rankdata(stated, axis=-1), 0.0).sum(axis=-1)
    count, others = true.sum(axis=-1), (~true).sum(axis=-1)
    pairs = np.where(count * others > 0, count * others, math.nan)
    return np.asarray((above - count * (count + 1) / 2) / pairs)
