"""Rank chunks found by meaning (Chroma) and by words (BM25): fuse the lists, merge near-duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag.text.names import names, variants
from rag.text.numbers import numbers
from rag.text.words import content_words, stem, words
from rag.types import Chunk, Hit, Place

DEPTH = 50  # chunks taken from each list before fusion
COSINE_SHARE = 0.8  # of the fused score; BM25 has the rest: tuned on the development sets
MAX_SCORED = 5_000  # chunks that BM25 may score; each takes over a microsecond
DUPLICATE_SHARE = 0.9  # of common word triples, above which two paragraphs are near-duplicates

Ranked = Sequence[tuple[str, float]]  # chunk ids and scores, best first
Frequency = Callable[[Iterable[str]], Mapping[str, int]]


class Reranker(Protocol):
    """A model that scores a question and a text together."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return one score for each text; higher is better."""


def match_expression(question: str, frequency: Frequency | None = None) -> str:
    """Build the FTS5 query for a question: any form of its content words; "" if it has no words.

    With `frequency`, the document frequency of stems, words that are too common are left out.
    """
    terms = content_words(question) or list(dict.fromkeys(words(question)))
    counts = frequency(stem(term) for term in terms) if frequency else {}
    kept = _rarest(terms, counts)
    return " OR ".join(f'"{form}"' for term in terms if term in kept for form in variants(term))


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


def fuse(lists: Mapping[str, Ranked]) -> list[tuple[str, float, dict[str, int]]]:
    """Return (chunk id, fused score, rank in each list), best first.

    The score is a convex combination (Bruch et al. 2023): the cosine, or the list's lowest for a chunk that
    the dense list lacks, and BM25 as a share of the best, or 0.
    """
    dense, bm25 = dict(lists.get("dense", ())), dict(lists.get("bm25", ()))
    floor, best = min(dense.values(), default=0.0), max(bm25.values(), default=1.0)
    ranks: dict[str, dict[str, int]] = {}
    for name, ranked in lists.items():
        for rank, (key, _) in enumerate(ranked, 1):
            ranks.setdefault(key, {}).setdefault(name, rank)
    scored = [
        (key, COSINE_SHARE * dense.get(key, floor) + (1 - COSINE_SHARE) * bm25.get(key, 0.0) / best, by_list)
        for key, by_list in ranks.items()
    ]
    return sorted(scored, key=lambda item: -item[1])


def retrieve(lists: Mapping[str, Ranked], chunks: Mapping[str, Chunk], limit: int) -> list[Hit]:
    """Return the best `limit` hits, one for each paragraph; ids that `chunks` lacks are dropped."""
    hits = [Hit(chunks[key], score, ranks) for key, score, ranks in fuse(lists) if key in chunks]
    best: dict[Place, Hit] = {}
    for hit in hits:
        best.setdefault((hit.chunk.source, hit.chunk.paragraph), hit)
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
