"""The check of a language model's sentence against the paragraphs that it cites.

One or two neighbouring sentences of a paragraph must support it, or support it clause by clause. Their words
must not contradict it (`contradictions.py`), and a logistic regression over shared words and the cosine of
the embeddings must find the meaning close.
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
from rag.verification.clauses import split_clauses
from rag.verification.contradictions import find_contradictions
from rag.verification.grounding_weights import BIAS, THRESHOLD, WEIGHTS
from rag.verification.likeness import Features, covers, features, is_near

Embed = Callable[[Sequence[str]], Vectors]  # unit vectors, float32 (texts, dimension)

NEAREST = 3  # passages whose embeddings are compared
BEFORE = 2  # sentences before a passage that may name "he" or "it"
MAX_SENTENCES = 60  # of a paragraph; the rest is not read

_REFERRING = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|this|these|those|who|such)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Grounding:
    """How well a sentence is supported (0 to 1), whether that is enough, and by which evidence numbers.

    `faults`: what the nearest paragraph does not support, in words; none for a supported sentence.
    """

    support: float
    supported: bool
    by: tuple[int, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One or two neighbouring sentences; `context` adds the heading, the date and who a pronoun refers to."""

    number: int
    parts: tuple[str, ...]
    source: Claims
    context: Claims


@dataclass(frozen=True, slots=True)
class Match:
    """A passage compared with a sentence: its faults, its support, and the share of words that it covers."""

    number: int
    faults: tuple[str, ...]
    support: float
    covers: float


def grounded(sentence: str, paragraphs: Sequence[Evidence], embed: Embed) -> Grounding:
    """Return how well the paragraphs support the sentence, as a whole or clause by clause.

    `embed` gets the sentence and its nearest passages; caching its results saves most of the time.
    """
    passages = [passage for item in paragraphs for passage in read_passages(item)]
    if not passages or not content_words(sentence):
        return Grounding(0.0, False, (), ("nothing to check it against",))
    whole = match_passages(sentence, passages, embed)
    passed = [match for match in whole if _passes(match)]
    if passed:
        by = dict.fromkeys(match.number for match in passed)
        return Grounding(passed[0].support, True, tuple(by), ())
    contradicted = any(match.faults and match.covers == 1 for match in whole)
    clauses = [] if contradicted else split_clauses(sentence)
    matches = [match_passages(clause, passages, embed)[0] for clause in clauses]
    if len(matches) > 1 and all(map(_passes, matches)):
        by = dict.fromkeys(match.number for match in matches)
        return Grounding(min(match.support for match in matches), True, tuple(by), ())
    nearest = max(whole, key=lambda match: (match.covers, match.support, -len(match.faults)))
    return Grounding(nearest.support, False, (), nearest.faults or ("too little of it is in the paragraph",))


def _passes(match: Match) -> bool:
    return not match.faults and match.support >= THRESHOLD


@lru_cache(maxsize=256)
def read_passages(item: Evidence) -> tuple[Passage, ...]:
    """Return each sentence of a paragraph, and each two in a row."""
    spans = list(sentences(item.text))[:MAX_SENTENCES] or [(0, len(item.text))]
    texts = [item.text[start:end] for start, end in spans]
    read = [read_claims(text) for text in texts]
    dated = f"{item.date.day} {item.date:%B %Y}. " if item.date else ""
    above, given = read_claims(f"{dated}{item.heading}."), full_names(read)
    passages = []
    for size in (1, 2):
        for first in range(len(texts) - size + 1):
            refers_back = _REFERRING.search(texts[first])
            start = max(0, first - BEFORE) if refers_back else first
            source = named_in_full(merged(read[first : first + size]), given)
            context = merged([above, *read[start : first + size]])
            passages.append(Passage(item.number, tuple(texts[first : first + size]), source, context))
    return tuple(passages)


def match_passages(sentence: str, passages: Sequence[Passage], embed: Embed) -> list[Match]:
    """Return the passages nearest to a sentence, best first; a copied sentence has full support."""
    copied = [passage for passage in passages if _plain(" ".join(passage.parts)) == _plain(sentence)]
    if copied:
        return [Match(passage.number, (), 1.0, 1.0) for passage in copied]
    claim = read_claims(sentence)
    sound, faulty = sound_passages(sentence, passages)
    supports = [probability(row) for row in all_features(sentence, sound, embed)]
    matches = [
        Match(passage.number, (), support, covers(claim, passage.source))
        for passage, support in zip(sound, supports, strict=True)
    ]
    matches += [Match(passage.number, wrong, 0.0, covers(claim, passage.source)) for passage, wrong in faulty]
    return sorted(matches, key=lambda one: -one.support)


def sound_passages(
    sentence: str, passages: Sequence[Passage]
) -> tuple[list[Passage], list[tuple[Passage, tuple[str, ...]]]]:
    """Return the nearest passages by words that may support a sentence, and the others with their faults."""
    claim = read_claims(sentence)
    shared = [
        (covers(claim, passage.context) + covers(claim, passage.source), passage) for passage in passages
    ]
    nearest = sorted(shared, key=lambda pair: (-pair[0], len(pair[1].parts)))[: 2 * NEAREST]
    checked = [
        (passage, find_contradictions(claim, passage.source, passage.context)) for _, passage in nearest
    ]
    sound = [
        passage for passage, wrong in checked if not wrong and is_near(claim, passage.source, passage.context)
    ]
    return sound[:NEAREST], [(passage, wrong) for passage, wrong in checked if passage not in sound]


def _plain(text: str) -> str:
    """Return a folded text with single spaces and no full stop at its end."""
    return " ".join(fold(text).split()).rstrip(".")


def probability(row: Features) -> float:
    """Return the probability that the logistic regression gives to the features."""
    score = BIAS + sum(WEIGHTS.get(name, 0.0) * value for name, value in row.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def all_features(sentence: str, passages: Sequence[Passage], embed: Embed) -> list[Features]:
    """Return the features of each passage for the regression."""
    if not passages:
        return []
    claim = read_claims(sentence)
    texts = list(dict.fromkeys([sentence, *(part for passage in passages for part in passage.parts)]))
    vectors = dict(zip(texts, embed(texts), strict=True))
    matches = []
    for passage in passages:
        both = np.sum([vectors[part] for part in passage.parts], axis=0)
        cosine = float(both @ vectors[sentence] / np.linalg.norm(both))
        matches.append(features(claim, passage.source, passage.context, cosine))
    return matches
