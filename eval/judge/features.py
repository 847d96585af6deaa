"""What the judge looks at: how much of a statement its paragraphs hold, and where the two part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from math import log

from eval.judge.vectors import nearness
from eval.judge.words import Token, sentences, tokens

READ = 8  # sentences that the embedder reads: those that share the most words with the statement
NEARLY = ("a number missing", "a name missing", "a month missing", "words missing")


@dataclass(frozen=True, slots=True)
class Beside:
    """A statement laid beside the stretch of its paragraphs that is most like it.

    `close`: share of the statement's tokens that stand there in the same order. `only_said`, `only_there`:
    the tokens of either side between those, `only_there` no further than the stretch that was matched.
    `changed`: where the one has some tokens in the place of the other's.
    """

    close: float
    only_said: tuple[Token, ...]
    only_there: tuple[Token, ...]
    changed: tuple[tuple[tuple[Token, ...], tuple[Token, ...]], ...]

    @property
    def near(self) -> float:
        """0 where half of the statement or less stands there, 1 where all of it does."""
        return max(0.0, 2 * self.close - 1)


def features(statement: str, contexts: Sequence[str]) -> dict[str, float]:
    """Every feature by name, in the order of the judge's weights; all are finite, shares between 0 and 1."""
    said = tokens(statement)
    texts = [part for context in contexts for part in sentences(context)]
    parts = [tokens(part) for part in texts]
    everywhere = {token.stem for part in parts for token in part}
    beside = lay_beside(said, windows(parts))
    lacking = missing(said, everywhere)
    close = {f"near, {name}": beside.near * min(1.0, lacking[name]) for name in NEARLY}
    wanted = {token.stem for token in said if token.content}
    order = sorted(range(len(parts)), key=lambda at: -len(wanted & {token.stem for token in parts[at]}))
    meaning = nearness(statement, [texts[at] for at in order[:READ]])
    return coverage(said, parts, everywhere) | lacking | differences(beside) | close | meaning


def windows(parts: Sequence[tuple[Token, ...]]) -> list[tuple[Token, ...]]:
    """Each sentence, and each two that follow each other."""
    return [*parts, *(first + second for first, second in pairwise(parts))]


def lay_beside(said: Sequence[Token], stretches: Sequence[tuple[Token, ...]]) -> Beside:
    """The closest of the three stretches that share most words with the statement; shorter is better."""
    wanted = {token.stem for token in said}

    def shared(stretch: Sequence[Token]) -> float:
        held = {token.stem for token in stretch}
        return len(wanted & held) - 0.02 * len(held)

    best = sorted(stretches, key=shared, reverse=True)[:3]
    laid = [_compare(said, stretch) for stretch in best] or [_compare(said, ())]
    return max(laid, key=lambda item: item.close - 0.03 * len(item.only_there))


def _compare(said: Sequence[Token], there: Sequence[Token]) -> Beside:
    matcher = SequenceMatcher(None, [t.stem for t in said], [t.stem for t in there], autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    close = sum(block.size for block in blocks) / len(said) if said else 0.0
    only_said: list[Token] = []
    only_there: list[Token] = []
    changed = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        only_said += said[a:b]
        inside = bool(blocks) and blocks[0].b < c and d <= blocks[-1].b
        if inside:
            only_there += there[c:d]
        if tag == "replace" and (inside or d - c <= b - a + 1):
            changed.append((tuple(said[a:b]), tuple(there[c:d])))
    return Beside(close, tuple(only_said), tuple(only_there), tuple(changed))


def coverage(
    said: Sequence[Token], parts: Sequence[Sequence[Token]], everywhere: set[str]
) -> dict[str, float]:
    """Shares of the statement's content words and word pairs that the paragraphs hold."""
    wanted = {token.stem for token in said if token.content}
    held = [wanted & {token.stem for token in part} for part in parts]
    three = max((len(set().union(*held[at : at + 3])) for at in range(len(held))), default=0)
    pairs = _pairs(said)
    there = {pair for part in parts for pair in _pairs(part)}
    size = len(wanted) or 1
    return {
        "words held": len(wanted & everywhere) / size,
        "words in three sentences": three / size,
        "pairs held": len(pairs & there) / (len(pairs) or 1),
        "longest run": _longest(said, parts) / (len(said) or 1),
        "length": log(1 + len(said)),
        "contexts": log(1 + sum(map(len, parts))),
    }


def _pairs(part: Sequence[Token]) -> set[tuple[str, str]]:
    content = [token.stem for token in part if token.content or token.negation]
    return set(pairwise(content))


def _longest(said: Sequence[Token], parts: Sequence[Sequence[Token]]) -> int:
    words = [token.stem for token in said]
    flat = [token.stem for part in parts for token in part]
    matcher = SequenceMatcher(None, words, flat, autojunk=False)
    return matcher.find_longest_match().size


def missing(said: Sequence[Token], everywhere: set[str]) -> dict[str, float]:
    """What of the statement stands nowhere in the paragraphs, by kind."""
    absent = [token for token in said if token.stem not in everywhere]
    numbers = [token for token in said if token.value is not None]
    content = [token for token in absent if token.content and not token.name and token.value is None]
    return {
        "a number missing": float(any(token.value is not None for token in absent)),
        "numbers missing": sum(token.value is not None for token in absent) / (len(numbers) or 1),
        "a name missing": float(any(token.name for token in absent)),
        "a month missing": float(any(token.month for token in absent)),
        "words missing": log(1 + len(content)),
    }


def differences(beside: Beside) -> dict[str, float]:
    """Where the statement and the closest stretch part: the closer the two, the more a change weighs."""
    near = beside.near
    negated = sum(t.negation for t in beside.only_said) != sum(t.negation for t in beside.only_there)
    return {
        "same": float(beside.close == 1.0 and not beside.only_there),
        "near": near,
        "number changed": near * _changed(beside, lambda token: token.value is not None),
        "name changed": near * _changed(beside, lambda token: token.name),
        "month changed": near * _changed(beside, lambda token: token.month),
        "negated": near * negated,
        "added": near * log(1 + sum(t.content for t in beside.only_said)),
        "left out": near * log(1 + sum(t.content for t in beside.only_there)),
    }


def _changed(beside: Beside, kind: Callable[[Token], bool]) -> int:
    """How often the statement has a token of that kind where the stretch has something else: 0, 1, or 2."""
    places = [
        {token.stem for token in said if kind(token)} - {token.stem for token in there}
        for said, there in beside.changed
    ]
    return min(2, sum(map(bool, places)))
