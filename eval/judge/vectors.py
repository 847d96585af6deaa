"""How near in meaning the words of a statement come to words of its paragraphs, by the built-in embedder.

Each word is the mean of its pieces' vectors in its sentence, as BERTScore compares words (Zhang et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.judge.minilm import folder
from eval.judge.words import says_something, words

LONGEST = 256  # pieces of a sentence that the model reads; what is beyond has no vector
BATCH = 32
NAMES = ("nearness", "three least near", "near quarter", "nearest sentence")
KEPT = 3_000  # sentences whose vectors are kept, some 100 MB

Vectors = NDArray[np.float32]

_read: dict[str, Vectors] = {}


def nearness(statement: str, sentences: Sequence[str]) -> dict[str, float]:
    """For each content word of the statement the nearest word anywhere: their mean and its low end, 0 to 1.

    `nearest sentence` is the best mean that one sentence alone reaches. Without words, all are 1.
    """
    every = _vectors([statement, *sentences])
    said = every[0][[says_something(word) for word, _, _ in words(statement)]]
    there = [matrix for matrix in every[1:] if len(matrix)]
    if not len(said) or not there:
        return dict.fromkeys(NAMES, float(not len(said)))
    each = np.stack([(said @ matrix.T).max(axis=1) for matrix in there])
    best = np.sort(each.max(axis=0))
    values = best.mean(), best[:3].mean(), np.quantile(best, 0.25), each.mean(axis=1).max()
    return dict(zip(NAMES, map(float, values), strict=True))


def _vectors(sentences: Sequence[str]) -> list[Vectors]:
    """Of each sentence a vector of length 1 a word, (words, dimension); of 0 for a word beyond LONGEST."""
    unread = sorted({sentence for sentence in sentences if sentence not in _read}, key=len)
    if len(_read) + len(unread) > KEPT:
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
        max_length=LONGEST,
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
    """The tokenizer and the model of the built-in embedder, from the package that brings them."""
    from transformers import AutoModel, AutoTokenizer

    files = str(folder())
    return (
        AutoTokenizer.from_pretrained(files, local_files_only=True),
        AutoModel.from_pretrained(files, local_files_only=True).eval(),
    )
