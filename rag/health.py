"""Whether an open index answers, and how large it is: cheap enough to be asked every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import StoreError

if TYPE_CHECKING:
    from rag.assistant import Assistant


def problem(assistant: Assistant) -> tuple[str, str]:
    """Return which store doesn't answer, "catalog" or "vectors", and why; two "" if both do."""
    name = "catalog"
    try:
        with assistant._index.catalog.read() as snapshot:
            snapshot.meta("embedder")
        name = "vectors"
        assistant._index.vectors.count()
    except StoreError as error:
        return name, str(error)
    return "", ""


def sizes(assistant: Assistant) -> tuple[int, int]:
    """Return the number of documents and of chunks."""
    with assistant._index.catalog.read() as snapshot:
        return snapshot.document_count(), snapshot.chunk_count()


def revision(assistant: Assistant) -> str:
    """Return a text that differs after each change of the documents, whoever made it."""
    with assistant._index.catalog.read() as snapshot:
        return snapshot.meta("revision") or ""
