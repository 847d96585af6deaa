"""Finding chunks: by meaning (Chroma) and by words (BM25), fused, near-duplicates folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag.text.names import names, variants
from rag.text.numbers import numbers
from rag.text.words import content_words, stem, words
from rag.types import Chunk, Hit

DEPTH = 50  # chunks taken from each list before fusion
MEANING = 0.8  # weight of the cosine in the fused score, BM25 has the rest: tried on the development sets
SCORED = 5_000  # chunks that BM25 scores: it takes a microsecond and more for each
SAME = 0.9  # share of common word triples from which two paragraphs say the same

Ranked = Sequence[tuple[str, float]]
Frequency = Callable[[Iterable[str]], Mapping[str, int]]


class Reranker(Protocol):
    """Reads question and text together; `scores` gives one score a text, higher is better."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One score for each text."""
        ...


def match_expression(question: str, frequency: Frequency | None = None) -> str:
    """The FTS5 expression for a question: any form of its content words; "" where it has no word at all.

    `frequency` tells how many chunks hold each stem, where commoner words are to make way for rarer ones.
    """
    terms = content_words(question) or list(dict.fromkeys(words(question)))
    counts = frequency(stem(term) for term in terms) if frequency else {}
    worth = _rarer(terms, counts)
    return " OR ".join(f'"{form}"' for term in terms if term in worth for form in variants(term))


def _rarer(terms: Sequence[str], frequency: Mapping[str, int]) -> set[str]:
    """The rarest words that are held, as many as stand in `SCORED` chunks together; at least one of them."""
    kept: set[str] = set()
    room = SCORED
    for count, term in sorted((frequency.get(stem(term), 0), term) for term in terms):
        if count > room and room < SCORED:
            break
        kept.add(term)
        room -= count
    return kept


def fuse(lists: Mapping[str, Ranked]) -> list[tuple[str, float, dict[str, int]]]:
    """A convex combination of scores (Bruch et al. 2023): (chunk id, score, rank by list), best first.

    Cosines count as they are, BM25 as a share of the best; a chunk that a list lacks has its least, or 0.
    """
    dense, bm25 = dict(lists.get("dense", ())), dict(lists.get("bm25", ()))
    floor, best = min(dense.values(), default=0.0), max(bm25.values(), default=1.0)
    ranks: dict[str, dict[str, int]] = {}
    for name, ranked in lists.items():
        for rank, (key, _) in enumerate(ranked, 1):
            ranks.setdefault(key, {}).setdefault(name, rank)
    scored = [
        (key, MEANING * dense.get(key, floor) + (1 - MEANING) * bm25.get(key, 0.0) / best, held)
        for key, held in ranks.items()
    ]
    return sorted(scored, key=lambda item: -item[1])


def retrieve(
    lists: Mapping[str, Ranked],
    live: Callable[[Iterable[str]], Mapping[str, Chunk]],
    limit: int,
) -> list[Hit]:
    """The best `limit` paragraphs as hits, one hit a paragraph; ids that are not live are dropped."""
    fused = fuse(lists)
    chunks = live(identifier for identifier, _, _ in fused)
    hits = [Hit(chunks[key], score, ranks) for key, score, ranks in fused if key in chunks]
    return fold_duplicates(_one_a_paragraph(hits), limit)


def rerank(question: str, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
    """The same hits, scored and ordered by a reranker; its rank is added to those of the lists."""
    scores = reranker.scores(question, [hit.chunk.embedded for hit in hits])
    order = sorted(range(len(hits)), key=lambda index: -scores[index])
    return [
        replace(hits[index], score=scores[index], ranks={**hits[index].ranks, "reranker": rank})
        for rank, index in enumerate(order, 1)
    ]


def fold_duplicates(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The best `limit` hits, near-duplicates folded into one; the other places are kept in `also`.

    Once there are `limit`, as many more are looked at, but for duplicates only: those rank alike.
    """
    kept: list[tuple[Hit, _Print]] = []
    looked = 0
    for hit in hits:
        looked += len(kept) >= limit
        if looked > limit:
            break
        print_ = _Print.of(hit.chunk.text)
        twin = next((index for index, (_, other) in enumerate(kept) if print_.like(other)), None)
        if twin is None and not looked:
            kept.append((hit, print_))
        elif twin is not None:
            kept[twin] = (_join(kept[twin][0], hit), kept[twin][1])
    return [hit for hit, _ in kept]


@dataclass(frozen=True, slots=True)
class _Print:
    """What two texts must share to count as one: nearly all word triples, and every figure and name."""

    text: str
    triples: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> _Print:
        found = words(text)
        triples: set[tuple[str, ...]] = set(zip(found, found[1:], found[2:], strict=False))
        return cls(text, frozenset(triples or {tuple(found)}))

    def like(self, other: _Print) -> bool:
        fewer, more = sorted((len(self.triples), len(other.triples)))
        if fewer < SAME * more:
            return False
        shared = len(self.triples & other.triples)
        return shared >= SAME * (fewer + more - shared) and _facts(self.text) == _facts(other.text)


def _facts(text: str) -> set[str]:
    """The figures and names of a text."""
    return numbers(text) | set(names(text))


def _one_a_paragraph(hits: Iterable[Hit]) -> list[Hit]:
    best: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        best.setdefault((hit.chunk.source, hit.chunk.paragraph), hit)
    return list(best.values())


def _join(first: Hit, second: Hit) -> Hit:
    # In one document the earlier place speaks; across documents the better rank does.
    same_source = first.chunk.source == second.chunk.source
    if same_source and second.chunk.paragraph < first.chunk.paragraph:
        chunk, other = second.chunk, first.chunk
    else:
        chunk, other = first.chunk, second.chunk
    places = sorted({*first.also, *second.also, (other.source, other.paragraph)})
    return replace(first, chunk=chunk, also=tuple(places))
