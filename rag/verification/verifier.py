"""Check sentences against the paragraphs that they cite: quoted, supported, unconfirmed or contradicted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.text.shown import tidy
from rag.text.words import content_stems, sentences
from rag.types import Citation, Draft, Evidence, Statement, Status
from rag.verification.literal import contradictions
from rag.verification.meaning import Verifier

FEW = 3  # content words; a sentence of fewer is only shown if it is quoted or supported
RELATED = 1 / 3  # share of its content words that an unconfirmed sentence must have in its paragraphs
OTHERS = 2  # paragraphs compared with a sentence beside those that it cites


@dataclass(frozen=True, slots=True)
class Examined:
    """A verifier and what it earned: its `threshold`, None if its word does not count.

    `marks`: whether a sentence that it does not confirm is shown, marked, rather than left out.
    """

    verifier: Verifier
    threshold: float | None
    marks: bool = False

    @property
    def counts(self) -> bool:
        """Whether its word counts."""
        return self.threshold is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a sentence: its status, None if it is contradicted; its support, 0 to 1; by what.

    `faults`: what the paragraphs contradict, in words.
    """

    status: Status | None
    support: float = 0.0
    by: tuple[Evidence, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """Accepted statements, and their citations numbered in reading order."""

    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()

    def plus(
        self, text: str, support: float, evidence: Sequence[Evidence], status: Status = Status.QUOTED
    ) -> Verified:
        """Return these statements and one more, which cites each paragraph of `evidence`."""
        citations, numbers = list(self.citations), []
        for item in evidence:
            start, end = quote_span(text, item.text)
            key = item.source, item.paragraph, start, end
            known = (one for one in citations if (one.source, one.paragraph, one.start, one.end) == key)
            citation = next(known, None) or _citation(len(citations) + 1, item, start, end)
            numbers.append(citation.number)
            citations += [citation] if citation.number > len(citations) else []
        statement = Statement(text, tuple(dict.fromkeys(numbers)), support, status=status)
        return Verified((*self.statements, statement), tuple(citations))


def verify(
    drafts: Sequence[Draft], evidence: Sequence[Evidence], accepted: Verified | None = None
) -> Verified:
    """Return the `accepted` statements and then the drafts: extracted sentences, which paragraphs contain.

    A draft is dropped if no paragraph that it names was given and contains its words.
    """
    given = {item.number: item for item in evidence}
    verified = accepted or Verified()
    for draft in drafts:
        named = [given[number] for number in draft.evidence if number in given]
        if holding := [item for item in named if _holds(item.text, draft.text)]:
            verified = verified.plus(draft.text, 1.0, holding)
    return verified


def judge(
    text: str, cited: Sequence[Evidence], given: Sequence[Evidence], examined: Examined | None
) -> Verdict:
    """Return how far the cited paragraphs, or else others that were given, bear out a sentence."""
    for item in dict.fromkeys([*cited, *given]):
        if is_quoted(text, item.text):
            return Verdict(Status.QUOTED, 1.0, (item,))
    candidates = [tuple(cited)] if cited else []
    candidates += [(item,) for item in _nearest(text, given) if (item,) not in candidates]
    best, faults = Verdict(None), tuple[str, ...]()
    for candidate in candidates:
        source = "\n\n".join(map(as_source, candidate))
        if found := contradictions(text, source):
            faults = faults or found
            continue
        support = 0.0
        if examined and examined.threshold is not None:  # a verifier whose word does not count isn't asked
            support = examined.verifier.supports([(text, source)])[0] or 0.0
            if support >= examined.threshold:
                return Verdict(Status.SUPPORTED, support, candidate)
        if (best.status is None or support > best.support) and _is_related(text, source):
            best = Verdict(Status.UNCONFIRMED, support, candidate)
    return best if best.status else Verdict(None, faults=faults or ("too little of it is in the paragraphs",))


def is_quoted(text: str, paragraph: str) -> bool:
    """Return whether a text is one whole sentence of a paragraph or several in a row, letter for letter."""
    spans = list(sentences(paragraph))
    wanted = tidy(text)
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    return bool(wanted) and any(
        tidy(paragraph[start:end]) == wanted
        for at, start in enumerate(starts)
        for end in ends[at : at + 6]
        if abs(end - start - len(text)) <= len(text) / 4 + 10
    )


def as_source(item: Evidence) -> str:
    """Return what a paragraph says with its place: its document's name, its heading and its date."""
    name = re.sub(r"[\W_]+", " ", PurePosixPath(item.source).stem)
    day = f"{item.date.day} {item.date:%B %Y}" if item.date else ""
    return "\n".join(filter(None, (name, item.heading, day, item.text)))


def _nearest(text: str, given: Sequence[Evidence]) -> list[Evidence]:
    """Return the paragraphs that share most content words with a text."""
    claimed = content_stems(text)
    return sorted(given, key=lambda item: -len(claimed & content_stems(f"{item.heading} {item.text}")))[
        :OTHERS
    ]


def _is_related(text: str, source: str) -> bool:
    """Return whether a text of some words shares enough of them with a source to speak of the same."""
    claimed = content_stems(text)
    return len(claimed) >= FEW and len(claimed & content_stems(source)) >= RELATED * len(claimed)


def _holds(paragraph: str, text: str) -> bool:
    """Return whether a paragraph has all words of a text that was extracted from it, in order."""
    return tidy(text) in tidy(paragraph)


def compose(statements: Sequence[Statement]) -> str:
    """Return the text of an answer: each statement with its citation marks, and whether it is unconfirmed."""
    return " ".join(
        f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}{statement.caveat}"
        for statement in statements
    )


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
