"""A small document about a harbour, and how a catalog gets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from rag.index.catalog import Catalog, Origin
from rag.types import Chunk, Document, Kind, Paragraph

PARAGRAPHS = (
    Paragraph(1, "Harbour news", Kind.HEADING, line=1),
    Paragraph(2, "The naïve pilot paid 9,000 crowns.", heading="Harbour news", line=3, date=date(2024, 5, 1)),
    Paragraph(3, "Barges wait at the quay.", Kind.LIST_ITEM, "Harbour news", page=2),
)


def write(
    catalog: Catalog,
    source: str = "a.txt",
    paragraphs: Sequence[Paragraph] = PARAGRAPHS,
    path: str = "",
    chunks: Sequence[Chunk] = (),
) -> list[Chunk]:
    """Commit a document, with vectors of four numbers; return its chunks, by default its paragraphs."""
    chunks = chunks or [Chunk(source, p.number, 0, p.text, p.heading, p.page) for p in paragraphs]
    document = Document(source, "0" * 64, "Harbour", tuple(paragraphs))
    with catalog.write() as revision:
        revision.replace(
            Origin(source, path or f"/docs/{source}", "/docs", "0" * 64, "print"),
            document,
            chunks,
            [np.full(4, number, dtype=np.float32) for number in range(len(chunks))],
            {2: {(0, 34): np.full(4, 2, dtype=np.float32)}, 3: {(0, 24): np.full(4, 3, dtype=np.float32)}},
            {(1, 3): np.full(4, 4, dtype=np.float32)},
        )
    return list(chunks)
