"""Rules that make lies and honest rewordings from a true sentence, for `fit_grounding`.

The numbers, dates, names, negations and sentences changed are those of `eval/judge/planted.py`; the rules
here are the kinds of lie that it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from eval.judge.planted import MAKERS, Fault, Material
from rag.text.names import runs
from rag.text.words import content_words

Change = Callable[[Material], str | None]  # None if the sentence doesn't allow the change

_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d|\b\d\b")
_PLAN = re.compile(r"\b(?:will|would|may|might|could|should|can)\b (?!not\b|have\b)(?:also )?")
_FACT = re.compile(r"\b(?:was|were|has|had|is|are)\b")
_UNCERTAIN = ("may be", "could be", "is planned to be")
_ADJECTIVES = "first largest only main oldest southern secret wooden royal annual".split()  # noqa: SIM905
_UNITS = """km miles, miles kilometres, million billion, billion million, percent million, % million,
years months, months weeks, days hours, hours days, minutes hours, metres feet, feet miles, tonnes pounds,
acres hectares"""
_OPPOSITES = """more less, less more, before after, after before, increased decreased, rose fell,
largest smallest, highest lowest, north south, east west, first last, early late, higher lower, above below,
won lost, began ended, oldest youngest, larger smaller, most least, increase decrease, northern southern,
western eastern"""
_SYNONYMS = """began started, started began, large big, also additionally, however but, many numerous,
used employed, built constructed, constructed built, received got, created made, located situated,
important significant, people persons, due owing, became turned, often frequently, approximately about,
two 2, three 3, four 4, five 5, seven 7, killed slain, help aid, nearly almost, city town, film movie,
troops soldiers, buy purchase, required needed, show demonstrate, shows demonstrates, usually typically,
primarily mainly, said stated, called named, main principal, famous well-known, begin start"""


def _pairs(listed: str) -> list[list[str]]:
    return [pair.split() for pair in listed.split(",")]


def swapped_numbers(given: Material) -> str | None:
    """Exchange two numbers of the sentence."""
    found = list(_NUMBER.finditer(given.text))
    if len(found) < 2 or found[0][0] == found[1][0]:
        return None
    return _exchange(given.text, found[0].span(), found[1].span())


def _exchange(text: str, one: tuple[int, int], two: tuple[int, int]) -> str:
    between = text[one[1] : two[0]]
    return text[: one[0]] + text[slice(*two)] + between + text[slice(*one)] + text[two[1] :]


def _first_changed(text: str, listed: str) -> str | None:
    for one, other in _pairs(listed):
        new = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", other, text, count=1)
        if new != text:
            return new
    return None


def swapped_names(given: Material) -> str | None:
    """Exchange two names of the sentence that have a verb and no "and" between them."""
    for one, two in pairwise(runs(given.text)):
        first, second = given.text.find(one), given.text.find(two)
        between = given.text[first + len(one) : second]
        if (
            0 <= first < second
            and re.search(r"\w{4,}", between)
            and not re.search(r"\band\b|\bor\b|,", between)
        ):
            return _exchange(given.text, (first, first + len(one)), (second, second + len(two)))
    return None


def made_uncertain(given: Material) -> str | None:
    """State a fact as a plan or a possibility."""
    return None if _PLAN.search(given.text) else _changed(given.text, _FACT, given.chance.choice(_UNCERTAIN))


def invented_end(given: Material) -> str | None:
    """Add a clause of another document."""
    clause = r"\b(?:which|who|because|and|after) [^,.;]{20,70}"
    found = [piece for other in given.others for piece in re.findall(clause, other.text)]
    return f"{given.text.rstrip(' .')}, {given.chance.choice(found).strip()}." if found else None


def mixed(given: Material) -> str | None:
    """Join the beginning of the sentence with the end of another one of its paragraph."""
    start = given.text.split()
    ends = [part.split() for part in given.here.split("\n") if part != given.text]
    ends = [end for end in ends if len(end) > 8]
    if len(start) < 8 or not ends:
        return None
    end = given.chance.choice(ends)
    return " ".join(start[: len(start) // 2] + end[len(end) // 2 :])


def wrong_word(given: Material) -> str | None:
    """Replace a common word with one from another sentence that has the same ending."""
    own = [word for word in re.findall(r"\b[a-z]{5,}\b", given.text) if content_words(word)]
    if not own:
        return None
    word = given.chance.choice(own)
    ending = next((end for end in ("ed", "ing", "s", "ly", "ion") if word.endswith(end)), "")
    texts = "\n".join([*(other.text for other in given.others), given.here])
    found = re.findall(rf"\b[a-z]{{4,}}{ending}\b", texts)
    like = [new for new in found if content_words(new) and new not in given.text]
    return re.sub(rf"\b{word}\b", given.chance.choice(like), given.text, count=1) if like else None


def added_adjective(given: Material) -> str | None:
    """Put an adjective that narrows or widens the sentence before a common word."""
    word = given.chance.choice(_ADJECTIVES)
    article = re.compile(r"\b(the|a) (?=[a-z]{4})")
    return None if word in given.text else _changed(given.text, article, rf"\1 {word} ")


def invented_quote(given: Material) -> str | None:
    """Add a quote that nobody said."""
    parts = [other.text for other in given.others if 4 < len(other.text.split()) < 14]
    return f"{given.text.rstrip(' .')}, “{given.chance.choice(parts).strip(' .')}”." if parts else None


def opening_last(given: Material) -> str | None:
    """Turn "In 1912, X did Y" into "X did Y in 1912"."""
    opening = r"((?:In|On|At|By|During|After|Since|Until|For) [^,]{4,40}), (.{15,}?)\.?$"
    found = re.match(opening, given.text)
    if not found or " " not in found[2]:
        return None
    return f"{found[2][0].upper()}{found[2][1:]} {found[1][0].lower()}{found[1][1:]}."


def synonyms(given: Material) -> str | None:
    """Replace common words with words that mean the same."""
    text = given.text
    for one, other in _pairs(_SYNONYMS):
        text = re.sub(rf"\b{one}\b", other, text)
    return text


def _changed(text: str, pattern: re.Pattern[str], new: str) -> str | None:
    return pattern.sub(new, text, count=1) if pattern.search(text) else None


def _shortened(given: Material, pattern: str, new: str) -> str | None:
    found = re.sub(pattern, new, given.text)
    return found[:1].upper() + found[1:] if len(found.split()) > 4 else None


_ASIDE = r" \([^)]*\)|, (?:which|who|where) [^,]{5,80},|, [^,]{5,40},(?= (?:was|is|were|had|has)\b)"
_START = r"^(?:However|Moreover|Also|Thus|Therefore|In addition|For example|Furthermore), "
_CLAUSE = r"(?:, (?:and|but|while|which)|;) .{15,}$"
REWORDINGS: Mapping[str, Change] = {
    "without_aside": lambda given: _shortened(given, _ASIDE, ""),
    "opening_last": opening_last,
    "without_start": lambda given: _shortened(given, _START, ""),
    "one_clause": lambda given: _shortened(given, _CLAUSE, "."),
    "synonyms": synonyms,
}
LIES: Mapping[str, Change] = {
    **{str(fault): MAKERS[fault] for fault in Fault},
    "swapped_numbers": swapped_numbers,
    "wrong_unit": lambda given: _first_changed(given.text, _UNITS),
    "opposite": lambda given: _first_changed(given.text, _OPPOSITES),
    "swapped_names": swapped_names,
    "made_certain": lambda given: _changed(given.text, _PLAN, ""),
    "made_uncertain": made_uncertain,
    "invented_end": invented_end,
    "mixed": mixed,
    "wrong_word": wrong_word,
    "added_adjective": added_adjective,
    "invented_quote": invented_quote,
}
