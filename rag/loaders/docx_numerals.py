"""Numbers as Word's lists write them: letters, Roman and Chinese numerals, words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_ONES = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MOST_LETTERS = 30  # that a number may take
# fmt: off
_WORDS = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven",
    "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
)
# fmt: on
_TENS = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_ORDINALS = {
    "One": "First",
    "Two": "Second",
    "Three": "Third",
    "Five": "Fifth",
    "Eight": "Eighth",
    "Nine": "Ninth",
    "Twelve": "Twelfth",
}
_CHINESE = "〇一二三四五六七八九"


def _letters(number: int) -> str:
    """Return a, b, …, z, aa, bb, …"""
    repeats, letter = divmod(number - 1, 26)
    return chr(ord("a") + letter) * (repeats + 1) if 0 < number <= 26 * _MOST_LETTERS else str(number)


def _roman(number: int) -> str:
    if not 0 < number < 4000:
        return str(number)
    text = ""
    for worth, numeral in _ROMAN + _ROMAN_ONES:
        count, number = divmod(number, worth)
        text += numeral * count
    return text


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _cardinal_text(number: int) -> str:
    """Return "One", "Twenty-one"; figures from a hundred on."""
    if number < len(_WORDS):
        return _WORDS[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_WORDS[ones].lower()}" if ones else "") if number < 100 else str(number)


def _ordinal_text(number: int) -> str:
    """Return "First", "Twenty-first"; figures from a hundred on."""
    if number >= 100:
        return _ordinal(number)
    head, dash, last = _cardinal_text(number).rpartition("-")
    word = _ORDINALS.get(last.capitalize()) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head}-{word.lower()}" if dash else word


def _chinese(number: int) -> str:
    """Return 一, 十, 十二, 二十一; figures from a hundred on."""
    tens, ones = divmod(number, 10)
    if number >= 100:
        return str(number)
    ten = ("十" if tens == 1 else f"{_CHINESE[tens]}十") if tens else ""
    return ten + (_CHINESE[ones] if ones or not tens else "")


FORMATS: Mapping[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _ordinal,
    "cardinalText": _cardinal_text,
    "ordinalText": _ordinal_text,
    "none": lambda _number: "",
    **dict.fromkeys(
        (
            "chineseCounting",
            "chineseCountingThousand",
            "ideographDigital",
            "japaneseCounting",
            "taiwaneseCounting",
            "taiwaneseCountingThousand",
        ),
        _chinese,
    ),
}
