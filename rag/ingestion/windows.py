"""Windows: runs of whole neighbouring paragraphs, embedded together to place each one in its context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.index.catalog import Snapshot
from rag.ingestion.chunker import normalise
from rag.ingestion.embedding import SpannedText
from rag.types import Paragraph, Vector

WINDOW_WORDS = 150  # most words of a window of several paragraphs


@dataclass(frozen=True, slots=True)
class Window:
    """The paragraphs from `first` to `last`, by number, and the text that is embedded for them."""

    first: int
    last: int
    text: str

    @property
    def spanned(self) -> SpannedText:
        """What the embedder gets."""
        return self.text, ()


def windows(paragraphs: Sequence[Paragraph]) -> Iterator[Window]:
    """Yield the windows of a document. None overlaps another, and a paragraph of its own gets none."""
    run: list[Paragraph] = []
    length = 0
    for paragraph in paragraphs:
        words = len(paragraph.text.split())
        if run and length + words > WINDOW_WORDS:
            yield from _window(run)
            run, length = [], 0
        run.append(paragraph)
        length += words
    yield from _window(run)


def stored_windows(source: str, snapshot: Snapshot) -> dict[str, Vector]:
    """Return the vectors of a stored document's windows, by their text."""
    stored = snapshot.windows_of(source)
    made = windows(snapshot.all_paragraphs(source))
    return {one.text: stored[one.first, one.last] for one in made if (one.first, one.last) in stored}


def _window(run: Sequence[Paragraph]) -> Iterator[Window]:
    if len(run) > 1:
        parts = [run[0].heading, *(paragraph.text for paragraph in run)]
        yield Window(run[0].number, run[-1].number, normalise("\n".join(filter(None, parts))))
