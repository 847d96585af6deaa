"""Reading evidence for a question: how well each sentence answers, and whether any does.

Two small models, both linear: a conditional logit over the sentences of the evidence, and a logistic
regression for "this evidence answers the question". `weights.py` holds their weights and their origin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from rag.extraction.reader_weights import ANSWERS, BIAS, SENTENCE
from rag.query.question import AnswerKind, Question, answers_kind, is_year
from rag.retrieval.rarity import Rarity, marks
from rag.text.names import absent, forms, namesakes
from rag.text.numbers import numbers, read_numbers
from rag.text.words import stems, words
from rag.types import Evidence, Kind, Span, Vectors

Place = tuple[int, int, int]  # index of the paragraph in the evidence, start and end of the sentence in it

_COUNTED = {AnswerKind.NUMBER, AnswerKind.SIZE}

LIKELY = 0.1  # of the best sentence's probability, that of another that may be the answer
LONGEST = 400  # sentences read of the evidence for one question


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the evidence: `index` of its paragraph there, and its offsets in that text.

    `probability` is the share among all sentences read; the features are named as in `weights.py`.
    """

    index: int
    start: int
    end: int
    text: str
    probability: float
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """The sentences of the evidence, best first, and the probability that they answer the question."""

    sentences: tuple[Sentence, ...]
    probability: float
    missing: tuple[str, ...]


def read(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    similarity: Sequence[float],
    likeness: Sequence[Mapping[Span, float]],
) -> Reading:
    """Reads the evidence: `similarity` is the cosine of question and paragraph, one for each paragraph.

    `likeness` is that of question and sentence, for each sentence of each paragraph.
    """
    places = candidates(evidence, likeness)
    if not places:
        return Reading((), 0.0, question.names)
    cosines = np.array([likeness[index][start, end] for index, start, end in places])
    rows = sentence_features(question, evidence, rarity, similarity, places, cosines)
    odds = np.array([sum(SENTENCE[name] * row[name] for name in SENTENCE) for row in rows])
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    ranked = tuple(
        Sentence(index, start, end, evidence[index].text[start:end], float(shares[at]), rows[at])
        for at in np.argsort(-odds, kind="stable")
        for index, start, end in [places[at]]
    )
    features = answer_features(question, evidence, rarity, ranked[0], float(cosines.max()))
    score = BIAS + sum(ANSWERS[name] * features[name] for name in ANSWERS)
    lacking = _lacking(question, _around(ranked[0], evidence))
    everything = " ".join(f"{item.heading} {item.text}" for item in evidence)
    others = namesakes(question.text, everything)
    refused = others or _foreign(question, rarity, everything) or _too_early(question, ranked, evidence)
    chance = 0.0 if refused else 1 / (1 + math.exp(-score))
    return Reading(ranked, chance, (*lacking, *others))


def candidates(evidence: Sequence[Evidence], likeness: Sequence[Mapping[Span, float]]) -> list[Place]:
    """Every sentence of the evidence that may be shown.

    A heading tells of what follows and has none; nor is the title of a table or of a picture a sentence.
    """
    shown = [not (item.kind is Kind.CAPTION and item.text[-1].isalnum()) for item in evidence]
    return [(index, *span) for index, spans in enumerate(likeness) if shown[index] for span in spans][
        :LONGEST
    ]


def sentence_features(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    similarity: Sequence[float],
    places: Sequence[Place],
    cosines: Vectors,
) -> list[dict[str, float]]:
    """What each sentence is judged by: likeness in meaning, words shared, and the kind of answer it holds."""
    heading = [marks(item.heading) for item in evidence]
    held = [marks(evidence[index].text[start:end]) | heading[index] for index, start, end in places]
    before, after = _before(evidence, places, held), _after(places, held)
    whole = [marks(item.text) | heading[index] for index, item in enumerate(evidence)]
    pairs = _pairs(stems(question.text))
    rows: list[dict[str, float]] = []
    for at, (index, start, end) in enumerate(places):
        text = evidence[index].text[start:end]
        rows.append(
            {
                "sentence_cosine": float(cosines[at]),
                "paragraph_cosine": float(similarity[index]),
                "sentence_covers": rarity.covered(held[at]),
                "with_previous_covers": rarity.covered(held[at] | before[at]),
                "with_next_covers": rarity.covered(held[at] | after[at]),
                "paragraph_covers": rarity.covered(whole[index]),
                "right_kind": _right_kind(question, text),
                "word_pairs": len(pairs & _pairs(stems(text))) / max(1, len(pairs)),
            }
        )
    return rows


def _before(
    evidence: Sequence[Evidence], places: Sequence[Place], held: Sequence[frozenset[str]]
) -> list[frozenset[str]]:
    """The marks of the sentence before each one, also across the border of two paragraphs that were read."""
    last = {
        (evidence[index].source, evidence[index].paragraph): at for at, (index, _, _) in enumerate(places)
    }
    found = []
    for at, (index, _, _) in enumerate(places):
        if at and places[at - 1][0] == index:
            found.append(held[at - 1])
        else:
            previous = last.get((evidence[index].source, evidence[index].paragraph - 1))
            apart = evidence[index].kind is Kind.TABLE_ROW
            found.append(frozenset() if previous is None or apart else held[previous])
    return found


def _after(places: Sequence[Place], held: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """The marks of the sentence after each one in its paragraph."""
    last = len(places) - 1
    return [
        held[at + 1] if at < last and places[at + 1][0] == index else frozenset()
        for at, (index, _, _) in enumerate(places)
    ]


def answer_features(
    question: Question, evidence: Sequence[Evidence], rarity: Rarity, best: Sentence, nearest: float
) -> dict[str, float]:
    """What the probability of an answer is judged by: the best sentence and its surroundings.

    `nearest` is the highest cosine of the question and any sentence read.
    """
    around = _around(best, evidence)
    return {
        "sentence_cosine": best.features["sentence_cosine"],
        "nearest_cosine": nearest,
        "context_covers": rarity.covered(marks(around)),
        "right_kind": best.features["right_kind"],
        "any_kind": float(question.kind is AnswerKind.THING),
        "no_figure": float(question.kind in _COUNTED and not best.features["right_kind"]),
        "names_missing": float(min(2, len(_lacking(question, around)))),
    }


def _right_kind(question: Question, text: str) -> float:
    return float(question.kind is not AnswerKind.THING and answers_kind(question, text))


def _around(best: Sentence, evidence: Sequence[Evidence]) -> str:
    """The best sentence's paragraph, heading and date, and what was read within two paragraphs of it."""
    own = evidence[best.index]
    if own.kind is Kind.TABLE_ROW:  # a row tells of itself
        return " ".join((own.heading, own.text, str(own.date or "")))
    beside = [
        e.text for e in evidence if e.source == own.source and 0 < abs(e.paragraph - own.paragraph) <= 2
    ]
    return " ".join((own.heading, own.text, str(own.date or ""), *beside))


def _lacking(question: Question, text: str) -> list[str]:
    """The names and figures of the question that a text does not hold, as written."""
    lacking = question.figures - numbers(text)
    written = {n.written.split()[0] for n in read_numbers(question.topic) if n.figure in lacking}
    return absent(question.names, forms(text)) + sorted(written)


def _foreign(question: Question, rarity: Rarity, everything: str) -> bool:
    """Whether the question names someone, something or a number that stands in no document at all.

    However like it the best sentence is, it tells of another one then: another army, country or year.
    """
    lacking = _lacking(question, everything)
    return any(rarity.unknown(word) for word in question.words for thing in lacking if word in words(thing))


def _too_early(question: Question, ranked: Sequence[Sentence], evidence: Sequence[Evidence]) -> bool:
    """Whether all that is likely was written before the time that the question names, and names it not."""
    years = {int(figure) for figure in question.figures if is_year(figure)}
    asked = question.when.since or (date(max(years), 1, 1) if years else None)
    named = question.when.named or set(map(str, years))
    likely = [one for one in ranked if one.probability >= LIKELY * ranked[0].probability]
    return asked is not None and all(
        (evidence[one.index].date or asked) < asked and not named <= set(words(_around(one, evidence)))
        for one in likely
    )


def _pairs(found: Sequence[str]) -> set[tuple[str, str]]:
    return set(pairwise(found))
