"""Copy the documents of one index to another with all their vectors, without embedding them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rag.errors import StoreError
from rag.index.batching import in_batches
from rag.index.catalog import Origin, Revision, Snapshot
from rag.index.folder import Index
from rag.index.stored import Content, Progress, StoredDocument, read_content, stored_documents
from rag.ingestion.committing import remove_documents

COPY_OF = "copy_of"  # in the copy's meta: which index it is a copy of
COPIED = "copied"  # the SHA-256 of the copy's content when it was last complete, "" until then
BATCH = 500  # chunks up to which small documents are committed together


@dataclass(frozen=True, slots=True)
class Copied:
    """How many documents were copied and removed, and what both indexes hold now."""

    documents: int
    removed: int
    content: Content


def copy_index(
    source: Snapshot, name: str, index: Index, placed: Callable[[Origin], Origin], progress: Progress
) -> Copied:
    """Make `index` a copy of the one that `source` shows and `name` names, and prove both equal.

    `placed` returns the origin of a document's copy. Each batch is committed by itself, so that a run goes on
    where a killed one was. StoreError, and nothing has changed, if `index` is not a copy of that one, or was
    changed after it was complete. StoreError if both differ in the end.
    """
    before = _begun(index, name, partial(_labelled, progress, "comparing"))
    wanted = read_content(source, partial(_labelled, progress, "reading"))
    origins = {origin.source: placed(origin) for origin in source.origins()}
    with index.catalog.write() as revision:
        revision.set_meta(COPY_OF, name)
        revision.set_meta(COPIED, "")
    removed = _remove_others(index, origins)
    known = {one: digest for one, digest in before.digests.items() if one not in removed}
    missing = [one for one, digest in wanted.digests.items() if known.get(one) != digest]
    done = 0
    chunks = lambda one: 1 + len(one.chunks)  # noqa: E731
    for batch in in_batches(stored_documents(source, missing), chunks, BATCH):
        _store(index, [replace(one, origin=origins[one.origin.source]) for one in batch])
        done += len(batch)
        progress(f"copying {batch[-1].origin.source}", done, len(missing))
    with index.catalog.read() as snapshot:
        made = read_content(snapshot, partial(_labelled, progress, "comparing"))
    _refuse_differences(wanted, made)
    with index.catalog.write() as revision:
        revision.set_meta(COPIED, made.sha256)
    return Copied(done, len(removed - origins.keys()), made)


def incomplete_copy(snapshot: Snapshot) -> str:
    """Return which index this one is an incomplete copy of, or ""."""
    return "" if snapshot.meta(COPIED) else snapshot.meta(COPY_OF) or ""


def _labelled(progress: Progress, label: str, source: str, done: float, total: int) -> None:
    progress(f"{label} {source}", done, total)


def _begun(index: Index, name: str, progress: Progress) -> Content:
    """Return what the index holds of the copy; StoreError if it holds anything else."""
    with index.catalog.read() as snapshot:
        copied, digest = snapshot.meta(COPY_OF), snapshot.meta(COPIED)
        found = read_content(snapshot, progress)
    if found.digests and copied != name:
        what = f"a copy of {copied}" if copied else "another index"
        raise StoreError(
            f"Nothing was copied: there is {what} already ({len(found.digests)} documents). "
            "Use an empty folder, or an empty database."
        )
    if digest and digest != found.sha256:
        raise StoreError(
            "Nothing was copied: the copy was changed after it was complete, and these changes would be "
            "lost. Use an empty folder, or an empty database."
        )
    return found


def _remove_others(index: Index, origins: Mapping[str, Origin]) -> set[str]:
    """Remove and return the documents without an origin or from another file; record what else moved."""
    with index.catalog.read() as snapshot:
        stored = {origin.source: origin for origin in snapshot.origins()}
    wanted = {one: origins.get(one) for one in stored}
    others = [one for one, origin in wanted.items() if not origin or origin.path != stored[one].path]
    remove_documents(index, others, lambda found: [origin.source for origin in found])
    with index.catalog.write() as revision:
        for one, origin in wanted.items():
            if origin and one not in others and origin != stored[one]:
                revision.relocate(origin)
    return set(others)


def _store(index: Index, batch: Sequence[StoredDocument]) -> None:
    """Write documents with their vectors in place of their old versions; a kill leaves all old or all new."""
    sources = [one.origin.source for one in batch]
    new = {
        chunk.id: (chunk.source, vector)
        for one in batch
        for chunk, vector in zip(one.chunks, one.vectors, strict=True)
    }

    def write(revision: Revision) -> None:
        for one in batch:
            revision.replace(one.origin, one.document, one.chunks, one.vectors, one.sentences, one.windows)

    with index.catalog.locked([*sources, *(f"path:{one.origin.path}" for one in batch)]):
        index.repair(sources)
        with index.catalog.read() as snapshot:
            gone = set(snapshot.chunk_ids(sources)) - new.keys()
            deleted = {key: chunk.source for key, chunk in snapshot.chunks(gone).items()}
        index.change(new, deleted, write)


def _refuse_differences(wanted: Content, made: Content) -> None:
    pairs = wanted.digests.items() ^ made.digests.items()
    if differing := sorted({source for source, _ in pairs}):
        raise StoreError(
            f"The copy differs from the index in {len(differing)} documents ({differing[0]}, …). If nothing "
            "else writes to it, run the same command again."
        )
