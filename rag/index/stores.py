"""Where an index keeps what it holds: all in its folder, or some of it on servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import SettingsError
from rag.index.access import Access
from rag.index.catalog import Catalog
from rag.index.vectors import VectorStore

CATALOG = "catalog.sqlite3"  # in the index folder


@dataclass(frozen=True, slots=True)
class Stores:
    """The servers of an index, if any; SettingsError for a catalog on a server with vectors in a folder.

    With both on servers, many processes may have the index open; else the one that holds its folder.
    """

    chroma_url: str | None = None
    chroma_token: str | None = field(default=None, repr=False)
    chroma_ca: Path | None = None
    catalog_url: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.catalog_url and not self.chroma_url:
            raise SettingsError(
                "catalog_url is set, but chroma_url isn't: other machines can't use vectors in a folder. "
                "Start a Chroma server and set chroma_url to its address, or unset catalog_url."
            )

    @property
    def shared(self) -> bool:
        """Whether many processes may have the index open at once."""
        return self.catalog_url is not None

    def open_catalog(self, folder: Path) -> Catalog:
        """Open or create the catalog; StoreError if that fails."""
        if self.catalog_url:
            from rag.index.postgres_catalog import PostgresCatalog

            return PostgresCatalog.open(self.catalog_url)
        from rag.index.sqlite_catalog import SqliteCatalog

        return SqliteCatalog.open(folder / CATALOG)

    def open_vectors(self, folder: Path, location: str, collection: str) -> VectorStore:
        """Open or create a collection: at `location` in the folder, or on the server; StoreError if not."""
        access = Access(self.chroma_token, self.chroma_ca)
        return VectorStore.open(self.chroma_url or folder / location, collection, access)
