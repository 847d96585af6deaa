"""What a sentence claims, in parts to check: words, names, numbers, dates, quotes, who did what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from typing import Any

from rag.text.dates import moments
from rag.text.names import base, forms, names, runs
from rag.text.numbers import Number, read_numbers
from rag.text.tokens import Token, tokenize
from rag.text.vocabulary import STOPWORDS
from rag.text.words import words
from rag.verification.lexicon import lemma
from rag.verification.modality import Modifier, read_modifiers

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
    """A content word or pronoun with the forms that match it; `kind`: "name", "number", "pronoun" or ""."""

    text: str
    forms: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The head of a subject ("industry" in "the industry of Poland") and the lemma of its verb."""

    head: Word
    verb: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a text claims, in parts that can be checked.

    `sequence`: the lemmas of all words in order; `order`: of the content words.
    `lines`: the content words and pronouns of each sentence. `subjects`: one per sentence, None if unclear.
    `acts`: (who, did, to whom), by word order. `roles`: names after "from", "to", "by".
    `opening`: a first word that may be a name.
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
    modifiers: tuple[Modifier, ...]
    acts: frozenset[tuple[str, str, str]]
    roles: frozenset[tuple[str, str]]
    opening: str
    content: frozenset[str]
    subjects: tuple[Subject | None, ...]
    tokens: tuple[tuple[Token, ...], ...]


@lru_cache(maxsize=4096)
def read_claims(text: str) -> Claims:
    """Return what a sentence claims."""
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
        modifiers=tuple(read_modifiers(tokens)),
        acts=frozenset(_acts(tokens)),
        roles=frozenset(_roles(tokens)),
        opening=_opening(tokens),
        subjects=(_subject(tokens),),
        tokens=(tuple(tokens),),
    )


def merged(claims: Sequence[Claims]) -> Claims:
    """Return what several sentences claim together."""
    if len(claims) == 1:
        return claims[0]
    joined: dict[str, Any] = {"text": " ".join(one.text for one in claims), "opening": claims[0].opening}
    for name in (field.name for field in fields(Claims) if field.name not in joined):
        values = [getattr(one, name) for one in claims]
        as_set = isinstance(values[0], frozenset)
        joined[name] = frozenset().union(*values) if as_set else tuple(chain.from_iterable(values))
    return Claims(**joined)


def full_names(paragraph: Sequence[Claims]) -> dict[str, frozenset[str]]:
    """Return the given names in a paragraph by last name, if they can all be one person's."""
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


def named_in_full(source: Claims, given: Mapping[str, frozenset[str]]) -> Claims:
    """Return a source with the given names (by last name) of the people that it names."""
    found = [word for last, before in given.items() if last in source.forms for word in before]
    return replace(
        source, words=source.words | set(map(lemma, found)), forms=source.forms | set(map(base, found))
    )


def _opening(tokens: Sequence[Token]) -> str:
    """Return the first word if it may be a name: its capital alone doesn't show it."""
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
    """Yield (who, did, to whom) for each word with its nearest content words, then its nearest names.

    In a passive with "by", who and whom are swapped.
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
            pair = (_form_of(tokens[left[-1]]), _form_of(tokens[right[0]]))
            who, whom = reversed(pair) if _is_passive(tokens, middle, right[0]) else pair
            yield who, lemma(tokens[middle].text.casefold()), whom


def _is_passive(tokens: Sequence[Token], verb: int, end: int) -> bool:
    """Return whether a verb has "was" or the like before it and "by" after it, or is followed by "by"."""
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
                yield token.text.casefold(), _form_of(after)


def _form_of(token: Token) -> str:
    """Return one form for a name and its adjective, or for the forms of a word."""
    written = next(iter(words(token.text)), "")
    return base(written) if token.kind in {"name", "opening"} else lemma(written)
