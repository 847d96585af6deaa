"""Check drafts against the paragraphs they name; statements without support are not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.names import absent, forms, names
from rag.text.numbers import numbers
from rag.text.words import content_stems, sentences
from rag.types import Citation, Draft, Evidence, Statement

SUPPORTED = 0.7  # drafts with less support are dropped


@dataclass(frozen=True, slots=True)
class Verified:
    """Accepted statements, and their citations numbered in reading order."""

    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()

    def plus(self, text: str, support: float, evidence: Sequence[Evidence]) -> Verified:
        """Return these statements and one more, which cites each paragraph of `evidence`."""
        citations, numbers = list(self.citations), []
        for item in evidence:
            start, end = quote_span(text, item.text)
            key = item.source, item.paragraph, start, end
            known = (one for one in citations if (one.source, one.paragraph, one.start, one.end) == key)
            citation = next(known, None) or _citation(len(citations) + 1, item, start, end)
            numbers.append(citation.number)
            citations += [citation] if citation.number > len(citations) else []
        statement = Statement(text, tuple(dict.fromkeys(numbers)), support)
        return Verified((*self.statements, statement), tuple(citations))


def verify(
    drafts: Sequence[Draft], evidence: Sequence[Evidence], accepted: Verified | None = None
) -> Verified:
    """Return the `accepted` statements and then those drafts that their paragraphs support.

    A draft is dropped if it names no evidence, names evidence that was not given, or has too little support.
    """
    given = {item.number: item for item in evidence}
    verified = accepted or Verified()
    for draft in drafts:
        named = [given[number] for number in draft.evidence if number in given]
        supports = [(support(draft.text, item), item) for item in named]
        if good := [(value, item) for value, item in supports if value >= SUPPORTED]:
            verified = verified.plus(draft.text, max(value for value, _ in good), [item for _, item in good])
    return verified


def compose(statements: Sequence[Statement]) -> str:
    """Return the text of an answer: each statement followed by its citation marks."""
    return " ".join(
        f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}"
        for statement in statements
    )


def support(text: str, evidence: Evidence) -> float:
    """Return how well the paragraph supports the text, 0 to 1; 0 if it lacks a number or a name.

    This is the share of the text's content words in the paragraph: it compares words, not meaning.
    """
    whole = f"{evidence.heading} {evidence.text}"
    if numbers(text) - numbers(whole) or absent(names(text), forms(whole)):
        return 0.0
    claimed, stated = content_stems(text), content_stems(whole)
    return len(claimed & stated) / len(claimed) if claimed else 0.0


def quote_span(text: str, paragraph: str) -> tuple[int, int]:
    """Return where a paragraph says the text: its exact words, or else the most similar sentences."""
    plain = text.strip()
    if plain and (at := paragraph.find(plain)) >= 0:
        return at, at + len(plain)
    verbatim = re.search(r"\s+".join(map(re.escape, text.split())), paragraph) if plain else None
    if verbatim:
        return verbatim.span()
    wanted = content_stems(text)
    spans = list(sentences(paragraph)) or [(0, len(paragraph))]
    stems = [content_stems(paragraph[start:end]) for start, end in spans]
    best, best_score = (0, 0), -1.0
    for first in range(len(spans)):
        union: set[str] = set()
        for last in range(first, min(first + 4, len(spans))):
            union |= stems[last]
            score = 2 * len(wanted & union) / ((len(wanted) + len(union)) or 1)
            if score > best_score:
                best, best_score = (first, last), score
    return spans[best[0]][0], spans[best[1]][1]


def _citation(number: int, evidence: Evidence, start: int, end: int) -> Citation:
    return Citation(
        number=number,
        source=evidence.source,
        paragraph=evidence.paragraph,
        page=evidence.page,
        line=evidence.line,
        date=evidence.date,
        quote=evidence.text[start:end],
        start=start,
        end=end,
        paragraph_text=evidence.text,
        recognised=evidence.recognised,
    )
