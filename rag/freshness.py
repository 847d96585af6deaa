"""What happened to cited paragraphs and their files since they were cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from rag.index.catalog import Snapshot
from rag.index.files import file_change
from rag.types import Answer, Citation, Evidence

PARAGRAPH_CHANGED, PARAGRAPH_GONE = "paragraph has changed", "paragraph is gone"
Cited = TypeVar("Cited", Citation, Evidence)


def refreshed(answer: Answer, snapshot: Snapshot) -> Answer:
    """Return the answer with `changed` of its citations and nearest paragraphs as they are now."""
    return replace(
        answer, citations=marked(answer.citations, snapshot), nearest=marked(answer.nearest, snapshot)
    )


def marked(found: Sequence[Cited], snapshot: Snapshot) -> tuple[Cited, ...]:
    """Return the paragraphs with `changed` as it is now: first in the index, then on the disk."""
    files = {one.source: file_change(one) for one in snapshot.origins({one.source for one in found})}
    now = snapshot.paragraphs((one.source, one.paragraph) for one in found)

    def change(one: Cited) -> str:
        paragraph = now.get((one.source, one.paragraph))
        then = one.paragraph_text if isinstance(one, Citation) else one.text
        if paragraph is None:
            return PARAGRAPH_GONE
        return files[one.source] if paragraph.text == then else PARAGRAPH_CHANGED

    return tuple(replace(one, changed=change(one)) for one in found)
