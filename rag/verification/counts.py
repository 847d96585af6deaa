"""The numbers of a text, in digits or words, each with what it counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.text.tokens import Token
from rag.text.words import NUMBER_WORDS, fold
from rag.verification.lexicon import lemma

_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_MONEY = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_MEASURES = {"%": "percent", "km": "kilometr", "kilomet": "kilometr", "kg": "kilogram", "metre": "meter"}
_UNITS = frozenset(
    """percent dollar euro pound yen rubl hryvnia kilometr mile meter foot inch acr hectar ton tonn kilogram
    gram degre second minut hour dai week month year decad centuri""".split()  # noqa: SIM905
)
_AT_LEAST = re.compile(r"\b(?:over|more than|at least|no fewer than|no less than|exceeding)\s+\S{0,2}$")
_AT_MOST = re.compile(r"\b(?:up to|under|fewer than|less than|at most|no more than|below)\s+\S{0,2}$")
_ABOUT = re.compile(
    r"\b(?:about|around|some|nearly|almost|roughly|approximately|an estimated|circa|close to)\s+\S{0,2}$"
)
COUNTED = 3  # content words after a number that say what it counts


@dataclass(frozen=True, slots=True)
class Number:
    """A number, what it counts, and `hedge`: "", "over", "under" or "about"."""

    value: float
    counted: tuple[str, ...]
    hedge: str
    written: str

    @property
    def units(self) -> frozenset[str]:
        """The measures among what it counts."""
        return _UNITS & set(self.counted)


def read_counts(plain: str, tokens: Sequence[Token]) -> Iterator[Number]:
    """The numbers of a text, of which the tokens are given, in order."""
    at = 0
    while at < len(tokens):
        first, value = at, _digits(tokens[at])
        at += 1
        if value is None:
            continue
        if value in range(20, 100, 10) and at < len(tokens) and (unit := _digits(tokens[at])) and unit < 10:
            value, at = value + unit, at + 1
        while at < len(tokens) and tokens[at].text.casefold() in _SCALES:
            value, at = value * _SCALES[tokens[at].text.casefold()], at + 1
        counted = tuple(_counted(tokens, at))
        if first and tokens[first - 1].text in _MONEY:
            counted = (_MONEY[tokens[first - 1].text], *counted)
        written = plain[tokens[first].start : tokens[at - 1].end]
        yield Number(value, counted, _hedge(fold(plain[: tokens[first].start])), written)


def _digits(token: Token) -> float | None:
    """The value of a number in digits or in words; "one" is one, too."""
    written = token.text.casefold().split("-")[0]
    if token.text[0].isdigit():
        written = re.split(r"[-–/:]", token.text)[0].replace(",", "")
        return float(re.match(r"\d+(?:\.\d+)?", written)[0])  # type: ignore[index]
    if written == "dozen":
        return 12.0
    return 1.0 if written == "one" else float(NUMBER_WORDS[written]) if written in NUMBER_WORDS else None


def _counted(tokens: Sequence[Token], at: int) -> Iterator[str]:
    """The lemmas of the words after a number, up to the next number, verb or stop."""
    taken = 0
    for token in tokens[at : at + 2 * COUNTED]:
        if (
            token.kind in {"conj", "comma", "end", "sub", "aux", "pron", "num", "year", "month"}
            and token.text != "%"
        ):
            return
        if token.content or token.text in _MEASURES:
            word = _MEASURES.get(token.text) or lemma(token.text.casefold())
            yield _MEASURES.get(word, word)
            taken += 1
        if taken == COUNTED:
            return


def _hedge(before: str) -> str:
    if _AT_LEAST.search(before):
        return "over"
    if _AT_MOST.search(before):
        return "under"
    return "about" if _ABOUT.search(before) else ""
