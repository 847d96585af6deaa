"""A recorded answer checked again: what of its quotes, places and statements no longer stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag.errors import LoadError
from rag.loaders.worker import Loader
from rag.types import Answer, Citation, Evidence, Paragraph, Statement
from rag.verification.grounding import Embed, grounded
from rag.verification.verifier import SUPPORTED, compose, support

# A document's paragraphs as they stand now; or why there are none, in words.
Now = Sequence[Paragraph] | str


def recheck(answer: Answer, now: Callable[[str], Now], embed: Embed) -> list[str]:
    """What no longer stands, a line a fault, with the number of the citation; `now` is asked once a source.

    Statements are held against their quotes, a model's own words against all of a statement's, by the
    same checks as when they were made.
    """
    sources = [cited.source for cited in answer.citations] + [near.source for near in answer.nearest]
    held = {source: now(source) for source in dict.fromkeys(sources)}
    faults = [f"[{cited.number}] {fault}" for cited in answer.citations for fault in _cited(cited, held)]
    for near in answer.nearest:
        faults += [f"nearest: {fault}" for fault in _placed(near, near.text, near.text, held)]
    return faults + list(_stated(answer, held, embed))


def read_below(folder: Path, source: str) -> Now:
    """The paragraphs of the file at `source` below the folder, and never of one outside it."""
    try:
        path = (folder / source).resolve()
        inside = path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, RuntimeError, ValueError):  # a name that no file can have, links in a circle
        inside = False
    if not inside:
        return f"the index holds no {source}, and there is no such file here"
    try:
        with Loader() as loader:
            return loader.load(path, source).paragraphs
    except LoadError as error:
        return str(error)


def _cited(cited: Citation, held: dict[str, Now]) -> Iterator[str]:
    text = cited.paragraph_text
    if not (0 <= cited.start < cited.end <= len(text) and cited.quote == text[cited.start : cited.end]):
        yield "the quote is not what stands at its place in the paragraph"
    yield from _placed(cited, text, cited.quote, held)


def _placed(found: Citation | Evidence, text: str, quote: str, held: dict[str, Now]) -> Iterator[str]:
    """What is wrong with a paragraph's place, or has changed in it; and where the quote stands now."""
    now = held[found.source]
    if isinstance(now, str):
        yield now
        return
    here = next((one for one in now if one.number == found.paragraph), None)
    where = f"{found.source} ¶{found.paragraph}"
    if here is None or here.text != text:
        change = "is no longer there" if here is None else "has changed"
        yield f"{where} {change}; {_moved(found.paragraph, text, quote, now)}"
    elif (here.page, here.line, here.date) != (found.page, found.line, found.date):
        yield f"{where} stands on {_position(here)}, not on {_position(found)}"


def _moved(number: int, text: str, quote: str, now: Sequence[Paragraph]) -> str:
    """Where a paragraph or else its quote stands now, the nearest place to where it stood."""
    by_distance = sorted(now, key=lambda one: abs(one.number - number))
    if same := next((one for one in by_distance if one.text == text), None):
        return f"it is now ¶{same.number}"
    if quote and (holding := next((one for one in by_distance if quote in one.text), None)):
        return (
            "the quote still stands" if holding.number == number else f"the quote is now in ¶{holding.number}"
        )
    return "the quote stands nowhere in it" if now else "the document is empty"


def _position(found: Paragraph | Citation | Evidence) -> str:
    page = f"page {found.page}" if found.page else "no page"
    line = f"line {found.line}" if found.line else "no line"
    return f"{page}, {line}, {found.date.isoformat() if found.date else 'without a date'}"


def _stated(answer: Answer, held: dict[str, Now], embed: Embed) -> Iterator[str]:
    """What is wrong with the statements: without a citation, without support, or not what is shown."""
    citations = {cited.number: cited for cited in answer.citations}
    if len(citations) < len(answer.citations):
        yield "two citations have one number"
    for statement in answer.statements:
        said = f"“{statement.text}”"
        if not statement.citations:
            yield f"{said} cites nothing"
        cited = [citations[number] for number in statement.citations if number in citations]
        yield from (
            f"[{number}] is not among the citations of {said}"
            for number in statement.citations
            if number not in citations
        )
        alone = [one for one in cited if not _supports(one, statement, _heading(one, answer, held))]
        if alone and not _grounded(cited, statement, answer, held, embed):
            yield from (f"[{one.number}] does not support {said}" for one in alone)
    if answer.abstained and answer.statements:
        yield "it has statements, though it is said to be no answer"
    if not answer.abstained and answer.text != compose(answer.statements):
        yield "its text is not that of its statements"


def _supports(cited: Citation, statement: Statement, heading: str) -> bool:
    """Whether the quote, under its heading, bears out the statement."""
    quoted = Evidence(cited.number, cited.source, cited.paragraph, cited.quote, heading)
    return support(statement.text, quoted) >= SUPPORTED


def _grounded(
    cited: Sequence[Citation], statement: Statement, answer: Answer, held: dict[str, Now], embed: Embed
) -> bool:
    """Whether the quotes together bear out a sentence that is not in their words."""
    paragraphs = [
        Evidence(
            one.number,
            one.source,
            one.paragraph,
            one.quote,
            _heading(one, answer, held),
            date=one.date,
        )
        for one in cited
    ]
    return grounded(statement.text, paragraphs, embed).supported


def _heading(cited: Citation, answer: Answer, held: dict[str, Now]) -> str:
    """The heading above a cited paragraph; that recorded, where the paragraph is told to be gone anyway."""
    now = held[cited.source]
    for one in () if isinstance(now, str) else now:
        if (one.number, one.text) == (cited.paragraph, cited.paragraph_text):
            return one.heading
    place = cited.source, cited.paragraph
    return next((read.heading for read in answer.evidence if (read.source, read.paragraph) == place), "")
