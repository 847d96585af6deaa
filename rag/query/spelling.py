"""Correct misspelt words of a question: to a word of the documents that is one slip away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import simplemma

from rag.text.folding import fold
from rag.text.language import ENGLISH, language
from rag.text.vocabulary import STOPWORDS
from rag.text.words import WORD, stem

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SHORTEST = 4  # letters of a word that may be corrected
SHORTEST_NAME = 6  # the same for a capitalised word: short names are often alike

LONGEST = 24  # the same: a longer word isn't one

Frequency = Callable[[Iterable[str]], Mapping[str, int]]


def correct(question: str, frequency: Frequency) -> str:
    """Return the question with each misspelt word corrected.

    A word is misspelt if neither English nor the documents have it. It becomes the most frequent word with
    one letter added, left out, replaced, or swapped with the next. `frequency` returns the document
    frequency of those stems that any document has.
    """

    if language(question) != ENGLISH:
        return question  # no list of the other languages' words is complete enough

    def corrected(match: re.Match[str]) -> str:
        word = match.group()
        return _nearest(word, frequency) or word

    return WORD.sub(corrected, question)


def _nearest(written: str, frequency: Frequency) -> str | None:
    word = fold(written)
    capitalised = written[0].isupper() and not written.isupper()
    shortest = SHORTEST_NAME if capitalised else SHORTEST
    if not (shortest <= len(word) <= LONGEST and word.isalpha()) or word in STOPWORDS:
        return None
    if simplemma.is_known(word, "en") or frequency([stem(word)]):
        return None
    stems = {other: stem(other) for other in _slips(word)}
    counts = frequency(set(stems.values()))
    found = {other: counts.get(stems[other], 0) + (other in STOPWORDS) for other in stems}
    best = max(found, key=lambda other: (found[other], len(other), other), default="")
    if not best or not found[best]:
        return None
    return best.capitalize() if capitalised else best


def _slips(word: str) -> Iterator[str]:
    """Yield every word that is one slip away from a folded word, and begins with its first letter."""
    for at in range(1, len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (before + letter + after for letter in LETTERS)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in LETTERS)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
