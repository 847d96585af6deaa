"""Conflicting sources: sentences that answer as well as the best one, but with another value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rag.extraction.extractive import extract
from rag.extraction.reader import LIKELY, Reading, Sentence
from rag.extraction.values import differ
from rag.query.question import AnswerKind, Question, Shape
from rag.query.when import When
from rag.text.names import names
from rag.text.vocabulary import STOPWORDS
from rag.text.words import stem, words
from rag.types import Draft, Evidence, Kind

SIDES = 3  # most conflicting statements shown
# Tuned on the development sets and on copies of documents with changed numbers.
RIVAL_COVERS = 0.75  # share of the best sentence's coverage of the question that a rival needs
RIVAL_COVERS_DATED = 0.6  # the same if the question names a period, whose words few sentences have
SAME_SUBJECT = 0.2  # share of common content words, without numbers, of two sentences on one subject
SAME_SUBJECT_NAMES = 0.6  # the same if the value is a name: almost any sentence has one
PEER = 0.5  # share of the best sentence's probability that makes another its peer, so that dates decide
PEER_COVERS = 0.9  # share of the best sentence's coverage that a peer needs


@dataclass(frozen=True, slots=True)
class Extracted:
    """The drafts of an answer, and whether their sources conflict."""

    drafts: tuple[Draft, ...]
    conflicting: bool = False


def write(question: Question, evidence: Sequence[Evidence], reading: Reading) -> Extracted:
    """Return the drafts of the best answer, or of each conflicting side, newest first or as the time asks."""
    if not reading.sentences or question.shape is not Shape.ANSWER:
        return Extracted(extract(question, evidence, reading))
    when, best = question.when, _best_of_day(question, reading)
    found = [best, *rivals(question, evidence, reading, best)]
    if len(found) == 1 and (when.latest or when.as_of):
        found += _peers(evidence, reading, best)
    if len(found) == 1 and not (when.as_of and when.named_in(best.text)):
        return Extracted(extract(question, evidence, reading))
    chosen = in_time(when, evidence, found)
    drafts = (draft for one in chosen for draft in extract(question, evidence, _alone(one, reading)))
    return Extracted(tuple(drafts), len(chosen) > 1)


def _best_of_day(question: Question, reading: Reading) -> Sentence:
    """Return the best sentence, or a peer that names the day that the question asks about."""
    best = reading.sentences[0]
    if not question.when.as_of or question.when.named_in(best.text):
        return best
    naming = (one for one in reading.sentences if question.when.named_in(one.text))
    return next((one for one in naming if _is_peer(best, one)), best)


def rivals(
    question: Question, evidence: Sequence[Evidence], reading: Reading, best: Sentence
) -> list[Sentence]:
    """Return sentences that answer with values other than the best one's and each other's, best first."""
    if not best.features["right_kind"]:
        return []
    share = RIVAL_COVERS_DATED if question.when.until else RIVAL_COVERS
    found: list[Sentence] = []
    for other in reading.sentences:
        if (
            other.probability >= LIKELY * best.probability
            and _covers(other) >= share * _covers(best)
            and _same_subject(question, best.text, other.text)
            and all(_may_conflict(evidence, one, other) for one in (best, *found))
            and all(differ(question, one.text, other.text) for one in (best, *found))
        ):
            found.append(other)
    return found[: SIDES - 1]


def in_time(when: When, evidence: Sequence[Evidence], found: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentences newest first; only the newest, or those of a period, if that is asked for."""
    days = [evidence[one.index].date for one in found]
    ordered = sorted(found, key=lambda one: evidence[one.index].date or date.min, reverse=True)
    if len(found) == 1 or not all(days):
        return ordered
    inside = [
        one for one in ordered if when.includes(evidence[one.index].date) or when.named_in(one.text)
    ] or ordered
    newest = evidence[inside[0].index].date
    if when.latest or when.as_of or (when.until and not when.since):
        return [one for one in inside if evidence[one.index].date == newest]
    return inside


def _peers(evidence: Sequence[Evidence], reading: Reading, best: Sentence) -> list[Sentence]:
    """Return the sentences of another date that answer about as well as the best one."""
    return [
        other
        for other in reading.sentences
        if _is_peer(best, other)
        and evidence[other.index].date
        and evidence[other.index].date != evidence[best.index].date
    ]


def _is_peer(best: Sentence, other: Sentence) -> bool:
    """Return whether a sentence answers about as well as the best."""
    return (
        other.probability >= PEER * best.probability
        and _covers(other) >= PEER_COVERS * _covers(best)
        and other.features["right_kind"] == best.features["right_kind"]
    )


def _may_conflict(evidence: Sequence[Evidence], one: Sentence, other: Sentence) -> bool:
    """Return whether two sentences are from different documents, or from entries of different dates.

    Two rows of a table can't conflict: they are about two things, or about one at two times.
    """
    here, there = evidence[one.index], evidence[other.index]
    if here.source != there.source:
        return True
    return here.date != there.date and Kind.TABLE_ROW not in (here.kind, there.kind)


def _covers(sentence: Sentence) -> float:
    return sentence.features["with_previous_covers"]


def _same_subject(question: Question, one: str, other: str) -> bool:
    """Return whether two sentences are about the same thing, by their common words besides the values."""
    named = question.kind in {AnswerKind.PERSON, AnswerKind.PLACE}
    here, there = (_subject(question, text, named) for text in (one, other))
    return len(here & there) >= (SAME_SUBJECT_NAMES if named else SAME_SUBJECT) * len(here | there)


def _subject(question: Question, text: str, named: bool) -> set[str]:
    """Return the stems of a text's content words, without numbers, and without names if `named`."""
    content = set(words(text)) - STOPWORDS
    if named:
        content -= {word for name in names(text) for word in words(name)} - set(question.words)
    return {stem(word) for word in content if not word.isdecimal()}


def _alone(sentence: Sentence, reading: Reading) -> Reading:
    """Return a reading in which one sentence answers and the rest of its paragraph is only context."""
    beside = [other for other in reading.sentences if other.index == sentence.index and other != sentence]
    others = (replace(other, probability=0.0) for other in beside)
    return replace(reading, sentences=(sentence, *others))
