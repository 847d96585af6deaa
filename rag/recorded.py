"""Check a recorded answer again: its quotes and their places against the documents, its statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rag.errors import LoadError
from rag.index.catalog import Snapshot
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.worker import Loader
from rag.text.shown import tidy
from rag.types import Answer, Citation, Evidence, Paragraph, Statement, Status
from rag.verification.literal import contradictions
from rag.verification.verifier import as_source, compose

Current = Sequence[Paragraph] | str  # a document's paragraphs as they are now, or why there are none


def verify(answer: Answer, snapshot: Snapshot, below: Path | None, limits: Limits) -> list[str]:
    """Return what is wrong with the answer, compared with the index or else the files below a folder."""

    def current(source: str) -> Current:
        if known := snapshot.document(source):
            return snapshot.all_paragraphs(known.source)
        return read_below(below, source, limits) if below else f"the index no longer has {source}"

    return recheck(answer, current)


def recheck(answer: Answer, current: Callable[[str], Current]) -> list[str]:
    """Return what is wrong with the answer, one line per problem; `current` is called once per source.

    A quoted statement must be its quotes word for word; what its paragraphs say must not contradict another.
    """
    sources = [cited.source for cited in answer.citations] + [near.source for near in answer.nearest]
    documents = {source: current(source) for source in dict.fromkeys(sources)}
    found = [f"[{one.number}] {wrong}" for one in answer.citations for wrong in _in_citation(one, documents)]
    for near in answer.nearest:
        found += [f"nearest: {wrong}" for wrong in _in_place(near, near.text, near.text, documents)]
    return found + list(_in_statements(answer, documents))


def read_below(folder: Path, source: str, limits: Limits = DEFAULT) -> Current:
    """Return the paragraphs of the file `source` in the folder; never read a file outside the folder."""
    try:
        path = (folder / source).resolve()
        is_inside = path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, RuntimeError, ValueError):  # an impossible file name, or links in a circle
        is_inside = False
    if not is_inside:
        return f"neither the index nor this folder has {source}"
    try:
        with Loader(limits) as loader:
            return loader.load(path, source).paragraphs
    except LoadError as error:
        return str(error)


def _in_citation(cited: Citation, documents: Mapping[str, Current]) -> Iterator[str]:
    text = cited.paragraph_text
    if not (0 <= cited.start < cited.end <= len(text) and cited.quote == text[cited.start : cited.end]):
        yield "the quote differs from the paragraph at its position"
    yield from _in_place(cited, text, cited.quote, documents)


def _in_place(
    found: Citation | Evidence, text: str, quote: str, documents: Mapping[str, Current]
) -> Iterator[str]:
    """Yield what has changed in a paragraph or its place, and where the quote is now."""
    current = documents[found.source]
    if isinstance(current, str):
        yield current
        return
    here = next((one for one in current if one.number == found.paragraph), None)
    place = f"{found.source} ¶{found.paragraph}"
    if here is None or here.text != text:
        change = "is no longer there" if here is None else "has changed"
        yield f"{place} {change}; {_new_place(found.paragraph, text, quote, current)}"
    elif (here.page, here.line, here.date) != (found.page, found.line, found.date):
        yield f"{place} was at {_position(found)}; it is now at {_position(here)}"


def _new_place(number: int, text: str, quote: str, current: Sequence[Paragraph]) -> str:
    """Return where a paragraph is now, or else its quote: the place nearest to the old one."""
    by_distance = sorted(current, key=lambda one: abs(one.number - number))
    if same := next((one for one in by_distance if one.text == text), None):
        return f"it is now ¶{same.number}"
    if quote and (holding := next((one for one in by_distance if quote in one.text), None)):
        return (
            "it still has the quote" if holding.number == number else f"the quote is now in ¶{holding.number}"
        )
    return "the document no longer has the quote" if current else "the document is empty"


def _position(found: Paragraph | Citation | Evidence) -> str:
    page = f"page {found.page}" if found.page else "no page"
    line = f"line {found.line}" if found.line else "no line"
    return f"{page}, {line}, {found.date.isoformat() if found.date else 'without a date'}"


def _in_statements(answer: Answer, documents: Mapping[str, Current]) -> Iterator[str]:
    """Yield what is wrong with the statements: no citation, no support, or not the text shown."""
    citations = {cited.number: cited for cited in answer.citations}
    if len(citations) < len(answer.citations):
        yield "two citations have the same number"
    for statement in answer.statements:
        shown = f"“{statement.text}”"
        if not statement.citations:
            yield f"{shown} cites nothing"
        for number in statement.citations:
            if number not in citations:
                yield f"[{number}] is not among the citations of {shown}"
        cited = [citations[number] for number in statement.citations if number in citations]
        yield from (
            f"{one} does not support {shown}" for one in _unsupporting(statement, cited, answer, documents)
        )
    if answer.abstained and answer.statements:
        yield "it is marked as an abstention but has statements"
    if not answer.abstained and answer.text != compose(answer.statements):
        yield "its text differs from its statements"


def _unsupporting(
    statement: Statement, cited: Sequence[Citation], answer: Answer, documents: Mapping[str, Current]
) -> list[str]:
    """Return the marks of the citations that are not the statement's words, or that contradict it."""
    reworded = [one for one in cited if tidy(one.quote) != tidy(statement.text)]
    if statement.status is Status.QUOTED and not (_is_rows(answer) and reworded == list(cited)):
        return [f"[{one.number}]" for one in reworded]
    paragraphs = [
        Evidence(
            0, one.source, one.paragraph, one.paragraph_text, _heading(one, answer, documents), date=one.date
        )
        for one in cited
    ]
    wrong = contradictions(statement.text, "\n\n".join(map(as_source, paragraphs)))
    return ["".join(f"[{one.number}]" for one in cited)] if wrong and reworded else []


def _is_rows(answer: Answer) -> bool:
    return bool(answer.computed) and answer.kind != "overview"


def _heading(cited: Citation, answer: Answer, documents: Mapping[str, Current]) -> str:
    """Return the heading of a cited paragraph: the current one, or the recorded one if it has changed."""
    current = documents[cited.source]
    for one in () if isinstance(current, str) else current:
        if (one.number, one.text) == (cited.paragraph, cited.paragraph_text):
            return one.heading
    place = cited.source, cited.paragraph
    return next((read.heading for read in answer.evidence if (read.source, read.paragraph) == place), "")
