"""How a question becomes an answer: rewrite, search, read, write, verify, or abstain."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from rag.extraction.conflicts import Extracted, write
from rag.extraction.highlight import mark
from rag.extraction.reader import Reading, read
from rag.extraction.tables import Computed, compute
from rag.generation.generator import Generated, drafts_to_add, generate
from rag.generation.rewriting import rewrite
from rag.index.folder import Index
from rag.models.embedder import Embedder
from rag.overview import described, overview, smalltalk, suggestions
from rag.query.question import Question, read_question
from rag.query.request import RequestKind, read_request
from rag.query.spelling import correct
from rag.retrieval.retriever import Reranker
from rag.retrieval.search import Search, SearchResult, search_evidence
from rag.text.numbers import figures
from rag.text.words import words
from rag.traces import KIND, TRACER
from rag.types import Answer, Step, Turn
from rag.verification.verifier import Verified, compose, verify

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

NEAREST = 3  # paragraphs shown with an abstention
GREETING = "Hello! Ask me anything about your documents, for example:"
EMPTY_INDEX = "The index is empty. Add documents with `pilcrow ingest PATH`."


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
    """What answers a question from up to `limit` paragraphs; without `llm` it extracts sentences only."""

    index: Index
    embedder: Embedder
    reranker: Reranker | None
    llm: LLM | None
    limit: int


def walk(
    question: str, history: Sequence[Turn], sources: Sequence[str] | None, using: Pipeline
) -> Generator[Step, None, Answer]:
    """Return the checked answer or an abstention; yield a language model's text as it arrives."""
    clock, generated, llm = Clock(), Generated(), using.llm
    if reply := requested(question, sources, using.index):
        return reply
    with clock.step("condense"):
        standalone, usage = rewrite(question, history, llm)
        with using.index.catalog.read() as snapshot:
            asked = read_question(correct(standalone, snapshot.known_stems))
    with clock.step("embed"):
        vector = using.embedder.embed([asked.topic])[0]
    with clock.step("retrieve"):
        found = search_evidence(Search(asked, vector, using.index, using.reranker, using.limit, sources))
    with clock.step("read"):
        reading = read(asked, found)
    with clock.step("write"):
        computed = compute(asked, found.table) if found.table else None
        extracted = write(asked, found.evidence, reading) if reading.is_likely else Extracted(())
    if computed:
        return tabulated(question, asked, found, reading, computed, clock.seconds | usage.timings())
    if llm and extracted.drafts and not extracted.conflicting:
        with clock.step("generate"):
            generated = yield from generate(llm, asked, found.evidence, reading, using.embedder.embed)
    with clock.step("verify"):
        drafts = drafts_to_add(extracted.drafts, generated, reading, found.evidence)
        verified = verify(drafts, found.evidence, generated.verified)
    spent = (usage + generated.usage).timings()
    if not verified.statements:
        return abstain(question, asked, found, reading, clock.seconds | spent)
    with clock.step("mark"):
        statements = mark(asked, verified.statements)
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
        sure=reading.is_sure,
        older=found.older,
        timings=clock.seconds | spent,
    )


def requested(question: str, sources: Sequence[str] | None, index: Index) -> Answer | None:
    """Return the reply to a greeting or a request for an overview; None for a question of another kind."""
    request = read_request(question)
    if request is None:
        return None
    with index.catalog.read() as snapshot:
        match request.kind:
            case RequestKind.THANKS:
                return smalltalk(Turn(question, "You're welcome."), ())
            case RequestKind.GREETING:
                return smalltalk(Turn(question, GREETING), suggestions(snapshot))
        documents = [one for one in snapshot.documents() if sources is None or one.source in sources]
        if not request.about:
            return overview(question, sources, snapshot) if documents else None
        source = described(request.about, documents)
        return overview(question, [source], snapshot) if source else None


def tabulated(
    question: str,
    asked: Question,
    found: SearchResult,
    reading: Reading,
    computed: Computed,
    timings: Mapping[str, float],
) -> Answer:
    """Return an answer made of the rows of a table, or of their number, citing each."""
    verified = Verified()
    if computed.count:
        text = f"{len(computed.rows)} rows."
        verified = verified.plus(text, 1.0, computed.rows)
    for row in () if computed.count else computed.rows:
        verified = verified.plus(row.text, 1.0, [row])
    return Answer(
        question=question,
        text=compose(verified.statements),
        statements=verified.statements,
        citations=verified.citations,
        evidence=(*found.evidence, *computed.rows),
        standalone=asked.text,
        probability=reading.probability,
        sure=reading.is_sure,
        computed=computed.note,
        timings=timings,
    )


def abstain(
    question: str, asked: Question, found: SearchResult, reading: Reading, timings: Mapping[str, float]
) -> Answer:
    """Return an abstention with the words that were not found and the nearest paragraphs."""
    known = {form for word in found.unknown for form in [word.casefold(), *figures(word)]}
    elsewhere = tuple(word for word in reading.missing if word.casefold() not in known)
    has_words = bool(words(asked.text))
    return Answer(
        question=question,
        text=_explanation(asked, found, elsewhere) if has_words else "Ask a question in words.",
        evidence=found.evidence,
        abstained=True,
        nearest=found.evidence[:NEAREST] if has_words else (),
        missing=(*found.unknown, *elsewhere),
        kind="abstention",
        standalone=asked.text,
        probability=reading.probability if has_words else 0.0,
        timings=timings,
    )


def _explanation(asked: Question, found: SearchResult, elsewhere: Sequence[str]) -> str:
    """Return why there is no answer; `elsewhere` are words that only the nearest paragraphs lack."""
    if found.index_is_empty:
        return EMPTY_INDEX
    text = "I couldn't find this in your documents."
    if not found.evidence:
        day = asked.when.as_of
        return f"{text} None of them is dated {day} or earlier." if day else text
    if found.unknown:
        text += f" None of them mentions {_quoted(found.unknown)}."
    if elsewhere:
        text += f" The nearest paragraphs don't mention {_quoted(elsewhere)}."
    return text


def _quoted(phrases: Sequence[str]) -> str:
    quoted = [f'"{phrase}"' for phrase in phrases]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
