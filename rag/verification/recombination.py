"""Claims put together from pieces of the source that do not belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

from rag.text.tokens import Token
from rag.text.words import words
from rag.verification.lexicon import SAYING, lemma
from rag.verification.modality import read_modifiers

_SAYING = frozenset(map(lemma, SAYING))
_BORDERS = frozenset(("comma", "open", "close", "end", "quote"))
_LINKS = frozenset(("conj", "sub"))
_JOINING = _LINKS | {"pron"}
_ADVERBS = frozenset(("also", "however", "then", "therefore", "thus"))
_OBJECTS = frozenset(("him", "her", "them", "us", "me", "himself", "itself", "themselves"))
_VALUES = frozenset(("num", "name", "year", "month"))
_PREPOSITIONS = frozenset("from to by for against with over under before after until since without".split())  # noqa: SIM905


def wrongly_joined(claim: Sequence[Token], source: Sequence[Sequence[Token]]) -> Sequence[str]:
    """Return where a claim joins words that one or two source sentences keep apart, described in words.

    A claim may leave out other clauses, text between commas or in brackets, one of two things joined by
    "and", modifiers, and phrases with "in", "of" and the like. The speaker may come first or last. Fields of
    a table row may be joined freely.
    """
    whole = [token for line in source for token in line]
    if any(map(_is_row, source)):
        return ()
    ways = [whole, *(way for line in source for way in (line, *_speaker_first(line)))]
    found = [tuple(_wrong_joins(claim, way, whole)) for way in ways]
    return min(found, key=len)


def _is_row(line: Sequence[Token]) -> bool:
    """Return whether a sentence is a table row: "Giver: Norway; What: tanks"."""
    ends = [token.text for token in line if token.text in {":", ";"}]
    return ends[:3] == [":", ";", ":"]


def _speaker_first(line: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the sentence with its speaker first: "he said, It sank" for "It sank, he said"."""
    for at, token in enumerate(line):
        after = line[at + 1 :]
        if token.kind in {"comma", "quote"} and any(lemma(one.text.casefold()) in _SAYING for one in after):
            yield [*after, token, *line[:at]]


def _wrong_joins(claim: Sequence[Token], source: Sequence[Token], whole: Sequence[Token]) -> Iterator[str]:
    mine = [at for at, token in enumerate(claim) if token.content]
    theirs = [at for at, token in enumerate(source) if token.content]
    order, there = [_form(claim[at]) for at in mine], [_form(source[at]) for at in theirs]
    blocks = SequenceMatcher(None, order, there, autojunk=False).get_matching_blocks()
    pairs = [(mine[one.a + at], theirs[one.b + at]) for one in blocks for at in range(one.size)]
    if not pairs:
        yield "too little of it is in the paragraph"
        return
    first = pairs[0][1]
    moved = {_form(token) for token in source[:first]} if _is_adverbial(source[:first]) else set()
    known = {_form(token) for token in whole if token.content}
    met = {_form(claim[at]) for at, _ in pairs}
    for at, form in zip(mine, order, strict=True):
        named = at < pairs[0][0] and form not in there  # from the sentence before: what "it" is
        if form in known - met - moved and not named:
            yield f"“{claim[at].text}” in another place"
    if not _opens(source[:first], source[first], claim[: pairs[0][0]]):
        yield f"“{source[first].text}” without the words before it"
    for (start, left), (end, right) in pairwise(pairs):
        between, gap = claim[start + 1 : end], source[left + 1 : right]
        way, other = _preposition(between), _preposition(gap)
        if not _may_be_left_out(_left_out(gap, between), source[right]) or (
            way != other and {way, other} & _PREPOSITIONS
        ):
            yield f"“{source[left].text} … {source[right].text}”"


def _form(token: Token) -> str:
    return lemma(next(iter(words(token.text)), ""))


def _preposition(between: Sequence[Token]) -> str:
    """Return the last preposition before a word within its part of the sentence."""
    near = takewhile(lambda token: token.kind not in _BORDERS, reversed(between))
    return next((token.text.casefold() for token in near if token.kind == "prep"), "")


def _left_out(gap: Sequence[Token], between: Sequence[Token]) -> Sequence[Token]:
    """Return the words of a gap without those at its ends that the claim has too."""
    last = _shared(gap[::-1], between[::-1])
    rest = gap[: len(gap) - last]
    first = _shared(rest, between[: len(between) - last])
    way = next((at for at, token in enumerate(rest[:first]) if token.kind == "prep"), first)
    return rest[way - (way > 0 and rest[way - 1].kind == "comma") :]


def _shared(one: Sequence[Token], other: Sequence[Token]) -> int:
    """Return the number of words that both begin with."""
    same = (a.text.casefold() == b.text.casefold() for a, b in zip(one, other, strict=False))
    return sum(takewhile(bool, same))


def _is_adverbial(before: Sequence[Token]) -> bool:
    """Return whether the first words of a sentence only say when or where: "In May", "6 August:"."""
    kinds = [token.kind for token in before]
    if kinds and kinds[-1] == "end" and set(kinds[:-1]) <= {"num", "month", "year"}:
        return True
    return kinds[:1] == ["prep"] and not set(kinds) & {"verb", "aux", "end", *_JOINING}


def _opens(before: Sequence[Token], start: Token, subject: Sequence[Token]) -> bool:
    """Return whether a claim may begin at `start` and leave out the words before, given its own subject."""
    rest = list(before)
    while rest and not rest[-1].content and rest[-1].kind not in _BORDERS | _LINKS:
        if rest[-1].text == "that" and "that" not in {token.text for token in subject}:
            return False
        rest.pop()
    if not rest or rest[-1].kind in _BORDERS | _LINKS or _is_adverbial(rest):
        return True
    end = next((at for at in reversed(range(len(rest))) if rest[at].kind in _BORDERS), -1)
    phrase = {token.kind for token in rest[end + 1 :]}
    if subject:  # "It controls …" for "The cell membrane controls …"
        return not phrase & {"verb", "aux", "prep", *_JOINING}
    return start.kind == "name" and phrase <= {"name", "opening"}  # a title


def _may_be_left_out(gap: Sequence[Token], after: Token) -> bool:
    """Return whether these words may be left out before `after` without changing the rest."""
    if not any(token.content for token in gap):
        return True
    if any(read_modifiers(gap)):
        return False
    rest = list(gap)
    while rest and not rest[-1].content and rest[-1].kind not in _BORDERS | _JOINING:
        rest.pop()
    kinds = [_kind(token) for token in rest]
    if kinds[0] in {"comma", "open"} and kinds[-1] in {"comma", "close"}:
        return "end" not in kinds and not any(
            one == "comma" and other in _LINKS for one, other in pairwise(kinds)
        )
    if kinds[-1] == "conj" and not set(kinds[:-1]) & (_BORDERS | _JOINING):
        return rest[-1].text.casefold() != "but"
    if kinds[0] == "prep" and "comma" in kinds:
        comma = kinds.index("comma")
        return _may_be_left_out(rest[:comma], after) and _may_be_left_out(rest[comma:], after)
    left_out = {kind for token, kind in zip(rest, kinds, strict=True) if token.content}
    if kinds[0] == "prep" or (after.kind == "year" and left_out <= {"num", "month"}):
        left_out -= _VALUES
    parting = set(kinds[kinds[0] == "comma" :]) & (_BORDERS | _JOINING)
    return not parting and not left_out & {"verb", *_VALUES}


def _kind(token: Token) -> str:
    """Return the class of a word; "thus" and "him" join no clauses, as others of their classes do."""
    written = token.text.casefold()
    return "adv" if written in _ADVERBS else "det" if written in _OBJECTS else token.kind
