"""Whether the paragraphs that a free sentence cites bear it out: how a language model's answer is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.models import Vectors
from rag.names import absent, forms, names
from rag.types import Evidence
from rag.verifier import support
from rag.words import fold, numbers, words

Embed = Callable[[Sequence[str]], Vectors]  # unit vectors, float32 (texts, dimension)

THRESHOLD = 0.7

_QUOTED = re.compile(r"[“\"«]([^“”\"«»]{2,}?)[”\"»]")
_NEGATION = frozenset("not no never none nor neither without nobody nothing cannot".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far a sentence is borne out (0 to 1), whether that is enough, and by which evidence numbers.

    `faults` say in words what the nearest paragraph does not bear out; a supported sentence has none.
    """

    support: float
    supported: bool
    by: tuple[int, ...]
    faults: tuple[str, ...]


def grounded(sentence: str, paragraphs: Sequence[Evidence], embed: Embed) -> Grounding:
    """Whether the paragraphs bear out the sentence, in one of its sentences or clause by clause."""
    found = [(support(sentence, item), _faults(sentence, item), item.number) for item in paragraphs]
    good = [(value, number) for value, faults, number in found if not faults and value >= THRESHOLD]
    if good:
        return Grounding(max(good)[0], True, tuple(number for _, number in good), ())
    if not found:
        return Grounding(0.0, False, (), ("no paragraph is cited",))
    value, faults, _ = max(found, key=lambda one: (one[0], -len(one[1])))
    return Grounding(
        0.0 if faults else value, False, (), faults or ("too little of it stands in the paragraph",)
    )


def _faults(sentence: str, item: Evidence) -> tuple[str, ...]:
    whole = f"{item.heading} {item.text}"
    held = " ".join(words(whole))
    found = [f"the number {number}" for number in sorted(numbers(sentence) - numbers(whole))]
    found += [f"the name {name}" for name in absent(names(sentence), forms(whole))]
    quoted = [match[1] for match in _QUOTED.finditer(sentence)]
    found += [f"the quote “{quote}”" for quote in quoted if " ".join(words(quote)) not in held]
    if _negated(sentence) and not _negated(whole):
        found.append("the negation")
    return tuple(found)


def _negated(text: str) -> bool:
    return bool(_NEGATION & set(fold(text).split())) or "n't" in fold(text)
