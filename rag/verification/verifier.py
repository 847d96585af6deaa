"""Checking a draft against the evidence that it names: what is not there is not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.names import absent, forms, names
from rag.text.numbers import numbers
from rag.text.words import content_stems, sentences
from rag.types import Citation, Draft, Evidence, Statement

SUPPORTED = 0.7  # below this a statement is dropped


class Citing:
    """Statements as they are accepted, and their citations, numbered in the order of reading."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self._citations: dict[tuple[str, int, int, int], Citation] = {}

    def add(self, text: str, how_well: float, evidence: Sequence[Evidence]) -> Statement:
        """A statement, and of each paragraph that supports it the citation."""
        cited = [_cite(text, item, self._citations) for item in evidence]
        statement = Statement(text, tuple(dict.fromkeys(cited)), how_well)
        self.statements.append(statement)
        return statement

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations so far."""
        return tuple(self._citations.values())


def verify(
    drafts: Sequence[Draft], evidence: Sequence[Evidence], citing: Citing | None = None
) -> tuple[tuple[Statement, ...], tuple[Citation, ...]]:
    """The statements that their paragraphs support, and their citations, after those already in `citing`.

    Drafts that name no evidence, evidence that was not given, or that fail the check are dropped.
    """
    given = {item.number: item for item in evidence}
    accepted = citing or Citing()
    for draft in drafts:
        named = [given[number] for number in draft.evidence if number in given]
        supports = [(support(draft.text, item), item) for item in named]
        if good := [(value, item) for value, item in supports if value >= SUPPORTED]:
            accepted.add(draft.text, max(value for value, _ in good), [item for _, item in good])
    return tuple(accepted.statements), accepted.citations


def compose(statements: Sequence[Statement]) -> str:
    """The text of an answer: each statement followed by the marks of its citations."""
    return " ".join(
        f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}"
        for statement in statements
    )


def support(text: str, evidence: Evidence) -> float:
    """How far the paragraph bears out the text, 0 to 1; a figure or a name that it lacks gives 0.

    The share of content words held; it is a literal check, not one of meaning.
    """
    whole = f"{evidence.heading} {evidence.text}"
    if numbers(text) - numbers(whole) or absent(names(text), forms(whole)):
        return 0.0
    wanted = content_stems(text)
    held = content_stems(whole)
    return len(wanted & held) / len(wanted) if wanted else 0.0


def quote_span(text: str, paragraph: str) -> tuple[int, int]:
    """Start and end of the paragraph's own words for the text: the same words, else the nearest sentences."""
    plain = text.strip()
    if plain and (at := paragraph.find(plain)) >= 0:
        return at, at + len(plain)
    verbatim = re.search(r"\s+".join(map(re.escape, text.split())), paragraph) if plain else None
    if verbatim:
        return verbatim.span()
    wanted = content_stems(text)
    spans = list(sentences(paragraph)) or [(0, len(paragraph))]
    held = [content_stems(paragraph[start:end]) for start, end in spans]
    best, best_score = (0, 0), -1.0
    for first in range(len(spans)):
        union: set[str] = set()
        for last in range(first, min(first + 4, len(spans))):
            union |= held[last]
            shared = len(wanted & union)
            score = 2 * shared / ((len(wanted) + len(union)) or 1)
            if score > best_score:
                best, best_score = (first, last), score
    return spans[best[0]][0], spans[best[1]][1]


def _cite(text: str, evidence: Evidence, citations: dict[tuple[str, int, int, int], Citation]) -> int:
    start, end = quote_span(text, evidence.text)
    key = (evidence.source, evidence.paragraph, start, end)
    if key not in citations:
        citations[key] = Citation(
            number=len(citations) + 1,
            source=evidence.source,
            paragraph=evidence.paragraph,
            page=evidence.page,
            line=evidence.line,
            date=evidence.date,
            quote=evidence.text[start:end],
            start=start,
            end=end,
            paragraph_text=evidence.text,
        )
    return citations[key].number
