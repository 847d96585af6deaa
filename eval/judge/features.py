"""The features of the judge: how much of a statement its paragraphs contain, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from math import log

from eval.judge.vectors import nearness
from eval.judge.words import Token, sentences, tokens

READ = 8  # sentences for the embedder: those that share the most words with the statement
NEARLY = ("a number missing", "a name missing", "a month missing", "words missing")


@dataclass(frozen=True, slots=True)
class Alignment:
    """A statement aligned with the passage of its paragraphs that is most similar.

    `matched` is the share of the statement's tokens found in the same order. `only_claim` and
    `only_source` are the unmatched tokens of each side, the source's only between its matches. `changed`
    are pairs of tokens that replace each other.
    """

    matched: float
    only_claim: tuple[Token, ...]
    only_source: tuple[Token, ...]
    changed: tuple[tuple[tuple[Token, ...], tuple[Token, ...]], ...]

    @property
    def near(self) -> float:
        """0 if half of the statement or less is matched, 1 if all of it is."""
        return max(0.0, 2 * self.matched - 1)


def features(statement: str, contexts: Sequence[str]) -> dict[str, float]:
    """Return every feature by name, in the order of the judge's weights; all are finite."""
    claim = tokens(statement)
    texts = [part for context in contexts for part in sentences(context)]
    parts = [tokens(part) for part in texts]
    everywhere = {token.stem for part in parts for token in part}
    alignment = align(claim, windows(parts))
    lacking = missing(claim, everywhere)
    close = {f"near, {name}": alignment.near * min(1.0, lacking[name]) for name in NEARLY}
    wanted = {token.stem for token in claim if token.content}
    order = sorted(range(len(parts)), key=lambda at: -len(wanted & {token.stem for token in parts[at]}))
    meaning = nearness(statement, [texts[at] for at in order[:READ]])
    return coverage(claim, parts, everywhere) | lacking | differences(alignment) | close | meaning


def windows(parts: Sequence[tuple[Token, ...]]) -> list[tuple[Token, ...]]:
    """Return each sentence and each pair of neighbours."""
    return [*parts, *(first + second for first, second in pairwise(parts))]


def align(claim: Sequence[Token], passages: Sequence[tuple[Token, ...]]) -> Alignment:
    """Return the best alignment with one of the three passages that share most words; shorter is better."""
    wanted = {token.stem for token in claim}

    def shared(passage: Sequence[Token]) -> float:
        stems = {token.stem for token in passage}
        return len(wanted & stems) - 0.02 * len(stems)

    best = sorted(passages, key=shared, reverse=True)[:3]
    alignments = [_compare(claim, passage) for passage in best] or [_compare(claim, ())]
    return max(alignments, key=lambda item: item.matched - 0.03 * len(item.only_source))


def _compare(claim: Sequence[Token], source: Sequence[Token]) -> Alignment:
    matcher = SequenceMatcher(None, [t.stem for t in claim], [t.stem for t in source], autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    close = sum(block.size for block in blocks) / len(claim) if claim else 0.0
    only_claim: list[Token] = []
    only_source: list[Token] = []
    changed = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        only_claim += claim[a:b]
        inside = bool(blocks) and blocks[0].b < c and d <= blocks[-1].b
        if inside:
            only_source += source[c:d]
        if tag == "replace" and (inside or d - c <= b - a + 1):
            changed.append((tuple(claim[a:b]), tuple(source[c:d])))
    return Alignment(close, tuple(only_claim), tuple(only_source), tuple(changed))


def coverage(
    claim: Sequence[Token], parts: Sequence[Sequence[Token]], everywhere: set[str]
) -> dict[str, float]:
    """Return the shares of the statement's content words and word pairs that the paragraphs contain."""
    wanted = {token.stem for token in claim if token.content}
    held = [wanted & {token.stem for token in part} for part in parts]
    three = max((len(set().union(*held[at : at + 3])) for at in range(len(held))), default=0)
    pairs = _pairs(claim)
    source = {pair for part in parts for pair in _pairs(part)}
    size = len(wanted) or 1
    return {
        "words held": len(wanted & everywhere) / size,
        "words in three sentences": three / size,
        "pairs held": len(pairs & source) / (len(pairs) or 1),
        "longest run": _longest(claim, parts) / (len(claim) or 1),
        "length": log(1 + len(claim)),
        "contexts": log(1 + sum(map(len, parts))),
    }


def _pairs(part: Sequence[Token]) -> set[tuple[str, str]]:
    content = [token.stem for token in part if token.content or token.negation]
    return set(pairwise(content))


def _longest(claim: Sequence[Token], parts: Sequence[Sequence[Token]]) -> int:
    words = [token.stem for token in claim]
    flat = [token.stem for part in parts for token in part]
    matcher = SequenceMatcher(None, words, flat, autojunk=False)
    return matcher.find_longest_match().size


def missing(claim: Sequence[Token], everywhere: set[str]) -> dict[str, float]:
    """Return the numbers, names, months and words that no paragraph contains."""
    absent = [token for token in claim if token.stem not in everywhere]
    numbers = [token for token in claim if token.value is not None]
    content = [token for token in absent if token.content and not token.name and token.value is None]
    return {
        "a number missing": float(any(token.value is not None for token in absent)),
        "numbers missing": sum(token.value is not None for token in absent) / (len(numbers) or 1),
        "a name missing": float(any(token.name for token in absent)),
        "a month missing": float(any(token.month for token in absent)),
        "words missing": log(1 + len(content)),
    }


def differences(alignment: Alignment) -> dict[str, float]:
    """Return how the statement differs from the best passage; the closer they are, the more it counts."""
    near = alignment.near
    negated = sum(t.negation for t in alignment.only_claim) != sum(t.negation for t in alignment.only_source)
    return {
        "same": float(alignment.matched == 1.0 and not alignment.only_source),
        "near": near,
        "number changed": near * _changed(alignment, lambda token: token.value is not None),
        "name changed": near * _changed(alignment, lambda token: token.name),
        "month changed": near * _changed(alignment, lambda token: token.month),
        "negated": near * negated,
        "added": near * log(1 + sum(t.content for t in alignment.only_claim)),
        "left out": near * log(1 + sum(t.content for t in alignment.only_source)),
    }


def _changed(alignment: Alignment, kind: Callable[[Token], bool]) -> int:
    """Return how often a token of this kind replaces something else: 0, 1 or 2."""
    places = [
        {token.stem for token in claim if kind(token)} - {token.stem for token in source}
        for claim, source in alignment.changed
    ]
    return min(2, sum(map(bool, places)))
