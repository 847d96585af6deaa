"""The sentences that were read, by their paragraph: its neighbours, lists, tables and sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rag.extraction.reader import Reading, Sentence
from rag.retrieval.rarity import text_stems
from rag.types import Evidence, Kind, Place


@dataclass(frozen=True, slots=True)
class Page:
    """The sentences of the evidence by their paragraph, in document order."""

    evidence: Sequence[Evidence]
    by_place: Mapping[Place, Sequence[Sentence]]

    @classmethod
    def of(cls, evidence: Sequence[Evidence], reading: Reading) -> Page:
        """Sort the sentences that were read."""
        found: dict[Place, list[Sentence]] = {}
        for one in sorted(reading.sentences, key=lambda each: each.start):
            found.setdefault(_place(evidence[one.index]), []).append(one)
        return cls(evidence, found)

    def at(self, source: str, number: int) -> Evidence | None:
        """Return a paragraph, if any of its sentences was read."""
        own = self.by_place.get((source, number))
        return self.evidence[own[0].index] if own else None

    def place(self, sentence: Sentence) -> Place:
        """Return the place of a sentence's paragraph."""
        return _place(self.evidence[sentence.index])

    def is_a(self, kind: Kind, source: str, number: int) -> bool:
        """Return whether a paragraph was read and is of this kind."""
        here = self.at(source, number)
        return here is not None and here.kind is kind

    def run(self, source: str, number: int, belongs: Callable[[str, int], bool]) -> list[Place]:
        """Return the neighbouring paragraphs around one that belong together, in order."""
        first = last = number
        while belongs(source, first - 1):
            first -= 1
        while belongs(source, last + 1):
            last += 1
        return [(source, at) for at in range(first, last + 1)]

    def lists(self, kind: Kind) -> list[list[Place]]:
        """Return the lists of two items or more, or the tables of two rows or more."""
        is_item = partial(self.is_a, kind)
        runs = {tuple(self.run(*place, is_item)) for place in self.by_place if is_item(*place)}
        return [list(run) for run in runs if len(run) > 1]

    def section(self, place: Place) -> list[Place]:
        """Return the paragraphs around one that have the same heading."""
        here = self.at(*place)

        def belongs(source: str, number: int) -> bool:
            other = self.at(source, number)
            return other is not None and here is not None and other.heading == here.heading

        return self.run(*place, belongs)

    def clauses(self, place: Place) -> list[Place]:
        """Return the items around one that make up a sentence: "(a) a week at first, (b) a month later"."""
        source, number = place
        last = number + 1

        def goes_on(source: str, at: int) -> bool:
            return self.is_a(Kind.LIST_ITEM, source, at) and self._is_unfinished(source, at)

        first = self.run(source, number, lambda _, at: at < number and goes_on(source, at))[0][1]
        while goes_on(source, last - 1) and self.is_a(Kind.LIST_ITEM, source, last):
            last += 1
        return [(source, at) for at in range(first, last)] if last - first > 1 else []

    def _is_unfinished(self, source: str, number: int) -> bool:
        here = self.at(source, number)
        return here is not None and here.text.rstrip().endswith((",", ";", " and", " or"))

    def share(self, places: Iterable[Place]) -> float:
        """Return the probability that one of these paragraphs answers."""
        return sum(one.probability for place in places for one in self.by_place[place])

    def sentences(self, places: Iterable[Place]) -> list[Sentence]:
        """Return the sentences of these paragraphs."""
        return [one for place in places for one in self.by_place[place]]


def _place(evidence: Evidence) -> Place:
    return evidence.source, evidence.paragraph


def stems_of(evidence: Evidence | None) -> frozenset[str]:
    return text_stems(f"{evidence.heading} {evidence.text}") if evidence else frozenset()
