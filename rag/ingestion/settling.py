"""Commit a batch, and tell what came of each file, without its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.index.folder import Index
from rag.ingestion.committing import commit
from rag.ingestion.comparing import Failed, Unchanged
from rag.ingestion.embedding import CachedEmbedder
from rag.ingestion.reading import Outcome, Ready


@dataclass(frozen=True, slots=True)
class Written:
    """What the report needs of a committed document; `former` is its source before it was renamed, or ""."""

    source: str
    former: str
    is_update: bool
    left_out: tuple[str, ...]
    paragraphs: int


Done = Failed | Unchanged | Written


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of files; those at `overtaken` paths must be read again, as other writers changed them."""

    done: tuple[Done, ...]
    overtaken: frozenset[str]


def settle(
    index: Index, batch: Sequence[Outcome], embedder: CachedEmbedder, progress: Callable[[float], None]
) -> Committed:
    """Bring a batch into the index; `progress` as for `commit`."""
    outcomes = commit(index, batch, embedder, progress)
    done = (_without_content(outcome) if isinstance(outcome, Ready) else outcome for outcome in outcomes)
    return Committed(tuple(done), frozenset(_paths(batch) - _paths(outcomes)))


def _paths(outcomes: Sequence[Outcome]) -> set[str]:
    return {outcome.origin.path for outcome in outcomes if not isinstance(outcome, Failed)}


def _without_content(ready: Ready) -> Written:
    document = ready.document
    return Written(ready.source, ready.former, ready.is_update, document.left_out, len(document.paragraphs))
