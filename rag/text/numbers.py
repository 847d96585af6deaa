"""Numbers in a text, in digits or words, with their unit, their hedge and the words beside them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from rag.text.language import COMMA_DECIMALS, language
from rag.text.vocabulary import (
    CURRENCIES,
    HEDGE,
    MONTHS,
    NUMBER_WORDS,
    SCALES,
    SHORT_SCALES,
    STOPWORDS,
    UNITS,
)
from rag.text.words import UNSPACED_SIGNS, words

_SMALL = "|".join(word for word, value in NUMBER_WORDS.items() if len(value) == 1)
_TENS = "|".join(word for word, value in NUMBER_WORDS.items() if len(value) == 2 and value[1] == "0")
_LETTER = rf"(?![{UNSPACED_SIGNS}])\w"  # or digit, of a script that puts spaces between words
# A token with digits that starts with a letter ("E-1042", "v2.5", "F-16") is a code.
_FOUND = re.compile(
    rf"""(?<!\w)(?:(?P<tens>{_TENS})[\s-](?P<small>{_SMALL}|one)|(?P<word>{"|".join(NUMBER_WORDS)}|one|dozen))(?!\w)
      |(?<![./-])(?<!{_LETTER})(?={_LETTER}(?:{_LETTER}|[./-])*\d)(?!\d){_LETTER}+(?:[-./_]+{_LETTER}+)*
      |(?<![.,])(?<!{_LETTER})(?<![^\W\d_]-)(?P<section>§\s?)?
       (?P<digits>\d++(?:[.,:]\d++|[\u202f\u00a0]\d{{3}}(?!\d))*+)
       (?P<suffix>(?:(?!\d){_LETTER})*+(?:\(\w{{1,2}}\)|-(?=\w{{1,3}}(?!\w))(?-i:[A-Z\d]*[A-Z][A-Z\d]*))?+)
       (?!{_LETTER})""",
    re.IGNORECASE | re.VERBOSE,
)
_THOUSANDS = re.compile(r"(?<=\d)[,\u202f\u00a0](?=\d{3}(?!\d))")
_DOTTED_THOUSANDS = re.compile(r"(?<=\d)[.\u202f\u00a0](?=\d{3}(?!\d))")
_SCALE = re.compile(rf"(?:[\s-]?({'|'.join(SCALES)})|\s?([^\W\d_]{{1,3}}))(?!\w)", re.IGNORECASE)
_UNIT = re.compile(r"[\s-]?(?:(square|cubic|sq)[\s-])?(per cent|[^\W\d_]+|[%°$€£¥₹₴])")
_OF_COUNTRY = re.compile(r"\s?[A-Z][\w.]*(?=\s)")  # "8 million US dollars"
_PER = re.compile(r"\s?(?:/|per)\s?([^\W\d_]+)")
_CURRENCY = re.compile(r"([$€£¥₹₴]|\b[A-Z]{3})\s?$")
_PEOPLE = frozenset(("people", "men", "women", "children"))
_SIGN = re.compile(r"[^\w\s'’-]|\d|(?<=\s)-(?=\s)|_")
_UPPER = re.compile(
    rf"\s?(?:to|or|-|–)\s?[$€£¥₹₴]?(\d+(?:\.\d+)?)[\s-]?({'|'.join(SCALES)})(?!\w)", re.IGNORECASE
)
_SIMPLE = re.compile(r"\d+(?:[.,]\d+)?")
_NEXT = re.compile(r"\s([^\W\d_]+)")
_PLURAL = re.compile(r"[^s]s$")
_MONEY = "$€£¥₹₴§ "
_LABELS = frozenset(("st", "nd", "rd", "th", "s", "am", "pm"))
# Words that end what a number counts.
_BORDERS = frozenset(
    """when while as that which who whom whose what where there if whether unless because although though
    and or nor but after before than until since so however then also therefore thus why how
    he she it they we i you him them us me himself itself themselves""".split()  # noqa: SIM905
)
_REACH = 120  # characters read on each side of a number, for the words beside it
_AFTER, _BEFORE = 6, 3  # words kept after and before it


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text.

    `figure`: its digits, the same for every spelling ("2500" for "2.5k"); equal figures mean equal numbers.
    `value`: nan for a code. `unit`: its name ("kilometre"), "" for none.
    `ahead`, `behind`: the text beside it.
    `is_amount`: False for a label: a time of day, ordinal, decade, version or section.
    """

    start: int
    end: int
    written: str
    figure: str
    value: float
    unit: str
    ahead: str
    behind: str
    is_amount: bool

    @property
    def hedge(self) -> str:
        """Return "over", "under" or "about", or "" if the number is exact."""
        hedge = HEDGE.search(self.ahead)
        return hedge.lastgroup or "" if hedge else ""

    @property
    def before(self) -> tuple[str, ...]:
        """Return the folded words before it, the nearest first, up to a sign, a number or another clause."""
        clause = words(_SIGN.split(self.ahead.rstrip(_MONEY))[-1])
        return tuple(takewhile(_is_beside, reversed(clause)))[:_BEFORE]

    @property
    def after(self) -> tuple[str, ...]:
        """Return the folded words after it, as in `before`."""
        clause = words(_SIGN.split(self.behind.lstrip("%° "), maxsplit=1)[0])
        return tuple(takewhile(_is_beside, clause))[:_AFTER]


def figures(text: str) -> set[str]:
    """Return the figures of the numbers written in digits, years and ordinals included."""
    return {number.figure for number in read_numbers(text) if not number.written[0].isalpha()}


def numbers(text: str) -> set[str]:
    """Return the figures of all numbers, except of the word "one": it is rarely a count."""
    return {number.figure for number in read_numbers(text) if number.written.casefold() != "one"}


@lru_cache(maxsize=4096)
def read_numbers(text: str) -> tuple[Number, ...]:
    """Return the numbers of a text in order."""
    found: list[Number] = []
    for match in _FOUND.finditer(text):
        inside = found and match.start() < found[-1].end  # "two dozen" is one number
        if match.lastgroup and not inside:
            plain = _plain(match["digits"], language(text)) if match["digits"] else _spelt(match)
            found.append(_read_label(text, match, plain) or _read_amount(text, match, plain))
    return tuple(found)


def _plain(digits: str, code: str) -> str:
    """Return a number without its thousands' signs and with a decimal point, as its language writes it."""
    if code in COMMA_DECIMALS:
        return _DOTTED_THOUSANDS.sub("", digits).replace(",", ".")
    return _THOUSANDS.sub("", digits)


def _read_label(text: str, match: re.Match[str], plain: str) -> Number | None:
    """Return a number that names rather than counts: "§ 4.2(b)", "6:34", "58th", "16A"; None if it counts."""
    if match["digits"] is None:
        return None
    suffix = match["suffix"].casefold()
    is_simple = bool(_SIMPLE.fullmatch(plain)) and not match["section"]
    known = not suffix or _scale(text, match.end("digits"), _currency_before(text, match.start()))[0] > 1
    if is_simple and suffix not in _LABELS and (known or _unit_name(match["suffix"])):
        return None
    figure = plain if suffix in _LABELS else plain + suffix
    value = _float(plain) if is_simple and suffix in _LABELS else math.nan
    return _number(text, match.span(), figure, value, unit="", is_amount=False)


def _read_amount(text: str, match: re.Match[str], plain: str) -> Number:
    digits, currency = match["digits"], _currency_before(text, match.start())
    scale, end = _scale(text, match.end("digits") if digits else match.end(), currency)
    if scale == 1 and (upper := _UPPER.match(text, end)) and _float(plain) < _float(upper[1]):
        scale = SCALES[upper[2].casefold()]  # "40 to 50 million"
    value = round(_float(plain) * scale, 6)
    figure = plain if scale == 1 else f"{value:.0f}" if value.is_integer() else repr(value)
    unit = currency or _unit_after(text, end)
    return _number(text, (match.start(), end), figure, value, unit=unit, is_amount=True)


def _number(
    text: str, span: tuple[int, int], figure: str, value: float, *, unit: str, is_amount: bool
) -> Number:
    start, end = span
    return Number(
        start=start,
        end=end,
        written=text[start:end],
        figure=figure,
        value=value,
        unit=unit,
        ahead=text[max(0, start - _REACH) : start],
        behind=text[end : end + _REACH],
        is_amount=is_amount,
    )


def _is_beside(word: str) -> bool:
    """Return whether a word belongs to the number beside it: no border, no month, no other number."""
    return not (word in _BORDERS or word in MONTHS or word.isdecimal())


def _spelt(match: re.Match[str]) -> str:
    """Return the digits of a number word or of a pair such as "twenty-five"."""
    tens, word = (match["tens"] or "").casefold(), (match["small"] or match["word"]).casefold()
    value = {"one": 1, "dozen": 12}.get(word) or int(NUMBER_WORDS[word])
    return str(int(NUMBER_WORDS.get(tens, "0")) + value)


def _float(plain: str) -> float:
    return float(plain.replace(",", "."))


def _scale(text: str, at: int, currency: str) -> tuple[int, int]:
    """Return the product of the scales after a number ("2.5k", "26.7 million"; 1 for none), and their end."""
    scale = 1
    while match := _SCALE.match(text, at):
        word = (match[1] or match[2]).casefold()
        factor = SCALES.get(word) or SHORT_SCALES.get(word)
        if not factor or (len(word) == 1 and not (currency or _is_short_scale(text, match))):
            break
        scale, at = scale * factor, match.end()
    return scale, at


def _is_short_scale(text: str, scale: re.Match[str]) -> bool:
    """Return whether a letter is a scale: it is in "4k" and "5m users", but "20m" alone is in metres."""
    if scale[0].casefold() == "k":
        return True
    match = _NEXT.match(text, scale.end())
    word = match[1].casefold() if match else ""
    return word in CURRENCIES or word in _PEOPLE or bool(_PLURAL.search(word) and word not in STOPWORDS)


def _currency_before(text: str, start: int) -> str:
    match = _CURRENCY.search(text, max(0, start - 4), start)
    return CURRENCIES.get(match[1].casefold(), "") if match else ""


def _unit_after(text: str, at: int) -> str:
    """Return the unit after a number: "square kilometre", "kilometre per hour"; "" for none."""
    match = _UNIT.match(text, at)
    name = _unit_name(match[2]) if match else ""
    if match and not name and (country := _OF_COUNTRY.match(text, at)):
        match = _UNIT.match(text, country.end())
        name = CURRENCIES.get(match[2].casefold(), "") if match else ""
    if not match or not name:
        return ""
    kind = {"square": "square ", "sq": "square ", "cubic": "cubic "}.get(match[1] or "", "")
    per = _PER.match(text, match.end())
    return f"{kind}{name}" + (f" per {other}" if per and (other := _unit_name(per[1])) else "")


def _unit_name(form: str) -> str:
    """Return the name of a unit, "" for none; short forms are case-sensitive: "MB", "m", "W"."""
    return UNITS.get(form) or (UNITS.get(form.casefold(), "") if len(form) > 2 else "")
