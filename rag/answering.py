"""One question's walk, top to bottom: condense, retrieve, read, extract, verify, answer or abstain."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from rag.extraction.conflicts import Written as Extracted
from rag.extraction.conflicts import write
from rag.extraction.highlight import mark
from rag.extraction.reader import Reading, read
from rag.extraction.reader_weights import THRESHOLD
from rag.generation.generator import Told, lacking, rewrite, write_by
from rag.index.folder import Index
from rag.models.embedder import Embedder
from rag.query.question import Question, read_question
from rag.retrieval.retriever import Reranker
from rag.retrieval.search import Found, look_up
from rag.text.numbers import figures
from rag.text.words import words
from rag.traces import KIND, TRACER
from rag.types import Answer, Step, Turn
from rag.verification.verifier import Citing, compose, verify

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

NEAREST = 3  # paragraphs shown when the answer is not there


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
