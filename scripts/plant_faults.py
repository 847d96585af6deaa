"""Lies made by rule from a true sentence, and honest rewordings: what `fit_grounding.py` learns from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from rag.text.names import runs
from rag.text.words import content_words

Change = Callable[[str, Sequence[str], Sequence[str], random.Random], str | None]

_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
_MONTHS = "January February March April June July August September October November December".split()  # noqa: SIM905
_AUX = re.compile(r"\b(is|are|was|were|has|have|had|will|would|can|could|may|might|must|should)\b(?! not\b)")
_NOT = re.compile(
    r"\b(is|are|was|were|has|have|had|will|would|could|did|does|do|can) not\b|\bnever\b|n['’]t\b"
)
_PLAN = re.compile(r"\b(?:will|would|may|might|could|should|can)\b (?!not\b|have\b)(?:also )?")
_PAST = re.compile(r"\b(was|were|has|had|is|are)\b")
_UNITS = (
    "km miles",
    "miles kilometres",
    "million billion",
    "billion million",
    "percent million",
    "% million",
    "years months",
    "months weeks",
    "days hours",
    "hours days",
    "minutes hours",
    "metres feet",
    "feet miles",
    "tonnes pounds",
    "acres hectares",
)
_TURNS = (
    "more less",
    "less more",
    "before after",
    "after before",
    "increased decreased",
    "rose fell",
    "largest smallest",
    "highest lowest",
    "north south",
    "east west",
    "first last",
    "early late",
    "higher lower",
    "above below",
    "won lost",
    "began ended",
    "oldest youngest",
    "larger smaller",
    "most least",
    "increase decrease",
    "northern southern",
    "western eastern",
)


def wrong_number(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """A figure of the sentence made another, at times one of its own paragraph."""
    found = list(re.finditer(r"(?<![\w.,])\d[\d,.]*\d|\b\d\b", text))
    if not found:
        return None
    chosen = chance.choice(found)
    nearby = [
        n for part in around for n in re.findall(r"(?<![\w.,])\d[\d,.]*\d|\b\d\b", part) if n not in text
    ]
    new = chance.choice(nearby) if nearby and chance.random() < 0.5 else _moved(chosen[0], chance)
    return text[: chosen.start()] + new + text[chosen.end() :]


def _moved(digits: str, chance: random.Random) -> str:
    at = chance.choice([at for at, sign in enumerate(digits) if sign.isdigit()])
    new = str((int(digits[at]) + chance.randint(1, 8)) % 10)
    return digits[:at] + ("9" if new == "0" and at == 0 else new) + digits[at + 1 :]


def swapped_numbers(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """Two figures of the sentence changed about."""
    found = list(re.finditer(r"(?<![\w.,])\d[\d,.]*\d|\b\d\b", text))
    if len(found) < 2 or found[0][0] == found[1][0]:
        return None
    return _exchange(text, found[0].span(), found[1].span())


def _exchange(text: str, one: tuple[int, int], two: tuple[int, int]) -> str:
    return (
        text[: one[0]]
        + text[two[0] : two[1]]
        + text[one[1] : two[0]]
        + text[one[0] : one[1]]
        + text[two[1] :]
    )


def wrong_date(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """Another month, weekday or year."""
    for listed in (_MONTHS, _WEEKDAYS):
        for word in listed:
            if re.search(rf"\b{word}\b", text):
                return re.sub(
                    rf"\b{word}\b", chance.choice([other for other in listed if other != word]), text
                )
    year = re.search(r"\b(1[5-9]\d\d|20[0-2]\d)\b", text)
    return (
        text[: year.start()] + str(int(year[0]) + chance.randint(1, 9)) + text[year.end() :] if year else None
    )


def wrong_unit(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """Another measure or scale."""
    return _turned(text, _UNITS)


def _turned(text: str, pairs: Sequence[str]) -> str | None:
    for one, other in map(str.split, pairs):
        sign = re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text)
        if sign:
            return text[: sign.start()] + other + text[sign.end() :]
    return None


def wrong_side(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A comparison or direction turned."""
    return _turned(text, _TURNS)


def near_name(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A name made another of the same paragraph."""
    return _renamed(text, [run for part in around for run in runs(part)], chance)


def far_name(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A name made one of another document."""
    return _renamed(text, [run for part in others for run in runs(part)], chance)


def _renamed(text: str, names: Sequence[str], chance: random.Random) -> str | None:
    own = runs(text)
    new = [name for name in names if not set(name.split()) & set(text.split())]
    if not own or not new:
        return None
    return text.replace(chance.choice(own), chance.choice(new), 1)


def swapped_names(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """Two names of the sentence changed about, with a verb between them and no "and"."""
    own = runs(text)
    for one, two in pairwise(own):
        first, second = text.find(one), text.find(two)
        between = text[first + len(one) : second]
        if (
            0 <= first < second
            and re.search(r"\w{4,}", between)
            and not re.search(r"\b(?:and|or)\b|,", between)
        ):
            return _exchange(text, (first, first + len(one)), (second, second + len(two)))
    return None


def denied(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A "not" put in."""
    sign = _AUX.search(text)
    return text[: sign.end()] + " not" + text[sign.end() :] if sign else None


def affirmed(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A "not" taken out."""
    sign = _NOT.search(text)
    if not sign:
        return None
    return text[: sign.start()] + (sign[1] or "") + text[sign.end() :]


def made_sure(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """What may or will be told as a fact."""
    sign = _PLAN.search(text)
    return text[: sign.start()] + text[sign.end() :] if sign else None


def made_unsure(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A fact told as what may be, or is planned."""
    sign = _PAST.search(text)
    if not sign or _PLAN.search(text):
        return None
    return (
        text[: sign.start()] + chance.choice(["may be", "could be", "is planned to be"]) + text[sign.end() :]
    )


def invented_end(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """A clause of another document added."""
    pieces = [
        piece
        for part in others
        for piece in re.findall(r"\b(?:which|who|because|and|after) [^,.;]{20,70}", part)
    ]
    return f"{text.rstrip(' .')}, {chance.choice(pieces).strip()}." if pieces else None


def mixed(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """The beginning of the sentence with the end of another of its paragraph."""
    parts = [part for part in around if part != text and len(part.split()) > 8]
    if len(text.split()) < 8 or not parts:
        return None
    end = chance.choice(parts).split()
    start = text.split()
    return " ".join(start[: len(start) // 2] + end[len(end) // 2 :])


def wrong_word(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A plain word made one of another sentence, with the same ending."""
    own = [word for word in re.findall(r"\b[a-z]{5,}\b", text) if content_words(word)]
    pool = [*others, *around]
    if not own:
        return None
    word = chance.choice(own)
    ending = next((end for end in ("ed", "ing", "s", "ly", "ion") if word.endswith(end)), "")
    like = [new for part in pool for new in re.findall(rf"\b[a-z]{{4,}}{ending}\b", part)]
    like = [new for new in like if content_words(new) and new not in text]
    return re.sub(rf"\b{word}\b", chance.choice(like), text, count=1) if like else None


def added_word(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A word that narrows or widens the sentence put before a plain one."""
    sign = re.search(r"\b(?:the|a) (?=[a-z]{4})", text)
    if not sign:
        return None
    word = chance.choice(
        ("first", "largest", "only", "main", "oldest", "southern", "secret", "wooden", "royal", "annual")
    )
    return None if word in text else text[: sign.end()] + f"{word} " + text[sign.end() :]


def quoted(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """A quote that nobody said."""
    parts = [part for part in others if 4 < len(part.split()) < 14]
    return f"{text.rstrip(' .')}, “{chance.choice(parts).strip(' .')}”." if parts else None


def other_sentence(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """A sentence of another paragraph of the same or another document."""
    return chance.choice(list(others)) if others else None


LIES: tuple[Change, ...] = (
    wrong_number,
    swapped_numbers,
    wrong_date,
    wrong_unit,
    wrong_side,
    near_name,
    far_name,
    swapped_names,
    denied,
    affirmed,
    made_sure,
    made_unsure,
    invented_end,
    mixed,
    wrong_word,
    added_word,
    quoted,
    other_sentence,
)


def without_aside(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """What stands in brackets or between commas left out."""
    return _changed(
        text, r" \([^)]*\)|, (?:which|who|where) [^,]{5,80},|, [^,]{5,40},(?= (?:was|is|were|had|has)\b)", ""
    )


def opening_last(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """ "In 1912, X did Y" as "X did Y in 1912"."""
    sign = re.match(r"((?:In|On|At|By|During|After|Since|Until|For) [^,]{4,40}), (.{15,}?)\.?$", text)
    if not sign or " " not in sign[2]:
        return None
    return f"{sign[2][0].upper()}{sign[2][1:]} {sign[1][0].lower()}{sign[1][1:]}."


def without_start(
    text: str, around: Sequence[str], others: Sequence[str], chance: random.Random
) -> str | None:
    """ "However, X" as "X"."""
    return _changed(
        text, r"^(?:However|Moreover|Also|Thus|Therefore|In addition|For example|Furthermore), ", ""
    )


def one_clause(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """What stands before "and" or "but" and a verb, or before a semicolon."""
    return _changed(text, r"(?:, (?:and|but|while|which)|;) .{15,}$", ".")


def other_words(text: str, around: Sequence[str], others: Sequence[str], chance: random.Random) -> str | None:
    """Plain words made others that mean the same."""
    new = text
    for one, other in map(str.split, _SAME):
        new = re.sub(rf"\b{one}\b", other, new)
    return new if new != text else None


def _changed(text: str, pattern: str, new: str) -> str | None:
    found = re.sub(pattern, new, text)
    found = found[:1].upper() + found[1:]
    return found if found != text and len(found.split()) > 4 else None


_SAME = (
    "began started",
    "started began",
    "large big",
    "also additionally",
    "however but",
    "many numerous",
    "used employed",
    "built constructed",
    "constructed built",
    "received got",
    "created made",
    "located situated",
    "important significant",
    "people persons",
    "due owing",
    "became turned",
    "often frequently",
    "approximately about",
    "two 2",
    "three 3",
    "four 4",
    "five 5",
    "seven 7",
    "killed slain",
    "help aid",
    "nearly almost",
    "city town",
    "film movie",
    "troops soldiers",
    "buy purchase",
    "required needed",
    "show demonstrate",
    "shows demonstrates",
    "usually typically",
    "primarily mainly",
    "said stated",
    "called named",
    "main principal",
    "famous well-known",
    "begin start",
)
REWORDINGS: tuple[Change, ...] = (without_aside, opening_last, without_start, one_clause, other_words)
