"""A sentence laid beside the words that it is checked against: what changed places, what stands for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from rag.verification.claims import Claims, Word
from rag.verification.lexicon import opposites

MOST = 8  # names and numbers of a sentence that are changed about
LONGEST = 3  # words that may stand for as many others
VALUES = frozenset(("name", "number"))


def in_order(said: Sequence[str], held: Sequence[str]) -> int:
    """The length of the longest common subsequence, counted in the bits of a number (Hyyrö 2004)."""
    masks: dict[str, int] = {}
    for at, word in enumerate(held):
        masks[word] = masks.get(word, 0) | 1 << at
    full = (1 << len(held)) - 1
    left = full
    for word in said:
        matched = left & masks.get(word, 0)
        left = ((left + matched) | (left - matched)) & full
    return len(held) - left.bit_count()


def changed_places(said: Claims, held: Claims) -> Iterator[tuple[Word, Word]]:
    """Two names, numbers or opposites that, each in the other's place, would be in the text's order.

    Two that follow one another are left out: lists have no order.
    """
    mine, there = _sequence(said), [_form(word) for word in _sequence(held)]
    order, known = [_form(word) for word in mine], set(there)
    values = [at for at, word in enumerate(mine) if _may_move(word) and order[at] in known][:MOST]
    before = in_order(order, there) if len(values) > 1 else 0
    for one, other in combinations(values, 2):
        if not _alike(mine[one], mine[other]) or order[one] == order[other] or other - one < 2:
            continue
        turned = [*order]
        turned[one], turned[other] = order[other], order[one]
        if in_order(turned, there) > before:
            yield mine[one], mine[other]


def _may_move(word: Word) -> bool:
    return word.kind in VALUES or not opposites().keys().isdisjoint(word.forms)


def _alike(one: Word, other: Word) -> bool:
    """Whether both are names, both numbers, or each is the other's opposite."""
    if one.kind in VALUES or other.kind in VALUES:
        return one.kind == other.kind
    sides = [pair for form in one.forms for pair in opposites().get(form, ())]
    return any(not against.isdisjoint(other.forms) for _, against in sides)


def replaced(said: Claims, held: Claims) -> Iterator[tuple[Word, Word]]:
    """A name or number as said, and the other one in whose place, between the same words, it stands."""
    mine, theirs = _sequence(said), _sequence(held)
    # A word with a capital that the text has without one is no name.
    common = {form for word in theirs if word.kind not in VALUES for form in word.forms}
    matcher = SequenceMatcher(None, list(map(_form, mine)), list(map(_form, theirs)), autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        there = theirs[first:last]
        if kind != "replace" or max(end - start, last - first) > LONGEST:
            continue
        if any(word.kind == "pronoun" for word in there):
            continue
        for word in mine[start:end]:
            rivals = [other for other in there if other.kind == word.kind]
            if word.kind in VALUES and not set(word.forms) & common and _form(word) not in map(_form, there):
                yield from ((word, rival) for rival in rivals[:1])


def _sequence(claims: Claims) -> list[Word]:
    return [word for line in claims.lines for word in line]


def _form(word: Word) -> str:
    return word.forms[-1]
