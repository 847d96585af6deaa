"""How alike a claim and a passage are: the words that they share, and in what order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from rag.verification.alignment import common_length
from rag.verification.claims import Claims, Word

Features = dict[str, float]

CLOSE = 3  # most words between two words that belong together
LACKING = 0.2  # largest share of the claim's words that the source may lack
FEW = 2  # the largest number of them
NAMED = 3  # words that may be only in the context, where the source has "he" or "it"


def covers(claim: Claims, source: Claims) -> float:
    """Return the share of the claim's content words that the source has."""
    return len(claim.content & source.words) / max(1, len(claim.content))


def is_near(claim: Claims, source: Claims, context: Claims) -> bool:
    """Return whether the source has almost all words of the claim, only a few of them just in its context."""
    if len(claim.content) <= FEW and common_length(claim.sequence, source.sequence) < len(claim.sequence):
        return False  # any text may have so few words
    if len(source.lines) > 1 and len(claim.content) <= NAMED:
        return False  # any two sentences may have so few words
    # By counters: a repeated word must be repeated in the context too.
    lacking = (Counter(claim.order) - Counter(context.order)).total()
    return (
        lacking <= min(FEW, LACKING * len(claim.order))
        and len(claim.content & context.words - source.words) <= NAMED
    )


def features(claim: Claims, source: Claims, context: Claims, cosine: float) -> Features:
    """Return the features of a claim and its source; `cosine` is that of their embeddings."""
    lacking = _lacking(claim, context)
    few = float(0 < lacking <= FEW)
    whole = float(claim.content <= source.words)
    outside = claim.content & context.words - source.words
    named = float(not lacking and 0 < len(outside) <= NAMED)
    rest = [word for word in claim.sequence if word not in outside]
    wording = common_length(claim.sequence, source.sequence) / max(1, len(claim.sequence))
    runs = _runs(claim, source)
    links = _links(claim, source)
    steady = float(not links["turned"])
    one_statement = (
        whole * steady * float(not links["rivalled"] and not links["apart"] and len(source.lines) == 1)
    )
    return links | {
        "cosine": cosine,
        "few": few,
        "few_cosine": few * cosine,
        "named": named,
        "named_wording": named * wording,
        "named_rest": named * common_length(rest, source.sequence) / max(1, len(rest)),
        "named_first": named * float(bool(outside & set(claim.order[: len(outside)]))),
        "in_order": common_length(claim.order, source.order) / max(1, len(claim.order)),
        "ends": float(bool(claim.order) and claim.order[-1] in source.content),
        "length": math.log(max(1, len(claim.order))),
        "wording": wording,
        "whole_wording": whole * wording,
        "whole_steady": whole * steady,
        "whole_of_two": whole * float(len(source.lines) > 1),
        "whole_runs": whole * runs,
        "one_run": float(runs <= 1),
        "two_runs": float(runs <= 2),
        "one_statement": one_statement,
        "one_statement_in_few_runs": one_statement * float(runs <= 4),
        "one_statement_word_for_word": one_statement * float(wording == 1.0),
    }


def _lacking(claim: Claims, context: Claims) -> int:
    """Return the number of the claim's content words that the context lacks."""
    return sum(word not in context.words for word in claim.order)


def _runs(claim: Claims, source: Claims) -> float:
    """Return the number of runs of the source's words that make up a claim, at most 8."""
    matcher = SequenceMatcher(None, claim.sequence, source.sequence, autojunk=False)
    return float(min(8, sum(block.size > 0 for block in matcher.get_matching_blocks())))


def _links(claim: Claims, source: Claims) -> Features:
    """Return how the source places the claim's pairs of neighbouring words.

    `close`: share near each other. Counts: `apart` in two sentences (`loose` with a name or number), `turned`
    in the other order, `rivalled` by another name or number that is nearer.
    """
    near, total = 0, 0
    counts = dict.fromkeys(("apart", "loose", "turned", "rivalled"), 0.0)
    spots = _spots(source)
    for one, other in _neighbours(claim):
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
        counts["rivalled"] += value and _is_rivalled(one, other, abs(gap), source, spots)
    return {name: min(4.0, count) for name, count in counts.items()} | {"close": near / max(1, total)}


def _neighbours(claim: Claims) -> Iterator[tuple[Word, Word]]:
    for line in claim.lines:
        content = [word for word in line if word.kind != "pronoun"]
        yield from pairwise(content)


def _spots(source: Claims) -> dict[str, list[tuple[int, int]]]:
    """Return the places of each form: the number of the sentence, and of the word in it."""
    spots: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(source.lines):
        for at, word in enumerate(line):
            for form in word.forms:
                spots.setdefault(form, []).append((number, at))
    return spots


def _at(word: Word, spots: dict[str, list[tuple[int, int]]]) -> list[tuple[int, int]]:
    return [spot for form in word.forms for spot in spots.get(form, ())]


def _is_rivalled(
    one: Word, other: Word, gap: int, source: Claims, spots: dict[str, list[tuple[int, int]]]
) -> bool:
    """Return whether another name or number is nearer to a word than the one beside it in the claim."""
    value, word = (one, other) if one.kind else (other, one)
    own = set(_at(value, spots))
    for line, at in _at(word, spots):
        if any(
            source.lines[line][near].kind == value.kind and (line, near) not in own
            for near in range(max(0, at - gap + 1), min(len(source.lines[line]), at + gap))
            if near != at
        ):
            return True
    return False
