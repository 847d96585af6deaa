"""What the documents are and, for one, what it says: titles, sections, the most telling sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from rag.generation.summary import Summary
from rag.index.catalog import Snapshot
from rag.retrieval.evidence import as_evidence
from rag.text.shown import tidy
from rag.text.words import content_stems, name_stems, sentences
from rag.types import Answer, DocumentInfo, Evidence, Kind, Paragraph, Span, Status, Turn, Vector
from rag.verification.verifier import Verified, compose

DOCUMENTS = 20  # most documents told of in one overview
READ = 60  # paragraphs of a document that its telling sentences are taken from
TELLING = 4  # sentences of an overview of one document
OPENING = 2  # sentences that a document opens with
HEADINGS = 12  # most sections named
SHORTEST = 6  # words of a telling sentence
NAMED = 0.6  # share of a description's words that a document's name must have
NAMING = 3  # first paragraphs, which may say what a document is
FULL = 5000  # most paragraphs of one document that a language model sums up
SAMPLED = 2  # most telling paragraphs of each of several documents that it sums up
PROSE = 20  # words of a paragraph that opens a document, unlike a date or an address
SUGGESTED = 4
Part = tuple[str, Paragraph, Span]  # a source, and a span of one of its paragraphs
_ENUMERATOR = re.compile(r"^(?:§\s*)?(?:\d+(?:\.\d+)*|[A-Z])[.)]?\s+")


def overview(question: str, sources: Sequence[str] | None, snapshot: Snapshot) -> Answer:
    """Return an overview of these documents, or of all; of one it tells what it says and its sections."""
    documents = [one for one in snapshot.documents() if sources is None or one.source in sources]
    verified, evidence = Verified(), list[Evidence]()
    if len(documents) == 1:
        parts = list(_one(documents[0], snapshot))
    else:
        parts = [part for document in documents[:DOCUMENTS] for part in _line(document, snapshot)]
    for source, paragraph, (start, end) in parts:
        evidence.append(as_evidence(len(evidence) + 1, source, paragraph))
        verified = verified.plus(tidy(paragraph.text[start:end]), 1.0, evidence[-1:])
    return Answer(
        question=question,
        text=compose(verified.statements),
        statements=verified.statements,
        citations=verified.citations,
        evidence=tuple(evidence),
        standalone=question,
        probability=1.0,
        kind="overview",
        computed=_covering(DOCUMENTS, len(documents), "documents"),
    )


def _covering(read: int, total: int, what: str) -> str:
    return f"of the first {read} of {total} {what} only" if read < total else ""


def to_summarise(documents: Sequence[DocumentInfo], snapshot: Snapshot) -> tuple[Evidence, ...]:
    """Return the paragraphs to write a summary from: all of one document, the telling ones of several."""
    found: list[tuple[str, Paragraph]] = []
    if len(documents) == 1:
        source, count = documents[0].source, min(documents[0].paragraphs, FULL)
        paragraphs = snapshot.paragraphs((source, number) for number in range(1, count + 1)).values()
        found = [(source, each) for each in paragraphs if each.kind is not Kind.HEADING]
    for document in documents[:DOCUMENTS] if len(documents) > 1 else ():
        body = [each for each in _first(document, snapshot) if each.kind is not Kind.HEADING]
        telling = [paragraph for paragraph, _ in _telling(document, body, snapshot, SAMPLED)]
        first = [opening for opening in [_opening(body)] if opening]
        found += [(document.source, each) for each in dict.fromkeys([*first, *telling])]
    return tuple(as_evidence(number, *place) for number, place in enumerate(found, 1))


def summarised(
    plain: Answer, summary: Summary, documents: Sequence[DocumentInfo], timings: Mapping[str, float]
) -> Answer:
    """Return an overview in a language model's words, or the `plain` one if none of them hold."""
    written = summary.written
    spent = {**timings, **written.usage.timings()}
    if not (statements := written.verified.statements):
        return replace(plain, dropped=written.dropped, timings=spent)
    if len(documents) == 1:
        read = summary.last.paragraph if summary.last else FULL
        note = _covering(read, documents[0].paragraphs, "paragraphs")
    else:
        sources = [one.source for one in documents]
        read = sources.index(summary.last.source) + 1 if summary.last else DOCUMENTS
        note = _covering(read, len(documents), "documents")
    return replace(
        plain,
        text=compose(statements),
        statements=statements,
        citations=written.verified.citations,
        evidence=summary.cited,
        sure=all(one.status is not Status.UNCONFIRMED for one in statements),
        dropped=written.dropped,
        computed=note,
        timings=spent,
    )


def described(about: str, documents: Sequence[DocumentInfo], snapshot: Snapshot) -> str | None:
    """Return the source of the document whose name, or else opening, has most of a description's words."""
    wanted = content_stems(about)
    names = {one.source: name_stems(f"{one.title} {PurePosixPath(one.source).stem}") for one in documents}
    order = sorted(documents, key=lambda one: (one.retired, len(names[one.source]), one.source))
    sources = [one.source for one in order]
    return _most_alike(wanted, sources, names) or _most_alike(wanted, sources, _opened(names, snapshot))


def _most_alike(wanted: set[str], sources: Sequence[str], known: Mapping[str, set[str]]) -> str | None:
    """Return the first source that has most of the wanted stems; None if even that has few."""
    best = max(sources, key=lambda source: len(wanted & known[source]), default=None)
    return best if best and len(wanted & known[best]) >= NAMED * max(1, len(wanted)) else None


def _opened(names: Mapping[str, set[str]], snapshot: Snapshot) -> dict[str, set[str]]:
    """Return the stems of the documents' names and of their first paragraphs."""
    found = {source: set(stems) for source, stems in names.items()}
    places = ((source, number) for source in names for number in range(1, NAMING + 1))
    for (source, _), paragraph in snapshot.paragraphs(places).items():
        found[source] |= content_stems(paragraph.text)
    return found


def suggestions(snapshot: Snapshot) -> tuple[str, ...]:
    """Return up to four questions that the documents answer: what a section says, what one is about."""
    found: list[str] = []
    documents = sorted(snapshot.documents(), key=lambda each: (each.retired, each.source))
    for document in documents[:SUGGESTED]:
        paragraphs = snapshot.paragraphs((document.source, n) for n in range(2, READ)).values()
        headings = [each.text for each in paragraphs if each.kind is Kind.HEADING]
        about = next((text for text in headings if len(text.split()) <= 6 and text != document.title), "")
        if about:
            found.append(f"What does {document.title} say about “{_ENUMERATOR.sub('', about)}”?")
        else:
            found.append(f"What is {document.title} about?")
    return tuple(found)


def smalltalk(turn: Turn, hints: Sequence[str]) -> Answer:
    """Return the reply to a greeting or thanks, with a few questions to start from."""
    lines = "".join(f"\n- {hint}" for hint in hints)
    text = f"{turn.answer}{lines}" if hints else turn.answer
    return Answer(question=turn.question, text=text, standalone=turn.question, kind="overview")


def _one(document: DocumentInfo, snapshot: Snapshot) -> Iterator[Part]:
    """Yield how a document begins, its most telling sentences in their order, and its sections."""
    paragraphs = _first(document, snapshot)
    body = [each for each in paragraphs if each.kind is not Kind.HEADING]
    opening = _opening(body)
    told = [(opening, span) for span in list(sentences(opening.text))[:OPENING]] if opening else []
    told += [part for part in _telling(document, paragraphs, snapshot, TELLING) if part not in told]
    headings = [each for each in paragraphs if each.kind is Kind.HEADING and each.text != document.title]
    told += [(each, (0, len(each.text))) for each in headings[:HEADINGS]]
    yield from ((document.source, paragraph, span) for paragraph, span in told)


def _opening(body: Sequence[Paragraph]) -> Paragraph | None:
    """Return the first paragraph of prose, or else the first one."""
    return next((each for each in body if len(each.text.split()) >= PROSE), body[0] if body else None)


def _line(document: DocumentInfo, snapshot: Snapshot) -> Iterator[Part]:
    """Yield a document's title or first paragraph, and its most telling sentence."""
    paragraphs = _first(document, snapshot)
    title = next((each for each in paragraphs if each.text == document.title), paragraphs[0])
    told = [(title, (0, len(title.text))), *_telling(document, paragraphs, snapshot, 1)]
    yield from ((document.source, paragraph, span) for paragraph, span in dict.fromkeys(told))


def _first(document: DocumentInfo, snapshot: Snapshot) -> list[Paragraph]:
    """Return the first READ paragraphs of a document."""
    return list(snapshot.paragraphs((document.source, number) for number in range(1, READ + 1)).values())


def _telling(
    document: DocumentInfo, paragraphs: Sequence[Paragraph], snapshot: Snapshot, count: int
) -> list[tuple[Paragraph, Span]]:
    """Return the sentences nearest to the mean of the paragraphs' sentences, in their order."""
    stored = snapshot.sentences((document.source, each.number) for each in paragraphs)
    spans: list[tuple[Paragraph, Span]] = []
    vectors: list[Vector] = []
    for paragraph in paragraphs:
        for (start, end), vector in stored.get((document.source, paragraph.number), {}).items():
            is_row = paragraph.kind is Kind.TABLE_ROW
            if len(paragraph.text[start:end].split()) >= SHORTEST and not is_row:
                spans.append((paragraph, (start, end)))
                vectors.append(vector)
    if not spans:
        return []
    matrix = np.array(vectors)
    nearest = np.argsort(-(matrix @ matrix.mean(axis=0)), kind="stable")[:count]
    return [spans[at] for at in sorted(nearest)]
