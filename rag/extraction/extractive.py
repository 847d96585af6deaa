"""The default generator: it picks the sentences that answer, and writes nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.extraction.reader import Reading, Sentence
from rag.query.question import Question
from rag.text.numbers import numbers
from rag.text.words import words
from rag.types import Draft, Evidence, Kind

WORDS = 60  # most words of an answer
PARAGRAPH_WORDS = 100  # the same within the paragraph of the best sentence
LIST_WORDS = 120  # the same for a list
ENOUGH = 0.9  # probability that the chosen sentences hold the answer, above which no more are added
# Share of the best sentence's probability above which another one is added: tuned on the development sets.
SAME_PARAGRAPH = 0.02
NEXT_PARAGRAPH = 0.25
OTHER_PARAGRAPH = 0.8
LIST_ITEM = 0.12

_REFERS_BACK = re.compile(
    r"^(?:[“\"‘(]?\s*)(?:It|He|She|They|This|That|These|Those|His|Her|Their|Its|The former|The latter|Both"
    r"|But|And|However|Instead|There|Then|Such|So)\b"
)


def extract(question: Question, evidence: Sequence[Evidence], reading: Reading) -> tuple[Draft, ...]:
    """Return the statements that answer best, in document order."""
    chosen = _choose(question, evidence, reading)
    if not chosen:
        return ()
    first = chosen[0].index
    order = sorted(chosen, key=lambda s: (s.index != first, *_place(evidence[s.index]), s.start))
    return tuple(
        Draft(tidy(evidence[index].text[start:end]), (evidence[index].number,))
        for index, start, end in _spans(order, evidence, reading)
    )


def _place(evidence: Evidence) -> tuple[str, int]:
    return evidence.source, evidence.paragraph


def _choose(question: Question, evidence: Sequence[Evidence], reading: Reading) -> list[Sentence]:
    """Return the best sentence, and others until the answer is surely among them."""
    if not reading.sentences:
        return []
    best, *others = reading.sentences
    chosen, spent, sure = [best], len(best.text.split()), best.probability
    for sentence in others:
        if sure >= ENOUGH and not question.wants_list:
            break
        if sentence.probability < best.probability * _floor(question, evidence, sentence, best):
            continue
        if _is_about_other_number(question, sentence, best):
            continue
        length = len(sentence.text.split())
        if spent + length <= _budget(question, sentence, best) and not _repeats(sentence, chosen):
            chosen.append(sentence)
            spent += length
            sure += sentence.probability
    return chosen + _announced(chosen, evidence, reading)


def _budget(question: Question, sentence: Sentence, best: Sentence) -> int:
    """Return how many words an answer with this sentence may have."""
    if question.wants_list:
        return LIST_WORDS
    return PARAGRAPH_WORDS if sentence.index == best.index else WORDS


def _announced(chosen: Sequence[Sentence], evidence: Sequence[Evidence], reading: Reading) -> list[Sentence]:
    """Return what the chosen sentences announce with a colon, unless already chosen."""
    openings = [sentence for sentence in chosen if sentence.text.endswith(":")]
    following = [sentence for opening in openings for sentence in _below(opening, evidence, reading)]
    taken = {(sentence.index, sentence.start) for sentence in chosen}
    return [sentence for sentence in following if (sentence.index, sentence.start) not in taken]


def _below(opening: Sentence, evidence: Sequence[Evidence], reading: Reading) -> Iterator[Sentence]:
    """Yield the rest of an opening's paragraph, then the list items or quotations right below it."""
    here = evidence[opening.index]
    after = sorted(
        (evidence[sentence.index].paragraph, sentence.start, sentence.index, sentence)
        for sentence in reading.sentences
        if evidence[sentence.index].source == here.source
    )
    last = here.paragraph
    for paragraph, start, index, sentence in after:
        if (paragraph, start) <= (here.paragraph, opening.start):
            continue
        is_item = evidence[index].kind is Kind.LIST_ITEM or evidence[index].text[0] in "“\"‘'"
        if paragraph > last + 1 or (paragraph > here.paragraph and not is_item):
            return
        last = paragraph
        yield sentence


def _floor(question: Question, evidence: Sequence[Evidence], sentence: Sentence, best: Sentence) -> float:
    """Return the share of the best sentence's probability above which another one joins the answer."""
    if question.wants_list:
        return LIST_ITEM
    if sentence.index == best.index:
        return SAME_PARAGRAPH
    here, there = evidence[best.index], evidence[sentence.index]
    beside = here.source == there.source and abs(here.paragraph - there.paragraph) <= 1
    return NEXT_PARAGRAPH if beside else OTHER_PARAGRAPH


def _repeats(sentence: Sentence, chosen: Sequence[Sentence]) -> bool:
    """Return whether a chosen sentence has nearly the same words and the same numbers."""
    return any(
        _share_words(sentence, other) and numbers(sentence.text) == numbers(other.text) for other in chosen
    )


def _is_about_other_number(question: Question, sentence: Sentence, best: Sentence) -> bool:
    """Return whether a sentence has the best one's words, but another number than the one asked about."""
    asked = question.figures & numbers(best.text)
    given = numbers(sentence.text)
    return bool(asked and given) and asked.isdisjoint(given) and _share_words(sentence, best)


def _share_words(one: Sentence, other: Sentence) -> bool:
    """Return whether two sentences share most of their words."""
    first, second = set(words(one.text)), set(words(other.text))
    return len(first & second) > 0.7 * min(len(first), len(second))


def _spans(
    order: Sequence[Sentence], evidence: Sequence[Evidence], reading: Reading
) -> list[tuple[int, int, int]]:
    """Return each statement's span, with the sentence before it if it needs that ("It …")."""
    taken = {(sentence.index, sentence.start) for sentence in order}
    spans = []
    for sentence in order:
        start = sentence.start
        before = _before(sentence, reading)
        needs = before and _REFERS_BACK.match(sentence.text) and (before.index, before.start) not in taken
        if before and needs and len(before.text.split()) + len(sentence.text.split()) <= WORDS:
            start = before.start
        spans.append((sentence.index, start, sentence.end))
    return spans


def _before(sentence: Sentence, reading: Reading) -> Sentence | None:
    earlier = [s for s in reading.sentences if s.index == sentence.index and s.start < sentence.start]
    return max(earlier, key=lambda s: s.start, default=None)


def tidy(text: str) -> str:
    """Return a sentence without its bullet, line breaks and footnote marks, which look like citations."""
    text = re.sub(r"^\s*(?:[-*•–‣▪◦]|\d{1,3}[.)])\s+", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*\[\d+\]", "", text)).strip()
