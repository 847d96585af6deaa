"""The judge's own reader of sentences, tokens, numbers, names, dates and negations."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
STEM = 6  # letters of a stem

_MARKS = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]*[A-Z0-9À-ÖØ-ÞА-Я])|\n+")
_SHORT = re.compile(
    r"(?:^|[\s(\"'“‘])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Gen|Col|Lt|Maj|Capt|Sgt|Gov|Sen|Rep|Rev|Hon|Jr|Sr|No|vs|etc"
    r"|Inc|Ltd|Co|Corp|approx|ca|cf|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|(?:[A-Za-z]\.)+[A-Za-z])$"
)
_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_NEGATING = """
not no never neither nor none nobody nothing nowhere cannot without hardly scarcely barely deny denies
denied denying refuse refuses refused fail fails failed lack lacks lacked unable false untrue
"""
_FUNCTION_WORDS = """
a an the and or but if of in on at to for from by with as is are was were be been being am do does did has
have had having it its he him his she her hers they them their theirs we us our you your i me my this that
these those there here which who whom whose what when where why how than then so such also too very just
about into over under after before between during through up down out off again more most some any each
other own same will would can could may might must shall should s t while because until
"""
_VALUES = {word: float(at) for at, word in enumerate(_UNITS.split())}
_VALUES |= {word: 20.0 + 10 * at for at, word in enumerate(_TENS.split())}
_VALUES |= {word: 1.0 + at for at, word in enumerate(_ORDINALS.split())}
_VALUES |= {"dozen": 12.0, "twice": 2.0, "half": 0.5}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_MONTHS = [name.casefold() for name in MONTHS]
_SHORT_MONTHS = {name[:3]: name for name in _MONTHS} | {"sept": "september"}
_DAYS = {name.casefold() for name in DAYS}
_NEGATIONS = set(_NEGATING.split())
_FUNCTION = set(_FUNCTION_WORDS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number, compared by its `stem`; `value` is a number's value, else None.

    `name`: it has a capital, but not because it is a sentence's first word.
    """

    stem: str
    value: float | None = None
    name: bool = False
    month: bool = False
    negation: bool = False

    @property
    def content(self) -> bool:
        """Whether it is a content word, unlike `the` or `was`."""
        return self.stem not in _FUNCTION and not self.negation


def statements(answer: str) -> tuple[str, ...]:
    """Return the sentences of an answer without citation marks; a mark such as [1] also ends a sentence."""
    parts = _MARKS.split(answer)
    return tuple(text for part in parts for text in sentences(part) if any(map(str.isalnum, text)))


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text, split at line ends and at full stops that don't end an abbreviation."""
    found, start = [], 0
    for match in _END.finditer(text):
        if match.group().startswith(".") and _SHORT.search(text[start : match.start()]):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    found.append(text[start:].strip())
    return tuple(part for part in found if part)


@lru_cache(maxsize=20_000)
def tokens(sentence: str) -> tuple[Token, ...]:
    """Return the tokens of a sentence; a number in several words is one token."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", sentence) if not unicodedata.combining(letter)
    )
    found: list[Token] = []
    words = [match.group() for match in _TOKEN.finditer(plain)]
    for at, word in enumerate(words):
        token = _token(word, opening=at == 0)
        if token.value is not None and found and (joined := _joined(found[-1], token, word, words[at - 1])):
            found[-1] = joined
        else:
            found.append(token)
    if len(found) > 1 and words[0][0].isupper() and found[1].name and found[0].content:
        found[0] = replace(found[0], name=found[0].value is None and not found[0].month)
    return tuple(found)


def words(sentence: str) -> tuple[tuple[str, int, int], ...]:
    """Return each word or number as written, with its start and end in the sentence."""
    return tuple((match.group(), match.start(), match.end()) for match in _TOKEN.finditer(sentence))


def is_content_word(word: str) -> bool:
    """Return whether a word is not a function word."""
    return word.casefold() not in _FUNCTION


def _token(word: str, opening: bool) -> Token:
    low = word.casefold().replace("’", "'")
    if word[0].isdigit():
        value = _number(low)
        return Token(repr(value), value)
    if low in _VALUES or low.removesuffix("s") in _SCALES:
        value = _VALUES.get(low) or _SCALES.get(low.removesuffix("s"), 0.0)
        return Token(repr(value), value)
    if low.endswith("n't"):
        return Token("not", negation=True)
    low = low.removesuffix("'s").removesuffix("'")
    if low in _NEGATIONS:
        return Token("not" if low in {"no", "cannot"} else low, negation=True)
    capital = word[0].isupper()
    month = capital and (low in _MONTHS or low in _DAYS or (low in _SHORT_MONTHS and low != "mar"))
    if month:
        return Token(_SHORT_MONTHS.get(low, low), name=False, month=True)
    name = capital and low not in _FUNCTION and (not opening or word.isupper())
    return Token(stem(low), name=name)


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
    bare = bare.replace(",", "") if whole else bare.replace(",", ".")
    parts = bare.split(".")
    return float(bare) if len(parts) <= 2 else float("".join(parts))


def _joined(before: Token, token: Token, word: str, word_before: str) -> Token | None:
    """Return twenty and five as 25, 3 and million as 3,000,000; None for two separate numbers."""
    if before.value is None or token.value is None:
        return None
    low = word.casefold().removesuffix("s")
    if low in _SCALES and before.value < _SCALES[low]:
        value = before.value * _SCALES[low]
    elif word_before.casefold() in _TENS.split() and token.value < 10 and not word[0].isdigit():
        value = before.value + token.value
    else:
        return None
    return Token(repr(value), value)
