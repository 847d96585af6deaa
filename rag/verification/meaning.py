"""Verifiers: what says how probable it is that paragraphs bear out a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Pair = tuple[str, str]  # a sentence, and the text of the paragraphs that it cites

KEPT = 5000  # pairs whose probabilities are remembered


class Verifier(Protocol):
    """Says how probable it is, 0 to 1, that the paragraphs of each pair bear out its sentence.

    None for a pair that could not be judged. `fingerprint` changes with the model.
    """

    name: str
    fingerprint: str

    def supports(self, pairs: Sequence[Pair]) -> list[float | None]: ...


class Remembering:
    """A verifier that asks another one for each pair once."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._known: dict[Pair, float] = {}
        self.name, self.fingerprint = verifier.name, verifier.fingerprint

    def supports(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Return the probabilities; a pair that could not be judged is asked again next time."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        for pair, probability in zip(new, self._verifier.supports(new), strict=True) if new else ():
            if probability is not None:
                self._known[pair] = probability
        found = [self._known.get(pair) for pair in pairs]
        self._known = dict(list(self._known.items())[-KEPT:])
        return found
