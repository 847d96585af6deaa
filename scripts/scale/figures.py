"""What is measured of an index of made-up documents. Each of the first four runs in a process of its own."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import mean
from time import perf_counter, process_time
from typing import TypeVar

import numpy as np

from rag import Assistant, Settings
from rag.index.catalog import Snapshot
from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.ingestion.report import IngestReport
from rag.types import Vectors
from scripts.scale.made_up import DIMENSION, LIMIT, NAME, PARAGRAPHS, MadeUpEmbedder, fact, questions, source

Figures = dict[str, float]
Result = TypeVar("Result")

MIB = 2**20
NEAREST = 10  # vectors that HNSW and exact search are compared by
READ = 5_000  # vectors read at once for the exact search
ROUNDED = 1e-4  # difference of a cosine from the stored vectors, which are rounded
WARM_UP = 10  # questions whose time is not counted


def store(settings: Settings, folders: Sequence[Path]) -> Figures:
    """Ingest folders of documents; return how fast and in what memory."""
    begun = perf_counter(), process_time()
    with opened(settings) as assistant:
        report = _ingest(assistant, folders)
    seconds = perf_counter() - begun[0]
    return {
        "paragraphs_added": (added := PARAGRAPHS * len(report.added)),
        "ingest_s": seconds,
        "ingest_cpu_s": process_time() - begun[1],
        "ingest_per_s": added / seconds,
        "ingest_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def answers(settings: Settings, documents: int, amount: int) -> Figures:
    """Return how long opening, a search and an answer take, in what memory, and how many facts are found."""
    asked = list(questions(documents, WARM_UP + amount))
    embedder, bare = MadeUpEmbedder(), resident()
    begun = perf_counter()
    with opened(settings, embedder) as assistant:
        opening, after_opening = perf_counter() - begun, resident()
        searches, spent, used, found = list[float](), list[float](), list[float](), 0
        for question, expected in asked:
            searches.append(timed(partial(assistant.search, question))[1])
            before = process_time()
            answer, took = timed(partial(assistant.ask, question, extractive=True))
            spent.append(took)
            used.append(process_time() - before)
            found += bool(expected) and expected in answer.text
        after_asking = resident()
    return {
        "open_s": opening,
        "memory_before_mib": bare,
        "memory_open_mib": after_opening,
        "memory_asked_mib": after_asking,
        **percentiles("search", searches[WARM_UP:]),
        **percentiles("answer", spent[WARM_UP:]),
        **percentiles("answer_cpu", used[WARM_UP:]),
        "facts_found": found / sum(bool(expected) for _, expected in asked),
    }


def recall(settings: Settings, documents: int, amount: int) -> Figures:
    """Return which share of the nearest vectors, by exact search, HNSW finds for questions.

    A question that something answers has near vectors; one of words at random has none, which is harder.
    """
    asked = list(questions(documents, amount))
    vectors = MadeUpEmbedder().embed([question for question, _ in asked])
    with opened(settings) as assistant:
        index = assistant._index
        with index.catalog.read() as snapshot:
            worst = nearest(snapshot, vectors)[:, -1]
        found, queries = {True: list[float](), False: list[float]()}, list[float]()
        for (_, answer), vector, least in zip(asked, vectors, worst, strict=True):
            hits, took = timed(partial(index.vectors.query, vector.tolist(), NEAREST))
            found[bool(answer)].append(sum(cosine >= least - ROUNDED for _, cosine in hits) / NEAREST)
            queries.append(took)
    return {
        "recall_at_10": mean(found[True]),
        "recall_at_10_random": mean(found[False]),
        **percentiles("hnsw", queries),
    }


def chores(settings: Settings, documents: int, folder: Path) -> Figures:
    """Return how long the other things take: lists, a removal, an unchanged ingestion, a check."""
    number = documents // 2
    with opened(settings) as assistant:
        figures = {
            "documents_s": timed(assistant.documents)[1],
            "changed_s": timed(assistant.changed)[1],
            "suggestions_s": timed(assistant.suggestions)[1],
            "remove_s": timed(partial(assistant.remove, source(number)))[1],
            "ingest_one_again_s": timed(partial(_ingest, assistant, [folder]))[1],
        }
        problems, figures["doctor_s"] = timed(assistant.check)
        planted = fact(number)
        answer = assistant.ask(planted.question, extractive=True)
    if problems or planted.answer not in answer.text:
        raise ValueError(f"the index is not as it was: {problems}, {answer.text!r}")
    return {**figures, "memory_doctor_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def disk(folder: Path, others: Sequence[Path]) -> Figures:
    """Return the MiB of the files, and of the tables in them; `others` are the folders of servers."""
    sizes: Figures = {}
    for place in (folder, *others):
        for file in (file for file in place.rglob("*") if file.is_file()):
            kind = file.name if place == folder else f"{place.name}/{file.relative_to(place).parts[0]}"
            sizes[f"disk_{kind}_mib"] = sizes.get(f"disk_{kind}_mib", 0) + file.stat().st_size / MIB
    sizes["disk_mib"] = sum(sizes.values())
    for file in folder.rglob("*.sqlite3"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC")
            sizes |= {f"table_{file.stem}_{name}_mib": size / MIB for name, size in rows if size > MIB}
    return sizes


@contextmanager
def opened(settings: Settings, embedder: MadeUpEmbedder | None = None) -> Iterator[Assistant]:
    """Open the index with the stand-in embedder."""
    embedder = embedder or MadeUpEmbedder()
    index = Index.open(settings.index, NAME, DIMENSION, settings.stores)
    with Assistant(settings, index, embedder) as assistant:  # type: ignore[arg-type]
        yield assistant


def _ingest(assistant: Assistant, folders: Sequence[Path]) -> IngestReport:
    embedder = MadeUpEmbedder()
    return ingest(assistant._index, folders, embedder.embed_parts, embedder.count_tokens, LIMIT, NAME)


def nearest(snapshot: Snapshot, asked: Vectors) -> Vectors:
    """Return the highest similarities of each vector and any chunk's, best first, by comparing all."""
    best = np.full((len(asked), NEAREST), -1.0, dtype=np.float32)
    ids = snapshot.chunk_ids()
    for start in range(0, len(ids), READ):
        stored = np.stack(list(snapshot.vectors(ids[start : start + READ]).values()))
        best = -np.sort(-np.hstack([best, asked @ stored.T]), axis=1)[:, :NEAREST]
    return best


def percentiles(name: str, seconds: Sequence[float]) -> Figures:
    """Return the median and the 95th percentile in milliseconds."""
    p50, p95 = np.percentile(seconds, (50, 95)) * 1000
    return {f"{name}_p50_ms": float(p50), f"{name}_p95_ms": float(p95)}


def resident() -> float:
    """Return the MiB of memory that this process has now."""
    with Path("/proc/self/status").open() as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def timed(act: Callable[[], Result]) -> tuple[Result, float]:
    """Return what a call returns, and the seconds that it takes."""
    start = perf_counter()
    return act(), perf_counter() - start
