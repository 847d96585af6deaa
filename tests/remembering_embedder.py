"""The built-in embedder with a memory, so that tests which ask hundreds of questions stay quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rag import Assistant, Settings
from rag.index.folder import Index
from rag.models.embedder import Embedder
from rag.types import Vectors


class RememberingEmbedder(Embedder):
    """The vectors of a real embedder, each computed once in a test session.

    `received` are the texts that it was given to embed since it was made, known ones too.
    """

    _known: ClassVar[dict[tuple[str, str], Vectors]] = {}
    _read: ClassVar[dict[tuple[Any, ...], tuple[Vectors, Vectors]]] = {}

    def __init__(self, real: Embedder) -> None:
        self.name, self.limit, self.dimension = real.name, real.limit, real.dimension
        self.received: list[str] = []
        self._real = real

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the real embedder."""
        self.received.extend(texts)
        new = [text for text in dict.fromkeys(texts) if (self.name, text) not in self._known]
        self._known.update(zip(((self.name, text) for text in new), self._real.embed(new), strict=True))
        return np.stack([self._known[self.name, text] for text in texts]) if texts else self._real.embed([])

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As the real embedder."""
        self.received.extend(texts)
        works = [(self.name, text, *places) for text, places in zip(texts, spans, strict=True)]
        new = {work: at for at, work in enumerate(works) if work not in self._read}
        made = self._real.embed_parts([texts[at] for at in new.values()], [spans[at] for at in new.values()])
        self._read.update(zip(new, zip(*made, strict=True), strict=True))
        return np.stack([self._read[work][0] for work in works]), [self._read[work][1] for work in works]

    def count_tokens(self, text: str) -> int:
        """As the real embedder."""
        return self._real.count_tokens(text)


def open_assistant(folder: Path, embedder: Embedder, **settings: Any) -> Assistant:
    """An assistant on the index in the folder that uses this embedder."""
    index = Index.open(folder, embedder.name, embedder.dimension)
    return Assistant(Settings(index=folder, **settings), index, embedder)


@contextmanager
def having_read(documents: Mapping[str, str], folder: Path, embedder: Embedder) -> Iterator[Assistant]:
    """An assistant that has read these texts, by file name, from a new folder in `folder`."""
    written = folder / "documents"
    written.mkdir()
    for name, text in documents.items():
        (written / name).write_text(text, "utf-8")
    with open_assistant(folder / "index", RememberingEmbedder(embedder)) as opened:
        assert not opened.ingest(written).failed
        yield opened
