"""How alike a sentence and a place in a paragraph are: the words that both have, and how these stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from rag.verification.alignment import in_order
from rag.verification.claims import Claims, Word

Features = dict[str, float]

CLOSE = 3  # words apart, still together
LACKING = 0.2  # share of a sentence's words that the text may lack, and never more than
FEW = 2  # lacking words that others may stand for
NAMED = 3  # words of the sentences before that "he" or "it" may stand for


def covers(said: Claims, held: Claims) -> float:
    """The share of the content words of one that the other has."""
    return len(said.content & held.words) / max(1, len(said.content))


def is_near(said: Claims, held: Claims, around: Claims) -> bool:
    """Whether almost all words of one stand in the other, few of them only in what is around that."""
    if len(said.content) <= FEW and in_order(said.sequence, held.sequence) < len(said.sequence):
        return False  # so few words stand anywhere
    if len(held.lines) > 1 and len(said.content) <= NAMED:
        return False  # or in any two sentences
    lacking = (
        Counter(said.order) - Counter(around.order)
    ).total()  # what is said twice must stand there twice
    return (
        lacking <= min(FEW, LACKING * len(said.order))
        and len(said.content & around.words - held.words) <= NAMED
    )


def features(said: Claims, held: Claims, around: Claims, cosine: float) -> Features:
    """What the regression is given of a sentence and a place; `cosine` is that of their vectors."""
    lacking = _lacking(said, around)
    few = float(0 < lacking <= FEW)
    whole = float(said.content <= held.words)
    outside = said.content & around.words - held.words
    named = float(not lacking and 0 < len(outside) <= NAMED)
    rest = [word for word in said.sequence if word not in outside]
    wording = in_order(said.sequence, held.sequence) / max(1, len(said.sequence))
    runs = _runs(said, held)
    links = _links(said, held)
    steady = float(not links["turned"])
    told = whole * steady * float(not links["rivalled"] and not links["apart"] and len(held.lines) == 1)
    return links | {
        "cosine": cosine,
        "few": few,
        "few_cosine": few * cosine,
        "named": named,
        "named_wording": named * wording,
        "named_rest": named * in_order(rest, held.sequence) / max(1, len(rest)),
        "named_first": named * float(bool(outside & set(said.order[: len(outside)]))),
        "in_order": in_order(said.order, held.order) / max(1, len(said.order)),
        "ends": float(bool(said.order) and said.order[-1] in held.content),
        "length": math.log(max(1, len(said.order))),
        "wording": wording,
        "whole_wording": whole * wording,
        "whole_steady": whole * steady,
        "whole_of_two": whole * float(len(held.lines) > 1),
        "whole_runs": whole * runs,
        "one_run": float(runs <= 1),
        "two_runs": float(runs <= 2),
        "told": told,
        "told_in_few_runs": told * float(runs <= 4),
        "told_word_for_word": told * float(wording == 1.0),
    }


def _lacking(said: Claims, around: Claims) -> int:
    """How many of the words of one that carry meaning stand nowhere in the other."""
    return sum(word not in around.words for word in said.order)


def _runs(said: Claims, held: Claims) -> float:
    """Of how many runs of the text's own words a sentence is put together, at most 8."""
    matcher = SequenceMatcher(None, said.sequence, held.sequence, autojunk=False)
    return float(min(8, sum(block.size > 0 for block in matcher.get_matching_blocks())))


def _links(said: Claims, held: Claims) -> Features:
    """Of each two words side by side in a sentence, how they stand in the other text.

    Near each other (a share), else, counted: in two sentences (`loose` where one is a name or number), in the
    other order, or with another name or number nearer.
    """
    near, total = 0, 0
    counts = dict.fromkeys(("apart", "loose", "turned", "rivalled"), 0.0)
    spots = _spots(held)
    for one, other in _neighbours(said):
        total += 1
        here, there = _at(one, spots), _at(other, spots)
        value = bool(one.kind or other.kind)
        if not here or not there:
            continue
        gaps = [b - a for line, a in here for other_line, b in there if line == other_line and a != b]
        if not gaps:
            counts["apart"] += 1
            counts["loose"] += value
            continue
        gap = min(gaps, key=abs)
        near += abs(gap) <= CLOSE
        counts["turned"] += gap < 0
        counts["rivalled"] += value and _is_rivalled(one, other, abs(gap), held, spots)
    return {name: min(4.0, count) for name, count in counts.items()} | {"close": near / max(1, total)}


def _neighbours(said: Claims) -> Iterator[tuple[Word, Word]]:
    for line in said.lines:
        content = [word for word in line if word.kind != "pronoun"]
        yield from pairwise(content)


def _spots(held: Claims) -> dict[str, list[tuple[int, int]]]:
    """Where each form stands: the number of the sentence, and the place in it."""
    spots: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(held.lines):
        for at, word in enumerate(line):
            for form in word.forms:
                spots.setdefault(form, []).append((number, at))
    return spots


def _at(word: Word, spots: dict[str, list[tuple[int, int]]]) -> list[tuple[int, int]]:
    return [spot for form in word.forms for spot in spots.get(form, ())]


def _is_rivalled(
    one: Word, other: Word, gap: int, held: Claims, spots: dict[str, list[tuple[int, int]]]
) -> bool:
    """Whether another name or number stands nearer to a word than the one it stands beside as said."""
    value, word = (one, other) if one.kind else (other, one)
    own = set(_at(value, spots))
    for line, at in _at(word, spots):
        if any(
            held.lines[line][near].kind == value.kind and (line, near) not in own
            for near in range(max(0, at - gap + 1), min(len(held.lines[line]), at + gap))
            if near != at
        ):
            return True
    return False
