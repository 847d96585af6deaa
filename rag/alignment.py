"""A sentence laid beside the words that it is checked against: what changed places, what stands for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from rag.claims import Claims, Word

MOST = 8  # names and numbers of a sentence that are changed about
LONGEST = 3  # words that may stand for as many others
Key = tuple[str, str]


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


def changed_places(said: Claims, held: Claims) -> Iterator[tuple[str, str]]:
    """Two names or two numbers that, put in each other's place, would bring the words into the text's order.

    Two that follow one another are left out: lists have no order.
    """
    mine, theirs = _sequence(said), _sequence(held)
    words = [key for key, _ in mine]
    there = [key for key, _ in theirs]
    known = set(there)
    values = [at for at, (key, kind) in enumerate(mine) if kind in {"name", "number"} and key in known][:MOST]
    before = None
    for one, other in combinations(values, 2):
        if mine[one][1] != mine[other][1] or words[one] == words[other] or other - one < 2:
            continue
        before = in_order(words, there) if before is None else before
        turned = [*words]
        turned[one], turned[other] = words[other], words[one]
        if in_order(turned, there) > before:
            yield words[one], words[other]


def replaced(said: Claims, held: Claims) -> Iterator[tuple[str, str]]:
    """A name or number as said, and the other one in whose place, between the same words, it stands."""
    mine, theirs = _sequence(said), _sequence(held)
    matcher = SequenceMatcher(None, [key for key, _ in mine], [key for key, _ in theirs], autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "replace" or end - start > LONGEST or last - first > LONGEST:
            continue
        there = dict(theirs[first:last])
        if "pronoun" in there.values():
            continue
        for key, what in mine[start:end]:
            rivals = [other for other, other_kind in there.items() if other_kind == what]
            if what in {"name", "number"} and key not in there and rivals:
                yield key, rivals[0]


def _sequence(claims: Claims) -> list[Key]:
    """The words in order, each by one form, with their kinds."""
    return [(_form(word), word.kind) for line in claims.lines for word in line]


def _form(word: Word) -> str:
    return word.forms[-1]
