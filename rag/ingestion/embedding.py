"""The vectors of a document: of its chunks, and of the sentences in them, each text embedded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.types import Chunk, Document, Span, Vector

AT_ONCE = 512  # chunks embedded before progress is told
REMEMBERED = 2000  # texts whose vectors are kept in hand, for those that come again

# Texts, and spans of each: their vectors, float32 (texts, dimension) and (spans, dimension), all of length 1.
Embed = Callable[[Sequence[str], Sequence[Sequence[Span]]], tuple[Vector, Sequence[Vector]]]
Spoken = Mapping[Span, Vector]  # the vectors of a paragraph's sentences, by where they stand in it
Work = tuple[str, tuple[Span, ...]]  # what is embedded of a chunk, and where its sentences stand in that
Made = tuple[Vector, Vector]  # the vector of a chunk, and those of its sentences


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, and where its sentences stand: in their paragraph, and in what is embedded of the chunk."""

    chunk: Chunk
    sentences: Mapping[Span, Span]

    @property
    def work(self) -> Work:
        """What there is to embed."""
        return self.chunk.embedded, tuple(self.sentences.values())


class Embedding:
    """Vectors made with `embed`; what comes again soon is not embedded again."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._made: dict[Work, Made] = {}

    def make(self, pieces: Sequence[Piece], told: Callable[[float], None]) -> dict[Work, Made]:
        """The vector of each piece and those of its sentences; `told` hears the share done, below 1."""
        wanted = dict.fromkeys(piece.work for piece in pieces)
        made = {work: self._made[work] for work in wanted if work in self._made}
        new = [work for work in wanted if work not in made]
        for start in range(0, len(new), AT_ONCE):
            if start:
                told(start / len(new))
            part = new[start : start + AT_ONCE]
            wholes, parts = self._embed([text for text, _ in part], [spans for _, spans in part])
            made.update(zip(part, zip(wholes, parts, strict=True), strict=True))
        self._made = dict(list((self._made | made).items())[-REMEMBERED:])
        return made


def spoken(document: Document, pieces: Sequence[Piece], made: Mapping[Work, Made]) -> dict[int, Spoken]:
    """The vectors of the sentences, by paragraph number; of one in several chunks their mean, by length."""
    sums: dict[int, dict[Span, Vector]] = {paragraph.number: {} for paragraph in document.paragraphs}
    for piece in pieces:
        if piece.work not in made:
            continue
        held = sums[piece.chunk.paragraph]
        for (span, (start, end)), vector in zip(piece.sentences.items(), made[piece.work][1], strict=True):
            held[span] = held.get(span, np.float32(0)) + vector * (end - start)
    return {
        number: {span: vector / np.linalg.norm(vector) for span, vector in held.items()}
        for number, held in sums.items()
        if held
    }
