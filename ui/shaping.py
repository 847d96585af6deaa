"""Arrange an answer for reading: one statement a line, rows as tables, one card a document, what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain, groupby, pairwise
from typing import NamedTuple

from rag import Answer, Citation, Evidence, Paragraph, Statement

ROW = "table row"  # a paragraph's kind
Segments = list[tuple[str, bool]]  # pieces of a text, each with whether it is emphasised

_MARK = re.compile(r"\[(\d+)\]")
_NEXT_CELL = re.compile(r"; (?=[^;:]{1,80}: )")
_ENUMERATED = re.compile(r"\(?(?:\d+|[a-z])[.)]\s|step \d", re.IGNORECASE)
_DRAFTED = re.compile(r"\s*(.+?)\s*((?:\[\d+\])+)((?: \(unconfirmed\))?)", re.DOTALL)
BOUND = 24  # most characters of a last word that stay on one line with its numbers
ALIKE = 0.5  # least similarity of statements whose differing words are worth a tint


class Line(NamedTuple):
    """A statement: its text without the last word, the last word, and what it cites."""

    statement: Statement
    head: Segments
    tail: Segments
    cited: list[Citation]


class Row(NamedTuple):
    """A statement that is a row of a table: its cells by the name of their column."""

    statement: Statement
    cells: dict[str, Segments]
    cited: list[Citation]


class Block(NamedTuple):
    """Part of an answer: "lines", a "list", "steps", lines of a "document", "rows", or other "text"."""

    kind: str
    lines: list[Line]
    rows: list[Row]
    columns: list[str]
    title: str = ""
    text: str = ""


class Card(NamedTuple):
    """A cited document: for each paragraph its first citation, all its numbers, and its quotes."""

    source: str
    places: list[tuple[Citation, list[int], list[str]]]


def blocks(answer: Answer) -> list[Block]:
    """Return an answer's statements and texts in order, neighbours of one kind together."""
    found: list[Block] = []
    for statement, text in spoken(answer):
        if statement is None:
            if text.strip():
                found.append(Block("text", [], [], [], text=text.strip()))
            continue
        cited = citations_of(statement, answer)
        row = _row(statement, cited, answer)
        title = cited[0].source if answer.kind == "overview" and cited else ""
        kind = "rows" if row else "document" if title else "lines"
        if kind == "lines" and answer.kind in {"list", "steps"} and not statement.text.endswith(":"):
            kind = answer.kind
        last = found[-1] if found else None
        if last is None or (last.kind, last.title) != (kind, title) or (row and not _fits(row, last)):
            last = Block(kind, [], [], [], title)
            found.append(last)
        if row:
            last.rows.append(row)
            last.columns.extend(name for name in row.cells if name not in last.columns)
        else:
            last.lines.append(_line(statement, cited, _segments(statement.text, statement.highlight, 0)))
    return found


def _line(statement: Statement, cited: list[Citation], segments: Segments) -> Line:
    """Bind the last word, or the end of a long one, to what follows it."""
    text = statement.text.rstrip()
    cut = max(text.rfind(" ") + 1, len(text) - BOUND)
    if " " not in text[-BOUND:]:
        cut = max(len(text) - 2, 0)
    head: Segments = []
    for at, (piece, emphasised) in enumerate(segments):
        if cut <= len(piece):
            tail = [(piece[cut:], emphasised), *segments[at + 1 :]]
            return Line(statement, [*head, (piece[:cut], emphasised)], tail, cited)
        head.append((piece, emphasised))
        cut -= len(piece)
    return Line(statement, head, [], cited)


def is_enumerated(lines: Sequence[Line]) -> bool:
    """Return whether steps have numbers of their own."""
    return all(_ENUMERATED.match(each.statement.text) for each in lines)


def spoken(answer: Answer) -> Iterator[tuple[Statement | None, str]]:
    """Split an answer's text into its statements with their marks, and what is between them (None, …)."""
    at = 0
    for statement in answer.statements:
        marks = "".join(f"[{number}]" for number in statement.citations)
        whole = f"{statement.text} {marks}{statement.caveat}"
        start = answer.text.find(whole, at)
        if start < 0:
            continue
        yield None, answer.text[at:start]
        yield statement, whole
        at = start + len(whole)
    yield None, answer.text[at:]


def pieces(text: str, answer: Answer) -> Iterator[tuple[str, Citation | None]]:
    """Split a text at its citation marks; a number without a citation stays text."""
    citations = {str(citation.number): citation for citation in answer.citations}
    for odd, piece in enumerate(_MARK.split(text)):  # text, number, text, number, … text
        yield (
            ("", citations[piece])
            if odd % 2 and piece in citations
            else (f"[{piece}]" if odd % 2 else piece, None)
        )


def drafted(text: str) -> list[tuple[str, list[str], str]]:
    """Split a growing answer into its statements, each with its numbers and its caveat."""
    found, at = [], 0
    for match in _DRAFTED.finditer(text):
        found.append((match[1], _MARK.findall(match[2]), match[3].strip()))
        at = match.end()
    return [*found, *([(text[at:].strip(), [], "")] if text[at:].strip() else [])]


def citations_of(statement: Statement, answer: Answer) -> list[Citation]:
    """Return what a statement cites."""
    return [one for number in statement.citations for one in answer.citations if one.number == number]


def cards(answer: Answer) -> list[Card]:
    """Return the cited documents in the order of their first citation, each paragraph once."""
    found: dict[str, dict[int, tuple[Citation, list[int], list[str]]]] = {}
    for one in answer.citations:
        _, numbers, quotes = found.setdefault(one.source, {}).setdefault(one.paragraph, (one, [], []))
        numbers.append(one.number)
        if one.quote not in quotes:
            quotes.append(one.quote)
    return [Card(source, list(places.values())) for source, places in found.items()]


def uncited(answer: Answer) -> list[Evidence]:
    """Return the evidence that isn't cited, each paragraph once."""
    cited = {(one.source, one.paragraph) for one in answer.citations}
    found = {(item.source, item.paragraph): item for item in reversed(answer.evidence)}
    return [item for place, item in reversed(found.items()) if place not in cited]


def sides(answer: Answer) -> list[Line]:
    """Return the statements of sources that disagree, with the words that differ emphasised."""
    texts = [statement.text for statement in answer.statements]
    return [
        _line(each, citations_of(each, answer), _differing(each, [*texts[:at], *texts[at + 1 :]]))
        for at, each in enumerate(answer.statements)
    ]


def cells(text: str) -> dict[str, tuple[int, int]]:
    """Return where the value of each named column stands in a row's text; {} if it isn't such a row."""
    starts = [0, *(match.end() for match in _NEXT_CELL.finditer(text))]
    found: dict[str, tuple[int, int]] = {}
    for start, after in pairwise([*starts, len(text) + 2]):
        name, colon, _ = text[start : after - 2].partition(": ")
        if not colon or name in found:
            return {}
        found[name] = (start + len(name) + 2, after - 2)
    return found if len(found) > 1 else {}


def grouped(paragraphs: Sequence[Paragraph]) -> Iterator[tuple[str, list[Paragraph], list[str]]]:
    """Yield neighbours of one kind: rows with their columns, list items, or a single other paragraph."""
    for key, group in groupby(paragraphs, _grouping):
        items = list(group)
        if key == ROW and all(cells(item.text) for item in items):
            yield "rows", items, list(dict.fromkeys(chain.from_iterable(cells(item.text) for item in items)))
        else:
            yield from ((str(item.kind), [item], []) for item in items)


def _grouping(paragraph: Paragraph) -> object:
    is_row = paragraph.kind == ROW
    return ROW if is_row and cells(paragraph.text) else paragraph.number


def _row(statement: Statement, cited: list[Citation], answer: Answer) -> Row | None:
    places = {(one.source, one.paragraph) for one in cited}
    is_row = any((item.source, item.paragraph) in places and item.kind == ROW for item in answer.evidence)
    spans = cells(statement.text) if is_row and len(places) == 1 else {}
    found = {name: _segments(statement.text, statement.highlight, *span) for name, span in spans.items()}
    return Row(statement, found, cited) if found else None


def _fits(row: Row, block: Block) -> bool:
    """Return whether a row shares most of its columns with those of a table."""
    return 2 * len(row.cells.keys() & set(block.columns)) > len(row.cells)


def _segments(text: str, emphasis: tuple[int, int] | None, start: int, end: int | None = None) -> Segments:
    """Split part of a text at what is emphasised in it."""
    end = len(text) if end is None else end
    first, last = emphasis or (end, end)
    cuts = [start, *(min(max(cut, start), end) for cut in (first, last)), end]
    return [(text[a:b], odd == 1) for odd, (a, b) in enumerate(pairwise(cuts)) if a < b]


def _differing(statement: Statement, others: Sequence[str]) -> Segments:
    """Emphasise the words that another statement lacks, or what answers if they have little in common."""
    text = statement.text
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    own = [_bare(text[a:b]) for a, b in spans]
    matchers = [
        SequenceMatcher(None, own, [_bare(word) for word in other.split()], False) for other in others
    ]
    matchers = [matcher for matcher in matchers if matcher.ratio() >= ALIKE]
    if not matchers:
        return _segments(text, statement.highlight, 0)
    same = [
        {at for match in matcher.get_matching_blocks() for at in range(match.a, match.a + match.size)}
        for matcher in matchers
    ]
    common = set.intersection(*same)
    found: Segments = []
    at = 0
    for differs, group in groupby(range(len(spans)), lambda index: index not in common):
        end = spans[list(group)[-1]][1]
        gap = len(text[at:]) - len(text[at:].lstrip()) if differs else 0
        stop = len(text[:end].rstrip(".,;:!?")) if differs else end
        found += [(text[at : at + gap], False), (text[at + gap : stop], differs), (text[stop:end], False)]
        at = end
    return [*((piece, differs) for piece, differs in found if piece), (text[at:], False)]


def _bare(word: str) -> str:
    return word.casefold().strip(".,;:!?\"'()“”’")
