"""A sentence taken apart into what can be checked: words, names, numbers, times, quotes and who did what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag.text.dates import moments
from rag.text.names import base, forms, names, runs
from rag.text.numbers import Number, read_numbers
from rag.text.tokens import Token, tokenize
from rag.text.vocabulary import STOPWORDS
from rag.text.words import words
from rag.verification.lexicon import lemma
from rag.verification.modality import Shade, shades

_SHORT_FORMS = (
    (re.compile(r"\bwon['’]t\b", re.IGNORECASE), "will not"),
    (re.compile(r"\b(?:can['’]t|cannot)\b", re.IGNORECASE), "can not"),
    (re.compile(r"(?<=\w)n['’]t\b", re.IGNORECASE), " not"),
    (re.compile(r"\ba\.m\."), "am."),
    (re.compile(r"\bp\.m\."), "pm."),
    (re.compile(r"``|''"), '"'),
)
_QUOTED = re.compile(
    r"[“\"«„]\s*([^“”\"«»„]{2,}?)\s*[”\"»“]|(?<!\w)[‘']([^‘’']{3,}(?:['’]\w[^‘’']*)*)['’](?!\w)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A content word or pronoun in the forms that it may match; `kind`: "name", "number", "pronoun" or ""."""

    text: str
    forms: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The word that a subject turns on, "industry" of "the industry of Poland", and the lemma of its verb."""

    head: Word
    verb: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a text says, taken apart: `sequence` are the lemmas of its words as they come, `order` of those
    that carry meaning.

    `lines` are the forms of the content words and pronouns of each sentence, `acts` are (who, did, to whom)
    read off the order of words, `roles` names after "from", "to", "by"; `subjects` is that of each
    sentence, if it can be told.
    """

    text: str
    sequence: tuple[str, ...]
    order: tuple[str, ...]
    lines: tuple[tuple[Word, ...], ...]
    words: frozenset[str]
    names: tuple[str, ...]
    runs: tuple[str, ...]
    forms: frozenset[str]
    numbers: tuple[Number, ...]
    moments: tuple[tuple[str, str, str], ...]
    quotes: tuple[str, ...]
    shades: tuple[Shade, ...]
    acts: frozenset[tuple[str, str, str]]
    roles: frozenset[tuple[str, str]]
    opening: str
    content: frozenset[str]
    subjects: tuple[Subject | None, ...]
    tokens: tuple[tuple[Token, ...], ...]


@lru_cache(maxsize=4096)
def read_claims(text: str) -> Claims:
    """Takes a sentence or a few apart."""
    plain = text
    for pattern, full in _SHORT_FORMS:
        plain = pattern.sub(full, plain)
    tokens = tokenize(plain)
    folded = words(plain)
    order = tuple(lemma(word) for word in folded if word not in STOPWORDS)
    return Claims(
        text=text,
        order=order,
        content=frozenset(order),
        lines=(tuple(_line(tokens)),),
        sequence=tuple(map(lemma, folded)),
        words=frozenset(map(lemma, folded)),
        names=tuple(names(plain)),
        runs=tuple(runs(plain)),
        forms=frozenset(forms(plain)),
        numbers=read_numbers(plain),
        moments=tuple(moments(plain)),
        quotes=tuple(
            match[1] or match[2] for match in _QUOTED.finditer(text.replace("``", '"').replace("''", '"'))
        ),
        shades=tuple(shades(tokens)),
        acts=frozenset(_acts(tokens)),
        roles=frozenset(_roles(tokens)),
        opening=_opening(tokens),
        subjects=(_subject(tokens),),
        tokens=(tuple(tokens),),
    )


def merged(claims: Sequence[Claims]) -> Claims:
    """What several sentences say together."""
    if len(claims) == 1:
        return claims[0]
    return Claims(
        text=" ".join(one.text for one in claims),
        sequence=tuple(word for one in claims for word in one.sequence),
        order=tuple(word for one in claims for word in one.order),
        lines=tuple(line for one in claims for line in one.lines),
        words=frozenset().union(*(one.words for one in claims)),
        names=tuple(name for one in claims for name in one.names),
        runs=tuple(run for one in claims for run in one.runs),
        forms=frozenset().union(*(one.forms for one in claims)),
        numbers=tuple(number for one in claims for number in one.numbers),
        moments=tuple(moment for one in claims for moment in one.moments),
        quotes=tuple(quote for one in claims for quote in one.quotes),
        shades=tuple(shade for one in claims for shade in one.shades),
        acts=frozenset().union(*(one.acts for one in claims)),
        roles=frozenset().union(*(one.roles for one in claims)),
        opening=claims[0].opening,
        content=frozenset().union(*(one.content for one in claims)),
        subjects=tuple(subject for one in claims for subject in one.subjects),
        tokens=tuple(line for one in claims for line in one.tokens),
    )


def full_names(paragraph: Sequence[Claims]) -> dict[str, frozenset[str]]:
    """The given names that a paragraph has to each last name, if those are of one person."""
    given: dict[str, list[frozenset[str]]] = {}
    for claims in paragraph:
        for run in claims.runs:
            *before, last = (words(part) for part in run.split())
            if before and last:
                given.setdefault(base(last[0]), []).append(
                    frozenset(word for part in before for word in part)
                )
    longest = {last: max(each, key=len) for last, each in given.items()}
    return {last: longest[last] for last, each in given.items() if all(one <= longest[last] for one in each)}


def named_in_full(held: Claims, given: Mapping[str, frozenset[str]]) -> Claims:
    """The same, with the given names (by last name) of those whom it names."""
    found = [word for last, before in given.items() if last in held.forms for word in before]
    return replace(held, words=held.words | set(map(lemma, found)), forms=held.forms | set(map(base, found)))


def _opening(tokens: Sequence[Token]) -> str:
    """The first word, if it may be a name of which something is said: a capital tells nothing there."""
    if len(tokens) < 2 or tokens[0].kind != "opening" or not tokens[0].content:
        return ""
    plain = tokens[0].text.endswith(("ly", "ing", "ed", "s"))
    return "" if plain or tokens[1].kind not in {"aux", "verb"} else tokens[0].text


def _subject(tokens: Sequence[Token]) -> Subject | None:
    kinds = [token.kind for token in tokens]
    verb = next((at for at, kind in enumerate(kinds) if kind in {"aux", "verb"}), 0)
    end = next((at for at, kind in enumerate(kinds[:verb]) if kind in {"prep", "comma", "open"}), verb)
    head = next(reversed(list(_line(tokens[:end]))), None)
    if head is None or "pron" in kinds[:end]:
        return None
    main = next((token for token in tokens[verb:] if token.kind not in {"aux", "adv"}), tokens[verb])
    return Subject(head, lemma(main.text.casefold()))


def _line(tokens: Sequence[Token]) -> Iterator[Word]:
    for token in tokens:
        if token.kind == "pron":
            yield Word(token.text, (token.text.casefold(),), "pronoun")
        elif token.content:
            written = words(token.text)
            kind = "name" if token.kind in {"name", "opening"} else ""
            kind = "number" if token.kind in {"num", "year", "month"} else kind
            for word in written:
                plain = (lemma(word),) if token.kind != "name" else ()
                named = (base(word),) if kind == "name" else ()
                yield Word(token.text, (*plain, *named), "number" if word[0].isdecimal() else kind)


def _acts(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Each word between two others with those, the one that acts first; passives with "by" turned round.

    The two are the nearest content words, and the nearest names.
    """
    content = [at for at, token in enumerate(tokens) if token.content and token.kind != "adv"]
    named = [at for at in content if tokens[at].kind in {"name", "opening"}]
    for middle in content:
        if tokens[middle].kind in {"name", "num", "year", "month", "sub"}:
            continue
        for near in (content, named):
            left = [at for at in near if at < middle and tokens[at].sentence == tokens[middle].sentence]
            right = [at for at in near if at > middle and tokens[at].sentence == tokens[middle].sentence]
            if not left or not right:
                continue
            pair = (_one(tokens[left[-1]]), _one(tokens[right[0]]))
            who, whom = reversed(pair) if _is_passive(tokens, middle, right[0]) else pair
            yield who, lemma(tokens[middle].text.casefold()), whom


def _is_passive(tokens: Sequence[Token], verb: int, end: int) -> bool:
    """Whether "was" or the like stands before a verb and "by" after it, or "by" at once."""
    before = {token.text.casefold() for token in tokens[max(0, verb - 3) : verb]}
    after = [token.text.casefold() for token in tokens[verb + 1 : end]]
    auxiliary = bool(before & {"is", "are", "was", "were", "be", "been", "being"})
    return "by" in after[: None if auxiliary else 1]


_PATHS = frozenset("from to by against for than over into".split())  # noqa: SIM905


def _roles(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    for at, token in enumerate(tokens[:-1]):
        if token.text.casefold() in _PATHS:
            after = next((other for other in tokens[at + 1 : at + 4] if other.content), None)
            if after and after.kind == "name":
                yield token.text.casefold(), _one(after)


def _one(token: Token) -> str:
    """One form for a name and its adjective, or for a word's forms."""
    written = next(iter(words(token.text)), "")
    return base(written) if token.kind in {"name", "opening"} else lemma(written)
