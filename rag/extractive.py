"""The default generator: it picks the sentences that answer, and writes nothing of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.question import Question
from rag.reading import Reading, Sentence
from rag.types import Evidence

WORDS = 45  # an answer's aim, unless a list or several paragraphs need more
LIST_WORDS = 120
SAME_PARAGRAPH = 0.30  # odds against the best sentence from which a second one is worth its words
OTHER_PARAGRAPH = 0.55
LIST_ITEM = 0.12

_LEANS_BACK = re.compile(
    r"^(?:[“\"‘(]?\s*)(?:It|He|She|They|This|That|These|Those|His|Her|Their|Its|The former|The latter|Both"
    r"|But|And|However|Instead|There|Then|Such|So)\b"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before it is checked: its text and the numbers of the evidence that it names."""

    text: str
    evidence: tuple[int, ...]


def extract(question: Question, evidence: Sequence[Evidence], reading: Reading) -> tuple[Draft, ...]:
    """The statements that answer best, in the order in which their documents tell them."""
    chosen = _choose(question, evidence, reading)
    if not chosen:
        return ()
    first = chosen[0].index
    order = sorted(chosen, key=lambda s: (s.index != first, evidence[s.index].source, s.index, s.start))
    return tuple(
        Draft(_tidy(evidence[index].text[start:end]), (evidence[index].number,))
        for index, start, end in _spans(order, evidence, reading)
    )


def _choose(question: Question, evidence: Sequence[Evidence], reading: Reading) -> list[Sentence]:
    best, chosen, spent = None, [], 0
    budget = LIST_WORDS if question.wants_list else WORDS
    for sentence in reading.sentences:
        length = len(sentence.text.split())
        if best is None:
            best, chosen, spent = sentence, [sentence], length
            continue
        if sentence.probability < best.probability * _bar(question, sentence, best):
            continue
        if spent + length <= budget and not _repeats(sentence, chosen):
            chosen.append(sentence)
            spent += length
    return chosen


def _bar(question: Question, sentence: Sentence, best: Sentence) -> float:
    if question.wants_list:
        return LIST_ITEM
    return SAME_PARAGRAPH if sentence.index == best.index else OTHER_PARAGRAPH


def _repeats(sentence: Sentence, chosen: Sequence[Sentence]) -> bool:
    words = set(sentence.text.casefold().split())
    return any(
        len(words & set(other.text.casefold().split())) > 0.7 * min(len(words), len(other.text.split()))
        for other in chosen
    )


def _spans(
    order: Sequence[Sentence], evidence: Sequence[Evidence], reading: Reading
) -> list[tuple[int, int, int]]:
    """Where each statement stands; a sentence that leans on the one before it brings that one along."""
    taken = {(sentence.index, sentence.start) for sentence in order}
    spans = []
    for sentence in order:
        start = sentence.start
        before = _before(sentence, reading)
        leans = before and _LEANS_BACK.match(sentence.text) and (before.index, before.start) not in taken
        if before and leans and len(before.text.split()) + len(sentence.text.split()) <= WORDS:
            start = before.start
        spans.append((sentence.index, start, sentence.end))
    return spans


def _before(sentence: Sentence, reading: Reading) -> Sentence | None:
    earlier = [s for s in reading.sentences if s.index == sentence.index and s.start < sentence.start]
    return max(earlier, key=lambda s: s.start, default=None)


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"^\s*(?:[-*•–‣▪◦]|\d{1,3}[.)])\s+", "", text)).strip()
