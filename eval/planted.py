"""Faults planted in right answers, to see whether a judge notices them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What is wrong in an answer: one thing of this kind was changed."""

    NUMBER = "number"
    NAME = "name"
    DATE = "date"
    NEGATION = "negation"
    SPEAKER = "speaker"
    OTHER_PARAGRAPH = "claim of another paragraph"


@dataclass(frozen=True, slots=True)
class Planted:
    """An answer's text with one fault, the paragraphs it cites, and the id of the answer it was made from."""

    id: str
    fault: Fault
    text: str
    contexts: tuple[str, ...]


def planted(answers: Sequence[tuple[str, str, Sequence[str]]]) -> tuple[Planted, ...]:
    """For each answer (id, text, paragraphs) one fault of each kind that can be planted in it, seeded."""
    raise NotImplementedError
