"""Made-up documents in any number, questions about them, and an embedder that costs next to nothing.

Every document is on one of many topics. Its words follow Zipf's law: English function words, common words and
those of the topic. One sentence of each document states a fact that nothing else states.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from rag.models.calibration import BUILT_IN_SCALE, Calibration
from rag.types import Span, Vectors

NAME, DIMENSION, LIMIT = "made-up", 384, 256
PARAGRAPHS, SECTION = 100, 10  # paragraphs of a document, and of a section below a heading
TOPICS, TOPIC_WORDS, COMMON_WORDS, ALL_WORDS = 500, 300, 2_000, 60_000
_FUNCTION = """\
the of and to in a is for on with as by at from that it be are was or this which not have an has were
its their they but all one can when been more there if will into other so than only any each must may such"""
_STARTS = "b br c d dr f g gr h k l m n p pl r s st t tr v w"
_SURNAMES = "Abbot Barlow Conway Dunmore Ellery Farrow Gresham Harker Ingram Jessop Kemble Lowther"
FUNCTION, STARTS, SURNAMES = _FUNCTION.split(), _STARTS.split(), _SURNAMES.split()
VOWELS, ENDS = "aeiou", ("", "l", "n", "r")
SHARES = (0.42, 0.28, 0.30)  # of function words, common words and words of the topic
PARTS = ("pump", "valve", "boiler", "turbine", "winch", "crane")
BUCKETS = 1 << 14  # rows of the embedder's matrix; words that share one are taken for the same
_WORD = re.compile(r"\w+")


class Fact(NamedTuple):
    """What one sentence of one document states: the question, its answer, and where it is."""

    question: str
    answer: str
    sentence: str
    paragraph: int


def source(number: int) -> str:
    """Return the name of a document's file."""
    return f"{number:06}.md"


def write(folder: Path, numbers: range) -> None:
    """Write documents as Markdown files, those that are there already excepted."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        file = folder / source(number)
        if not file.exists():
            file.write_text(markdown(number), "utf-8")


def markdown(number: int) -> str:
    """Return a document: a title, and sections of paragraphs."""
    chance = np.random.default_rng(number)
    topic, planted = number % TOPICS, fact(number)
    paragraphs = [_paragraph(chance, topic) for _ in range(PARAGRAPHS)]
    paragraphs[planted.paragraph] += f" {planted.sentence}"
    blocks = [f"# {_title(chance, topic)} {number}"]
    for start in range(0, PARAGRAPHS, SECTION):
        blocks += [f"## {_title(chance, topic)}", *paragraphs[start : start + SECTION]]
    return "\n\n".join(blocks) + "\n"


def fact(number: int) -> Fact:
    """Return the fact that only this document states."""
    chance = random.Random(number)  # noqa: S311
    part, builder = chance.choice(PARTS), chance.choice(SURNAMES)
    name = f"{word(ALL_WORDS + number).capitalize()} {part}"
    return Fact(
        f"Who installed the {name}?",
        builder,
        f"The {name} was installed by {builder} in {chance.randint(1950, 2020)}.",
        chance.randrange(PARAGRAPHS),
    )


def questions(documents: int, amount: int) -> Iterator[tuple[str, str]]:
    """Yield questions and their answers: every other one asks for a fact, the others have no known answer."""
    chance = random.Random(documents)  # noqa: S311
    for turn in range(amount):
        number = chance.randrange(documents)
        title, *lines = markdown(number).splitlines()[::2]
        if turn % 2 == 0:
            planted = fact(number)
            yield f"{planted.question[:-1]} of {title.strip('# 0123456789')}?", planted.answer
        else:
            rare = [each for each in _WORD.findall(chance.choice(lines)) if len(each) > 4]
            yield f"What is known of {' and '.join(chance.sample(rare, min(6, len(rare))))}?", ""


@cache
def word(rank: int) -> str:
    """Return a word that no other rank has; those of low rank are short."""
    spelt, left = "", rank
    while left or not spelt:
        left, start = divmod(left, len(STARTS))
        left, vowel = divmod(left, len(VOWELS))
        spelt += STARTS[start] + VOWELS[vowel]
    return spelt + ENDS[rank % len(ENDS)] + ("e" if spelt in FUNCTION else "")


def _paragraph(chance: np.random.Generator, topic: int) -> str:
    """Return two to five sentences."""
    lengths = chance.integers(8, 26, size=chance.integers(2, 6))
    drawn = iter(_words(chance, topic, int(lengths.sum())))
    return " ".join(" ".join(next(drawn) for _ in range(size)).capitalize() + "." for size in lengths)


def _title(chance: np.random.Generator, topic: int) -> str:
    return " ".join(
        _topic_word(topic, int(at)) for at in chance.integers(0, TOPIC_WORDS, size=3)
    ).capitalize()


def _words(chance: np.random.Generator, topic: int, count: int) -> list[str]:
    kinds = chance.choice(3, size=count, p=SHARES)
    ranks = chance.random(count)
    sizes = np.array([len(FUNCTION), COMMON_WORDS, TOPIC_WORDS])[kinds]
    drawn = (np.power(sizes, ranks) - 1).astype(int)  # Zipf's law
    of_kind = FUNCTION.__getitem__, word, partial(_topic_word, topic)
    return [of_kind[kind](rank) for kind, rank in zip(kinds.tolist(), drawn.tolist(), strict=True)]


def _topic_word(topic: int, rank: int) -> str:
    """Return a word of a topic; two topics have few in common."""
    return word(COMMON_WORDS + (topic * 7919 + rank * 104_729) % (ALL_WORDS - COMMON_WORDS))


class MadeUpEmbedder:
    """A stand-in for a model: the sum of a random vector for each word, so common words make texts near."""

    name, dimension, limit = NAME, DIMENSION, LIMIT
    calibration: Calibration = BUILT_IN_SCALE

    def __init__(self) -> None:
        self._matrix = np.random.default_rng(1).normal(size=(BUCKETS, DIMENSION)).astype(np.float32)
        self._rows = cache(lambda each: crc32(each.encode()) % BUCKETS)

    def embed(self, questions: Sequence[str]) -> Vectors:
        """Return the unit vectors of questions."""
        return self.embed_parts(questions, [[] for _ in questions])[0]

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Return the unit vectors of texts, and those of the spans of each."""
        whole = np.empty((len(texts), DIMENSION), dtype=np.float32)
        parts = [np.empty((len(each), DIMENSION), dtype=np.float32) for each in spans]
        for at, (text, inside) in enumerate(zip(texts, spans, strict=True)):
            found = [(each.start(), each[0].casefold()) for each in _WORD.finditer(text)]
            weights = [
                0.1 if len(each) < 4 else 1.0 for _, each in found
            ]  # most of the common words are short
            rows = self._matrix[[self._rows(each) for _, each in found]]
            rows *= np.array(weights, dtype=np.float32)[:, None]
            starts = np.array([start for start, _ in found])
            whole[at] = _unit(rows)
            for number, (first, last) in enumerate(inside):
                parts[at][number] = _unit(rows[slice(*np.searchsorted(starts, (first, last)))])
        return whole, parts

    def count_tokens(self, text: str) -> int:
        """Return the number of words."""
        return len(text.split())


def _unit(rows: Vectors) -> Vectors:
    """Return the sum of vectors, as a unit vector."""
    total = rows.sum(axis=0)
    return np.asarray(total / (np.linalg.norm(total) or 1.0), dtype=np.float32)
