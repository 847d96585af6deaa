"""Checks that a generated sentence must pass before it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.extraction.reader import Reading
from rag.generation.citation_marks import Marked
from rag.generation.prompts import NOT_FOUND
from rag.query.question import Question, Shape
from rag.text.shown import clean
from rag.text.words import content_stems
from rag.types import Evidence, Statement
from rag.verification.verifier import Examined, Verdict, judge

REPEATED = 0.7  # a sentence repeats another that has more than this share of its content words
FRAGMENT = 3  # content words; text with fewer and no full stop is not a sentence
OTHER_RELEVANT = 0.25  # share of the best sentence's probability that another paragraph's best one needs
SAME_PARAGRAPH = 0.02  # the same within the best sentence's paragraph
LIST_ITEM = 0.12  # the same if the question wants a list

# Text that gives a model orders instead of informing a reader: no statement may rest on it.
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your |these |previous |above )+"
    r"|\byou are now\b|(?:^|[.!?:] )\W*you are an?\b"
    r"|\byou (?:must|should|have to|need to)\b(?: \w+){0,3}? (?:answer|respond|reply|say|write|print|output"
    r"|repeat|append|insert|translate|begin|end|pretend|act)\b"
    r"|\byour (?:answer|response|reply|summary|overview|instructions?|task|system prompt)\b"
    r"|\b(?:as an?|the|dear) (?:AI|language model|assistant|chatbot)\b"
    r"|^(?:\W*)(?:say|write|answer|respond|reply|repeat|print|output|include|append|tell|add|insert|translate)\b",
    re.IGNORECASE,
)
# The model doesn't answer, speaks of itself, asks a question, or repeats the prompt.
_NO_STATEMENT = re.compile(rf"{NOT_FOUND.pattern}|==[0-9a-f]{{12}}==|\?\W*$|^Question\b|^I(?:['’]m)?\s")
_SENTENCE_END = re.compile(r"[.!?…][”\"’)\]]*$")


@dataclass(frozen=True, slots=True)
class Check:
    """What a generated sentence is checked against.

    `given` are the paragraphs that the model was given, by number; `relevant` the numbers of those that may
    answer the question. `examined`: the verifier, and what its word counts. `parted`: by number, the whole
    paragraphs of which the model was given a part.
    """

    given: Mapping[int, Evidence]
    relevant: frozenset[int]
    examined: Examined | None
    parted: Mapping[int, Evidence] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        question: Question,
        evidence: Sequence[Evidence],
        given: Sequence[Evidence],
        reading: Reading,
        examined: Examined | None,
    ) -> Check:
        """Take as relevant all paragraphs if the verifier counts, else those that may well answer."""
        if examined and examined.counts:
            return cls(
                {item.number: item for item in given}, frozenset(item.number for item in given), examined
            )
        best = reading.sentences[0]
        other = LIST_ITEM if question.shape is Shape.LIST else OTHER_RELEVANT
        relevant = frozenset(
            evidence[sentence.index].number
            for sentence in reading.sentences
            if sentence.probability / best.probability
            >= (SAME_PARAGRAPH if sentence.index == best.index else other)
        )
        return cls({item.number: item for item in given}, relevant, examined)

    def verdict(self, sentence: Marked, shown: Iterable[Statement]) -> Verdict | None:
        """Return how far the given paragraphs bear out the sentence; None if it must not be shown.

        It must state something, not repeat a statement `shown` before, and rest on a relevant paragraph.
        """
        stems = content_stems(sentence.text)
        if _NO_STATEMENT.search(sentence.text) or not stems or self._is_heading(sentence.text):
            return None
        if repeats(stems, [content_stems(statement.text) for statement in shown]):
            return None
        if not is_finished(sentence.text) and len(stems) < FRAGMENT:
            return None
        given = list(self.given.values())
        cited = [self.given[number] for number in sentence.numbers if number in self.given]
        found = judge(sentence.text, cited, given, self.examined)
        if found.status is None:
            return found
        by = [item for item in found.by if item.number in self.relevant and self._states(item, sentence.text)]
        return replace(found, by=tuple(by)) if by else None

    def whole(self, items: Iterable[Evidence]) -> list[Evidence]:
        """Return the paragraphs to cite."""
        return [self.parted.get(item.number, item) for item in items]

    @property
    def marks(self) -> bool:
        """Whether an unconfirmed sentence is shown, marked as such."""
        return self.examined is not None and self.examined.marks

    def _is_heading(self, text: str) -> bool:
        return any(text.strip(" .()") in item.heading for item in self.given.values())

    def _states(self, item: Evidence, text: str) -> bool:
        """Return whether the paragraph states the text, and doesn't order a model to say it."""
        if _ORDER.search(text):
            return False
        ordered, stems = _ordered(clean(item.text)), content_stems(text)
        return len(stems & ordered) <= 0.5 * len(stems)


def _ordered(text: str) -> set[str]:
    """Return the content stems of the orders in a text, and of what follows "Say:" in its line."""
    found: set[str] = set()
    for line in text.splitlines():
        follows = False
        for part in re.split(r"(?<=[.!?:])\s+", line):
            is_order = bool(_ORDER.search(part))
            found |= content_stems(part) if is_order or follows else set()
            follows = follows or (is_order and part.endswith(":"))
    return found


def repeats(stems: set[str], others: Iterable[set[str]]) -> bool:
    """Return whether one of the others has nearly all of these content stems."""
    return any(len(stems & other) > REPEATED * len(stems) for other in others)


def is_finished(text: str) -> bool:
    """Return whether the text ends like a sentence."""
    return bool(_SENTENCE_END.search(text))
