"""What an open index has: its documents, their paragraphs and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import StoreError
from rag.examining import ExaminedModels
from rag.sources import choose, contents, document, listed
from rag.types import DocumentInfo, Paragraph

if TYPE_CHECKING:
    from rag.index.folder import Index


class Lookup(ExaminedModels):
    """An open index that tells what it has."""

    _index: Index

    def _chosen(self, sources: Sequence[str] | str | None) -> list[str] | None:
        """Return the sources of the documents that are meant, None for all."""
        with self._index.catalog.read() as snapshot:
            return choose(sources, self.settings.collections, snapshot)

    def collections(self) -> dict[str, list[str]]:
        """Return the sources in each collection of the settings."""
        with self._index.catalog.read() as snapshot:
            return contents(self.settings.collections, snapshot)

    def changed(self) -> dict[str, str]:
        """Return the sources whose files differ from the index: "file has changed" or "file is gone"."""
        from rag.index.files import file_change

        with self._index.catalog.read() as snapshot:
            origins = snapshot.origins()
        return {one.source: change for one in origins if (change := file_change(one))}

    def documents(self, sources: Sequence[str] | str | None = None) -> list[DocumentInfo]:
        """Return the documents in the index, sorted by source; `sources` as for `ask`."""
        with self._index.catalog.read() as snapshot:
            return listed(sources, self.settings.collections, snapshot)

    def count(self, sources: Sequence[str] | str | None = None) -> int:
        """Return the number of documents in the index; `sources` as for `ask`."""
        with self._index.catalog.read() as snapshot:
            among = choose(sources, self.settings.collections, snapshot)
            return snapshot.document_count() if among is None else len(among)

    def paragraph(self, source: str, number: int) -> Paragraph:
        """Return one paragraph; StoreError if the document or its paragraph doesn't exist."""
        with self._index.catalog.read() as snapshot:
            known = document(source, snapshot)
            found = snapshot.paragraphs([(known.source, number)]).values()
        if not found:
            raise StoreError(f"{source} has no paragraph {number}. It has 1 to {known.paragraphs}.")
        return next(iter(found))

    def paragraphs(self, source: str, first: int, last: int) -> list[Paragraph]:
        """Return a document's paragraphs from `first` to `last`; StoreError for an unknown document."""
        with self._index.catalog.read() as snapshot:
            known = document(source, snapshot)
            numbers = range(max(first, 1), min(last, known.paragraphs) + 1)
            return list(snapshot.paragraphs((known.source, number) for number in numbers).values())

    def path(self, source: str) -> Path:
        """Return the file a document was read from, which may be gone; StoreError for an unknown document."""
        with self._index.catalog.read() as snapshot:
            return Path(snapshot.origins([document(source, snapshot).source])[0].path)

    def check(self) -> list[str]:
        """Return what is wrong with the index; empty if nothing is."""
        return self._index.check()
