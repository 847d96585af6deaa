"""The words and signs of a text with their classes: closed lists, numbers, names, and endings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.words import NUMBER_WORDS, STOPWORDS, sentences, stem, words

MOST = 200  # tokens read of a text

_TOKEN = re.compile(
    r"\d+(?:[.,:]\d+)*(?!\w)|(?:[A-Z]\.){2,}|\b[A-Z]\.(?=\s+[A-Z])"
    r"|[^\W_]+(?:[’'\-–/][^\W_]+)*(?:[’'](?=\s[A-Z]))?|[^\w\s]|_"
)
_CLOSED = {
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
    "month": "january february march april june july august september october november december monday"
    " tuesday wednesday thursday friday saturday sunday spring summer autumn winter bc ad bce century",
    "unit": "km kms mile miles metre meter metres meters kilometres kilometers feet foot inches acres"
    " hectares tons tonnes kg pounds degrees seconds minutes hours hour days day weeks months month years"
    " year decades percent dollars euros %",
    "num": "million billion thousand hundred trillion one dozen dozens",
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
_CLASSES |= dict.fromkeys(NUMBER_WORDS, "num")
_ENDINGS = (("ed", "verb", 5), ("ing", "ing", 6), ("ly", "adv", 5), ("s", "plural", 4))
_YEAR = re.compile(r"(?:1\d|20)\d\d")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign: its place in the text, its class, its stem, and where its sentence starts.

    `content` tells a word that carries meaning from one that only joins others.
    """

    start: int
    end: int
    text: str
    kind: str
    stem: str
    content: bool
    sentence: int


def tokenize(text: str) -> list[Token]:
    """The words and signs of a text in order, the first MOST."""
    found: list[Token] = []
    for begin, end in sentences(text):
        opening = True
        for match in _TOKEN.finditer(text, begin, end):
            if len(found) == MOST:
                return found
            written = match.group()
            first = next(iter(words(written)), written)
            content = first not in STOPWORDS and first[0].isalnum()
            found.append(Token(*match.span(), written, _class(written, opening), stem(first), content, begin))
            opening = opening and not written[0].isalnum()
    return found


def _class(word: str, opening: bool) -> str:
    """A word's class; "opening" is a capitalised word that opens its sentence, a name or not."""
    low = word.casefold()
    if low in _CLASSES:
        return "month" if word == "May" and not opening else _CLASSES[low]
    if word[0].isdigit():
        return "year" if _YEAR.fullmatch(word) else "num"
    if not word[0].isalnum():
        return "sym"
    if word[0].isupper():
        return "opening" if opening and word[1:].islower() else "name"
    for ending, name, least in _ENDINGS:
        if low.endswith(ending) and len(low) >= least and not low.endswith("ss"):
            return name
    return "word"
