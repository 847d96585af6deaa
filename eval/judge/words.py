"""The judge's own reader of sentences, words, numbers and names."""

from __future__ import annotations

import re
import unicodedata
from calendar import day_name, month_abbr, month_name
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import sentencex

STEM = 6  # letters of a stem

_MARKS = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_FUNCTION_WORDS = """a an the and or but if of in on at to for from by with as is are was were be been being
am do does did has have had having it its he him his she her hers they them their theirs we us our you your
i me my this that these those there here which who whom whose what when where why how than then so such also
too very just about into over under after before between during through up down out off again more most some
any each other own same will would can could may might must shall should s t while because until"""
_NEGATING = """not no never neither nor none nobody nothing nowhere cannot without hardly scarcely barely deny
denies denied denying refuse refuses refused fail fails failed lack lacks lacked unable false untrue"""
_FUNCTION, _NEGATIONS = set(_FUNCTION_WORDS.split()), set(_NEGATING.split())
_VALUES = {word: float(at) for at, word in enumerate(_UNITS.split())}
_VALUES |= {word: 20.0 + 10 * at for at, word in enumerate(_TENS.split())}
_VALUES |= {word: 1.0 + at for at, word in enumerate(_ORDINALS.split())} | {"dozen": 12.0, "half": 0.5}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_VALUES |= _SCALES | {f"{word}s": value for word, value in _SCALES.items()}
_MONTHS = dict(zip((*month_abbr[1:], "Sept"), (*month_name[1:], "September"), strict=True))
_DATES = {*month_name[1:], *day_name, *_MONTHS} - {"Mar", "May"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number, compared by its `stem`; `value` is a number's value, else None.

    `name`: it has a capital, but not because it is a sentence's first word.
    """

    stem: str
    value: float | None = None
    name: bool = False
    negation: bool = False

    @property
    def content(self) -> bool:
        """Whether it is a content word, unlike `the`, `was` or `not`."""
        return self.stem not in _FUNCTION and not self.negation


def statements(answer: str) -> tuple[str, ...]:
    """Return the sentences of an answer without citation marks; a mark such as [1] also ends a sentence."""
    return tuple(
        text for part in _MARKS.split(answer) for text in sentences(part) if any(map(str.isalnum, text))
    )


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text; the end of a line ends one too."""
    found = (part.strip() for line in text.splitlines() for part in sentencex.segment("en", line))
    return tuple(part for part in found if part)


@lru_cache(maxsize=20_000)
def tokens(sentence: str) -> tuple[Token, ...]:
    """Return the tokens of a sentence; a number in several words is one token."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", sentence) if not unicodedata.combining(one))
    words = _TOKEN.findall(plain)
    found = [_token(word, opens=not at) for at, word in enumerate(words)]
    for at, (word, after) in reversed(list(enumerate(pairwise(words)))):
        if (value := _joined(word, after, found[at].value, found[at + 1].value)) is not None:
            found[at : at + 2] = [Token(repr(value), value)]
    return tuple(found)


def _token(word: str, opens: bool) -> Token:
    low = word.casefold().replace("’", "'")
    if word[0].isdigit() or low in _VALUES:
        value = _VALUES[low] if low in _VALUES else _number(low)
        return Token(repr(value), value)
    low = "not" if low.endswith("n't") else low.removesuffix("'s").removesuffix("'")
    if low in _NEGATIONS:
        return Token("not" if low in {"no", "cannot"} else low, negation=True)
    is_date = word in _DATES
    name = is_date or (word[0].isupper() and low not in _FUNCTION and (not opens or word.isupper()))
    return Token(stem(_MONTHS[word].casefold() if is_date and word in _MONTHS else low), name=name)


def stem(word: str) -> str:
    """Return a rough stem: the word without common endings, cut to STEM letters."""
    if word in _FUNCTION:
        return word
    for ending in ("ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word.removesuffix(ending)
            break
    return word[:STEM].removesuffix("e") if len(word) > 3 else word


def _number(text: str) -> float:
    bare = re.sub(r"(?:st|nd|rd|th)$", "", text)
    whole = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", bare)
    bare = bare.replace(",", "" if whole else ".")
    return float(bare if bare.count(".") < 2 else bare.replace(".", ""))


def _joined(word: str, after: str, value: float | None, more: float | None) -> float | None:
    """Return 25 for twenty and five, 3,000,000 for 3 and million; None for two separate words or numbers."""
    if value is None or more is None:
        return None
    low = after.casefold()
    if (scale := _SCALES.get(low.removesuffix("s"))) and value < scale:
        return value * scale
    return value + more if word.casefold() in _TENS.split() and low in _VALUES and more < 10 else None
