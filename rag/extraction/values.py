"""Values that sentences give as an answer (amounts, times, names), and whether two sentences differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from rag.query.question import AnswerKind, Question
from rag.text.dates import MOMENT, moments
from rag.text.names import base, runs
from rag.text.numbers import Number, read_numbers
from rag.text.vocabulary import STOPWORDS
from rag.text.words import stem, stems, words

NEAR = 4  # words after a number that may say what it counts
ROUNDED = 0.05  # share of the larger amount by which two may differ and be the same, rounded
ABOUT = 0.1  # the same for an approximate amount
OPEN = 0.25  # the same for "over" and "up to"

_AGE = {"old": "ag"}
_PART = re.compile(r"^/|/$")  # of a date or a fraction
_RANGE = re.compile(r"^\s?(?:to|or|-|–)\s?[$€£]?$")
_PLACE = re.compile(r"\b(?:in|at|near|to|from|into|off|outside) (?:the )?((?:[A-Z][\w’'-]+ ?)+)")


@dataclass(frozen=True, slots=True)
class Amount:
    """The range of values that a number allows, its unit, and the stems of the words beside it."""

    low: float
    high: float
    unit: str
    near: frozenset[str]

    def agrees(self, other: Amount) -> bool:
        """Return whether both may be the same amount, one of them rounded."""
        if self.low <= other.high and other.low <= self.high:
            return True
        gap = max(self.low - other.high, other.low - self.high)
        larger = max(abs(self.high), abs(other.high))
        return gap <= ROUNDED * larger and (_is_round(self.low) or _is_round(other.low))


def differ(question: Question, one: str, other: str) -> bool:
    """Return whether two sentences answer a question with different values; False in doubt."""
    match question.kind:
        case AnswerKind.NUMBER | AnswerKind.SIZE | AnswerKind.AGE:
            return _amounts_differ(question, one, other)
        case AnswerKind.TIME:
            return _moments_differ(one, other)
        case AnswerKind.PERSON | AnswerKind.PLACE:
            return _names_differ(question, one, other)
    return False


def _amounts_differ(question: Question, one: str, other: str) -> bool:
    """Return whether each counts the same thing, and neither's amounts are in the other sentence."""
    counts = "mani" in stems(question.text)
    asked = {stem(word) for word in question.words} - _stems_of(question.names)
    counted = counts or question.kind is AnswerKind.AGE
    asked |= {"ag"} if question.kind is AnswerKind.AGE else set()
    measured = question.kind is AnswerKind.SIZE or not counted
    here, there = amounts(one), amounts(other)
    answering = [
        [amount for amount in each if amount.near & asked or (measured and amount.unit)]
        for each in (here, there)
    ]
    crossed = [*product(answering[0], there), *product(here, answering[1])]
    if any(first.agrees(second) for first, second in crossed):
        return False
    for first, second in product(*answering):
        same = first.near & second.near & asked or (measured and first.unit)
        if same and (counted or first.unit == second.unit):
            return True
    if counted or len(here) != 1 or len(there) != 1:
        return False
    return not here[0].agrees(there[0]) and here[0].unit == there[0].unit


def amounts(text: str) -> list[Amount]:
    """Return the amounts of a text in order, without years, days of a month, times of day and ordinals."""
    dated = [match.span() for match in MOMENT.finditer(text)]
    found: list[tuple[Number, Amount]] = []
    for number in read_numbers(text):
        part = _PART.search(text[max(0, number.start - 1) : number.end + 1])
        if (
            not number.is_amount
            or part
            or number.written.casefold() == "one"
            or any(start <= number.start < end for start, end in dated)
        ):
            continue
        amount = _amount(number)
        if found and _RANGE.match(text[found[-1][0].end : number.start]) and found[-1][1].low < number.value:
            before = found.pop()[1]
            amount = Amount(before.low, number.value, amount.unit or before.unit, amount.near | before.near)
        found.append((number, amount))
    return [amount for _, amount in found]


def _amount(number: Number) -> Amount:
    """Return the range of values that the words before a number allow."""
    low = high = number.value
    match number.hedge:
        case "over":
            high *= 1 + OPEN
        case "under":
            low *= 1 - OPEN
        case "about":
            low, high = low * (1 - ABOUT), high * (1 + ABOUT)
    beside = (*number.before, *number.after[:NEAR])
    near = {_AGE.get(word) or stem(word) for word in beside if word not in STOPWORDS}
    return Amount(low, high, number.unit, frozenset(near))


def _is_round(value: float) -> bool:
    return value >= 100 and value % 100 == 0


def _moments_differ(one: str, other: str) -> bool:
    """Return whether no date of one sentence can be a date of the other."""
    here, there = moments(one), moments(other)
    return bool(here and there) and not any(_may_be_one(*pair) for pair in product(here, there))


def _may_be_one(first: tuple[str, str, str], second: tuple[str, str, str]) -> bool:
    return all(not a or not b or a == b for a, b in zip(first, second, strict=True))


def _names_differ(question: Question, one: str, other: str) -> bool:
    """Return whether each gives a name that the question lacks, and no word of it is in the other."""
    here, there = (_names(question, text) for text in (one, other))
    if not here or not there:
        return False
    return not (set().union(*here) & _bases(other) or set().union(*there) & _bases(one))


def _names(question: Question, text: str) -> list[set[str]]:
    """Return the base forms of each name that may answer; a person's has at least two words."""
    asked = _bases(question.text)
    if question.kind is AnswerKind.PERSON:
        given = [run for run in runs(text) if " " in run]
    else:
        given = [match[1] for match in _PLACE.finditer(text)]
    return [left for run in given if (left := _bases(run) - asked)]


def _bases(text: str) -> set[str]:
    return {base(word) for word in words(text)}


def _stems_of(found: tuple[str, ...]) -> set[str]:
    return {stem(word) for name in found for word in words(name)}
