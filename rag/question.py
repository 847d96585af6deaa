"""What a question asks for: its words, names and figures, and the kind of answer that would do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.names import names
from rag.words import content_words, figures, fold, numbers


class AnswerKind(StrEnum):
    """The kind of answer that a question expects."""

    PERSON = "person"
    PLACE = "place"
    TIME = "time"
    NUMBER = "number"
    REASON = "reason"
    THING = "thing"


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart; `words` are folded content words, `names` and `figures` as written."""

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    figures: frozenset[str]
    kind: AnswerKind
    wants_list: bool


_KINDS = (
    (
        AnswerKind.REASON,
        r"\bwhy\b|\bwhat (?:was|is|were|are) the (?:reasons?|causes?)\b|\bfor what reason|\bhow come\b",
    ),
    (
        AnswerKind.NUMBER,
        r"\bhow (?:many|much|long|old|far|large|big|tall|high|often|deep|fast|wide|heavy)\b"
        r"|\b(?:what|which) (?:number|percentage|percent|proportion|share|amount|sum|price|cost|age"
        r"|distance|population|total)\b",
    ),
    (
        AnswerKind.TIME,
        r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|season|time)\b"
        r"|\bhow (?:soon|recently)\b|\bsince what\b",
    ),
    (
        AnswerKind.PERSON,
        r"\bwho\b|\bwhom\b|\bwhose\b"
        r"|\b(?:what|which) (?:person|man|woman|president|minister|general|leader|king|queen|author)\b"
        r"|\bname of the (?:person|man|woman)\b",
    ),
    (
        AnswerKind.PLACE,
        r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|town|country|state|region|place|village|river"
        r"|continent|port|county|capital)\b",
    ),
)
_LIST = re.compile(
    r"^(?:list|name|enumerate)\b"
    r"|\b(?:which|what) (?:\w+ ){0,2}?(?:\w{3,}(?<!s)s|people|countries|companies|cities|reasons) "
    r"(?:did|do|have|has|had|are|were|will|would|can|remain\w*|stay\w*|\w+ed)\b"
    r"|\bwho (?:are|were)\b|\bwhat (?:are|were) (?:the|some|all)\b|\ball (?:the )?\w+s\b|\bexamples of\b"
)


def read_question(text: str) -> Question:
    """Takes a question apart by its words alone."""
    plain = fold(text)
    kind = next((kind for kind, pattern in _KINDS if re.search(pattern, plain)), AnswerKind.THING)
    return Question(
        text=text,
        words=tuple(content_words(text)),
        names=tuple(names(text)),
        figures=frozenset(figures(text)),
        kind=kind,
        wants_list=bool(_LIST.search(plain)),
    )


_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIMES = re.compile(
    rf"\b(?:1[0-9]|20)\d\d(?:s|\b)|\b{_MONTH}\s+\d|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\b|\bcentury\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b\d{1,2}(?::\d\d)?\s*[ap]\.?m\b|\byesterday\b|\btomorrow\b"
    r"|\b(?:last|next|this|early|late|mid)[ -](?:week|month|year|summer|spring|autumn|winter|january|february"
    r"|march|april|june|july|august|september|october|november|december)|\bsince\b|\byears? ago\b"
)
_REASONS = re.compile(
    r"\bbecause\b|\bdue to\b|\bas a result\b|\bin order to\b|\bso that\b|\bafter\b|\bsince\b|\bowing to\b"
    r"|\breasons?\b|\bcaused?\b|\bto (?:protect|avoid|prevent|help|allow|ensure|make|stop|give)\b|\bfears?\b"
    r"|\bciting\b|\bover\b|\bresponse to\b|\bgiven\b|\bin view of\b|\bas (?:it|they|he|she)\b"
)
_PLACES = re.compile(r"\b(?:in|at|near|to|from|of|outside|around|across|on|into) (?:the )?(?:\w+ )?[A-Z]\w+")


def answers_kind(question: Question, sentence: str) -> bool:
    """Whether a sentence holds something of the kind asked for that the question itself does not say."""
    if question.kind is AnswerKind.NUMBER:
        return bool(numbers(sentence) - question.figures)
    if question.kind is AnswerKind.TIME:
        return bool(_TIMES.search(fold(sentence)))
    if question.kind is AnswerKind.REASON:
        return bool(_REASONS.search(fold(sentence)))
    if question.kind in (AnswerKind.PERSON, AnswerKind.PLACE):
        asked = set(question.words)
        new = [name for name in names(sentence) if not asked.issuperset(content_words(name))]
        return bool(new) and (question.kind is AnswerKind.PERSON or bool(_PLACES.search(sentence)))
    return True
