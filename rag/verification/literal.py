"""What a sentence says that its paragraphs contradict: numbers, dates, units, names, quotations, denials.

It reads off what is certain and asks only for agreement, never for the paragraphs' wording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from rag.text.dates import moments
from rag.text.folding import fold
from rag.text.language import language
from rag.text.names import absent, forms, names
from rag.text.numbers import Number, read_numbers
from rag.text.words import content_stems, sentences, stem

FEW = 3  # content words; a sentence of fewer says too little to be compared
COUNTED = 12  # a number in words up to this may count what the paragraphs list

_QUOTED = re.compile(r"[“\"«„]([^“”\"«»„]{2,300})[”\"»“]")
# Folded words that deny, by language.
_DENYING = {
    "en": r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot)\b|n['’]t\b",
    "de": r"\b(?:nicht|kein\w*|nie(?:mals|mand\w*)?|nichts|ohne|weder)\b",
    "fr": r"\b(?:ne|pas|jamais|aucune?|sans|rien|personne|ni|non)\b|\bn['’]",
    "es": r"\b(?:no|nunca|jamas|ningun\w*|sin|nada|nadie|tampoco|ni)\b",
    "it": r"\b(?:non|mai|nessun\w*|senza|niente|nulla|no)\b",
    "pt": r"\b(?:nao|nunca|jamais|nenhum\w*|sem|nada|ninguem|nem)\b",
    "nl": r"\b(?:niet|geen|nooit|zonder|niets|niemand|noch)\b",
    "ru": r"\b(?:не|нет|никогда|без|ни\w*|нельзя)\b",
    "zh": r"[不没沒无無未勿莫非]",
    "ja": r"な[いくし]|ません|[無未不非]",
    "ar": r"\b(?:لا|لم|لن|ليس\w*|غير|بدون|دون)\b",
}
_DENIAL = {code: re.compile(pattern) for code, pattern in _DENYING.items()}
_BOUND = re.compile(r"\b(?:no|not) (?:more|less|fewer|later|earlier) than\b|\bnot only\b|\bno longer than\b")
_BOUNDED = re.compile(
    r"\b(?:than|least|most|over|under|above|below|up|exceed\w*|beyond|or (?:more|less|fewer|earlier|later)"
    r"|maxim\w+|minim\w+|limit\w*|much as|many as|within|until|by)\b",
    re.IGNORECASE,
)
_ANSWER_WORD = re.compile(r"^(?:yes|no)\b[,.:;]?\s*", re.IGNORECASE)


def contradictions(sentence: str, source: str) -> tuple[str, ...]:
    """Return what in a sentence the source contradicts, in words; empty if nothing does.

    `source` is the text of the cited paragraphs with their headings and dates.
    """
    claim = _ANSWER_WORD.sub("", sentence)
    found = (*_wrong_dates(claim, source), *_wrong_numbers(claim, source), *_wrong_names(claim, source))
    return (*found, *_wrong_quotes(claim, source), *_wrong_denial(claim, source))


def _wrong_dates(claim: str, source: str) -> Iterator[str]:
    """Yield the days and months that the source gives otherwise or not at all."""
    known = moments(source)
    for year, month, day in moments(claim):
        if month and not any(
            month == other_month
            and (not day or not other_day or day == other_day)
            and (not year or not other_year or year == other_year)
            for other_year, other_month, other_day in known
        ):
            yield f"the date {'-'.join(filter(None, (year, month.zfill(2), day.zfill(2) if day else '')))}"


def _wrong_numbers(claim: str, source: str) -> Iterator[str]:
    """Yield the numbers that the source lacks, or has only with another unit or another bound."""
    known: dict[str, list[Number]] = {}
    for number in read_numbers(source):
        known.setdefault(number.figure, []).append(number)
    in_dates = {part for moment in moments(source) for part in moment if part}
    claimed = read_numbers(claim)
    stated = [one.value for one in claimed if one.figure in known or not one.written[0].isdigit()]
    for number in claimed:
        same = known.get(number.figure, [])
        if not same:
            alike = [one.value for each in known.values() for one in each if one.unit == number.unit != ""]
            if number.figure in in_dates or _is_worked_out(number.value, stated + alike):
                continue
            if not _may_count(number, source):
                yield f"“{number.written}”"
        elif number.unit and all(one.unit and one.unit != number.unit for one in same):
            yield f"“{number.written} {number.unit}”"
        elif number.is_amount and not _BOUNDED.search(claim) and _is_bound(same):
            yield f"“{number.written}”, where the paragraph gives a bound"


def _is_bound(same: Sequence[Number]) -> bool:
    """Return whether a number is only given as a bound: "more than 120", "up to 5"."""
    return all(one.hedge in {"over", "under"} for one in same)


def _is_worked_out(value: float, stated: Sequence[float]) -> bool:
    """Return whether a value is the sum, difference or product of two of these values."""
    return any(
        math.isclose(value, worked_out)
        for one, other in combinations(stated, 2)
        for worked_out in (one + other, abs(one - other), one * other)
    )


def _may_count(number: Number, source: str) -> bool:
    """Return whether a small number in words may count things, none of which the source numbers."""
    if number.written[0].isdigit() or not number.value <= COUNTED:
        return number.written.casefold() == "one"
    counted = set(map(stem, number.after[:2]))
    return not any(counted & set(map(stem, other.after[:2])) for other in read_numbers(source))


def _wrong_names(claim: str, source: str) -> Iterator[str]:
    """Yield the names and codes that the source lacks in any form."""
    for name in absent(names(claim), forms(source), language(claim)):
        yield f"“{name}”"


def _wrong_quotes(claim: str, source: str) -> Iterator[str]:
    """Yield the quotations that do not stand in the source letter for letter."""
    plain = _plain(source)
    for quoted in _QUOTED.findall(claim):
        if _plain(quoted).strip(" .,;:!?…") not in plain:
            yield f"the quotation “{quoted}”"


def _wrong_denial(claim: str, source: str) -> Iterator[str]:
    """Yield a denial that the source's sentence of the same words lacks, or the lack of one that it has."""
    claimed, denies = content_stems(claim), _denials(claim)
    parts = [line[start:end] for line in source.splitlines() for start, end in sentences(line)]
    # A sentence may leave out words of its source, and then a denial that goes with them.
    same = [
        part for part in parts if claimed == content_stems(part) or (denies and claimed < content_stems(part))
    ]
    if len(claimed) >= FEW and same and all(_denials(part) != denies for part in same):
        yield "what it denies"


def _denials(text: str) -> bool:
    """Return whether a text denies something."""
    denial = _DENIAL.get(language(text))
    return denial is not None and denial.search(_BOUND.sub(" ", fold(text))) is not None


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", fold(text))
