"""How rare the question's words are in the index, and how much of their weight a text covers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rag.query.question import Question
from rag.text.names import base, bases
from rag.text.words import stem, stems, words


@dataclass(frozen=True, slots=True)
class Rarity:
    """The weight of each stem of the question: 1 if no chunk contains it, near 0 if all chunks do.

    `names` maps the stems that are names to their base forms, marked as in `text_stems`.
    """

    weights: Mapping[str, float]
    names: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, question: Question, frequency: Mapping[str, int], chunks: int) -> Rarity:
        """Compute the weights from each stem's document frequency among all `chunks`."""
        most = math.log(1 + (chunks + 0.5) / 0.5)
        weights = {
            word: math.log(1 + (chunks - min(count, chunks) + 0.5) / (count + 0.5)) / most
            for word in question_stems(question)
            for count in [frequency.get(word, 0)]
        }
        named = {
            stem(word): frozenset(f"~{form}" for form in bases(word))
            for name in question.names
            for word in words(name, question.language)
        }
        return cls(weights, named)

    def covered(self, stems: frozenset[str]) -> float:
        """Return the share, 0 to 1, of the weight of the question's known words that `text_stems` cover."""
        known = {word: weight for word, weight in self.weights.items() if weight < 1}
        whole = sum(known.values())
        got = sum(weight for word, weight in known.items() if self._covers(stems, word))
        return got / whole if whole else 0.0

    def unknown(self, word: str) -> bool:
        """Return whether no chunk contains this word of the question."""
        return self.weights.get(stem(word), 0.0) >= 1

    def _covers(self, stems: frozenset[str], word: str) -> bool:
        return word in stems or not stems.isdisjoint(self.names.get(word, ()))


@lru_cache(maxsize=4096)
def text_stems(text: str, code: str | None = None) -> frozenset[str]:
    """Return the stems of a text, and the base form of each word as a name, marked with "~".

    `code` is the language of the text, found out if it is None.
    """
    found = words(text, code)
    return frozenset(map(stem, found)) | frozenset(f"~{base(word)}" for word in found)


def question_stems(question: Question) -> list[str]:
    """Return the stems to look for in texts about the question's subject."""
    return [stem(word) for word in question.words] or stems(question.text)
