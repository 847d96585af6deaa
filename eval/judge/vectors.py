"""Similarity in meaning of a statement's words to its paragraphs' words, by the built-in embedder.

The vector of a word is the mean of its pieces' vectors in its sentence (BERTScore; Zhang et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.judge.minilm import folder
from eval.judge.words import is_content_word, words

MAX_PIECES = 256  # of a sentence that the model reads; later words have no vector
BATCH = 32
NAMES = ("nearness", "three least near", "near quarter", "nearest sentence")
CACHED = 3_000  # sentences whose vectors are kept, about 100 MB

Vectors = NDArray[np.float32]

_read: dict[str, Vectors] = {}


def nearness(statement: str, sentences: Sequence[str]) -> dict[str, float]:
    """Return the similarity of each content word to its nearest word: the mean and the low end, 0 to 1.

    `nearest sentence` is the best mean within one sentence. All are 1 for a statement without content words.
    """
    every = _vectors([statement, *sentences])
    claim = every[0][[is_content_word(word) for word, _, _ in words(statement)]]
    sources = [matrix for matrix in every[1:] if len(matrix)]
    if not len(claim) or not sources:
        return dict.fromkeys(NAMES, float(not len(claim)))
    each = np.stack([(claim @ matrix.T).max(axis=1) for matrix in sources])
    best = np.sort(each.max(axis=0))
    values = best.mean(), best[:3].mean(), np.quantile(best, 0.25), each.mean(axis=1).max()
    return dict(zip(NAMES, map(float, values), strict=True))


def _vectors(sentences: Sequence[str]) -> list[Vectors]:
    """Return a unit vector per word for each sentence, (words, dimension); zeros beyond MAX_PIECES."""
    unread = sorted({sentence for sentence in sentences if sentence not in _read}, key=len)
    if len(_read) + len(unread) > CACHED:
        _read.clear()
        unread = sorted(set(sentences), key=len)
    for at in range(0, len(unread), BATCH):
        _read.update(zip(unread[at : at + BATCH], _embed(unread[at : at + BATCH]), strict=True))
    return [_read[sentence] for sentence in sentences]


def _embed(sentences: Sequence[str]) -> Iterator[Vectors]:
    import torch

    tokenizer, model = _loaded()
    pieces = tokenizer(
        list(sentences),
        padding=True,
        truncation=True,
        max_length=MAX_PIECES,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    offsets = pieces.pop("offset_mapping").numpy()
    with torch.no_grad():
        hidden = model(**pieces).last_hidden_state.numpy()
    for sentence, places, vectors in zip(sentences, offsets, hidden, strict=True):
        yield _by_word(sentence, places, vectors)


def _by_word(sentence: str, offsets: NDArray[np.int64], vectors: Vectors) -> Vectors:
    spans = words(sentence)
    found = np.zeros((len(spans), vectors.shape[1]), dtype=np.float32)
    for at, (_, start, end) in enumerate(spans):
        within = (offsets[:, 0] >= start) & (offsets[:, 1] <= end) & (offsets[:, 1] > offsets[:, 0])
        if within.any():
            mean = vectors[within].mean(axis=0)
            found[at] = mean / np.linalg.norm(mean)
    return found


@cache
def _loaded() -> tuple[Any, Any]:
    """Return the tokenizer and the model of the built-in embedder."""
    from transformers import AutoModel, AutoTokenizer

    files = str(folder())
    return (
        AutoTokenizer.from_pretrained(files, local_files_only=True),
        AutoModel.from_pretrained(files, local_files_only=True).eval(),
    )
