"""Whether the pieces of one sentence that another one is put together of belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

from rag.text.tokens import Token
from rag.text.words import words
from rag.verification.lexicon import SAYING, lemma
from rag.verification.modality import shades

_SAYING = frozenset(map(lemma, SAYING))
_BORDERS = frozenset(("comma", "open", "close", "end", "quote"))
_LINKS = frozenset(("conj", "sub"))
_JOINING = _LINKS | {"pron"}
_ADVERBS = frozenset(("also", "however", "then", "therefore", "thus"))
_OBJECTS = frozenset(("him", "her", "them", "us", "me", "himself", "itself", "themselves"))
_VALUES = frozenset(("num", "name", "year", "month"))
_WAYS = frozenset("from to by for against with over under before after until since without".split())  # noqa: SIM905


def torn(said: Sequence[Token], held: Sequence[Sequence[Token]]) -> Sequence[str]:
    """Where words of `held`, a sentence or two, are joined in `said` across what holds them apart, in words.

    A clause before or after may be left out, what stands between commas or in brackets, one of two things
    joined by "and", modifiers, and what "in", "of" and the like begin; who says it may stand before or after.
    The fields of a table's row may be joined as one likes.
    """
    whole = [token for line in held for token in line]
    if any(map(_is_row, held)):
        return ()
    ways = [whole, *(way for line in held for way in (line, *_turned(line)))]
    found = [tuple(_torn(said, way, whole)) for way in ways]
    return min(found, key=len)


def _is_row(line: Sequence[Token]) -> bool:
    """Whether a sentence is a row, "Giver: Norway; What: tanks"."""
    ends = [token.text for token in line if token.text in {":", ";"}]
    return ends[:3] == [":", ";", ":"]


def _turned(line: Sequence[Token]) -> Iterator[list[Token]]:
    """The sentence with who says it first: "It sank, he said" as "he said, It sank"."""
    for at, token in enumerate(line):
        after = line[at + 1 :]
        if token.kind in {"comma", "quote"} and any(lemma(one.text.casefold()) in _SAYING for one in after):
            yield [*after, token, *line[:at]]


def _torn(said: Sequence[Token], held: Sequence[Token], whole: Sequence[Token]) -> Iterator[str]:
    mine = [at for at, token in enumerate(said) if token.content]
    theirs = [at for at, token in enumerate(held) if token.content]
    order, there = [_form(said[at]) for at in mine], [_form(held[at]) for at in theirs]
    blocks = SequenceMatcher(None, order, there, autojunk=False).get_matching_blocks()
    pairs = [(mine[one.a + at], theirs[one.b + at]) for one in blocks for at in range(one.size)]
    if not pairs:
        yield "too little of it stands there"
        return
    first = pairs[0][1]
    moved = {_form(token) for token in held[:first]} if _is_adverbial(held[:first]) else set()
    known = {_form(token) for token in whole if token.content}
    met = {_form(said[at]) for at, _ in pairs}
    for at, form in zip(mine, order, strict=True):
        named = at < pairs[0][0] and form not in there  # of the sentence before: what "it" is
        if form in known - met - moved and not named:
            yield f"“{said[at].text}” in another place"
    if not _opens(held[:first], held[first], said[: pairs[0][0]]):
        yield f"“{held[first].text}” without what stands before it"
    for (start, left), (end, right) in pairwise(pairs):
        between, gap = said[start + 1 : end], held[left + 1 : right]
        way, other = _way(between), _way(gap)
        if not _may_go(_only(gap, between), held[right]) or (way != other and {way, other} & _WAYS):
            yield f"“{held[left].text} … {held[right].text}”"


def _form(token: Token) -> str:
    return lemma(next(iter(words(token.text)), ""))


def _way(between: Sequence[Token]) -> str:
    """The last preposition before a word, in its part of the sentence."""
    near = takewhile(lambda token: token.kind not in _BORDERS, reversed(between))
    return next((token.text.casefold() for token in near if token.kind == "prep"), "")


def _only(gap: Sequence[Token], between: Sequence[Token]) -> Sequence[Token]:
    """What stands in the one and not in the other, but for the words at their ends that both have."""
    last = _shared(gap[::-1], between[::-1])
    rest = gap[: len(gap) - last]
    first = _shared(rest, between[: len(between) - last])
    way = next((at for at, token in enumerate(rest[:first]) if token.kind == "prep"), first)
    return rest[way - (way > 0 and rest[way - 1].kind == "comma") :]


def _shared(one: Sequence[Token], other: Sequence[Token]) -> int:
    """The number of words that both begin with."""
    same = (a.text.casefold() == b.text.casefold() for a, b in zip(one, other, strict=False))
    return sum(takewhile(bool, same))


def _is_adverbial(before: Sequence[Token]) -> bool:
    """Whether words at the beginning of a sentence tell no more than when or where: "In May", "6 August:"."""
    kinds = [token.kind for token in before]
    if kinds and kinds[-1] == "end" and set(kinds[:-1]) <= {"num", "month", "year"}:
        return True
    return kinds[:1] == ["prep"] and not set(kinds) & {"verb", "aux", "end", *_JOINING}


def _opens(before: Sequence[Token], start: Token, subject: Sequence[Token]) -> bool:
    """Whether a sentence may begin with `start` after these words of another, with this subject if any."""
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


def _may_go(gap: Sequence[Token], after: Token) -> bool:
    """Whether these words may be left out before `after` so that the rest says the same."""
    if not any(token.content for token in gap):
        return True
    if any(shades(gap)):
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
        return _may_go(rest[:comma], after) and _may_go(rest[comma:], after)
    told = {kind for token, kind in zip(rest, kinds, strict=True) if token.content}
    if kinds[0] == "prep" or (after.kind == "year" and told <= {"num", "month"}):
        told -= _VALUES
    parting = set(kinds[kinds[0] == "comma" :]) & (_BORDERS | _JOINING)
    return not parting and not told & {"verb", *_VALUES}


def _kind(token: Token) -> str:
    """A word's class; "thus" and "him" join no clauses, as others of their classes do."""
    written = token.text.casefold()
    return "adv" if written in _ADVERBS else "det" if written in _OBJECTS else token.kind
