"""Questions to begin with, drawn from the documents: each is answered by the sentence that it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from rag import Assistant, DocumentInfo

MOST = 4
LOOKED_AT = 200  # paragraphs of a document that are looked at
TRIED = 24  # questions that are asked before it is enough
SURE = 0.7  # probability of an answer from which its question is suggested

_NAME = r"[A-Z][\w’'-]+(?: (?:of the |of |the |and |de |van )?[A-Z][\w’'-]+){0,3}"
_YEAR = r"(?:in (?:[A-Z][a-z]+ )?(?:1[5-9]|20)\d\d|on \d{1,2} [A-Z][a-z]+)"
# Each pattern of a sentence, and the question that it answers.
_PATTERNS = (
    # The lighthouse of Urk was built in 1871.
    (
        rf"(?P<one>(?:The )?{_NAME}) (?P<be>was|were) (?P<two>[a-z]+ed|built|sunk|sold|held|won|made)\b"
        rf"[^.]*?\b{_YEAR}",
        "When {be} {one} {two}?",
    ),
    # Jacob Hakvoort, who commands the fleet, said …
    (rf"{_NAME}, who (?P<one>(?!is|was|has|had|did)[a-z]+s (?:for )?[^,.;:()]{{5,50}}),", "Who {one}?"),
    # Jacob Hakvoort, the harbour master of Urk, said …
    (
        rf"{_NAME}, (?P<one>the [^,.;:()]{{8,45}}), (?:said|says|told|tells|called|wants|warned)\b",
        "Who is {one}?",
    ),
    # Rollo: a skipper of … · Chroma is an index of …
    (rf"^(?P<one>{_NAME})(?: is|:) an? [a-z]", "What is {one}?"),
)
_PRONOUN = re.compile(r"(?:It|He|She|They|This|That|These|Those|There|We|You|I|What|Who|Here)\b")

_cache: dict[tuple[tuple[str, str], ...], tuple[str, ...]] = {}


def suggestions(assistant: Assistant) -> tuple[str, ...]:
    """Up to four questions that the documents answer, of many documents; kept until these change."""
    documents = assistant.documents()
    state = tuple((document.source, document.sha256) for document in documents)
    if state not in _cache:
        _cache.clear()
        _cache[state] = tuple(islice(_answered(assistant, documents), MOST))
    return _cache[state]


def _answered(assistant: Assistant, documents: list[DocumentInfo]) -> Iterator[str]:
    per_document = [_candidates(assistant, document) for document in documents]
    for question, source, paragraph in islice(_in_turn(per_document), TRIED):
        answer = assistant.ask(question, extractive=True)
        cited = {(citation.source, citation.paragraph) for citation in answer.citations}
        if answer.probability >= SURE and (source, paragraph) in cited:
            yield question


def _in_turn(each: list[Iterator[tuple[str, str, int]]]) -> Iterator[tuple[str, str, int]]:
    """The first question of each document, then the second of each, and so on; none twice."""
    said, left = set(), list(each)
    while left:
        for one in tuple(left):
            found = next(one, None)
            if found is None:
                left.remove(one)
            elif found[0] not in said:
                said.add(found[0])
                yield found


def _candidates(assistant: Assistant, document: DocumentInfo) -> Iterator[tuple[str, str, int]]:
    for paragraph in assistant.paragraphs(document.source, 1, LOOKED_AT):
        if question := _made_of(paragraph.text):
            yield question, document.source, paragraph.number


def _made_of(text: str) -> str:
    """A question that a sentence of the paragraph answers, or ""."""
    for pattern, question in _PATTERNS:
        found = re.search(pattern, text)
        if found and not _PRONOUN.match(found[0]):
            parts = {name: re.sub("^The ", "the ", part) for name, part in found.groupdict().items()}
            return question.format(**parts)
    return ""
