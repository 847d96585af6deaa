"""Answers that no draft was written for: abstentions, computed rows, overviews and greetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.extraction.reader import Reading
from rag.extraction.tables import Computed
from rag.index.folder import Index
from rag.overview import described, overview, smalltalk, suggestions, to_summarise
from rag.query.question import Question
from rag.query.request import RequestKind, read_request
from rag.retrieval.search import SearchResult
from rag.text.numbers import figures
from rag.text.words import words
from rag.types import Answer, DocumentInfo, Evidence, Turn
from rag.verification.verifier import Verified, compose

NEAREST = 3  # paragraphs shown with an abstention
GREETING = "Hello! Ask me anything about your documents, for example:"
EMPTY_INDEX = "The index is empty. Add documents with `pilcrow ingest PATH`."


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, and the paragraphs and documents that a language model may write an overview of instead."""

    answer: Answer
    paragraphs: tuple[Evidence, ...] = ()
    documents: tuple[DocumentInfo, ...] = ()


def requested(question: str, sources: Sequence[str] | None, index: Index, summarises: bool) -> Reply | None:
    """Return the reply to a greeting or a request for an overview; None for a question of another kind.

    `summarises`: whether a language model may write an overview.
    """
    request = read_request(question)
    if request is None:
        return None
    with index.catalog.read() as snapshot:
        match request.kind:
            case RequestKind.THANKS:
                return Reply(smalltalk(Turn(question, "You're welcome."), ()))
            case RequestKind.GREETING:
                return Reply(smalltalk(Turn(question, GREETING), suggestions(snapshot)))
        documents = [one for one in snapshot.documents() if sources is None or one.source in sources]
        if request.about:
            source = described(request.about, documents, snapshot)
            documents = [one for one in documents if one.source == source]
        if not documents:
            return None
        plain = overview(question, [one.source for one in documents], snapshot)
        if not summarises or request.kind is RequestKind.LISTING:
            return Reply(plain)
        return Reply(plain, to_summarise(documents, snapshot), tuple(documents))


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
        sure=False,
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
