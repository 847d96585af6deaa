"""Rank chunks found by meaning (Chroma) and by words (BM25): fuse the lists, merge near-duplicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag.text.names import names, variants
from rag.text.numbers import numbers
from rag.text.words import content_words, lemma, stem, words
from rag.types import Chunk, Hit, Place

DEPTH = 30  # chunks taken from each list before fusion
K1 = 1.2  # of FTS5's BM25
DOCUMENT = 0.15  # weight of the words that a chunk's document has: tuned on the development sets
EXACT = 0.5  # weight of a code: one row of a list is like the next but for it
MAX_SCORED = 5_000  # chunks that BM25 may score; each takes over a microsecond
DUPLICATE_SHARE = 0.9  # of common word triples, above which two paragraphs are near-duplicates

Ranked = Sequence[tuple[str, float]]  # chunk ids and scores, best first
Frequency = Callable[[Iterable[str]], Mapping[str, int]]


class Reranker(Protocol):
    """A model that scores a question and a text together."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return one score for each text; higher is better."""


def searched_forms(question: str, frequency: Frequency | None = None) -> list[str]:
    """Return the forms of a question's content words to search for; [] if it has no words.

    With `frequency`, the document frequency of stems, words that are too common are left out.
    """
    terms = content_words(question) or list(dict.fromkeys(words(question)))
    counts = frequency(stem(term) for term in terms) if frequency else {}
    kept = _rarest(terms, counts)
    return [form for term in terms if term in kept for form in forms_of(term)]


def forms_of(word: str) -> list[str]:
    """Return the base forms of one folded word and its variants, as the index has them."""
    return [lemma(form) for form in variants(word)]


def _rarest(terms: Sequence[str], frequency: Mapping[str, int]) -> set[str]:
    """Return the rarest terms that together occur in at most `MAX_SCORED` chunks; at least one known term."""
    kept: set[str] = set()
    room = MAX_SCORED
    for count, term in sorted((frequency.get(stem(term), 0), term) for term in terms):
        if count > room and room < MAX_SCORED:
            break
        kept.add(term)
        room -= count
    return kept


@dataclass(frozen=True, slots=True)
class Match:
    """How well a chunk matches a question: the cosines of its vector and of its window's, and its BM25 share.

    The share is of the most that the question's words could score, so that a poor match by words counts
    little even where there is no better one. `document` is the share of the question's rarer words, by
    weight, that its document has anywhere, the title included. `exact`: it has the codes of the question.
    """

    cosine: float
    window: float
    share: float
    document: float = 0.0
    exact: bool = False

    @property
    def score(self) -> float:
        """The fused score (a linear combination, Bruch et al. 2023, with an absolute BM25)."""
        return (self.cosine + self.window + self.share) / 2 + DOCUMENT * self.document + EXACT * self.exact


def highest_bm25(terms: Iterable[str], frequency: Mapping[str, int], chunks: int) -> float:
    """Return the score that FTS5's BM25 approaches for a chunk with all of these stems that any chunk has."""
    return sum(
        max(math.log((chunks - count + 0.5) / (count + 0.5)), 1e-6) * (K1 + 1)
        for term in terms
        if (count := min(frequency.get(term, 0), chunks))
    )


def best_of_each(
    matches: Mapping[str, Match], lists: Mapping[str, Ranked], chunks: Mapping[str, Chunk], limit: int
) -> list[Hit]:
    """Return the best `limit` hits, best first, one for each paragraph."""
    ranks: dict[str, dict[str, int]] = {}
    for name, ranked in lists.items():
        for rank, (key, _) in enumerate(ranked, 1):
            ranks.setdefault(key, {})[name] = rank
    order = sorted(matches, key=lambda key: -matches[key].score)
    best: dict[Place, Hit] = {}
    for key in order:
        chunk = chunks[key]
        best.setdefault((chunk.source, chunk.paragraph), Hit(chunk, matches[key].score, ranks.get(key, {})))
    return merge_duplicates(list(best.values()), limit)


def rerank(question: str, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
    """Return the hits with the reranker's scores, in its order; its rank joins those of the lists."""
    scores = reranker.scores(question, [hit.chunk.embedded for hit in hits])
    order = sorted(range(len(hits)), key=lambda index: -scores[index])
    return [
        replace(hits[index], score=scores[index], ranks={**hits[index].ranks, "reranker": rank})
        for rank, index in enumerate(order, 1)
    ]


def merge_duplicates(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """Return the best `limit` hits, with near-duplicates merged; `also` keeps the other places.

    The next `limit` hits are searched for duplicates of these, as duplicates have similar ranks.
    """
    kept: list[tuple[Hit, _Fingerprint]] = []
    beyond = 0
    for hit in hits:
        beyond += len(kept) >= limit
        if beyond > limit:
            break
        fingerprint = _Fingerprint.of(hit.chunk.text)
        twin = next((index for index, (_, other) in enumerate(kept) if fingerprint.matches(other)), None)
        if twin is None and not beyond:
            kept.append((hit, fingerprint))
        elif twin is not None:
            kept[twin] = (_merge(kept[twin][0], hit), kept[twin][1])
    return [hit for hit, _ in kept]


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    """What near-duplicates share: nearly all word triples, and every number and name."""

    text: str
    triples: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> _Fingerprint:
        found = words(text)
        triples: set[tuple[str, ...]] = set(zip(found, found[1:], found[2:], strict=False))
        return cls(text, frozenset(triples or {tuple(found)}))

    def matches(self, other: _Fingerprint) -> bool:
        fewer, more = sorted((len(self.triples), len(other.triples)))
        if fewer < DUPLICATE_SHARE * more:
            return False
        shared = len(self.triples & other.triples)
        return shared >= DUPLICATE_SHARE * (fewer + more - shared) and _facts(self.text) == _facts(other.text)


def _facts(text: str) -> set[str]:
    return numbers(text) | set(names(text))


def _merge(first: Hit, second: Hit) -> Hit:
    # Within a document the earlier place is shown; across documents the better rank.
    same_source = first.chunk.source == second.chunk.source
    if same_source and second.chunk.paragraph < first.chunk.paragraph:
        chunk, other = second.chunk, first.chunk
    else:
        chunk, other = first.chunk, second.chunk
    places = sorted({*first.also, *second.also, (other.source, other.paragraph)})
    return replace(first, chunk=chunk, also=tuple(places))
