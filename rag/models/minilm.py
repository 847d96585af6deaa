"""The built-in embedder's forward pass for a question, in numpy: importing torch takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from threadpoolctl import ThreadpoolController

from rag.types import Vector, Vectors

HEADS, EPSILON = 12, 1e-12  # of MiniLM
# Abramowitz & Stegun 7.1.26: the error function to 1.5e-7, about what float32 holds
_ERF_STEP = 0.3275911
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0.0)


class MiniLM:
    """The weights of all-MiniLM-L6-v2, a BERT."""

    def __init__(self, weights: Path) -> None:
        # Beside other work, numpy's threads wait for each other up to ten times as long as one alone takes.
        self._threads = ThreadpoolController()
        file: Any = safe_open(weights, "np")
        words = "embeddings.word_embeddings.weight"  # half of the file, of which a text needs a few rows
        self._words, names = file.get_slice(words), set(file.keys()) - {words}
        self._weights: dict[str, Vectors] = {name: file.get_tensor(name) for name in names}
        self._layers = sum(name.endswith("intermediate.dense.bias") for name in self._weights)

    def embed(self, ids: Sequence[int]) -> Vector:
        """Return the vector of a text, of any length: the mean of its tokens'."""
        with self._threads.limit(limits=1, user_api="blas"):
            mean: Vector = self._tokens(ids).mean(axis=0)
        return mean

    def _tokens(self, ids: Sequence[int]) -> Vectors:
        vectors = np.stack([self._words[each] for each in ids])
        vectors += self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        vectors += self._weights["embeddings.token_type_embeddings.weight"][0]
        vectors = self._normalised(vectors, "embeddings")
        for number in range(self._layers):
            layer = f"encoder.layer.{number}"
            seen = self._linear(self._attended(vectors, layer), f"{layer}.attention.output.dense")
            vectors = self._normalised(vectors + seen, f"{layer}.attention.output")
            inner = _gelu(self._linear(vectors, f"{layer}.intermediate.dense"))
            vectors = self._normalised(
                vectors + self._linear(inner, f"{layer}.output.dense"), f"{layer}.output"
            )
        return vectors

    def _attended(self, vectors: Vectors, layer: str) -> Vectors:
        """Return for each token the mean of all tokens' values, weighted by its attention to them."""
        query, key, value = (
            self._linear(vectors, f"{layer}.attention.self.{part}")
            .reshape(len(vectors), HEADS, -1)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(query.shape[2] ** 0.5)
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        seen: Vectors = (shares @ value).transpose(1, 0, 2).reshape(vectors.shape)
        return seen

    def _linear(self, vectors: Vectors, name: str) -> Vectors:
        found: Vectors = vectors @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return found

    def _normalised(self, vectors: Vectors, name: str) -> Vectors:
        found: Vectors = vectors - vectors.mean(axis=1, keepdims=True)
        found /= np.sqrt((found**2).mean(axis=1, keepdims=True) + np.float32(EPSILON))
        found *= self._weights[f"{name}.LayerNorm.weight"]
        found += self._weights[f"{name}.LayerNorm.bias"]
        return found


def _gelu(values: Vectors) -> Vectors:
    """Return each value times the share of a normal distribution below it."""
    size = np.abs(values) * np.float32(0.5**0.5)
    step = 1 / (1 + np.float32(_ERF_STEP) * size)
    error = 1 - np.polyval(np.array(_ERF, np.float32), step) * np.exp(-size * size)
    found: Vectors = (values + np.abs(values) * error) / 2
    return found
