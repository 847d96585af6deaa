"""Where sources differ: what answers as well as the best sentence, with another value, and what is newer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag.extraction.extractive import extract
from rag.extraction.reader import LIKELY, Reading, Sentence
from rag.extraction.values import differ
from rag.query.question import AnswerKind, Question
from rag.query.when import When
from rag.text.names import names
from rag.text.vocabulary import STOPWORDS
from rag.text.words import stem, words
from rag.types import Draft, Evidence, Kind

MOST = 3  # statements shown of those that differ
# Tried on the development sets and on copies of documents with other figures in them.
AS_WELL = 0.75  # of the best sentence's share of the question's words
ALIKE = 0.2  # share of common content words, figures left out
ALIKE_NAMES = 0.6  # the same where the value is a name: almost any sentence holds one
AS_WELL_DATED = 0.6  # the same where the question names a period, whose words stand in few sentences
PEER = 0.5  # of the best sentence's probability: as good but for the time, where that decides,
PEER_COVERS = 0.9  # with as much of its share of the question's words


@dataclass(frozen=True, slots=True)
class Written:
    """The drafts of an answer, and whether they are of sources that differ."""

    drafts: tuple[Draft, ...]
    differing: bool = False


def write(question: Question, evidence: Sequence[Evidence], reading: Reading) -> Written:
    """The drafts of the best answer; where sources differ, of each, newest first, or of the time asked."""
    if not reading.sentences or question.wants_list:
        return Written(extract(question, evidence, reading))
    when, best = question.when, _of_the_day(question, reading)
    found = [best, *rivals(question, evidence, reading, best)]
    if len(found) == 1 and (when.latest or when.as_of):
        found += _peers(evidence, reading, best)
    if len(found) == 1 and not (when.as_of and when.named_in(best.text)):
        return Written(extract(question, evidence, reading))
    chosen = in_time(when, evidence, found)
    drafts = (draft for one in chosen for draft in extract(question, evidence, _alone(one, reading)))
    return Written(tuple(drafts), len(chosen) > 1)


def _of_the_day(question: Question, reading: Reading) -> Sentence:
    """The best sentence, or one about as good that names the day as of which the question asks."""
    best = reading.sentences[0]
    if not question.when.as_of or question.when.named_in(best.text):
        return best
    naming = (one for one in reading.sentences if question.when.named_in(one.text))
    return next((one for one in naming if _is_peer(best, one)), best)


def rivals(
    question: Question, evidence: Sequence[Evidence], reading: Reading, best: Sentence
) -> list[Sentence]:
    """The sentences that answer with another value than the best one and than each other, best first."""
    if not best.features["right_kind"]:
        return []
    as_well = AS_WELL_DATED if question.when.until else AS_WELL
    found: list[Sentence] = []
    for other in reading.sentences:
        if (
            other.probability >= LIKELY * best.probability
            and _covers(other) >= as_well * _covers(best)
            and _alike(question, best.text, other.text)
            and all(_elsewhere(evidence, one, other) for one in (best, *found))
            and all(differ(question, one.text, other.text) for one in (best, *found))
        ):
            found.append(other)
    return found[: MOST - 1]


def in_time(when: When, evidence: Sequence[Evidence], found: Sequence[Sentence]) -> list[Sentence]:
    """The sentences newest first; only the newest, or those of a period, where that is asked."""
    days = [evidence[one.index].date for one in found]
    ordered = sorted(found, key=lambda one: evidence[one.index].date or date.min, reverse=True)
    if len(found) == 1 or not all(days):
        return ordered
    inside = [
        one for one in ordered if when.holds(evidence[one.index].date) or when.named_in(one.text)
    ] or ordered
    newest = evidence[inside[0].index].date
    if when.latest or when.as_of or (when.until and not when.since):
        return [one for one in inside if evidence[one.index].date == newest]
    return inside


def _peers(evidence: Sequence[Evidence], reading: Reading, best: Sentence) -> list[Sentence]:
    """The sentences of another date that answer about as well as the best, whatever they say."""
    return [
        other
        for other in reading.sentences
        if _is_peer(best, other)
        and evidence[other.index].date
        and evidence[other.index].date != evidence[best.index].date
    ]


def _is_peer(best: Sentence, other: Sentence) -> bool:
    """Whether a sentence answers about as well as the best."""
    return (
        other.probability >= PEER * best.probability
        and _covers(other) >= PEER_COVERS * _covers(best)
        and other.features["right_kind"] == best.features["right_kind"]
    )


def _elsewhere(evidence: Sequence[Evidence], one: Sentence, other: Sentence) -> bool:
    """Whether two sentences are of different documents, or of entries of different dates.

    Two rows of a table are not: they tell of two things, or of one at two times.
    """
    here, there = evidence[one.index], evidence[other.index]
    if here.source != there.source:
        return True
    return here.date != there.date and Kind.TABLE_ROW not in (here.kind, there.kind)


def _covers(sentence: Sentence) -> float:
    return max(sentence.features["sentence_covers"], sentence.features["with_previous_covers"])


def _alike(question: Question, one: str, other: str) -> bool:
    """Whether two sentences are about the same thing, by the words that they share beside the values."""
    named = question.kind in {AnswerKind.PERSON, AnswerKind.PLACE}
    here, there = (_subject(question, text, named) for text in (one, other))
    return len(here & there) >= (ALIKE_NAMES if named else ALIKE) * len(here | there)


def _subject(question: Question, text: str, named: bool) -> set[str]:
    """The stems of a text's content words without its figures, and without names if they are the values."""
    said = set(words(text)) - STOPWORDS
    if named:
        said -= {word for name in names(text) for word in words(name)} - set(question.words)
    return {stem(word) for word in said if not word.isdigit()}


def _alone(sentence: Sentence, reading: Reading) -> Reading:
    """A reading in which one sentence of its paragraph answers and the others are only there to lean on."""
    beside = [other for other in reading.sentences if other.index == sentence.index and other != sentence]
    others = (replace(other, probability=0.0) for other in beside)
    return replace(reading, sentences=(sentence, *others))
