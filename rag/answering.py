"""How a question becomes an answer: rewrite, search, read, write, verify, or abstain."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from rag.extraction.conflicts import Extracted, write
from rag.extraction.highlight import mark
from rag.extraction.reader import Reading, read
from rag.extraction.tables import compute
from rag.generation.generator import Generated, drafts_to_add, generate
from rag.generation.rewriting import rewrite
from rag.generation.summary import summarise
from rag.generation.usage import Usage
from rag.index.folder import Index
from rag.models.embedder import Embedder
from rag.overview import summarised
from rag.query.question import Question, read_question
from rag.query.spelling import correct
from rag.replies import abstain, requested, tabulated
from rag.retrieval.retriever import Reranker
from rag.retrieval.search import Search, SearchResult, search_evidence
from rag.traces import KIND, TRACER
from rag.types import Answer, Status, Step, Turn
from rag.verification.verifier import Examined, compose, verify

if TYPE_CHECKING:
    from llama_index.core.llms import LLM


UNLIKELY = 0.05  # probability of an answer below which a language model is not asked


class Clock:
    """The seconds that each step took; each step is also a trace span."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block as one step."""
        start = perf_counter()
        with TRACER.start_as_current_span(name, attributes={KIND: "CHAIN"}):
            yield
        self.seconds[name] = perf_counter() - start


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What answers a question from up to `limit` paragraphs; without `llm` it extracts sentences only.

    `examined`: what checks the sentences of the `llm`.
    """

    index: Index
    embedder: Embedder
    reranker: Reranker | None
    llm: LLM | None
    limit: int
    examined: Examined | None = None

    @property
    def trusts_model(self) -> bool:
        """Whether the model decides if the documents answer: the check of its sentences has earned that."""
        return self.llm is not None and self.examined is not None and self.examined.counts


def walk(
    question: str, history: Sequence[Turn], sources: Sequence[str] | None, using: Pipeline
) -> Generator[Step, None, Answer]:
    """Return the checked answer or an abstention; yield a language model's text as it arrives."""
    if reply := (yield from _reply(question, sources, using)):
        return reply
    clock, generated, llm = Clock(), Generated(), using.llm
    asked, found, reading, usage = look(question, history, sources, using, clock)
    if computed := compute(asked, found.table):
        return tabulated(question, asked, found, reading, computed, clock.seconds)
    with clock.step("write"):
        extracted = write(asked, found.evidence, reading) if reading.is_likely else Extracted(())
    worth_asking = using.trusts_model and reading.probability >= UNLIKELY
    if llm and (extracted.drafts or worth_asking) and not extracted.conflicting:
        with clock.step("generate"):
            generated = yield from generate(llm, asked, found.evidence, reading, using.examined)
    with clock.step("verify"):
        trusted = using.trusts_model and not extracted.conflicting
        drafts = drafts_to_add(extracted.drafts, generated, reading, found.evidence, trusted)
        verified = verify(drafts, found.evidence, generated.verified)
    with clock.step("mark"):
        statements = mark(asked, verified.statements)
    timings = clock.seconds | (usage + generated.usage).timings()
    if not statements:
        return abstain(question, asked, found, reading, timings)
    return Answer(
        question=question,
        text=compose(statements),
        statements=statements,
        citations=verified.citations,
        evidence=found.evidence,
        standalone=asked.text,
        probability=reading.probability,
        conflicting=extracted.conflicting and len(statements) > 1,
        dropped=generated.dropped,
        kind=asked.shape,
        sure=reading.is_sure or (using.trusts_model and _is_confirmed(generated)),
        older=found.older,
        timings=timings,
    )


def _reply(
    question: str, sources: Sequence[str] | None, using: Pipeline
) -> Generator[Step, None, Answer | None]:
    """Return the reply to a greeting or a request for an overview, which a trusted model writes."""
    reply = requested(question, sources, using.index, using.trusts_model)
    if not (reply and reply.paragraphs and using.llm and using.examined):
        return reply.answer if reply else None
    clock = Clock()
    with clock.step("generate"):
        summary = yield from summarise(using.llm, question, reply.paragraphs, using.examined)
    return summarised(reply.answer, summary, reply.documents, clock.seconds)


def _is_confirmed(generated: Generated) -> bool:
    """Return whether a model wrote something, all of which is quoted or supported."""
    written = generated.verified.statements
    return bool(written) and all(one.status is not Status.UNCONFIRMED for one in written)


def look(
    question: str, history: Sequence[Turn], sources: Sequence[str] | None, using: Pipeline, clock: Clock
) -> tuple[Question, SearchResult, Reading, Usage]:
    """Return the question as understood, its evidence, how well that answers, and the LLM's tokens."""
    with clock.step("condense"):
        standalone, usage = rewrite(question, history, using.llm, using.trusts_model)
        asked = understand(standalone, using.index)
    with clock.step("embed"):
        vector = using.embedder.embed([asked.topic])[0]
    with clock.step("retrieve"):
        by = using.embedder.calibration
        found = search_evidence(Search(asked, vector, using.index, using.reranker, using.limit, sources, by))
    with clock.step("read"):
        reading = read(asked, found)
    return asked, found, reading, usage


def understand(question: str, index: Index) -> Question:
    """Return the analysed question, its misspelt words corrected by the words of the index."""
    with index.catalog.read() as snapshot:
        return read_question(correct(question, snapshot.known_stems))
