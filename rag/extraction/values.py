"""The values that a sentence gives as an answer (amounts, times, names), and whether those of two differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from rag.query.question import AnswerKind, Question
from rag.text.dates import MOMENT, moments
from rag.text.names import base, runs
from rag.text.words import NUMBER_WORDS, STOPWORDS, fold, stem, stems, words

AFTER, BEFORE = 4, 3  # words beside a number that say what it counts
ROUNDED = 0.05  # by so much of the larger, two amounts may differ that are one rounded
ABOUT = 0.1  # the same where one is called approximate
OPEN = 0.25  # the same for "over" and "up to"

_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "bn": 1e9}
_TENS = {str(ten) for ten in range(20, 100, 10)}
_TOKEN = re.compile(
    r"(?P<number>(?<![\w.,:/])(?<![^\W\d]-)\d+(?:\.\d+)?(?![\d:/]|\w))|(?P<word>[^\W\d_]+(?:'[^\W_]+)*|[%$€£])"
    r"|(?P<stop>[.;:,()!?]|(?<=\s)[–—-])|(?P<other>\w+)"
)
_SAME = {"%": "percent", "$": "dollar", "€": "euro", "£": "pound", "old": "ag"}
_MEASURES = frozenset(
    """percent dollar euro pound yen rubl hryvnia kilomet kilometr km mile metr meter m feet foot inch acr
    hectar ton tonn kg kilogram gram degre second minut hour dai week month year""".split()  # noqa: SIM905
)
# Where what a number counts ends.
_BORDERS = frozenset(
    "when while as that which who whose where if because and but or after before than until since".split()  # noqa: SIM905
)
_LOWER = re.compile(
    r"\b(?:over|more than|at least|no fewer than|no less than|upwards of|exceeding)\s+\S{0,2}$"
)
_UPPER = re.compile(r"\b(?:up to|under|fewer than|less than|at most|no more than|below)\s+\S{0,2}$")
_ROUGH = re.compile(
    r"\b(?:about|around|some|nearly|almost|roughly|approximately|an estimated|circa|close to|just)\s+\S{0,2}$"
)
_RANGE = re.compile(r"^\s?(?:to|or|-|–)\s?[$€£]?$")
_PLACE = re.compile(r"\b(?:in|at|near|to|from|into|off|outside) (?:the )?((?:[A-Z][\w’'-]+ ?)+)")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, or the range that "over", "about" or "120 to 140" leave open; `near` are stems beside it."""

    low: float
    high: float
    near: frozenset[str]

    def agrees(self, other: Amount) -> bool:
        """Whether both may be the same amount, one of them rounded."""
        if self.low <= other.high and other.low <= self.high:
            return True
        gap = max(self.low - other.high, other.low - self.high)
        larger = max(abs(self.high), abs(other.high))
        return gap <= ROUNDED * larger and (_is_round(self.low) or _is_round(other.low))

    def like(self, other: Amount) -> bool:
        """Whether both are given in the same measure."""
        return self.near & _MEASURES == other.near & _MEASURES


def differ(question: Question, one: str, other: str) -> bool:
    """Whether two sentences that answer a question give different values for it; false where in doubt."""
    match question.kind:
        case AnswerKind.NUMBER | AnswerKind.SIZE | AnswerKind.AGE:
            return _amounts_differ(question, one, other)
        case AnswerKind.TIME:
            return _moments_differ(one, other)
        case AnswerKind.PERSON | AnswerKind.PLACE:
            return _names_differ(question, one, other)
    return False


def _amounts_differ(question: Question, one: str, other: str) -> bool:
    """Different where each counts the same thing, and neither's amounts stand in the other sentence."""
    counts = "mani" in stems(question.text)
    asked = {stem(word) for word in question.words} - _stems_of(question.names)
    if question.kind is AnswerKind.AGE:
        asked |= {"ag"}
    elif question.kind is AnswerKind.SIZE or not counts:
        asked |= _MEASURES
    here, there = amounts(one), amounts(other)
    answering = [[amount for amount in each if amount.near & asked] for each in (here, there)]
    crossed = [*product(answering[0], there), *product(here, answering[1])]
    if any(first.agrees(second) for first, second in crossed):
        return False
    counted = counts or question.kind is AnswerKind.AGE
    for first, second in product(*answering):
        if first.near & second.near & asked and (counted or first.like(second)):
            return True
    if counted or len(here) != 1 or len(there) != 1:
        return False
    return not here[0].agrees(there[0]) and here[0].like(there[0])


def amounts(text: str) -> list[Amount]:
    """The amounts of a text in order; years, days of a month, times of day and ordinals are none."""
    plain = MOMENT.sub(" ; ", fold(text)).replace("per cent", "percent")
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    tokens = [match for match in _TOKEN.finditer(plain) if match.lastgroup]
    found: list[Amount] = []
    at = 0
    while at < len(tokens):
        last, low = _value(tokens, at)
        if low is None:
            at += 1
            continue
        end, high = _upper(plain, tokens, last, low)
        if high is None:
            low, high = _bounds(plain[: tokens[at].start()], low)
        found.append(Amount(low, high, _near(tokens, at, end)))
        at = end + 1
    return found


def _upper(plain: str, tokens: list[re.Match[str]], last: int, low: float) -> tuple[int, float | None]:
    """The upper end of a range whose lower one ends at a token, and its own last token."""
    for at in range(last + 1, min(last + 4, len(tokens))):
        if _RANGE.match(plain[tokens[last].end() : tokens[at].start()]):
            end, high = _value(tokens, at)
            if high is not None and high > low:
                return end, high
    return last, None


def _value(tokens: list[re.Match[str]], at: int) -> tuple[int, float | None]:
    """The number that begins at a token, with its scale, and its last token."""
    token = tokens[at]
    digits = token["number"] or NUMBER_WORDS.get(token["word"] or "")
    if digits is None:
        return at, None
    value, end = float(digits), at
    if token["word"] and digits in _TENS and at + 1 < len(tokens):
        unit = NUMBER_WORDS.get(tokens[at + 1]["word"] or "", "")
        if len(unit) == 1:
            value, end = value + int(unit), at + 1
    while end + 1 < len(tokens) and (scale := _SCALES.get(tokens[end + 1]["word"] or "")):
        value, end = value * scale, end + 1
    return end, value


def _bounds(before: str, value: float) -> tuple[float, float]:
    """The range that the words before a number leave open."""
    if _LOWER.search(before):
        return value, value * (1 + OPEN)
    if _UPPER.search(before):
        return value * (1 - OPEN), value
    return (value * (1 - ABOUT), value * (1 + ABOUT)) if _ROUGH.search(before) else (value, value)


def _near(tokens: list[re.Match[str]], first: int, last: int) -> frozenset[str]:
    """The stems of the words beside a number, up to the next number or stop."""
    near: list[str] = []
    for step, most, start in ((1, AFTER, last + 1), (-1, BEFORE, first - 1)):
        at, taken = start, 0
        while 0 <= at < len(tokens) and taken < most and (word := tokens[at]["word"]):
            if word in NUMBER_WORDS or word in _BORDERS:
                break
            near += [_SAME.get(word) or stem(word)] if word not in STOPWORDS else []
            at, taken = at + step, taken + 1
    return frozenset(near)


def _is_round(value: float) -> bool:
    return value >= 100 and value % 100 == 0


def _moments_differ(one: str, other: str) -> bool:
    """Different where no time of one sentence may be a time of the other."""
    here, there = moments(one), moments(other)
    return bool(here and there) and not any(_may_be_one(*pair) for pair in product(here, there))


def _may_be_one(first: tuple[str, str, str], second: tuple[str, str, str]) -> bool:
    return all(not a or not b or a == b for a, b in zip(first, second, strict=True))


def _names_differ(question: Question, one: str, other: str) -> bool:
    """Different where each gives one name that the question does not, and shares no word of it."""
    here, there = (_names(question, text) for text in (one, other))
    if not here or not there:
        return False
    return not (set().union(*here) & _bases(other) or set().union(*there) & _bases(one))


def _names(question: Question, text: str) -> list[set[str]]:
    """The base forms of each name that may answer: a person's has two words or more."""
    said = _bases(question.text)
    if question.kind is AnswerKind.PERSON:
        given = [run for run in runs(text) if " " in run]
    else:
        given = [match[1] for match in _PLACE.finditer(text)]
    return [left for run in given if (left := _bases(run) - said)]


def _bases(text: str) -> set[str]:
    return {base(word) for word in words(text)}


def _stems_of(found: tuple[str, ...]) -> set[str]:
    return {stem(word) for name in found for word in words(name)}
