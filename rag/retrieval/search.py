"""Search: the evidence for a question, from one committed state of the index."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rag.index.folder import Index
from rag.index.snapshot import Snapshot
from rag.models.embedder import Embedder
from rag.query.question import Question, read_question
from rag.query.when import known_by
from rag.retrieval.evidence import gather
from rag.retrieval.rarity import Rarity, question_stems
from rag.retrieval.retriever import DEPTH, Reranker, match_expression, rerank, retrieve
from rag.text.words import stem, words
from rag.types import Evidence, Hit, Span, Vectors

EARLIER = 4  # times as many hits are looked at where those written after a day do not count


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence, its cosines with the question, and what the index knows of the question's words.

    `similarity` is that of each paragraph, `likeness` that of each of its sentences, by where it stands.
    """

    evidence: tuple[Evidence, ...]
    similarity: list[float]
    likeness: list[dict[Span, float]]
    rarity: Rarity
    unknown: tuple[str, ...]


def look_up(
    asked: Question,
    vector: Vectors,
    index: Index,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> Found:
    """The evidence for a question, of one committed state of the index."""
    with index.catalog.read() as snapshot:
        evidence = gathered(asked, vector, index, snapshot, reranker, limit, sources)
        frequency = snapshot.document_frequency(question_stems(asked))
        return Found(
            evidence,
            similarities(evidence, vector, snapshot),
            likenesses(evidence, vector, snapshot),
            Rarity.of(asked, frequency, snapshot.chunk_count()),
            unknown_words(asked, frequency),
        )


def search(
    question: str,
    index: Index,
    embedder: Embedder,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> tuple[Evidence, ...]:
    """The paragraphs that would be read for a question, at most `limit`, best first; none for no words."""
    asked = read_question(question)
    if not words(asked.text):
        return ()
    vector = embedder.embed([asked.topic])[0]
    with index.catalog.read() as snapshot:
        return gathered(asked, vector, index, snapshot, reranker, limit, sources)[:limit]


def gathered(
    asked: Question,
    vector: Vectors,
    index: Index,
    snapshot: Snapshot,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> tuple[Evidence, ...]:
    """The best `limit` paragraphs for a question, then the neighbours of short ones."""
    day, paragraphs = asked.when.as_of, snapshot.paragraphs
    hits = find(asked, vector, index, snapshot, reranker, EARLIER * limit if day else limit, sources)
    if day:
        paragraphs = partial(known_by, asked.when, snapshot.paragraphs)
    return gather(hits, paragraphs, limit)


def find(
    asked: Question,
    vector: Vectors,
    index: Index,
    snapshot: Snapshot,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> list[Hit]:
    """The hits for a question, best first: by meaning and by words, fused, and reranked where that is set."""
    expression = match_expression(asked.topic, snapshot.document_frequency)
    lists = {
        "dense": index.vectors.query(vector.tolist(), DEPTH, sources),
        "bm25": snapshot.search(expression, DEPTH, sources) if expression else [],
    }
    hits = retrieve(lists, snapshot.chunks, 3 * limit if reranker else limit)
    return rerank(asked.text, hits, reranker)[:limit] if reranker else hits


def similarities(evidence: Sequence[Evidence], vector: Vectors, snapshot: Snapshot) -> list[float]:
    """The cosine of the question and each paragraph, by its nearest chunk; 0 for one that has none."""
    stored = snapshot.vectors_at((item.source, item.paragraph) for item in evidence)
    return [
        max((float(other @ vector) for other in stored.get((item.source, item.paragraph), ())), default=0.0)
        for item in evidence
    ]


def likenesses(evidence: Sequence[Evidence], vector: Vectors, snapshot: Snapshot) -> list[dict[Span, float]]:
    """The cosine of the question and each sentence of each paragraph, by the vectors stored at ingestion."""
    stored = snapshot.sentences((item.source, item.paragraph) for item in evidence)
    return [
        {span: float(other @ vector) for span, other in stored.get((item.source, item.paragraph), {}).items()}
        for item in evidence
    ]


def unknown_words(asked: Question, frequency: Mapping[str, int]) -> tuple[str, ...]:
    """The words of the question, as written, that stand nowhere in the documents."""
    written = {form: word for word in re.findall(r"\w[\w’'-]*", asked.text) for form in words(word)}
    unknown = [word for word in asked.words if not frequency.get(stem(word))]
    return tuple(dict.fromkeys(written.get(word, word) for word in unknown))
