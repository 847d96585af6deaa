"""Vectors as the catalog stores them, in fewer bytes. One that was read is stored in the same bytes again.

Those of chunks take two bytes for each dimension: the vector store is rebuilt from them, and some texts are
nearly equal. Those of sentences and windows, which are many and only scored, take one byte, and four for the
largest value: a cosine changes by some 0.0005.
"""

from __future__ import annotations

import numpy as np

from rag.types import Vector

_STEPS = 127
_LARGEST = 4  # bytes of the largest value


def to_halves(vector: Vector) -> bytes:
    """Return the bytes of a chunk's vector."""
    return np.asarray(vector, dtype=np.float16).tobytes()


def from_halves(stored: bytes) -> Vector:
    """Return a chunk's vector: float32, of shape (dimension,)."""
    return np.frombuffer(stored, dtype=np.float16).astype(np.float32)


def to_steps(vector: Vector) -> bytes:
    """Return the bytes of a sentence's or a window's vector."""
    largest = np.float32(np.abs(vector).max(initial=0))
    steps = np.rint(np.asarray(vector, dtype=np.float64) * (_STEPS / (float(largest) or 1.0)))
    return steps.astype(np.int8).tobytes() + largest.tobytes()


def from_steps(stored: bytes) -> Vector:
    """Return a sentence's or a window's vector: float32, of shape (dimension,)."""
    [largest] = np.frombuffer(stored, dtype=np.float32, offset=len(stored) - _LARGEST).tolist()
    steps = np.frombuffer(stored, dtype=np.int8, count=len(stored) - _LARGEST)
    exact = steps * largest / _STEPS  # in double precision, or the largest value would not come back
    return np.asarray(exact, dtype=np.float32)


def bytes_of(dimension: int) -> tuple[int, int]:
    """Return how many bytes a chunk's vector takes, and how many a sentence's or a window's."""
    return 2 * dimension, dimension + _LARGEST
