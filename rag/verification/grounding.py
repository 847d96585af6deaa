"""Whether the paragraphs that a free sentence cites bear it out: how a language model's answer is checked.

A sentence is borne out by a sentence or two neighbouring ones of one paragraph, or clause by clause by
several: nothing that can be read off the words may differ (`faults.py`), and the meaning must be near
enough, by a logistic regression over the share of its words and the cosine of the vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rag.text.words import content_words, fold, sentences
from rag.types import Evidence, Vectors
from rag.verification.claims import Claims, full_names, merged, named_in_full, read_claims
from rag.verification.clauses import split
from rag.verification.contradictions import faults
from rag.verification.grounding_weights import BIAS, THRESHOLD, WEIGHTS
from rag.verification.likeness import Features, covers, features, is_near

Embed = Callable[[Sequence[str]], Vectors]  # unit vectors, float32 (texts, dimension)

NEAREST = 3  # places whose vectors are compared
BEFORE = 2  # sentences before a place in which "he" or "it" may be named
MOST = 60  # sentences of a paragraph that are looked at

_LEANING = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|this|these|those|who|such)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far a sentence is borne out (0 to 1), whether that is enough, and by which evidence numbers.

    `faults` say in words what the nearest paragraph does not bear out; a supported sentence has none.
    """

    support: float
    supported: bool
    by: tuple[int, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One or two neighbouring sentences of a paragraph; `around` adds what names "he" and dates the text."""

    number: int
    parts: tuple[str, ...]
    held: Claims
    around: Claims


@dataclass(frozen=True, slots=True)
class Found:
    """A place for a sentence, what it does not bear out, and how near it comes: as a whole and by words."""

    number: int
    faults: tuple[str, ...]
    support: float
    covers: float


def grounded(sentence: str, paragraphs: Sequence[Evidence], embed: Embed) -> Grounding:
    """Whether the paragraphs bear out the sentence, in one or two of their sentences or clause by clause.

    `embed` is asked for the sentence and the places nearest to it by words: one that remembers texts
    saves most of the time.
    """
    places = [place for item in paragraphs for place in read_places(item)]
    if not places or not content_words(sentence):
        return Grounding(0.0, False, (), ("nothing to check it against",))
    whole = look_up(sentence, places, embed)
    passed = [found for found in whole if _passes(found)]
    if passed:
        by = dict.fromkeys(found.number for found in passed)
        return Grounding(passed[0].support, True, tuple(by), ())
    contradicted = any(found.faults and found.covers == 1 for found in whole)
    clauses = [] if contradicted else [look_up(clause, places, embed)[0] for clause in split(sentence)]
    if len(clauses) > 1 and all(map(_passes, clauses)):
        by = dict.fromkeys(found.number for found in clauses)
        return Grounding(min(found.support for found in clauses), True, tuple(by), ())
    nearest = max(whole, key=lambda found: (found.covers, found.support, -len(found.faults)))
    return Grounding(nearest.support, False, (), nearest.faults or ("too little of it stands there",))


def _passes(found: Found) -> bool:
    return not found.faults and found.support >= THRESHOLD


@lru_cache(maxsize=256)
def read_places(item: Evidence) -> tuple[Place, ...]:
    """Each sentence of a paragraph, and each two that follow one another."""
    spans = list(sentences(item.text))[:MOST] or [(0, len(item.text))]
    texts = [item.text[start:end] for start, end in spans]
    read = [read_claims(text) for text in texts]
    dated = f"{item.date.day} {item.date:%B %Y}. " if item.date else ""
    above, given = read_claims(f"{dated}{item.heading}."), full_names(read)
    places = []
    for size in (1, 2):
        for first in range(len(texts) - size + 1):
            leans = _LEANING.search(texts[first])
            start = max(0, first - BEFORE) if leans else first
            held = named_in_full(merged(read[first : first + size]), given)
            around = merged([above, *read[start : first + size]])
            places.append(Place(item.number, tuple(texts[first : first + size]), held, around))
    return tuple(places)


def look_up(sentence: str, places: Sequence[Place], embed: Embed) -> list[Found]:
    """The places nearest to a sentence, by support; one that copies a sentence has all of it."""
    copied = [place for place in places if _plain(" ".join(place.parts)) == _plain(sentence)]
    if copied:
        return [Found(place.number, (), 1.0, 1.0) for place in copied]
    said = read_claims(sentence)
    sound, faulty = sound_places(sentence, places)
    supports = [probability(row) for row in all_features(sentence, sound, embed)]
    found = [
        Found(place.number, (), support, covers(said, place.held))
        for place, support in zip(sound, supports, strict=True)
    ]
    found += [Found(place.number, wrong, 0.0, covers(said, place.held)) for place, wrong in faulty]
    return sorted(found, key=lambda one: -one.support)


def sound_places(
    sentence: str, places: Sequence[Place]
) -> tuple[list[Place], list[tuple[Place, tuple[str, ...]]]]:
    """Of the places nearest to a sentence by words those that may bear it out; the others, with faults."""
    said = read_claims(sentence)
    shared = [(covers(said, place.around) + covers(said, place.held), place) for place in places]
    nearest = sorted(shared, key=lambda pair: (-pair[0], len(pair[1].parts)))[: 2 * NEAREST]
    checked = [(place, faults(said, place.held, place.around)) for _, place in nearest]
    sound = [place for place, wrong in checked if not wrong and is_near(said, place.held, place.around)]
    return sound[:NEAREST], [(place, wrong) for place, wrong in checked if place not in sound]


def _plain(text: str) -> str:
    """A text by its letters and signs alone, without a full stop at the end."""
    return " ".join(fold(text).split()).rstrip(".")


def probability(row: Features) -> float:
    """What the logistic regression makes of the features."""
    score = BIAS + sum(WEIGHTS.get(name, 0.0) * value for name, value in row.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def all_features(sentence: str, places: Sequence[Place], embed: Embed) -> list[Features]:
    """What the regression is given of each place."""
    if not places:
        return []
    said = read_claims(sentence)
    texts = list(dict.fromkeys([sentence, *(part for place in places for part in place.parts)]))
    vectors = dict(zip(texts, embed(texts), strict=True))
    found = []
    for place in places:
        both = np.sum([vectors[part] for part in place.parts], axis=0)
        cosine = float(both @ vectors[sentence] / np.linalg.norm(both))
        found.append(features(said, place.held, place.around, cosine))
    return found
