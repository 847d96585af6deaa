"""Copy an index to other stores without embedding it again; what an index holds, to compare two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rag.errors import EmbedderMismatch, SettingsError, StoreError
from rag.ingestion.report import Progress, no_progress
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.index.catalog import Catalog, Origin
    from rag.index.folder import Index
    from rag.index.stored import Content
    from rag.ingestion.copying import Copied


def destination(settings: Settings, to: Sequence[str]) -> Settings:
    """Return the settings of the copy: `to` is a folder, or the addresses of PostgreSQL and Chroma.

    With a database, the folder stays the same: it holds the files that go into no database. SettingsError if
    `to` is neither, or the index itself.
    """
    found: dict[str, str] = {}
    for where in to:
        scheme = urlsplit(where).scheme if "://" in where else ""
        name = {"": "index", "http": "chroma_url", "https": "chroma_url"}.get(scheme, "catalog_url")
        if name in found:
            raise SettingsError(f"--to {found[name]} --to {where}: name one of them.")
        found[name] = where
    if "catalog_url" in found and "chroma_url" not in found:
        raise SettingsError("A copy in PostgreSQL needs a Chroma server too: add --to http://…")
    if not found.keys() & {"index", "catalog_url"}:
        raise SettingsError("Name where to copy to: --to DIR, or --to postgresql://… --to http://…")
    kept = {
        name: getattr(settings, name) for name in settings.model_fields_set - {"catalog_url", "chroma_url"}
    }
    made = Settings.model_validate(kept | found)
    if _name(made) == _name(settings):
        raise SettingsError(f"{_name(made)} is the index itself. Name another place with --to.")
    return made


def migrate(settings: Settings, to: Settings, progress: Progress | None = None) -> Copied:
    """Copy the index of the settings to another one, and prove both equal. The index may be in use meanwhile.

    A killed run goes on where it was, and a later one brings what changed. `progress` gets (what, done,
    total). Raises StoreError.
    """
    from rag.index.catalog import embedder_of
    from rag.ingestion.copying import copy_index

    old, new = settings.index.expanduser().resolve(), to.index.expanduser().resolve()

    def placed(origin: Origin) -> Origin:
        return replace(origin, path=_moved(origin.path, old, new), root=_moved(origin.root, old, new))

    with _catalog(settings) as catalog, catalog.read() as snapshot:
        embedder, dimension = embedder_of(snapshot)
        with closing(_target(to, embedder, dimension)) as index:
            return copy_index(snapshot, _name(settings), index, placed, progress or no_progress)


def holds(settings: Settings, progress: Progress | None = None) -> tuple[Content, str]:
    """Return what the index of the settings holds, and which index it is an incomplete copy of, or ""."""
    from rag.index.stored import read_content
    from rag.ingestion.copying import incomplete_copy

    with _catalog(settings) as catalog, catalog.read() as snapshot:
        return read_content(snapshot, progress or no_progress), incomplete_copy(snapshot)


def _moved(path: str, old: Path, new: Path) -> str:
    """Return where a file of the index's folder, such as an upload, is in that of the copy."""
    return str(new / Path(path).relative_to(old)) if Path(path).is_relative_to(old) else path


@contextmanager
def _catalog(settings: Settings) -> Iterator[Catalog]:
    """Open the catalog alone, also while another process holds the index."""
    from rag.index.stores import CATALOG

    folder = settings.index.expanduser().resolve()
    if not (settings.catalog_url or (folder / CATALOG).exists()):
        raise StoreError(f"There is no index at {folder}. Run `pilcrow ingest PATH`.")
    with closing(settings.stores.open_catalog(folder)) as catalog:
        yield catalog


def _target(settings: Settings, embedder: str, dimension: int) -> Index:
    from rag.index.folder import Index

    try:
        return Index.open(settings.index, embedder, dimension, settings.stores)
    except EmbedderMismatch as error:
        raise StoreError(
            f"Nothing was copied: {_name(settings)} is another index already, of another embedder. Use an "
            "empty folder or database."
        ) from error


def _name(settings: Settings) -> str:
    """Return where an index is: its database with its schema, without user and password, or its folder."""
    if not settings.catalog_url:
        return str(settings.index.expanduser().resolve())
    from rag.postgres import address, shown

    url = address(settings.catalog_url)
    options = url.query.get("options")  # such as -csearch_path=SCHEMA
    return shown(url) + (f" ({options})" if options else "")
