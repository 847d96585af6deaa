"""Faults planted in right answers, to see whether a judge notices them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from eval.judge.words import statements


class Fault(StrEnum):
    """What is wrong in an answer: one thing of this kind was changed."""

    NUMBER = "number"
    NAME = "name"
    DATE = "date"
    NEGATION = "negation"
    SPEAKER = "speaker"
    OTHER_PARAGRAPH = "claim of another paragraph"


@dataclass(frozen=True, slots=True)
class Right:
    """A right answer: its statements in one text, and the paragraphs that bear it out."""

    id: str
    text: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """The text of the right answer `id` with one fault in it, and the same paragraphs as before."""

    id: str
    fault: Fault
    text: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """What a fault may be made from: the answer, its paragraphs, and what other answers say."""

    text: str
    here: str
    others: tuple[Right, ...]
    chance: random.Random


_MONTH_NAMES = "January February March April May June July August September October November December"
_DAY_NAMES = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_MONTHS, _DAYS = _MONTH_NAMES.split(), _DAY_NAMES.split()
_NUMBER_WORDS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty \
forty fifty sixty seventy eighty ninety hundred thousand million"
)
_UNITS = _NUMBER_WORDS.split()
_NUMBER = re.compile(
    rf"(?<![\w.,-])\d+(?:[.,]\d+)*(?!\w)(?![.,:-]\d)|\b(?:{'|'.join(_UNITS)})\b", re.IGNORECASE
)
_DAY_BESIDE_MONTH = re.compile(
    rf"\b\d{{1,2}}(?= (?:{'|'.join(_MONTHS)}))|(?<=[a-z] )\d{{1,2}}(?=,? \d{{4}}\b)|\b(?:1[5-9]|20)\d\d\b"
)
_DATE = re.compile(
    rf"\b\d{{4}}-\d\d-\d\d\b|\b(?:{'|'.join(_MONTHS)}|{'|'.join(_DAYS)})\b|{_DAY_BESIDE_MONTH.pattern}"
)
_WORD = r"(?!I\b)[A-Z][\w’-]*\w"
_NAME = re.compile(rf"(?<=[a-z,—–] ){_WORD}(?: {_WORD})*(?!\w|:)")
_MARK = re.compile(r"\[[\d, ]+\]")
_PERSON = r"[A-Z][\w’-]+(?: [A-Z][\w’-]+){0,2}"
_SAYS = (
    "said|says|saying|told|tells|wrote|writes|argued|argues|claimed|claims|believes|believed|called|calls|noted"
    "|announced|announces|reports|reported|counted|counts|denied|denies|stated|states|thinks|thought|suggested"
    "|places|saw|warned|warns|asked|added|holds|wants|blamed|blames|accused|accuses|explained|proposed"
)
_SPEAKER = re.compile(
    rf"(?:^|(?<=[].;,:] )|(?<=\bthat )|(?<=\band ))(?P<before>{_PERSON})"
    rf"(?=(?:, [^.;]{{1,80}}?,)? (?:{_SAYS})\b)"
    rf"|\b(?:[Aa]ccording to|(?:{_SAYS})(?: by)?) (?P<after>{_PERSON})"
    rf"|\b(?:Person|Who|According to|Speaker): (?P<field>{_PERSON})"
)
_NOT_A_PERSON = {"The", "A", "An", "It", "He", "She", "They", "We", "This", "That", "In", "On", "At", "But"}
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should)\b(?! not|n't| no )"
)
_NOT = re.compile(r"\b(?:not|never) |(?<=did|oes|are|was|has|had)n['’]t\b")


def planted(answers: Sequence[Right], faults: Sequence[Fault] = tuple(Fault)) -> tuple[Planted, ...]:
    """One fault of each kind in each answer that it can be planted in; the same ones every time.

    What is put in comes from the answer's own paragraphs as often as from those of the other answers.
    """
    return tuple(_each(answers, faults))


def _each(answers: Sequence[Right], faults: Sequence[Fault]) -> Iterator[Planted]:
    for at, answer in enumerate(answers):
        others = (*answers[at + 1 :], *answers[:at])[:40]
        for fault in faults:
            chance = random.Random(crc32(f"{answer.id} {fault}".encode()))  # noqa: S311
            given = _Given(answer.text, "\n".join(answer.contexts), others, chance)
            text = _PLANT[fault](given)
            if text is not None and text != answer.text:
                yield Planted(answer.id, fault, text, answer.contexts)


def _number(given: _Given) -> str | None:
    dates = [match.span() for match in _DATE.finditer(given.text)]
    spots = [
        match
        for match in _NUMBER.finditer(given.text)
        if not any(start <= match.start() < end for start, end in dates)
    ]
    return _swap(given, spots, lambda old: _another_number(old, given))


def _another_number(old: str, given: _Given) -> str | None:
    if not old[0].isdigit():
        alike = [word for word in _UNITS if (word in _UNITS[-3:]) == (old.casefold() in _UNITS[-3:])]
        word = given.chance.choice([word for word in alike if word != old.casefold()])
        return word.capitalize() if old[0].isupper() else word
    figures: list[str] = re.findall(r"(?<![\w.,-])\d+(?![\w.,-])", given.here)
    own = [new for new in figures if new != old]
    if own and given.chance.random() < 0.5:
        return given.chance.choice(own)
    digits = [at for at, letter in enumerate(old) if letter.isdigit()]
    at = given.chance.choice(digits)
    new = given.chance.choice([digit for digit in "123456789" if digit != old[at]])
    return old[:at] + new + old[at + 1 :]


def _date(given: _Given) -> str | None:
    def another(old: str) -> str:
        for names in (_MONTHS, _DAYS):
            if old in names:
                return given.chance.choice([name for name in names if name != old])
        if "-" in old:
            return f"{old[:-2]}{1 + (int(old[-2:]) + given.chance.randrange(1, 27)) % 28:02}"
        step = given.chance.choice((1, 2, 3, 7, 10))
        return str(int(old) + step if len(old) == 4 else 1 + (int(old) + step) % 28)

    return _swap(given, list(_DATE.finditer(given.text)), another)


def _name(given: _Given) -> str | None:
    dates = {*_MONTHS, *_DAYS}
    spots = [match for match in _NAME.finditer(given.text) if not dates & set(match.group().split())]
    return _swap(given, spots, lambda old: _another(old, _NAME, given, dates))


def _speaker(given: _Given) -> str | None:
    text = given.text
    spots = [match for match in _SPEAKER.finditer(text) if not _NOT_A_PERSON & set(_said_by(match).split())]
    if not spots:
        return None
    match = given.chance.choice(spots)
    old = _said_by(match)
    people = {
        name
        for right in given.others
        for found in _SPEAKER.finditer("\n".join(right.contexts))
        if " " in (name := _said_by(found)) and not _NOT_A_PERSON & set(name.split())
    }
    new = _another(old, re.compile(rf"(?<=[a-z,;:] ){_PERSON}"), given, {*_MONTHS, *_DAYS}, sorted(people))
    start = match.start(match.lastgroup or 0)
    return text[:start] + new + text[start + len(old) :] if new else None


def _said_by(match: re.Match[str]) -> str:
    return match.group(match.lastgroup or 0)


def _another(
    old: str, pattern: re.Pattern[str], given: _Given, barred: set[str], people: Sequence[str] = ()
) -> str | None:
    """A name that shares no word with the old one, from the paragraphs here or from other answers."""

    def names(text: str) -> list[str]:
        words = {word.casefold()[:4] for word in old.split()}
        found = sorted(set(pattern.findall(text)))
        return [
            name
            for name in found
            if not words & {word.casefold()[:4] for word in name.split()} and not barred & set(name.split())
        ]

    own = names(given.here)
    if own and given.chance.random() < 0.5:
        return given.chance.choice(own)
    foreign = [name for name in people if not set(name.split()) & set(old.split())]
    foreign = foreign or names("\n".join(right.text for right in given.others))
    return given.chance.choice(foreign) if foreign else None


def _negation(given: _Given) -> str | None:
    negated = list(_NOT.finditer(given.text))
    if negated:
        return _swap(given, negated, lambda _: "")
    spots = list(_AUXILIARY.finditer(given.text))
    if spots:
        return _swap(given, spots, lambda old: f"{old} not")
    return None


def _other_paragraph(given: _Given) -> str | None:
    """One statement gives way to one that another answer makes of paragraphs that are not cited here."""
    foreign = [
        part
        for right in given.others
        if not set(right.contexts) & set(given.here.split("\n"))
        for part in statements(right.text)
        if part not in given.here and len(part.split()) > 4
    ]
    parts = list(statements(given.text))
    if not foreign or not parts:
        return None
    parts[given.chance.randrange(len(parts))] = given.chance.choice(foreign)
    return " ".join(parts)


def _swap(given: _Given, spots: Sequence[re.Match[str]], another: Callable[[str], str | None]) -> str | None:
    marks = [mark.span() for mark in _MARK.finditer(given.text)]
    spots = [spot for spot in spots if not any(start <= spot.start() < end for start, end in marks)]
    if not spots:
        return None
    match = given.chance.choice(spots)
    new = another(match.group())
    return None if new is None else given.text[: match.start()] + new + given.text[match.end() :]


_PLANT: Mapping[Fault, Callable[[_Given], str | None]] = {
    Fault.NUMBER: _number,
    Fault.NAME: _name,
    Fault.DATE: _date,
    Fault.NEGATION: _negation,
    Fault.SPEAKER: _speaker,
    Fault.OTHER_PARAGRAPH: _other_paragraph,
}
