"""Vectors without a model, for tests in which what is near what does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

DIMENSION = 32


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector of its own for every text, the same each time."""
    seeds = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") for text in texts]
    rows = [np.random.default_rng(seed).normal(size=DIMENSION) for seed in seeds]
    return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32).reshape(-1, DIMENSION)


def embed_parts(
    texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """The vectors of texts and of spans of each."""
    parts = [embed([text[start:end] for start, end in each]) for text, each in zip(texts, spans, strict=True)]
    return embed(texts), parts


def count_words(text: str) -> int:
    """Tokens, as such an embedder would count them."""
    return len(text.split())
