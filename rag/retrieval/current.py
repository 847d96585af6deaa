"""Current before retired: which documents a newer edition in the index replaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.query.question import Question, Shape
from rag.text.words import content_stems
from rag.types import DocumentInfo

ALIKE = 0.6  # share of common title words of two editions of one document


def superseded(question: Question, editions: Sequence[DocumentInfo]) -> frozenset[str]:
    """Return the sources that another document replaces; if the question names a version, all but that one.

    A comparison may be one of editions, so it is asked of all.
    """
    if question.shape is Shape.COMPARISON:
        return frozenset()
    asked = {one.version for one in editions if _is_named(question, one)}
    return frozenset(
        one.source
        for one in editions
        for other in editions
        if _is_alike(one, other)
        and (one.version not in asked and other.version in asked if asked else _replaces(other, one))
    )


def _is_named(question: Question, document: DocumentInfo) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(document.version)}(?![\d]|\.\d)", question.text) is not None


def _replaces(other: DocumentInfo, one: DocumentInfo) -> bool:
    return other.replaces == one.version or (one.retired and not other.retired)


def _is_alike(one: DocumentInfo, other: DocumentInfo) -> bool:
    """Return whether two documents are editions of one: their titles have the same words but for numbers."""
    if one.source == other.source or one.version == other.version:
        return False
    here, there = (content_stems(re.sub(r"[\d.]+", " ", each.title)) for each in (one, other))
    return len(here & there) >= ALIKE * len(here | there)
