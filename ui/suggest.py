"""Suggested questions, made from sentences of the documents that answer them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from rag import Assistant, DocumentInfo

MAX_SUGGESTIONS = 4
MAX_PARAGRAPHS = 200  # read of each document
MAX_QUESTIONS = 24  # tried in all
MIN_PROBABILITY = 0.7  # of the answer to a suggested question

_NAME = r"[A-Z][\w’'-]+(?: (?:of the |of |the |and |de |van )?[A-Z][\w’'-]+){0,3}"
_YEAR = r"(?:in (?:[A-Z][a-z]+ )?(?:1[5-9]|20)\d\d|on \d{1,2} [A-Z][a-z]+)"
# Patterns of sentences, and the question that each answers.
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

Candidate = tuple[str, str, int]  # a question, and the source and paragraph that should answer it
_cache: dict[tuple[tuple[str, str], ...], tuple[str, ...]] = {}


def suggestions(assistant: Assistant) -> tuple[str, ...]:
    """Return up to four questions that the documents answer; cached until the documents change."""
    documents = assistant.documents()
    state = tuple((document.source, document.sha256) for document in documents)
    if state not in _cache:
        _cache.clear()
        _cache[state] = tuple(islice(_answered(assistant, documents), MAX_SUGGESTIONS))
    return _cache[state]


def _answered(assistant: Assistant, documents: list[DocumentInfo]) -> Iterator[str]:
    """Yield the questions that are answered from the paragraph they were made from."""
    per_document = [_candidates(assistant, document) for document in documents]
    for question, source, paragraph in islice(_round_robin(per_document), MAX_QUESTIONS):
        answer = assistant.ask(question, extractive=True)
        cited = {(citation.source, citation.paragraph) for citation in answer.citations}
        if answer.probability >= MIN_PROBABILITY and (source, paragraph) in cited:
            yield question


def _round_robin(iterators: list[Iterator[Candidate]]) -> Iterator[Candidate]:
    """Yield the first candidate of each document, then the second of each, and so on; no question twice."""
    asked, left = set(), list(iterators)
    while left:
        for iterator in tuple(left):
            candidate = next(iterator, None)
            if candidate is None:
                left.remove(iterator)
            elif candidate[0] not in asked:
                asked.add(candidate[0])
                yield candidate


def _candidates(assistant: Assistant, document: DocumentInfo) -> Iterator[Candidate]:
    for paragraph in assistant.paragraphs(document.source, 1, MAX_PARAGRAPHS):
        if question := _question_for(paragraph.text):
            yield question, document.source, paragraph.number


def _question_for(text: str) -> str:
    """Return a question that a sentence of the paragraph answers, or ""."""
    for pattern, question in _PATTERNS:
        match = re.search(pattern, text)
        if match and not _PRONOUN.match(match[0]):
            parts = {name: re.sub("^The ", "the ", part) for name, part in match.groupdict().items()}
            return question.format(**parts)
    return ""
