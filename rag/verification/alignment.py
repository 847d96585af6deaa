"""A claim aligned with its source: words that swapped places or replaced others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from rag.verification.claims import Claims, Word
from rag.verification.lexicon import opposites

MAX_MOVED = 8  # names and numbers of a claim that are tried in each other's place
MAX_REPLACED = 3  # words in a row that may replace others
VALUES = frozenset(("name", "number"))


def common_length(claim: Sequence[str], source: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by bit-parallel counting (Hyyrö 2004)."""
    masks: dict[str, int] = {}
    for at, word in enumerate(source):
        masks[word] = masks.get(word, 0) | 1 << at
    full = (1 << len(source)) - 1
    left = full
    for word in claim:
        matched = left & masks.get(word, 0)
        left = ((left + matched) | (left - matched)) & full
    return len(source) - left.bit_count()


def changed_places(claim: Claims, source: Claims) -> Iterator[tuple[Word, Word]]:
    """Yield pairs of names, numbers or opposites that would match the source if they swapped places.

    Neighbours are left out: lists have no order.
    """
    mine, there = _sequence(claim), [_form(word) for word in _sequence(source)]
    order, known = [_form(word) for word in mine], set(there)
    values = [at for at, word in enumerate(mine) if _may_move(word) and order[at] in known][:MAX_MOVED]
    before = common_length(order, there) if len(values) > 1 else 0
    for one, other in combinations(values, 2):
        if not _same_kind(mine[one], mine[other]) or order[one] == order[other] or other - one < 2:
            continue
        swapped = [*order]
        swapped[one], swapped[other] = order[other], order[one]
        if common_length(swapped, there) > before:
            yield mine[one], mine[other]


def _may_move(word: Word) -> bool:
    return word.kind in VALUES or not opposites().keys().isdisjoint(word.forms)


def _same_kind(one: Word, other: Word) -> bool:
    """Return whether both are names, both numbers, or opposites of each other."""
    if one.kind in VALUES or other.kind in VALUES:
        return one.kind == other.kind
    sides = [pair for form in one.forms for pair in opposites().get(form, ())]
    return any(not against.isdisjoint(other.forms) for _, against in sides)


def replaced(claim: Claims, source: Claims) -> Iterator[tuple[Word, Word]]:
    """Yield each name or number of the claim with the one that the source has between the same words."""
    mine, theirs = _sequence(claim), _sequence(source)
    # A capitalised word that the source has in lower case is no name.
    common = {form for word in theirs if word.kind not in VALUES for form in word.forms}
    matcher = SequenceMatcher(None, list(map(_form, mine)), list(map(_form, theirs)), autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        there = theirs[first:last]
        if kind != "replace" or max(end - start, last - first) > MAX_REPLACED:
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
