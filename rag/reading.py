"""Reading evidence for a question: how well each sentence answers, and whether any does.

Two small models, both linear: a conditional logit over the sentences of the evidence, and a logistic
regression for "this evidence answers the question". Their weights are in `weights.py`, with how they were fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.models import Embed, Vectors
from rag.names import absent, forms
from rag.question import Kind, Question, answers_kind
from rag.types import Evidence
from rag.weights import ANSWERS, BIAS, SENTENCE
from rag.words import numbers, sentences, stem, stems

LONGEST = 400  # sentences read of the evidence for one question


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the evidence: `index` of its paragraph there, offsets in that text, its odds of answering.

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


@dataclass(frozen=True, slots=True)
class Rarity:
    """How rare each stem of the question is among the chunks: 1 where it stands nowhere, near 0 if everywhere."""

    weights: Mapping[str, float]

    @classmethod
    def of(cls, question: Question, frequency: Mapping[str, int], chunks: int) -> Rarity:
        """From the number of chunks that hold each stem, of all chunks."""
        most = math.log(1 + (chunks + 0.5) / 0.5)
        return cls(
            {
                word: math.log(1 + (chunks - min(count, chunks) + 0.5) / (count + 0.5)) / most
                for word in question_stems(question)
                for count in [frequency.get(word, 0)]
            }
        )

    def covered(self, held: set[str]) -> float:
        """The share of the question's weight that a text with these stems covers, 0 to 1."""
        whole = sum(self.weights.values())
        return sum(weight for word, weight in self.weights.items() if word in held) / whole if whole else 0.0

    def rarest_missing(self, held: set[str]) -> float:
        """The weight of the rarest stem of the question that is not held, 0 where all are."""
        return max((weight for word, weight in self.weights.items() if word not in held), default=0.0)


def question_stems(question: Question) -> list[str]:
    """The stems that a text on the question's subject would hold."""
    return [stem(word) for word in question.words] or stems(question.text)


def read(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    similarity: Sequence[float],
    question_vector: Vectors,
    embed: Embed,
) -> Reading:
    """Reads the evidence: `similarity` is the cosine of question and paragraph, one for each paragraph."""
    places = [
        (index, start, end) for index, item in enumerate(evidence) for start, end in sentences(item.text)
    ][:LONGEST]
    if not places:
        return Reading((), 0.0, question.names)
    texts = [evidence[index].text[start:end] for index, start, end in places]
    cosines = embed(texts) @ question_vector
    rows = _features(question, evidence, rarity, similarity, places, cosines)
    odds = np.array([sum(SENTENCE[name] * row[name] for name in SENTENCE) for row in rows])
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    order = np.argsort(-odds, kind="stable")
    ranked = tuple(
        Sentence(*places[position], texts[position], float(shares[position]), rows[position])
        for position in order
    )
    features = answer_features(question, evidence, rarity, ranked, float(odds.max()))
    score = BIAS + sum(ANSWERS[name] * value for name, value in features.items())
    return Reading(ranked, 1 / (1 + math.exp(-score)), _lacking(question, evidence[ranked[0].index]))


def _features(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    similarity: Sequence[float],
    places: Sequence[tuple[int, int, int]],
    cosines: Vectors,
) -> list[dict[str, float]]:
    heading = [set(stems(item.heading)) for item in evidence]
    whole = [set(stems(item.text)) | heading[index] for index, item in enumerate(evidence)]
    unnamed = [len(_lacking_names(question, item)) for item in evidence]
    pairs = _pairs(stems(question.text))
    rows, previous = [], (-1, set[str]())
    for (index, start, end), cosine in zip(places, cosines, strict=True):
        text = evidence[index].text[start:end]
        found = stems(text)
        held = set(found) | heading[index]
        before = previous[1] if previous[0] == index else set()
        rows.append(
            {
                "sentence_cosine": float(cosine),
                "paragraph_cosine": float(similarity[index]),
                "sentence_covers": rarity.covered(held),
                "with_previous_covers": rarity.covered(held | before),
                "paragraph_covers": rarity.covered(whole[index]),
                "right_kind": float(question.kind is not Kind.THING and answers_kind(question, text)),
                "names_missing": float(min(unnamed[index], 3)),
                "word_pairs": len(pairs & _pairs(found)) / max(1, len(pairs)),
                "length": math.log(len(found) + 1),
            }
        )
        previous = (index, held)
    return rows


def answer_features(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    ranked: Sequence[Sentence],
    odds: float,
) -> dict[str, float]:
    """What the probability of an answer is judged by, from the best sentence and its paragraph."""
    best = ranked[0]
    paragraph = evidence[best.index]
    held = set(stems(f"{paragraph.heading} {paragraph.text}"))
    return {
        "odds": odds,
        "sentence_cosine": best.features["sentence_cosine"],
        "best_cosine": max(sentence.features["sentence_cosine"] for sentence in ranked),
        "paragraph_covers": best.features["paragraph_covers"],
        "right_kind": best.features["right_kind"],
        "no_kind": float(question.kind is Kind.THING),
        "names_missing": min(best.features["names_missing"], 2.0),
        "words_missing": float(min(3, sum(word not in held for word in rarity.weights))),
        "rarest_missing": rarity.rarest_missing(held),
        "figures_missing": float(bool(question.figures - numbers(f"{paragraph.heading} {paragraph.text}"))),
    }


def _lacking(question: Question, paragraph: Evidence) -> tuple[str, ...]:
    figures = question.figures - numbers(f"{paragraph.heading} {paragraph.text} {paragraph.date or ''}")
    return (*_lacking_names(question, paragraph), *sorted(figures))


def _lacking_names(question: Question, paragraph: Evidence) -> list[str]:
    return absent(list(question.names), forms(f"{paragraph.heading} {paragraph.text}"))


def _pairs(found: Sequence[str]) -> set[tuple[str, str]]:
    return set(zip(found, found[1:], strict=False))
