"""How rare the words of a question are among the documents, and how much of them a text covers."""

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
    """How rare each stem of the question is among the chunks: 1 if it is nowhere, near 0 if everywhere.

    `names` gives the stems that are names, each with the marks of its base forms.
    """

    weights: Mapping[str, float]
    names: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, question: Question, frequency: Mapping[str, int], chunks: int) -> Rarity:
        """From the number of chunks that hold each stem, of all chunks."""
        most = math.log(1 + (chunks + 0.5) / 0.5)
        weights = {
            word: math.log(1 + (chunks - min(count, chunks) + 0.5) / (count + 0.5)) / most
            for word in question_stems(question)
            for count in [frequency.get(word, 0)]
        }
        named = {
            stem(word): frozenset(f"~{form}" for form in bases(word))
            for name in question.names
            for word in words(name)
        }
        return cls(weights, named)

    def covered(self, held: frozenset[str]) -> float:
        """The share of the question's weight that a text with these `marks` covers, 0 to 1."""
        whole = sum(self.weights.values())
        got = sum(weight for word, weight in self.weights.items() if self._holds(word, held))
        return got / whole if whole else 0.0

    def unknown(self, word: str) -> bool:
        """Whether this word of the question stands in no chunk."""
        return self.weights.get(stem(word), 0.0) >= 1

    def _holds(self, word: str, held: frozenset[str]) -> bool:
        return word in held or not held.isdisjoint(self.names.get(word, ()))


@lru_cache(maxsize=4096)
def marks(text: str) -> frozenset[str]:
    """The stems of a text, and the base form of each as a name, which "~" tells from a stem."""
    found = words(text)
    return frozenset(map(stem, found)) | frozenset(f"~{base(word)}" for word in found)


def question_stems(question: Question) -> list[str]:
    """The stems that a text on the question's subject would hold."""
    return [stem(word) for word in question.words] or stems(question.text)
