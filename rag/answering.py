"""One question's walk, top to bottom: condense, retrieve, read, extract, verify, answer or abstain."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from rag.conflicts import Written as Extracted
from rag.conflicts import write
from rag.evidence import gather
from rag.generator import Step, Told, lacking, rewrite, write_by
from rag.highlight import mark
from rag.index import Index
from rag.models import Embedder, Vectors
from rag.question import Question, read_question
from rag.reading import Rarity, Reading, question_stems, read
from rag.retriever import DEPTH, Reranker, match_expression, rerank, retrieve
from rag.snapshot import Snapshot, Span
from rag.traces import KIND, TRACER
from rag.types import Answer, Evidence, Hit, Turn
from rag.verifier import Citing, compose, verify
from rag.weights import THRESHOLD
from rag.when import known_by
from rag.words import figures, stem, words

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

NEAREST = 3  # paragraphs shown when the answer is not there
EARLIER = 4  # times as many hits are looked at where those written after a day do not count


class Clock:
    """Seconds by step; each is also a span."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        start = perf_counter()
        with TRACER.start_as_current_span(name, attributes={KIND: "CHAIN"}):
            yield
        self.seconds[name] = perf_counter() - start


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


def walk(
    question: str,
    history: Sequence[Turn],
    index: Index,
    embedder: Embedder,
    reranker: Reranker | None,
    llm: LLM | None,
    limit: int,
    sources: Sequence[str] | None,
) -> Generator[Step, None, Answer]:
    """The checked answer from the best `limit` paragraphs, or an abstention; with an LLM step by step."""
    clock, citing, told = Clock(), Citing(), Told()
    with clock.step("condense"):
        asked = read_question(rewrite(question, history, llm, told))
    with clock.step("embed"):
        vector = embedder.embed([asked.topic])[0]
    with clock.step("retrieve"):
        found = look_up(asked, vector, index, reranker, limit, sources)
    with clock.step("read"):
        reading = read(asked, found.evidence, found.rarity, found.similarity, found.likeness)
    differing = yield from _state(asked, found, reading, llm, embedder, citing, told, clock)
    if told.calls:
        clock.seconds.update(told.figures())
    if not citing.statements:
        return abstain(question, asked, found, reading, clock.seconds)
    with clock.step("mark"):
        statements = mark(asked, citing.statements)
    return Answer(
        question=question,
        text=compose(statements),
        statements=statements,
        citations=citing.citations,
        evidence=found.evidence,
        standalone=asked.text,
        probability=reading.probability,
        conflicting=differing and len(statements) > 1,
        dropped=tuple(told.dropped),
        timings=clock.seconds,
    )


def _state(
    asked: Question,
    found: Found,
    reading: Reading,
    llm: LLM | None,
    embedder: Embedder,
    citing: Citing,
    told: Told,
    clock: Clock,
) -> Generator[Step, None, bool]:
    """Adds the checked statements to `citing`, where the evidence answers; whether their sources differ."""
    with clock.step("write"):
        likely = reading.probability >= THRESHOLD
        extracted = write(asked, found.evidence, reading) if likely else Extracted(())
    if llm and extracted.drafts and not extracted.differing:
        with clock.step("generate"):
            yield from write_by(llm, asked, found.evidence, reading, embedder.embed, citing, told)
    with clock.step("verify"):
        verify(lacking(extracted.drafts, citing, reading, found.evidence, told), found.evidence, citing)
    return extracted.differing


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


def abstain(
    question: str,
    asked: Question,
    found: Found,
    reading: Reading,
    timings: Mapping[str, float],
) -> Answer:
    """The answer that there is none, with the words that are lacking and the paragraphs that came nearest."""
    said = {form for word in found.unknown for form in [word.casefold(), *figures(word)]}
    elsewhere = tuple(word for word in reading.missing if word.casefold() not in said)
    missing = (*found.unknown, *elsewhere)
    text = "Your documents do not answer this."
    if not words(asked.text):
        text = "Ask something in words."
    elif not found.evidence:
        day = asked.when.as_of
        text = f"The index holds nothing {f'of {day} or before ' if day else ''}that bears on this."
    else:
        if found.unknown:
            text += f" Nowhere do they mention: {', '.join(found.unknown)}."
        if elsewhere:
            text += f" What comes nearest does not mention: {', '.join(elsewhere)}."
    return Answer(
        question=question,
        text=text,
        evidence=found.evidence,
        abstained=True,
        nearest=found.evidence[:NEAREST] if words(asked.text) else (),
        missing=missing,
        standalone=asked.text,
        probability=reading.probability if words(asked.text) else 0.0,
        timings=timings,
    )
