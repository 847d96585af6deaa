"""One question's walk, top to bottom: condense, retrieve, read, extract, verify, answer or abstain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

import numpy as np

from rag.catalog import Snapshot
from rag.condense import condense
from rag.evidence import gather
from rag.extractive import extract
from rag.index import Index
from rag.models import Embedder, Vectors
from rag.question import Question, read_question
from rag.reading import Rarity, Reading, question_stems, read
from rag.retriever import DEPTH, Reranker, match_expression, rerank, retrieve
from rag.types import Answer, Citation, Evidence, Hit, Statement, Turn
from rag.verifier import verify
from rag.weights import THRESHOLD
from rag.words import STOPWORDS, words

NEAREST = 3  # paragraphs shown when the answer is not there


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start


def answer(
    question: str,
    history: Sequence[Turn],
    index: Index,
    embedder: Embedder,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> Answer:
    """The checked answer to a question, from at most `limit` paragraphs; an abstention if they do not answer."""
    clock = Clock()
    with clock.step("condense"):
        asked = read_question(condense(question, history))
    with clock.step("embed"):
        vector = embedder.embed([asked.text])[0]
    with index.catalog.read() as snapshot:
        with clock.step("retrieve"):
            hits = find(asked, vector, index, snapshot, reranker, limit, sources)
            evidence = gather(hits, snapshot.paragraphs)
        with clock.step("read"):
            rarity = Rarity.of(
                asked, snapshot.document_frequency(question_stems(asked)), snapshot.chunk_count()
            )
            reading = read(
                asked, evidence, rarity, similarities(hits, vector, snapshot), vector, embedder.embed
            )
            absent = unknown_words(asked, snapshot)
    with clock.step("write"):
        drafts = extract(asked, evidence, reading) if reading.probability >= THRESHOLD else ()
    with clock.step("verify"):
        statements, citations = verify(drafts, evidence)
    if not statements:
        return abstain(question, asked, evidence, reading, absent, clock.seconds)
    return Answer(
        question=question,
        text=compose(statements),
        statements=statements,
        citations=citations,
        evidence=evidence,
        standalone=asked.text,
        timings=clock.seconds,
    )


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
    expression = match_expression(asked.text)
    lists = {
        "dense": index.vectors.query(vector.tolist(), DEPTH, sources),
        "bm25": snapshot.search(expression, DEPTH) if expression else [],
    }
    hits = retrieve(lists, snapshot.chunks, 3 * limit if reranker else limit)
    return rerank(asked.text, hits, reranker)[:limit] if reranker else hits


def similarities(hits: Sequence[Hit], vector: Vectors, snapshot: Snapshot) -> list[float]:
    """The cosine of the question and each hit's chunk, also of those that words alone found."""
    stored = snapshot.vectors(hit.chunk.id for hit in hits)
    return [float(np.dot(stored[hit.chunk.id], vector)) for hit in hits]


def unknown_words(asked: Question, snapshot: Snapshot) -> tuple[str, ...]:
    """The words of the question, as written, that stand nowhere in the documents."""
    frequency = snapshot.document_frequency(question_stems(asked))
    written = {form: word for word in asked.text.split() for form in words(word)}
    stems = dict(zip(asked.words, question_stems(asked), strict=False))
    return tuple(
        written.get(word, word).strip("?!.,;:\"'“”‘’()")
        for word in asked.words
        if word not in STOPWORDS and not frequency.get(stems[word])
    )


def compose(statements: Sequence[Statement]) -> str:
    """The text of an answer: each statement followed by the marks of its citations."""
    return " ".join(
        f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}"
        for statement in statements
    )


def abstain(
    question: str,
    asked: Question,
    evidence: Sequence[Evidence],
    reading: Reading,
    absent: Sequence[str],
    timings: Mapping[str, float],
) -> Answer:
    """The answer that there is none, with the words that are lacking and the paragraphs that came nearest."""
    missing = tuple(dict.fromkeys([*absent, *reading.missing]))
    if not evidence:
        text = "The index holds no documents that bear on this."
    elif missing:
        text = f"Your documents do not answer this. Nothing in them on it mentions: {', '.join(missing)}."
    else:
        text = "Your documents do not answer this."
    return Answer(
        question=question,
        text=text,
        evidence=tuple(evidence),
        abstained=True,
        nearest=tuple(evidence[:NEAREST]),
        missing=missing,
        standalone=asked.text,
        timings=timings,
    )
