"""The vectors of a document: of its chunks and of their sentences, each text embedded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.index.catalog import Snapshot
from rag.types import Chunk, Document, Span, Vector

EMBED_BATCH = 512  # texts embedded between two progress reports
CACHED = 2000  # texts whose vectors are kept in case they are needed again

# Texts and each text's spans -> unit vectors, float32: (texts, dimension), and (spans, dimension) per text.
EmbedSpans = Callable[[Sequence[str], Sequence[Sequence[Span]]], tuple[Vector, Sequence[Vector]]]
SentenceVectors = Mapping[Span, Vector]  # the vectors of a paragraph's sentences, by their spans in it
SpannedText = tuple[str, tuple[Span, ...]]  # a text to embed, and the spans of its sentences
SpannedVectors = tuple[Vector, Vector]  # the vector of the text, and those of its sentences


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, and the spans of its sentences: in their paragraph -> in the embedded text."""

    chunk: Chunk
    sentences: Mapping[Span, Span]

    @property
    def spanned(self) -> SpannedText:
        """What the embedder gets."""
        return self.chunk.embedded, tuple(self.sentences.values())


class CachedEmbedder:
    """An embedder that remembers the vectors of recent texts."""

    def __init__(self, embed: EmbedSpans) -> None:
        self._embed = embed
        self._cache: dict[SpannedText, SpannedVectors] = {}

    def remember(self, vectors: Mapping[SpannedText, SpannedVectors]) -> None:
        """Take over vectors that were made elsewhere, for the next `embed`."""
        self._cache |= vectors

    def embed(
        self, texts: Iterable[SpannedText], progress: Callable[[float], None]
    ) -> dict[SpannedText, SpannedVectors]:
        """Return the vectors of each text; `progress` gets the share done, below 1."""
        wanted = dict.fromkeys(texts)
        vectors = {text: self._cache[text] for text in wanted if text in self._cache}
        new = [text for text in wanted if text not in vectors]
        for start in range(0, len(new), EMBED_BATCH):
            if start:
                progress(start / len(new))
            part = new[start : start + EMBED_BATCH]
            embedded = self._embed([text for text, _ in part], [spans for _, spans in part])
            vectors.update(zip(part, zip(*embedded, strict=True), strict=True))
        self._cache = dict(list((self._cache | vectors).items())[-CACHED:])
        return vectors


def sentence_vectors(
    document: Document, pieces: Sequence[Piece], vectors: Mapping[SpannedText, SpannedVectors]
) -> dict[int, SentenceVectors]:
    """Return the sentences' vectors by paragraph number; one cut by chunks gets their mean, by length."""
    parts: dict[int, dict[Span, list[tuple[Vector, int]]]] = {each.number: {} for each in document.paragraphs}
    for piece in pieces:
        spans = piece.sentences.items()
        for (span, (start, end)), vector in zip(spans, vectors[piece.spanned][1], strict=True):
            parts[piece.chunk.paragraph].setdefault(span, []).append((vector, end - start))
    return {
        number: {span: _mean(weighted) for span, weighted in of_spans.items()}
        for number, of_spans in parts.items()
        if of_spans
    }


def stored_sentences(source: str, snapshot: Snapshot) -> dict[tuple[str, str], SentenceVectors]:
    """Return the vectors of a stored document's sentences, by their paragraph's heading and text."""
    paragraphs = {(source, each.number): each for each in snapshot.all_paragraphs(source)}
    return {
        (paragraphs[place].heading, paragraphs[place].text): vectors
        for place, vectors in snapshot.sentences(paragraphs).items()
    }


def _mean(weighted: Sequence[tuple[Vector, int]]) -> Vector:
    """Return the weighted mean of unit vectors, as a unit vector: itself if there is one, to save memory."""
    if len(weighted) == 1:
        return weighted[0][0]
    total = np.sum([vector * weight for vector, weight in weighted], axis=0)
    return np.asarray(total / np.linalg.norm(total))
