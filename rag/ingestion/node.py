"""What runs on each node of a Ray cluster: actors that load and embed files, and actors that write them.

Rows travel between the nodes of one cluster as pickles of our own types.
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import LoadError, ModelError, PilcrowError
from rag.index.files import stamp
from rag.index.folder import Index
from rag.index.stores import Stores
from rag.ingestion.chunker import chunk
from rag.ingestion.comparing import Changed, Failed
from rag.ingestion.embedding import CachedEmbedder, SpannedText, SpannedVectors
from rag.ingestion.reading import Keys, Outcome, lacking, make_ready, with_sentences
from rag.ingestion.settling import Committed, settle
from rag.ingestion.windows import windows
from rag.loaders.limits import Limits
from rag.loaders.worker import Loader
from rag.models.embedder import fingerprint, load_embedder
from rag.types import Chunk, Document, Span, Vector

if TYPE_CHECKING:
    import pyarrow as pa

    from rag.models.embedder import Embedder

COLUMN = "row"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Job:
    """A file to load, and what of it the index can share."""

    changed: Changed
    known: Keys


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was loaded and split."""

    changed: Changed
    document: Document
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that were loaded together, and the vectors of those of their texts that are new."""

    files: tuple[Failed | Loaded, ...]
    vectors: Mapping[SpannedText, SpannedVectors]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a node can't go on; it holds for the other files too."""

    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """The embedder: its name, what it makes documents depend on, and the tokens that it reads."""

    name: str
    fingerprint: str
    limit: int


@dataclass(frozen=True, slots=True)
class Shared:
    """An index on shared stores, as any node can open it."""

    folder: Path
    embedder: str
    dimension: int
    stores: Stores

    def open(self) -> Index:
        """Open it."""
        return Index.open(self.folder, self.embedder, self.dimension, self.stores)


class Embedding:
    """An actor that loads its embedder when it needs one."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cached = CachedEmbedder(self._embed)

    @cached_property
    def _embedder(self) -> Embedder:
        """The embedder; ModelError if this node has another one of its name."""
        name, embedder = self._target.name, load_embedder(self._target.name)
        if (fingerprint(name, embedder), embedder.limit) != (self._target.fingerprint, self._target.limit):
            raise ModelError(f"Its embedder {name!r} is another one. Install the same model and version.")
        return embedder

    def _embed(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vector, Sequence[Vector]]:
        return self._embedder.embed_parts(texts, spans)


class LoadAndEmbed(Embedding):
    """An actor that turns jobs into loaded files with their vectors; it has one embedder and one loader."""

    def __init__(self, target: Target, limits: Limits) -> None:
        super().__init__(target)
        self._loader = Loader(limits)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return one row for each row of jobs."""
        return packed([attempt(partial(self._batch, jobs)) for jobs in unpacked(table)])

    def _batch(self, jobs: Sequence[Job]) -> Batch:
        files: list[Failed | Loaded] = []
        texts: list[SpannedText] = []
        for job in jobs:
            file = self._load(job.changed)
            files.append(file)
            if isinstance(file, Loaded):
                texts += _new_texts(file, job.known)
        return Batch(tuple(files), self._cached.embed(texts, lambda _: None))

    def _load(self, changed: Changed) -> Failed | Loaded:
        path, source = Path(changed.origin.path), changed.origin.source
        size, modified = stamp(path)
        try:
            document = self._loader.load(path, source)
        except LoadError as error:
            return Failed(source, error.reason if path.exists() else _missing())
        origin = replace(changed.origin, size=size, modified=modified)
        chunks = chunk(document, self._embedder.count_tokens, self._target.limit)
        return Loaded(replace(changed, origin=origin), document, chunks)


class Write(Embedding):
    """An actor that commits batches to an index on shared stores; any number may do so at once."""

    def __init__(self, shared: Shared, target: Target) -> None:
        super().__init__(target)
        self._shared = shared

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return one row for each batch: what came of its files."""
        return packed([attempt(partial(self._commit, batch)) for batch in unpacked(table)])

    @cached_property
    def _index(self) -> Index:
        return self._shared.open()

    def _commit(self, batch: Batch | Problem) -> Committed | Problem:
        if isinstance(batch, Problem):
            return batch
        return settle(self._index, outcomes(self._index, batch, self._cached), self._cached, lambda _: None)


def outcomes(index: Index, batch: Batch, embedder: CachedEmbedder) -> list[Outcome]:
    """Return the files of a batch ready to be committed; `embedder` takes over their vectors."""
    embedder.remember(batch.vectors)
    return [
        make_ready(index, file.changed, file.document, file.chunks) if isinstance(file, Loaded) else file
        for file in batch.files
    ]


def attempt(step: Callable[[], Result]) -> Result | Problem:
    """Return what `step` returns, or the problem that it raises, with the node's name."""
    try:
        return step()
    except PilcrowError as error:
        return Problem(f"The node {platform.node()} can't go on. {error}")


def packed(rows: Sequence[object]) -> pa.Table:
    """Return a table of Ray Data with one row each; a long document may take more than 2 GiB."""
    import pyarrow as pa

    return pa.table({COLUMN: pa.array([pickle.dumps(row) for row in rows], pa.large_binary())})


def unpacked(table: pa.Table) -> list[Any]:
    """Return the rows of a table that `packed` made, in this cluster."""
    return [pickle.loads(row.as_buffer()) for row in table[COLUMN]]  # noqa: S301


def _new_texts(file: Loaded, known: Keys) -> list[SpannedText]:
    """Return the texts of a file that the index has no vectors of."""
    like = file.changed.like
    theirs = (
        {each.id for each in file.chunks if replace(each, source=like.source).id in known.chunks}
        if like
        else set()
    )
    pieces = tuple(with_sentences(file.document, file.chunks))
    new = lacking(pieces, file.document, Keys(theirs, known.paragraphs))
    around = [one for one in windows(file.document.paragraphs) if one.text not in known.windows]
    return [piece.spanned for piece in new] + [one.spanned for one in around]


def _missing() -> str:
    return (
        f"is not on the node {platform.node()}; ingest from a disk that all nodes have at the same path, or "
        "copy the folder to each"
    )
