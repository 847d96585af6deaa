"""Embed an index again for the embedder of the settings; until all is embedded, it keeps its old vectors."""

from __future__ import annotations

import logging
import shutil
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from rag.errors import SettingsError, StoreError
from rag.ingestion.report import Progress, no_progress
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.ingestion.reembedding import NewEmbedder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reembedding:
    """How many documents this run embedded, for which embedder, and whether the index uses it now."""

    documents: int
    embedder: str
    complete: bool


def reembed(settings: Settings, progress: Progress = no_progress, stop: Event | None = None) -> Reembedding:
    """Embed the stored documents with `settings.embedder`, then make the index use it.

    Another process may answer from the index meanwhile; only the last step needs the index alone. What is
    embedded stays: after Ctrl-C, `stop` or a kill, the next run goes on. `progress` gets (source, done,
    total). Raises StoreError if there is no index or another process holds it at the end, ModelError.
    """
    from rag.index.catalog import embedder_of
    from rag.index.lock import FolderLock
    from rag.index.sqlite_catalog import SqliteCatalog
    from rag.index.stores import CATALOG
    from rag.ingestion.interruption import Interruption
    from rag.ingestion.reembedding import FOLDER, embed_missing, open_beside

    if settings.catalog_url:
        raise SettingsError(
            "An index on PostgreSQL can't be embedded again in place. Copy it to a folder with `pilcrow "
            "migrate`, run `pilcrow ingest --reembed` there without catalog_url and chroma_url, and copy it "
            "to an empty database."
        )
    folder = settings.index.expanduser().resolve()
    if not (folder / CATALOG).exists():
        raise StoreError(f"There is no index at {folder}. Run `pilcrow ingest PATH`.")
    target, beside, done, complete = _target(settings), folder / FOLDER, 0, True
    with closing(SqliteCatalog.open(folder / CATALOG)) as current:
        with current.read() as snapshot:
            recorded = embedder_of(snapshot)
        if recorded != (target.name, target.dimension):
            beside.mkdir(mode=0o700, exist_ok=True)
            with FolderLock(beside).held(), Interruption(stop) as stopping:
                stopped = lambda: stopping.requested  # noqa: E731
                with closing(open_beside(beside / CATALOG, target)) as made:
                    done, complete = embed_missing(current, made, target, progress, stopped)
                if complete:
                    done += _switch(settings, recorded, target, progress)
                else:
                    log.warning("Stopped: %d documents are embedded again. The next run goes on.", done)
    if complete:
        shutil.rmtree(beside, ignore_errors=True)
    return Reembedding(done, target.name, complete)


def _switch(settings: Settings, recorded: tuple[str, int], target: NewEmbedder, progress: Progress) -> int:
    """Embed what changed meanwhile, and make the index use the new vectors; return how many documents."""
    from rag.index.folder import Index
    from rag.index.stores import CATALOG
    from rag.ingestion.reembedding import FOLDER, embed_missing, open_beside

    try:
        index = Index.open(settings.index, *recorded, settings.stores)
    except StoreError as error:
        raise StoreError(
            f"All documents are embedded with {target.name}, but the index can't switch to it yet. {error} "
            "Then run the same command again, which only switches."
        ) from error
    beside = index.folder / FOLDER
    with closing(index), index.catalog.locked(()):
        with closing(open_beside(beside / CATALOG, target)) as made:
            done, _ = embed_missing(index.catalog, made, target, progress, lambda: False)
        index.adopt(beside / CATALOG)
    return done


def _target(settings: Settings) -> NewEmbedder:
    from rag.ingestion.reembedding import NewEmbedder
    from rag.models.embedder import fingerprint, load_embedder

    embedder = load_embedder(settings.embedder)
    return NewEmbedder(
        settings.embedder,
        embedder.dimension,
        embedder.embed_parts,
        embedder.count_tokens,
        embedder.limit,
        fingerprint(settings.embedder, embedder),
    )
