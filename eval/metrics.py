"""The arithmetic of the bench: what one reply is worth, and what many are worth with their interval."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

Place = tuple[str, int]  # a document's source and the number of a paragraph in it
Held = frozenset[Place]  # the paragraphs that one retrieved or cited piece of text holds

BINS = 10  # of equal width, that probabilities are gathered in
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
    """A measured value, its 95 % interval where it has one, and how many questions it is of."""

    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities from `low` up to `high`: their mean and the share that was true (NaN of none), count."""

    low: float
    high: float
    probability: float
    true: float
    count: int


def normalise(text: str) -> str:
    """Lower case, no punctuation, no a/an/the, single spaces, as SQuAD does (Rajpurkar et al. 2016).

    Beyond it, typographic quotes count as plain ones and long dashes as blanks.
    """
    bare = text.casefold().translate(_DROPPED)
    return " ".join(word for word in bare.split() if word not in {"a", "an", "the"})


def holds(text: str, answer: str) -> bool:
    """Whether the answer stands in the text as whole words, both normalised; a hyphen parts words here."""
    wanted, given = (normalise(side.replace("-", " ")) for side in (answer, text))
    return bool(wanted) and f" {wanted} " in f" {given} "


def holds_any(text: str, answers: Collection[str]) -> bool:
    """Whether one of the answers stands in the text."""
    return any(holds(text, answer) for answer in answers)


def exact_match(text: str, answers: Collection[str]) -> float:
    """1 where the text is one of the answers, both normalised (SQuAD)."""
    return float(normalise(text) in {normalise(answer) for answer in answers})


def f1(text: str, answers: Collection[str]) -> float:
    """Harmonic mean of precision and recall of the words, against the answer that it fits best (SQuAD)."""
    return max((_f1(normalise(text).split(), normalise(answer).split()) for answer in answers), default=0.0)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def content_share(text: str, reference: str) -> float:
    """Share of the reference's different words, function words left out, that stand in the text."""
    wanted = set(normalise(reference).split()) - set(_FUNCTION_WORDS.split())
    return len(wanted & set(normalise(text).split())) / len(wanted) if wanted else 0.0


def first_gold(ranked: Sequence[Held], gold: Held) -> int | None:
    """The rank, from 1, of the first piece that holds a gold paragraph."""
    return next((rank for rank, held in enumerate(ranked, 1) if held & gold), None)


def hit(ranked: Sequence[Held], gold: Held, depth: int) -> float:
    """1 where a gold paragraph is among the first `depth`."""
    return float(any(held & gold for held in ranked[:depth]))


def reciprocal_rank(ranked: Sequence[Held], gold: Held) -> float:
    """One over the rank of the first gold paragraph; 0 where there is none."""
    rank = first_gold(ranked, gold)
    return 1 / rank if rank else 0.0


def ndcg(ranked: Sequence[Held], gold: Held, depth: int = 10) -> float:
    """Each gold paragraph counts 1/log2(rank + 1), against the best order there is (Järvelin and Kekäläinen).

    A piece that holds several counts them all at its rank; more than the best order is 1.
    """
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), depth) + 1))
    gained, left = 0.0, set(gold)
    for rank, held in enumerate(ranked[:depth], 1):
        gained += len(held & left) / math.log2(rank + 1)
        left -= held
    return min(1.0, gained / best) if best else 0.0


def share(parts: Sequence[float], wholes: Sequence[float] | None = None) -> Figure:
    """Sum of the parts over that of the wholes (else 1 each), one pair a question, with its interval.

    The interval is the middle 95 % of RESAMPLES bootstrap resamples of the questions (Efron 1979), seeded.
    """
    top = np.asarray(parts, dtype=float)
    bottom = np.ones_like(top) if wholes is None else np.asarray(wholes, dtype=float)
    if not bottom.sum():
        return Figure(math.nan, count=len(top))
    drawn = np.random.default_rng(SEED).integers(len(top), size=(RESAMPLES, len(top)))
    sums = bottom[drawn].sum(axis=1)
    values = top[drawn].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(float(top.sum() / bottom.sum()), float(low), float(high), len(top))


def middle(values: Sequence[float], percent: float = 50) -> Figure:
    """The percentile of the values, by linear interpolation; no interval."""
    value = float(np.percentile(values, percent)) if values else math.nan
    return Figure(value, count=len(values))


def in_bins(probabilities: Sequence[float], truths: Sequence[bool]) -> tuple[Bin, ...]:
    """BINS bins of equal width, from 0 to 1, the last with 1 itself; drawn, the reliability diagram."""
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
    """Mean gap of probability and share true, bins weighted by count (Naeini et al. 2015); no interval."""
    gaps = [
        abs(item.probability - item.true) * item.count
        for item in in_bins(probabilities, truths)
        if item.count
    ]
    return Figure(sum(gaps) / len(truths) if truths else math.nan, count=len(truths))


def brier(probabilities: Sequence[float], truths: Sequence[bool]) -> Figure:
    """The mean squared distance of each probability from 1 if true, else from 0 (Brier 1950)."""
    return share([(stated - true) ** 2 for stated, true in zip(probabilities, truths, strict=True)])


def area(probabilities: Sequence[float], truths: Sequence[bool]) -> Figure:
    """How often a true one's probability is above a false one's, ties half: the area under the ROC curve.

    As Hanley and McNeil (1982) show; NaN where all or none are true. The interval is as that of `share`.
    """
    stated, true = np.asarray(probabilities, dtype=float), np.asarray(truths, dtype=bool)
    drawn = np.random.default_rng(SEED).integers(len(true), size=(RESAMPLES, len(true)))
    value = _area(stated, true)
    if math.isnan(value):
        return Figure(value, count=len(true))
    values = [_area(stated[row], true[row]) for row in drawn]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Figure(value, float(low), float(high), len(true))


def _area(stated: np.ndarray, true: np.ndarray) -> float:
    above, below = stated[true], np.sort(stated[~true])
    if not len(above) or not len(below):
        return math.nan
    beaten = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(beaten.mean() / 2 / len(below))


def words(text: str) -> int:
    """Runs of characters between blanks."""
    return len(re.findall(r"\S+", text))
