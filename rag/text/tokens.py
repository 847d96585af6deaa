"""Words and signs of a text with their word classes, by word lists, capitals and endings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.vocabulary import MONTHS, NUMBER_WORDS, SCALES, STOPWORDS, UNITS, WEEKDAYS
from rag.text.words import WORD, sentences, stem, words

MAX_TOKENS = 200  # of a text; the rest is not read

# Numbers and codes whole ("1,250.50", "2.5k", "v2.5", "4.2(b)", "--max-old"), initials, words, signs.
_TOKEN = re.compile(
    r"[A-Za-z]?\d+(?:[.,:]\d+)*+[^\W\d_]*+(?:\(\w{1,2}\))?+(?![\w’'\-–/])|\d+(?:[.,:]\d+)*(?!\w)"
    r"|(?:[A-Z]\.){2,}|\b[A-Z]\.(?=\s+[A-Z])|(?<!\S)--[a-z][\w-]*"
    rf"|{WORD.pattern}(?:[\-–/]{WORD.pattern})*(?:[’'](?=\s[A-Z]))?|[^\w\s]|_"
)
# Forms of units that mostly mean something else.
_NO_UNITS = frozenset("second secs minute pound s m h g b ms w v in mi ha lira lb oz rand".split())  # noqa: SIM905
_CLOSED = {
    # Later classes take precedence: "may" is an auxiliary here, "$" money.
    "month": f"{' '.join((*MONTHS, *WEEKDAYS))} spring summer autumn winter bc ad bce century",
    "det": "a an the this that these those his her its their our my your some any each every no another such",
    "prep": "of in on at by for from with to into over under about after before during between among against"
    " through as until since within without across toward towards near around upon onto per via than like"
    " including",
    "conj": "and or but nor",
    "aux": "is was are were be been being am has have had having do does did will would can could may might"
    " must shall should not",
    "pron": "he she it they we i you him them us me who which whom whose what where when there himself itself"
    " themselves",
    "sub": "because so although though while if whether unless however then also therefore thus why how",
    "unit": " ".join(form.casefold() for form in UNITS if form not in _NO_UNITS),
    "num": f"{' '.join((*NUMBER_WORDS, *SCALES))} one dozens",
    "verb": "became began said made won led held took gave found came went left lost built wrote saw got ran"
    " met kept brought sent put fell rose grew drew stood spent sold paid knew known thought told felt says"
    " include includes consists contains makes uses gives means allows provides remains",
    "comma": ", – —",
    "open": "( [",
    "close": ") ]",
    "end": ". ; : ? ! …",
    "quote": '" “ ” « » „',
    "money": "$ £ € ¥",
}
_CLASSES = {word: name for name, listed in _CLOSED.items() for word in listed.split()}
_ENDINGS = (("ed", "verb", 5), ("ing", "ing", 6), ("ly", "adv", 5), ("s", "plural", 4))
_YEAR = re.compile(r"(?:1\d|20)\d\d")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign with its place, class, stem and the start of its sentence.

    `content` is True for a word that carries meaning, False for one that only joins others.
    """

    start: int
    end: int
    text: str
    kind: str
    stem: str
    content: bool
    sentence: int


def tokenize(text: str) -> list[Token]:
    """Return the first MAX_TOKENS words and signs of a text."""
    found: list[Token] = []
    for begin, end in sentences(text):
        opening = True
        for match in _TOKEN.finditer(text, begin, end):
            if len(found) == MAX_TOKENS:
                return found
            written = match.group()
            first = next(iter(words(written)), written)
            content = first not in STOPWORDS and first[0].isalnum()
            found.append(Token(*match.span(), written, _class(written, opening), stem(first), content, begin))
            opening = opening and not written[0].isalnum()
    return found


def _class(word: str, opening: bool) -> str:
    """Return the class of a word; "opening" for a capitalised first word, which may be a name."""
    low = word.casefold()
    if low in _CLASSES:
        return "month" if word == "May" and not opening else _CLASSES[low]
    if word[0].isdecimal():
        return "year" if _YEAR.fullmatch(word) else "num"
    if not word.lstrip("-")[:1].isalnum():
        return "sym"
    if word[0].isupper():
        return "opening" if opening and word[1:].islower() else "name"
    for ending, name, least in _ENDINGS:
        if low.endswith(ending) and len(low) >= least and not low.endswith("ss"):
            return name
    return "word"
