"""Search one consistent snapshot of the index for the evidence that answers a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rag.index.folder import Index
from rag.index.snapshot import Snapshot
from rag.models.embedder import Embedder
from rag.query.question import Question, read_question
from rag.query.when import known_by
from rag.retrieval.evidence import gather
from rag.retrieval.rarity import Rarity, question_stems
from rag.retrieval.retriever import DEPTH, Ranked, Reranker, match_expression, rerank, retrieve
from rag.text.words import stem, words
from rag.types import Chunk, Evidence, Hit, Place, Span, Vector

AS_OF_FACTOR = 4  # times as many hits are fetched if the question excludes documents after a day


@dataclass(frozen=True, slots=True)
class Search:
    """A search for the best `limit` paragraphs for a question, only in `sources` if given.

    `vector` is the embedding of the question's topic.
    """

    question: Question
    vector: Vector
    index: Index
    reranker: Reranker | None
    limit: int
    sources: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The evidence for a question, and what the index knows about the question's words.

    `similarity` holds the cosine of the question and each paragraph; `sentence_similarity` that of each
    sentence of each paragraph, by the sentence's span. `unknown` are words that no document contains.
    """

    evidence: tuple[Evidence, ...]
    similarity: list[float]
    sentence_similarity: list[dict[Span, float]]
    rarity: Rarity
    unknown: tuple[str, ...]
    index_is_empty: bool


def search_evidence(search: Search) -> SearchResult:
    """Return the evidence for a question from one consistent snapshot of the index."""
    with search.index.catalog.read() as snapshot:
        evidence, cosines = _gather(search, snapshot)
        frequency = snapshot.document_frequency(question_stems(search.question))
        chunks = snapshot.chunk_count()
        return SearchResult(
            evidence,
            similarities(evidence, cosines, search.vector, snapshot),
            sentence_similarities(evidence, search.vector, snapshot),
            Rarity.of(search.question, frequency, chunks),
            unknown_words(search.question, frequency),
            chunks == 0,
        )


def search_paragraphs(
    question: str,
    index: Index,
    embedder: Embedder,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> tuple[Evidence, ...]:
    """Return the best `limit` paragraphs for a question, best first; none if it has no words."""
    asked = read_question(question)
    if not words(asked.text):
        return ()
    vector = embedder.embed([asked.topic])[0]
    with index.catalog.read() as snapshot:
        evidence, _ = _gather(Search(asked, vector, index, reranker, limit, sources), snapshot)
    return evidence[:limit]


def _gather(search: Search, snapshot: Snapshot) -> tuple[tuple[Evidence, ...], dict[Place, float]]:
    """Return the best paragraphs followed by the neighbours of short ones, and `find`'s cosines."""
    if not search.question.when.as_of:
        hits, cosines = find(search, snapshot)
        return gather(hits, snapshot.paragraphs, search.limit), cosines
    hits, cosines = find(replace(search, limit=AS_OF_FACTOR * search.limit), snapshot)
    paragraphs = partial(known_by, search.question.when, snapshot.paragraphs)
    return gather(hits, paragraphs, search.limit), cosines


def find(search: Search, snapshot: Snapshot) -> tuple[list[Hit], dict[Place, float]]:
    """Return the hits, best first: by meaning and by words, fused, and reranked if a reranker is set.

    Also return the cosine of the question and each paragraph that was found by meaning.
    """
    expression = match_expression(search.question.topic, snapshot.document_frequency)
    lists: dict[str, Ranked] = {
        "dense": search.index.vectors.query(search.vector.tolist(), DEPTH, search.sources),
        "bm25": snapshot.search(expression, DEPTH, search.sources) if expression else [],
    }
    chunks = snapshot.chunks(key for ranked in lists.values() for key, _ in ranked)
    cosines = _cosines(lists["dense"], chunks)
    if not search.reranker:
        return retrieve(lists, chunks, search.limit), cosines
    hits = retrieve(lists, chunks, 3 * search.limit)
    return rerank(search.question.text, hits, search.reranker)[: search.limit], cosines


def _cosines(dense: Ranked, chunks: Mapping[str, Chunk]) -> dict[Place, float]:
    """Return the cosine of each paragraph's nearest chunk. `dense` is sorted, so that is its first."""
    cosines: dict[Place, float] = {}
    for key, cosine in dense:
        if chunk := chunks.get(key):
            cosines.setdefault((chunk.source, chunk.paragraph), cosine)
    return cosines


def similarities(
    evidence: Sequence[Evidence], cosines: Mapping[Place, float], vector: Vector, snapshot: Snapshot
) -> list[float]:
    """Return each paragraph's cosine with the question: the search's own, or else from stored vectors.

    0 for a paragraph without chunks.
    """
    places = [(item.source, item.paragraph) for item in evidence]
    stored = snapshot.vectors_at(place for place in places if place not in cosines)
    computed = {place: max(float(one @ vector) for one in vectors) for place, vectors in stored.items()}
    return [cosines.get(place, computed.get(place, 0.0)) for place in places]


def sentence_similarities(
    evidence: Sequence[Evidence], vector: Vector, snapshot: Snapshot
) -> list[dict[Span, float]]:
    """Return the cosine of the question and each sentence of each paragraph, from the stored vectors."""
    stored = snapshot.sentences((item.source, item.paragraph) for item in evidence)
    return [
        {span: float(other @ vector) for span, other in stored.get((item.source, item.paragraph), {}).items()}
        for item in evidence
    ]


def unknown_words(asked: Question, frequency: Mapping[str, int]) -> tuple[str, ...]:
    """Return the words of the question, as written, that no document contains."""
    written = {form: word for word in re.findall(r"\w[\w’'-]*", asked.text) for form in words(word)}
    unknown = [word for word in asked.words if not frequency.get(stem(word))]
    return tuple(dict.fromkeys(written.get(word, word) for word in unknown))
