"""Ingest on a Ray cluster: its nodes load and embed, through Ray Data, what is new or changed.

This process compares the files with the index. It commits the results if it holds the index; on shared
stores, actors do. A node that dies costs only its batches, which are done again elsewhere: chunks have the
same ids then, so that a batch done twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rag.errors import StoreError
from rag.index.catalog import Origin, embedder_of
from rag.index.folder import Index
from rag.ingestion.cluster import connected
from rag.ingestion.comparing import Changed, compare
from rag.ingestion.embedding import CachedEmbedder
from rag.ingestion.memory import Memory
from rag.ingestion.node import (
    COLUMN,
    Job,
    LoadAndEmbed,
    Problem,
    Shared,
    Target,
    Write,
    outcomes,
    packed,
    unpacked,
)
from rag.ingestion.reading import Outcome, keys_of, worth_a_commit
from rag.ingestion.scan import Scan
from rag.ingestion.settling import Committed
from rag.loaders.limits import Limits

if TYPE_CHECKING:
    from ray.data import Dataset

BATCH_FILES = 32  # files of a batch at most
BATCH_BYTES = 1 << 18  # bytes of its files, unless one file has more
BATCHES_PER_ACTOR = 4  # at least, if there are files enough, so that all actors end at the same time
OPTIONS: dict[str, Any] = {"batch_size": None, "batch_format": "pyarrow"}  # Ray tries lost ones again


def read_on_cluster(
    address: str,
    index: Index,
    embedder: CachedEmbedder,
    token_limit: int,
    files: Scan,
    origins: Sequence[Origin],
    fingerprint: str,
    memory: Memory,
    limits: Limits,
    stopped: Callable[[], bool],
) -> Generator[list[Outcome] | Committed]:
    """Yield the files in batches, as they come: unchanged ones first. No actor starts if all are unchanged.

    Raises SettingsError if there is no cluster, StoreError if it fails.
    """
    jobs: list[Job] = []
    settled: list[Outcome] = []
    for each in takewhile(lambda _: not stopped(), compare(files, origins, fingerprint, memory, limits)):
        if isinstance(each, Changed):
            jobs.append(Job(replace(each, data=None), keys_of(index, each)))
        else:
            settled.append(each)
    yield from worth_a_commit(settled)
    if not jobs or stopped():
        return
    shared = _shared(index)
    target = Target(shared.embedder, fingerprint, token_limit)
    with connected(address) as processors:
        dataset = _loaded(jobs, target, limits, processors)
        for row in _rows(_written(dataset, shared, target) if index.stores.shared else dataset):
            yield row if isinstance(row, Committed) else outcomes(index, row, embedder)


def _shared(index: Index) -> Shared:
    """Return what a node needs to open the index."""
    with index.catalog.read() as snapshot:
        embedder, dimension = embedder_of(snapshot)
    return Shared(index.folder, embedder, dimension, index.stores)


def _loaded(jobs: Sequence[Job], target: Target, limits: Limits, processors: int) -> Dataset:
    """Return the lazy dataset of batches, loaded and embedded by one actor for each processor."""
    import ray.data

    rows = [{COLUMN: packed([batch])[COLUMN][0].as_py()} for batch in _batches(jobs, processors)]
    actors = min(processors, len(rows))
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=actors, initial_size=actors, max_tasks_in_flight_per_actor=2
    )
    items = ray.data.from_items(rows, override_num_blocks=len(rows))
    arguments = {"fn_constructor_args": (target, limits), "num_cpus": 1}
    return items.map_batches(LoadAndEmbed, compute=pool, **arguments, **OPTIONS)


def _written(batches: Dataset, shared: Shared, target: Target) -> Dataset:
    """Return the lazy dataset of what came of the batches, committed by one actor for each node."""
    import ray.data

    pool = ray.data.ActorPoolStrategy(size=len(ray.nodes()), max_tasks_in_flight_per_actor=2)
    arguments = {"fn_constructor_args": (shared, target), "num_cpus": 0}
    return batches.map_batches(Write, compute=pool, **arguments, **OPTIONS)


def _rows(dataset: Dataset) -> Iterator[Any]:
    """Yield the results as they come; StoreError if the cluster fails."""
    from ray.exceptions import RayError

    try:
        for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for row in unpacked(table):
                if isinstance(row, Problem):
                    raise StoreError(f"{row.message} What is committed stays.")
                yield row
    except RayError as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise StoreError(
            f"The Ray cluster failed ({reason}). What is committed stays. Run the same command again."
        ) from error


def _batches(jobs: Sequence[Job], actors: int) -> Iterator[list[Job]]:
    """Yield the jobs in lists of about equal work."""
    most = max(1, min(BATCH_FILES, len(jobs) // (BATCHES_PER_ACTOR * actors)))
    batch: list[Job] = []
    size = 0
    for job in jobs:
        length = max(job.changed.origin.size, 0)
        if batch and (len(batch) >= most or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += length
    yield batch
