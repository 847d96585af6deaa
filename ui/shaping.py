"""Arrange an answer for reading: one statement a line, rows as tables, one card a document, what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

from rag import Answer, Citation, Evidence, Paragraph, Statement

ROW = "table row"  # a paragraph's kind
Segments = list[tuple[str, bool]]  # pieces of a text, each with whether it is emphasised
Spans = Sequence[tuple[int, int]]

_MARK = re.compile(r"(\[\d+\])")
_NEXT_CELL = re.compile(r"; (?=[^;:]{1,80}: )")
_ENUMERATED = re.compile(r"\(?(?:\d+|[a-z])[.)]\s|step \d", re.IGNORECASE)
_DRAFTED = re.compile(r"\s*(.+?)\s*((?:\[\d+\])+)((?: \(unconfirmed\))?)", re.DOTALL)
BOUND = 24  # most characters of a last word that stay on one line with its numbers
ALIKE = 0.5  # least similarity of statements whose differing words are worth a tint


class Line(NamedTuple):
    """A statement: what it cites, its text before and from its last word on, and its cells if it is a row."""

    statement: Statement
    cited: list[Citation]
    head: Segments
    tail: Segments
    cells: dict[str, str]


class Block(NamedTuple):
    """Part of an answer: "lines", a "list", "steps", lines of a "document", "rows", or other "text"."""

    kind: str
    title: str
    text: str
    lines: list[Line]

    @property
    def columns(self) -> list[str]:
        """The names of the cells, each once."""
        return list(dict.fromkeys(name for line in self.lines for name in line.cells))

    def takes(self, kind: str, title: str, line: Line) -> bool:
        """Return whether a line goes on with this block; a row shares most of its columns with the others."""
        return (self.kind, self.title) == (kind, title) and (
            not line.cells or 2 * len(line.cells.keys() & set(self.columns)) > len(line.cells)
        )


class Card(NamedTuple):
    """A cited document: for each paragraph its first citation, all its numbers, and its quotes."""

    source: str
    places: list[tuple[Citation, list[int], list[str]]]


def blocks(answer: Answer) -> list[Block]:
    """Return an answer's statements and texts in order, neighbours of one kind together."""
    found: list[Block] = []
    for statement, text in _spoken(answer):
        if statement is None:
            found += [Block("text", "", text.strip(), [])] if text.strip() else []
            continue
        line = _line(statement, answer, [statement.highlight] if statement.highlight else [])
        title = line.cited[0].source if answer.kind == "overview" and line.cited else ""
        kind = "rows" if line.cells else "document" if title else "lines"
        if kind == "lines" and answer.kind in {"list", "steps"} and not statement.text.endswith(":"):
            kind = answer.kind
        if not found or not found[-1].takes(kind, title, line):
            found.append(Block(kind, title, "", []))
        found[-1].lines.append(line)
    return found


def is_enumerated(lines: Sequence[Line]) -> bool:
    """Return whether steps have numbers of their own."""
    return all(_ENUMERATED.match(each.statement.text) for each in lines)


def pieces(text: str, answer: Answer) -> list[tuple[str, Citation | None]]:
    """Split a text at its citation marks; a number without a citation stays text."""
    citations = {f"[{one.number}]": one for one in answer.citations}
    return [(piece, citations.get(piece)) for piece in _MARK.split(text)]


def drafted(text: str) -> list[tuple[str, list[str], str]]:
    """Split a growing answer into its statements, each with its numbers and its caveat."""
    found, at = [], 0
    for match in _DRAFTED.finditer(text):
        found.append((match[1], re.findall(r"\d+", match[2]), match[3].strip()))
        at = match.end()
    return [*found, *([(text[at:].strip(), [], "")] if text[at:].strip() else [])]


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
    return [_line(each, answer, _differing(each, answer.statements)) for each in answer.statements]


def cells(text: str) -> dict[str, str]:
    """Return the values of a row's text by the names of their columns; {} if it isn't such a row."""
    found: dict[str, str] = {}
    for cell in _NEXT_CELL.split(text):
        name, colon, value = cell.partition(": ")
        if not colon or name in found:
            return {}
        found[name] = value
    return found if len(found) > 1 else {}


def grouped(paragraphs: Sequence[Paragraph]) -> Iterator[tuple[str, list[Paragraph], list[str]]]:
    """Yield neighbours that are rows, with their columns, as "rows"; any other paragraph by itself."""
    for key, group in groupby(paragraphs, lambda one: ROW if _is_row(one) else one.number):
        items = list(group)
        columns = dict.fromkeys(name for item in items for name in cells(item.text))
        yield "rows" if key == ROW else str(items[0].kind), items, list(columns)


def _is_row(paragraph: Paragraph) -> bool:
    return paragraph.kind == ROW and bool(cells(paragraph.text))


def _spoken(answer: Answer) -> Iterator[tuple[Statement | None, str]]:
    """Split an answer's text into its statements with their marks, and what is between them (None, …)."""
    at = 0
    for statement in answer.statements:
        marks = "".join(f"[{number}]" for number in statement.citations)
        whole = f"{statement.text} {marks}{statement.caveat}"
        start = answer.text.find(whole, at)
        if start >= 0:
            yield None, answer.text[at:start]
            yield statement, whole
            at = start + len(whole)
    yield None, answer.text[at:]


def _line(statement: Statement, answer: Answer, emphasis: Spans) -> Line:
    """Bind the last word, or the end of a long one, to what follows it."""
    text = statement.text.rstrip()
    cut = text.rfind(" ") + 1 if " " in text[-BOUND:] else max(len(text) - 2, 0)
    cited = [one for number in statement.citations for one in answer.citations if one.number == number]
    places = {(one.source, one.paragraph) for one in cited}
    is_row = any((item.source, item.paragraph) in places and item.kind == ROW for item in answer.evidence)
    return Line(
        statement,
        cited,
        _segments(text[:cut], emphasis),
        _segments(text[cut:], [(start - cut, end - cut) for start, end in emphasis]),
        cells(statement.text) if is_row and len(places) == 1 else {},
    )


def _segments(text: str, emphasis: Spans) -> Segments:
    """Split a text at what is emphasised in it; the spans may reach beyond it."""
    found: Segments = []
    at = 0
    for start, end in emphasis:
        first, last = max(start, 0), max(end, 0)
        found += [(text[at:first], False), (text[first:last], True)]
        at = last
    return [(piece, strong) for piece, strong in [*found, (text[at:], False)] if piece]


def _differing(statement: Statement, all_of_them: Sequence[Statement]) -> Spans:
    """Return the words that another statement lacks, or what answers if they have little in common."""
    words = list(re.finditer(r"\S+", statement.text))
    own = [_bare(word[0]) for word in words]
    others = [[_bare(word) for word in one.text.split()] for one in all_of_them if one is not statement]
    found = [SequenceMatcher(None, own, other, autojunk=False) for other in others]
    alike = [one for one in found if one.ratio() >= ALIKE]
    if not alike:
        return [statement.highlight] if statement.highlight else []
    least = min(alike, key=SequenceMatcher.ratio)
    return [
        (words[first].start(), len(statement.text[: words[after - 1].end()].rstrip(".,;:!?")))
        for what, first, after, _, _ in least.get_opcodes()
        if what in {"replace", "delete"}
    ]


def _bare(word: str) -> str:
    return word.casefold().strip(".,;:!?\"'()“”’")
