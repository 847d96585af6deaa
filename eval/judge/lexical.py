"""The local judge, without a language model: do the paragraphs say what a statement says, word by word?

It adds up points, and shares no code and no threshold with the verification in `rag/`. The points are
rounded weights of a logistic regression, fitted once: to WiCE's claims, and to sentences of XQuAD and CLAPnq,
whole and with one number, name, date, negation or speaker changed. Of 27 features these eight are left:
without one of them it agrees less with WiCE's labels or accepts more of the changed sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise
from math import exp, log1p

from eval.judge.words import Token, sentences, tokens

SUPPORTED = 0.5  # least probability of a supported statement
POINTS = {
    "pairs held": 2.0,
    "a number missing": -1.5,
    "a name missing": -1.5,
    "words missing": -0.5,
    "near, words missing": 5.0,
    "number changed": -4.0,
    "name changed": -5.0,
    "negated": -5.0,
}
START = 1.0

Passage = tuple[Token, ...]


@lru_cache(maxsize=20_000)
def _verdict(statement: str, context: str) -> float:
    values = features(statement, context)
    return 1 / (1 + exp(-START - sum(POINTS[name] * value for name, value in values.items())))


def verdict(statement: str, contexts: Sequence[str]) -> float:
    """Return the probability, 0 to 1, that the paragraphs together support the statement; 0 without any."""
    context = "\n".join(contexts)
    return _verdict(statement, context) if context.strip() else 0.0


def features(statement: str, context: str) -> dict[str, float]:
    """Return what the paragraphs lack of the statement, and how the most similar passage differs from it."""
    claim, parts = tokens(statement), [tokens(part) for part in sentences(context)]
    known = {token.stem for part in parts for token in part}
    absent = [token for token in claim if token.stem not in known]
    plain = log1p(sum(token.content and not token.name and token.value is None for token in absent))
    pairs = _pairs(claim)
    near, changed, negated = _compare(claim, _most_similar(claim, parts))
    return {
        "pairs held": len(pairs & set().union(*map(_pairs, parts))) / (len(pairs) or 1),
        "a number missing": float(any(token.value is not None for token in absent)),
        "a name missing": float(any(token.name for token in absent)),
        "words missing": plain,
        "near, words missing": near * min(1.0, plain),
        "number changed": near * any(token.value is not None for token in changed),
        "name changed": near * any(token.name for token in changed),
        "negated": near * negated,
    }


def _pairs(part: Passage) -> set[tuple[str, str]]:
    return set(pairwise(token.stem for token in part if token.content or token.negation))


def _most_similar(claim: Passage, parts: Sequence[Passage]) -> Passage:
    """Return the sentence, or pair of neighbours, with most of the statement's words; shorter is better."""
    wanted = {token.stem for token in claim}

    def shared(passage: Passage) -> float:
        stems = {token.stem for token in passage}
        return len(wanted & stems) - 0.02 * len(stems)

    return max([*parts, *(one + other for one, other in pairwise(parts))], key=shared, default=())


def _compare(claim: Passage, source: Passage) -> tuple[float, list[Token], bool]:
    """Return how near the two are, the statement's tokens that stand for others, and whether one negates.

    They are near (1) if all of the statement is there in the same order, not near (0) if at most half is.
    """
    matcher = SequenceMatcher(None, [one.stem for one in claim], [one.stem for one in source], autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    matched = sum(block.size for block in blocks)
    changed: list[Token] = []
    negations = [0, 0]
    for tag, a, b, c, d in matcher.get_opcodes():
        inside = bool(blocks) and blocks[0].b < c and d <= blocks[-1].b
        if tag != "equal":
            negations[0] += sum(token.negation for token in claim[a:b])
            negations[1] += inside * sum(token.negation for token in source[c:d])
        if tag == "replace" and (inside or d - c <= b - a + 1):
            there = {token.stem for token in source[c:d]}
            changed += [token for token in claim[a:b] if token.stem not in there]
    return max(0.0, 2 * matched / (len(claim) or 1) - 1), changed, negations[0] != negations[1]
