"""The default generator: it picks the sentences that answer, and writes nothing itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.extraction.page import Page, stems_of
from rag.extraction.reader import Reading, Sentence
from rag.extraction.references import numbered_part
from rag.query.question import Question, Shape
from rag.retrieval.rarity import text_stems
from rag.text.numbers import numbers
from rag.text.shown import tidy
from rag.text.words import stem, words
from rag.types import Draft, Evidence, Kind, Place

WORDS = 80  # most words of an answer, unless its list is longer
UNSURE_WORDS = 120  # the same if it is not sure that the best passage answers
PASSAGE_WORDS = 90  # a paragraph of up to as many is shown whole, of a longer one its best sentences
LIST_WORDS = 250  # most words of a list
ENOUGH = 0.9  # probability that the chosen sentences hold the answer, above which no more are added
LISTED = 0.4  # share of the best paragraph's probability that a list needs to be shown whole
SINGLE = 0.5  # share of its list's probability above which an item answers alone
SIDES = 3  # most paragraphs of a comparison
OTHER = 0.15  # share of the best sentence's probability above which another paragraph joins the answer

_LINKS = re.compile(r",|\b(?:and|or|vs|versus)\b")  # what stands between two things asked about
_REFERS_BACK = re.compile(
    r"^(?:[“\"‘(]?\s*)(?:It|He|She|They|This|That|These|Those|His|Her|Their|Its|The former|The latter|Both"
    r"|But|And|However|Instead|There|Then|Such|So)\b"
)


# Orders to a language model, put into a document: they inform nobody.
_INJECTED = re.compile(
    r"\b(?:ignore|disregard|forget) (?:(?:all|any|the|your|these|previous|above) )+"
    r"|\b(?:in|begin|start|end) your (?:answer|response|reply)\b|\bsystem prompt\b",
    re.IGNORECASE,
)


def extract(question: Question, evidence: Sequence[Evidence], reading: Reading) -> tuple[Draft, ...]:
    """Return the statements that answer best, in the shape that the question asks for."""
    if not reading.sentences:
        return ()
    page = Page.of(evidence, reading)
    chosen = _shaped(question, page, reading) or _passages(question, page, reading)
    return tuple(
        Draft(tidy(sentence.text), (evidence[sentence.index].number,))
        for sentence in chosen
        if not _INJECTED.search(sentence.text)
    )


def _shaped(question: Question, page: Page, reading: Reading) -> list[Sentence]:
    """Return a whole list, procedure or section, or the sides of a comparison; [] if none answers."""
    best = page.place(reading.sentences[0])
    match question.shape:
        case Shape.COMPARISON:
            return _sides(question, page, reading)
        case Shape.SECTION:
            return _cut(page.sentences(numbered_part(question.text, page) or page.section(best)))
    listed = _likeliest_list(question, page, best)
    if not listed:
        return []
    section = page.sentences(page.section(listed[0]))
    if question.shape is Shape.STEPS and _length(section) <= LIST_WORDS:
        return section
    return _cut(page.sentences([*_opening(page, listed), *listed]))


def _likeliest_list(question: Question, page: Page, best: Place) -> list[Place]:
    """Return the list or table that answers; [] if none does, or one item of the best one does alone."""
    lists = page.lists(Kind.LIST_ITEM)
    if question.shape is Shape.ANSWER:
        if parts := page.clauses(best):
            return parts if _length(page.sentences(parts)) <= PASSAGE_WORDS else []
        listed = next((run for run in lists if best in run), [])
        likeliest = max((page.share([place]) for place in listed), default=0.0)
        return listed if likeliest < SINGLE * page.share(listed) else []
    rows = page.lists(Kind.TABLE_ROW) if question.shape is Shape.LIST else []
    listed = max([*lists, *rows], key=page.share, default=[])
    listed = [place for place in listed if not _is_other_row(question, page.at(*place), page.at(*best))]
    return listed if page.share(listed) >= LISTED * page.share([best]) else []


def _opening(page: Page, listed: Sequence[Place]) -> list[Place]:
    """Return the paragraph above a list that announces it with a colon."""
    source, first = listed[0]
    above = page.at(source, first - 1)
    return [(source, first - 1)] if above and above.text.rstrip().endswith(":") else []


def _sides(question: Question, page: Page, reading: Reading) -> list[Sentence]:
    """Return the best paragraph, and those that cover the words of the question which it lacks."""
    missing = {stem(word) for word in question.words}
    ranked = list(dict.fromkeys(page.place(one) for one in reading.sentences))
    chosen = ranked[:1]
    while missing := missing - stems_of(page.at(*chosen[-1])):
        left = [place for place in ranked if place not in chosen]
        adding = max(left, key=lambda place: len(missing & stems_of(page.at(*place))), default=None)
        if not adding or not missing & stems_of(page.at(*adding)) or len(chosen) == SIDES:
            break
        chosen.append(adding)
    bests = [(max(page.by_place[place], key=lambda one: one.probability), place) for place in chosen]
    return [one for best, place in bests for one in _passage(best, page.by_place[place])]


def _cut(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Return the first sentences that have at most LIST_WORDS in all."""
    kept: list[Sentence] = []
    for sentence in sentences:
        if kept and _length([*kept, sentence]) > LIST_WORDS:
            break
        kept.append(sentence)
    return kept


def _passages(question: Question, page: Page, reading: Reading) -> list[Sentence]:
    """Return the best passage, and others until the answer is surely among them."""
    best = reading.sentences[0]
    chosen: list[Sentence] = []
    sure, taken = 0.0, set()
    most = WORDS if reading.is_sure else UNSURE_WORDS
    for sentence in reading.sentences:
        place = page.place(sentence)
        if chosen and (sure >= ENOUGH or sentence.probability < OTHER * best.probability):
            break
        if place in taken or (chosen and _is_about_other_number(question, sentence, best)):
            continue
        if chosen and _is_other_row(question, page.at(*place), page.at(*page.place(best))):
            continue
        passage = [one for one in _passage(sentence, page.by_place[place]) if not _repeats(one, chosen)]
        if not chosen or _length([*chosen, *passage]) <= most:
            taken.add(place)
            chosen += passage
            sure += sum(one.probability for one in passage)
    return _with_announced([*chosen, *_other_names(question, page, reading, chosen)], page)


def _other_names(
    question: Question, page: Page, reading: Reading, chosen: Sequence[Sentence]
) -> list[Sentence]:
    """Return the best sentence with each name of the question that the chosen lack, if they have another."""
    held = set().union(*(stems_of(page.at(*page.place(one))) for one in chosen))
    named = [set(map(stem, words(name))) for name in question.names]
    missing = [wanted for wanted in named if not wanted & held]
    if len(missing) == len(named) or not _LINKS.search(question.text):
        return []
    found: list[Sentence] = []
    for wanted in missing:
        likely = (one for one in reading.sentences if wanted & text_stems(one.text))
        found += [one for one in likely if one not in found][:1]
    return found


def _length(sentences: Sequence[Sentence]) -> int:
    return sum(len(sentence.text.split()) for sentence in sentences)


def _passage(best: Sentence, paragraph: Sequence[Sentence]) -> list[Sentence]:
    """Return the paragraph's sentences around its best one: all of them if they are short enough.

    A sentence of no probability is left out: the others of the paragraph when a side of a conflict is shown.
    """
    likely = [one for one in paragraph if one.probability or one.start == best.start]
    if _length(paragraph) <= PASSAGE_WORDS:
        opening = paragraph[max(0, paragraph.index(likely[0]) - 1)]
        needs = opening is not likely[0] and _REFERS_BACK.match(likely[0].text)
        return [opening, *likely] if needs else likely
    first = last = next(at for at, one in enumerate(paragraph) if one.start == best.start)
    while True:
        before = paragraph[first - 1 : first] if first else []
        after = paragraph[last + 1 : last + 2]
        beside = [*before, *after]
        if before and _REFERS_BACK.match(paragraph[first].text):
            beside = list(before)
        room = PASSAGE_WORDS - _length(paragraph[first : last + 1])
        fitting = [one for one in beside if len(one.text.split()) <= room and one.probability]
        if not fitting:
            return list(paragraph[first : last + 1])
        if max(fitting, key=lambda one: one.probability).start < paragraph[first].start:
            first -= 1
        else:
            last += 1


def _with_announced(chosen: Sequence[Sentence], page: Page) -> list[Sentence]:
    """Return the sentences, each that ends with a colon followed by the list items or quotation below it."""
    found: list[Sentence] = []
    for sentence in chosen:
        found += [sentence] if sentence not in found else []
        source, number = page.place(sentence)
        while sentence.text.endswith(":") and (below := page.at(source, number := number + 1)):
            if below.kind is not Kind.LIST_ITEM and below.text[0] not in "“\"‘'":
                break
            found += [one for one in page.by_place[source, number] if one not in found]
    return _cut(found)


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


def _is_other_row(question: Question, row: Evidence | None, best: Evidence | None) -> bool:
    """Return whether a row has only some of the question's words that the table's best row has."""
    if not row or not best or row.kind is not Kind.TABLE_ROW or best.kind is not Kind.TABLE_ROW:
        return False
    asked = {stem(word) for word in question.words}
    is_same_table = (row.source, row.heading) == (best.source, best.heading)
    return is_same_table and asked & text_stems(row.text) < asked & text_stems(best.text)


def _share_words(one: Sentence, other: Sentence) -> bool:
    """Return whether two sentences share most of their words."""
    first, second = set(words(one.text)), set(words(other.text))
    return len(first & second) > 0.7 * min(len(first), len(second))
