"""An analysed question: its words, names and figures, and the kind of answer that it expects."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from rag.query.when import When, read_when
from rag.text.dates import MONTH
from rag.text.folding import fold
from rag.text.language import ENGLISH, language
from rag.text.names import base, names, runs
from rag.text.numbers import figures, numbers, read_numbers
from rag.text.vocabulary import CURRENCIES, MONTHS, WEEKDAYS
from rag.text.words import content_words, words


class Shape(StrEnum):
    """The shape of the answer that a question expects."""

    ANSWER = "answer"
    LIST = "list"
    STEPS = "steps"
    COMPARISON = "comparison"
    SECTION = "section"


class AnswerKind(StrEnum):
    """The kind of answer that a question expects."""

    PERSON = "person"
    PLACE = "place"
    TIME = "time"
    NUMBER = "number"
    SIZE = "size"
    AGE = "age"
    LIST = "list"
    REASON = "reason"
    THING = "thing"


@dataclass(frozen=True, slots=True)
class Question:
    """An analysed question.

    `words`: folded content words. `names`: as written. `figures`: its numbers, as `Number.figure`.
    `confirms`: whether it asks if a statement of its own is right, whose numbers may be wrong.
    `topic`: the text without words such as "latest" that only give the time. `when`: that time.
    `language`: the code of the language that it is in.
    """

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    figures: frozenset[str]
    kind: AnswerKind
    shape: Shape
    confirms: bool
    topic: str
    when: When
    language: str = ENGLISH


# The pattern that matches earliest in the question decides.
_WHAT = r"\b(?:what|which) (?:(?!of\b)\w+ ){0,2}?"
_KINDS = {
    AnswerKind.REASON: r"\bwhy\b|\bhow come\b|\bfor what reason"
    r"|\bwhat (?:was|is|were|are) the (?:reasons?|causes?)\b",
    AnswerKind.AGE: r"\bhow old\b|\bwhat age\b",
    AnswerKind.SIZE: r"\bhow (?:long|far|large|big|tall|high|deep|wide|heavy|fast)\b",
    AnswerKind.NUMBER: r"\bhow (?:many|much|often)\b"
    + f"|{_WHAT}(?:number|percentage|percent|proportion|share|amount|sum|price|cost|distance)s?\\b"
    + f"|{_WHAT}(?:total|score|rate)s?\\b"
    + r"|\bwhat (?:is|was|were|are) (?:the |its |their )?(?:[\w']+ )?"
    + r"(?:population|number|price|cost|total|score|toll|figures? for)\b"
    + r"|\bwhat (?:do|does|did|would|will) (?:[\w'-]+ ){1,6}(?:cost|weigh)\b",
    AnswerKind.TIME: r"\bwhen\b|\bhow (?:soon|recently)\b|\bsince what\b"
    + f"|{_WHAT}(?:year|date|day|month|century|decade|season|time)s?\\b",
    AnswerKind.PERSON: r"\bwho\b|\bwhom\b|\bwhose\b|\bname of the (?:person|man|woman|leader)\b"
    + f"|{_WHAT}(?:person|man|woman|president|minister|general|leader|king|queen|author|player)\\b"
    + f"|{_WHAT}(?:actor|actress|singer|artist|coach|scientist|official|governor|mayor)\\b"
    + f"|{_WHAT}(?:spokes\\w+|commander)\\b",
    AnswerKind.PLACE: r"\bwhere\b"
    + f"|{_WHAT}(?:city|town|country|nation|state|region|place|village|river)\\b"
    + f"|{_WHAT}(?:continent|port|county|capital)\\b",
}
_LIST = re.compile(
    r"^(?:please )?(?:list|name|enumerate)\b"
    r"|\bwhat (?:should|must|can|may) \w+ (?:bring|take|pack|wear|include)\b"
    r"|\b(?:which|what) (?:\w+ ){0,2}?(?:\w{3,}(?<!s)s|people|countries|companies|cities|reasons) "
    r"(?:did|do|have|has|had|are|were|will|would|can|remain\w*|stay\w*|\w+ed)\b"
    r"|\bwho (?:are|were)\b|\bwhat (?:are|were) (?:the|some|all)\b|\ball (?:the )?\w+s\b|\bexamples of\b"
)


_STEPS = re.compile(
    r"\bhow (?:do|can|could|should|would|must|shall|does|to)\b(?! (?:you )?(?:\w+ )?(?:differ|compare))"
    r"|\bwhat (?:should|must|do|shall|can) (?:i|we|you|one|people|they) (?:have to |need to )?do\b"
    r"|\b(?:steps|procedure|instructions|walk me through)\b"
)
_COMPARISON = re.compile(
    r"\bcompar(?:e|ed|ing|ison)\b|\bdiffer(?:s|ence|ences)?\b|\b(?:vs|versus)\b|\bbetter\b.* or "
    r"|\b(?:both|cheaper|dearer|faster|longer|larger|bigger|higher|lower|shorter|more expensive)\b.*"
    r"\b(?:or|and|than)\b"
)
_SECTION = re.compile(
    r"\bwhat (?:does|do|did)\b.+\b(?:say|state|tell)\b|\bwhat (?:is|was) said (?:on|about)\b"
)
_CONFIRMS = re.compile(r"\b(?:right|correct|true|isn't it|is that so|am i right)\W*$|^(?:so|is it true)\b")
_SHAPES = {
    Shape.SECTION: _SECTION,
    Shape.COMPARISON: _COMPARISON,
    Shape.STEPS: _STEPS,
    Shape.LIST: _LIST,
}


def read_question(text: str) -> Question:
    """Return the question analysed by rules."""
    plain, (topic, when) = fold(text), read_when(text)
    found = [
        (match.start(), kind) for kind, pattern in _KINDS.items() if (match := re.search(pattern, plain))
    ]
    shape = next((shape for shape, pattern in _SHAPES.items() if pattern.search(plain)), Shape.ANSWER)
    listed = shape is Shape.LIST
    kind = min(found)[1] if found else AnswerKind.LIST if listed else AnswerKind.THING
    return Question(
        text=text,
        words=tuple(content_words(topic)),
        names=tuple(names(topic)),
        figures=frozenset(figures(topic)),
        kind=kind,
        shape=shape,
        confirms=bool(_CONFIRMS.search(plain)),
        topic=topic,
        when=when,
        language=language(text),
    )


def without_time(question: Question) -> Question:
    """Return the question without the time that it asks about."""
    return replace(
        question,
        words=tuple(word for word in question.words if word not in question.when.named),
        figures=question.figures - question.when.named,
        when=When(),
    )


_DAY_NAMES, _MONTH_NAMES = "|".join(WEEKDAYS), "|".join(MONTHS)
_TIMES = re.compile(
    rf"\b(?:1[0-9]|20)\d\d(?:s|\b)|\b{MONTH}\s+\d|\b\d{{1,2}}(?:st|nd|rd|th)?\s+{MONTH}|\bcentury\b"
    rf"|\b(?:{_DAY_NAMES})\b|\b\d{{1,2}}(?::\d\d)?\s*[ap]\.?m\b|\byesterday\b|\btomorrow\b"
    rf"|\b(?:last|next|this|early|late|mid)[ -](?:week|month|year|summer|spring|autumn|winter|{_MONTH_NAMES})"
    r"|\bsince\b|\byears? ago\b"
)
_REASONS = re.compile(
    r"\bbecause\b|\bdue to\b|\bas a result\b|\bin order to\b|\bso that\b|\bafter\b|\bsince\b|\bowing to\b"
    r"|\breasons?\b|\bcaused?\b|\bto (?:protect|avoid|prevent|help|allow|ensure|make|stop|give)\b|\bfears?\b"
    r"|\b(?:helps?|aim(?:s|ed)?|meant|intended|hop(?:es?|ed|ing)|want(?:s|ed)?|so as) (?:at|to|\w+en)\b"
    r"|\bciting\b|\bover\b|\bresponse to\b|\bgiven\b|\bin view of\b|\bas (?:it|they|he|she)\b"
)
_PLACES = re.compile(
    r"\b(?:in|at|near|inside|outside|around|across|into|off|(?:city|town|village|port|capital|region) of) "
    r"(?:the )?(?:[a-z]+ ){0,4}"
    rf"((?!(?i:{_DAY_NAMES}|{_MONTH_NAMES})\b)[A-Z]\w+)"
)


_AGES = re.compile(
    r"\b\d+[- ]years?[- ](?:of age|olds?)\b|\baged? (?:of )?\d|\b\d+[- ]year[- ]olds?\b|\bborn (?:in|on)\b"
)
_ENUMERATIONS = re.compile(
    r"[\w’']+, (?:[\w’'-]+ ){1,5}(?:and|or|as well as) |\bincluding\b|\bsuch as\b"
    r"|[:;](?:[^,;]*[,;]){2}|(?:,.*){3}"
)
_SIGNS = {
    AnswerKind.TIME: _TIMES,
    AnswerKind.REASON: _REASONS,
    AnswerKind.AGE: _AGES,
    AnswerKind.LIST: _ENUMERATIONS,
}
_PERSONS = re.compile(
    r"\b(?:m[ae]n|wom[ae]n|boys?|girls?|child|children|presidents?|ministers?|governors?|mayors?|secretar(?:y|ies)"
    r"|ambassadors?|officials?|officers?|leaders?|heads?|chiefs?|directors?|managers?|owners?|founders?"
    r"|chair(?:man|woman|person)|spokes\w+|experts?|scientists?|engineers?|doctors?|nurses?|teachers?|students?"
    r"|lawyers?|judges?|guards?|authors?|writers?|actors?|players?|coach|captain|king|queen|emperor|bishop|employees?)\b"
)
_FRACTIONS = re.compile(
    r"\b(?:half|halves|thirds?|quarters?|fifths?|tenths?|majority|dozens?|hundreds|thousands|millions|billions"
    r"|double|twice|triple)\b"
)


def is_year(figure: str) -> bool:
    """Return whether a figure looks like a year, 1000 to 2099."""
    return bool(re.fullmatch(r"(?:1[0-9]|20)\d\d", figure))


def answers_kind(question: Question, sentence: str) -> bool:
    """Return whether a sentence has something of the kind asked for that is not in the question."""
    asked = set(question.words)
    match question.kind:
        case AnswerKind.NUMBER:
            counted = any(not is_year(figure) for figure in numbers(sentence) - question.figures)
            return counted or bool(_FRACTIONS.search(fold(sentence)))
        case AnswerKind.PERSON:
            full = [run for run in runs(sentence) if " " in run and not asked.issuperset(content_words(run))]
            return bool(full) or any(word.group() not in asked for word in _PERSONS.finditer(fold(sentence)))
        case AnswerKind.PLACE:
            asked |= set(map(base, asked))
            return any(base(fold(match[1])) not in asked for match in _PLACES.finditer(sentence))
        case AnswerKind.SIZE:
            return any(number.unit and number.unit not in CURRENCIES for number in read_numbers(sentence))
        case AnswerKind.AGE | AnswerKind.TIME | AnswerKind.REASON | AnswerKind.LIST:
            plain = " ".join(words(sentence)) if question.kind is AnswerKind.AGE else fold(sentence)
            return bool(_SIGNS[question.kind].search(plain))
    return True
