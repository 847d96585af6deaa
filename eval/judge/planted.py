"""Planted faults: one fact of a right text is changed, to see whether a judge notices."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from eval.judge.words import DAYS, MONTHS, statements


class Fault(StrEnum):
    """The kind of the one fact that was changed."""

    NUMBER = "number"
    NAME = "name"
    DATE = "date"
    NEGATION = "negation"
    SPEAKER = "speaker"
    OTHER_PARAGRAPH = "claim of another paragraph"


@dataclass(frozen=True, slots=True)
class Right:
    """A right answer and the paragraphs that support it."""

    id: str
    text: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """The right answer `id` with one fault in its text; the paragraphs are the same."""

    id: str
    fault: Fault
    text: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What a fault is made from: a right text, its joined paragraphs, other right answers, and chance."""

    text: str
    here: str
    others: tuple[Right, ...]
    chance: random.Random


_NUMERALS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty \
forty fifty sixty seventy eighty ninety hundred thousand million"
)
_UNITS = _NUMERALS.split()
_NUMBER = re.compile(
    rf"(?<![\w.,-])\d+(?:[.,]\d+)*(?!\w)(?![.,:-]\d)|\b(?:{'|'.join(_UNITS)})\b", re.IGNORECASE
)
_DAY_BESIDE_MONTH = re.compile(
    rf"\b\d{{1,2}}(?= (?:{'|'.join(MONTHS)}))|(?<=[a-z] )\d{{1,2}}(?=,? \d{{4}}\b)|\b(?:1[5-9]|20)\d\d\b"
)
_DATE = re.compile(
    rf"\b\d{{4}}-\d\d-\d\d\b|\b(?:{'|'.join(MONTHS)}|{'|'.join(DAYS)})\b|{_DAY_BESIDE_MONTH.pattern}"
)
_WORD = r"(?!I\b)[A-Z][\w’-]*\w"
_NAME = re.compile(rf"(?<=[a-z,—–] ){_WORD}(?: {_WORD})*(?!\w|:)")
_MARK = re.compile(r"\[[\d, ]+\]")
_PERSON = r"[A-Z][\w’-]+(?: [A-Z][\w’-]+){0,2}"
_SPEECH_VERBS = (
    "said|says|saying|told|tells|wrote|writes|argued|argues|claimed|claims|believes|believed|called|calls|noted"
    "|announced|announces|reports|reported|counted|counts|denied|denies|stated|states|thinks|thought|suggested"
    "|places|saw|warned|warns|asked|added|holds|wants|blamed|blames|accused|accuses|explained|proposed"
)
_SPEAKER = re.compile(
    rf"(?:^|(?<=[].;,:] )|(?<=\bthat )|(?<=\band ))(?P<before>{_PERSON})"
    rf"(?=(?:, [^.;]{{1,80}}?,)? (?:{_SPEECH_VERBS})\b)"
    rf"|\b(?:[Aa]ccording to|(?:{_SPEECH_VERBS})(?: by)?) (?P<after>{_PERSON})"
    rf"|\b(?:Person|Who|According to|Speaker): (?P<field>{_PERSON})"
)
_NOT_A_PERSON = {"The", "A", "An", "It", "He", "She", "They", "We", "This", "That", "In", "On", "At", "But"}
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should)\b(?! not|n't| no )"
)
_NOT = re.compile(r"\b(?:not|never) |(?<=did|oes|are|was|has|had)n['’]t\b")


def planted(answers: Sequence[Right], faults: Sequence[Fault] = tuple(Fault)) -> tuple[Planted, ...]:
    """Return each answer with one fault of each kind that its text allows, the same ones every time.

    New words come from the answer's own paragraphs as often as from other answers.
    """
    return tuple(_each(answers, faults))


def _each(answers: Sequence[Right], faults: Sequence[Fault]) -> Iterator[Planted]:
    for at, answer in enumerate(answers):
        others = (*answers[at + 1 :], *answers[:at])[:40]
        for fault in faults:
            chance = random.Random(crc32(f"{answer.id} {fault}".encode()))  # noqa: S311
            material = Material(answer.text, "\n".join(answer.contexts), others, chance)
            text = MAKERS[fault](material)
            if text is not None and text != answer.text:
                yield Planted(answer.id, fault, text, answer.contexts)


def _number(material: Material) -> str | None:
    dates = [match.span() for match in _DATE.finditer(material.text)]
    spots = [
        match
        for match in _NUMBER.finditer(material.text)
        if not any(start <= match.start() < end for start, end in dates)
    ]
    return _swap(material, spots, lambda old: _another_number(old, material))


def _another_number(old: str, material: Material) -> str | None:
    if not old[0].isdigit():
        alike = [word for word in _UNITS if (word in _UNITS[-3:]) == (old.casefold() in _UNITS[-3:])]
        word = material.chance.choice([word for word in alike if word != old.casefold()])
        return word.capitalize() if old[0].isupper() else word
    figures: list[str] = re.findall(r"(?<![\w.,-])\d+(?![\w.,-])", material.here)
    own = [new for new in figures if new != old]
    if own and material.chance.random() < 0.5:
        return material.chance.choice(own)
    digits = [at for at, letter in enumerate(old) if letter.isdigit()]
    at = material.chance.choice(digits)
    new = material.chance.choice([digit for digit in "123456789" if digit != old[at]])
    return old[:at] + new + old[at + 1 :]


def _date(material: Material) -> str | None:
    def another(old: str) -> str:
        for names in (MONTHS, DAYS):
            if old in names:
                return material.chance.choice([name for name in names if name != old])
        if "-" in old:
            return f"{old[:-2]}{1 + (int(old[-2:]) + material.chance.randrange(1, 27)) % 28:02}"
        step = material.chance.choice((1, 2, 3, 7, 10))
        return str(int(old) + step if len(old) == 4 else 1 + (int(old) + step) % 28)

    return _swap(material, list(_DATE.finditer(material.text)), another)


def _name(material: Material) -> str | None:
    dates = {*MONTHS, *DAYS}
    spots = [match for match in _NAME.finditer(material.text) if not dates & set(match.group().split())]
    return _swap(material, spots, lambda old: _another(old, _NAME, material, dates))


def _speaker(material: Material) -> str | None:
    text = material.text
    spots = [
        match for match in _SPEAKER.finditer(text) if not _NOT_A_PERSON & set(_speaker_in(match).split())
    ]
    if not spots:
        return None
    match = material.chance.choice(spots)
    old = _speaker_in(match)
    people = {
        name
        for right in material.others
        for found in _SPEAKER.finditer("\n".join(right.contexts))
        if " " in (name := _speaker_in(found)) and not _NOT_A_PERSON & set(name.split())
    }
    new = _another(old, re.compile(rf"(?<=[a-z,;:] ){_PERSON}"), material, {*MONTHS, *DAYS}, sorted(people))
    start = match.start(match.lastgroup or 0)
    return text[:start] + new + text[start + len(old) :] if new else None


def _speaker_in(match: re.Match[str]) -> str:
    return match.group(match.lastgroup or 0)


def _another(
    old: str, pattern: re.Pattern[str], material: Material, barred: set[str], people: Sequence[str] = ()
) -> str | None:
    """Return a name that shares no word with the old one, from the paragraphs here or other answers."""

    def names(text: str) -> list[str]:
        words = {word.casefold()[:4] for word in old.split()}
        found = sorted(set(pattern.findall(text)))
        return [
            name
            for name in found
            if not words & {word.casefold()[:4] for word in name.split()} and not barred & set(name.split())
        ]

    own = names(material.here)
    if own and material.chance.random() < 0.5:
        return material.chance.choice(own)
    foreign = [name for name in people if not set(name.split()) & set(old.split())]
    foreign = foreign or names("\n".join(right.text for right in material.others))
    return material.chance.choice(foreign) if foreign else None


def _negation(material: Material) -> str | None:
    negated = list(_NOT.finditer(material.text))
    if negated:
        return _swap(material, negated, lambda _: "")
    spots = list(_AUXILIARY.finditer(material.text))
    if spots:
        return _swap(material, spots, lambda old: f"{old} not")
    return None


def _other_paragraph(material: Material) -> str | None:
    """Replace one statement with one of another answer, from paragraphs not cited here."""
    foreign = [
        part
        for right in material.others
        if not set(right.contexts) & set(material.here.split("\n"))
        for part in statements(right.text)
        if part not in material.here and len(part.split()) > 4
    ]
    parts = list(statements(material.text))
    if not foreign or not parts:
        return None
    parts[material.chance.randrange(len(parts))] = material.chance.choice(foreign)
    return " ".join(parts)


def _swap(
    material: Material, spots: Sequence[re.Match[str]], another: Callable[[str], str | None]
) -> str | None:
    marks = [mark.span() for mark in _MARK.finditer(material.text)]
    spots = [spot for spot in spots if not any(start <= spot.start() < end for start, end in marks)]
    if not spots:
        return None
    match = material.chance.choice(spots)
    new = another(match.group())
    return None if new is None else material.text[: match.start()] + new + material.text[match.end() :]


# Each returns the text with one fault, or None if the text doesn't allow that kind.
MAKERS: Mapping[Fault, Callable[[Material], str | None]] = {
    Fault.NUMBER: _number,
    Fault.NAME: _name,
    Fault.DATE: _date,
    Fault.NEGATION: _negation,
    Fault.SPEAKER: _speaker,
    Fault.OTHER_PARAGRAPH: _other_paragraph,
}
