"""Measure two writers and four readers of one index: `python -m scripts.measure_shared CATALOG CHROMA`.

CATALOG is the address of an empty PostgreSQL database, CHROMA that of a Chroma server. Two processes ingest
made-up notes, a fifth of them both, while four others search without pause. Prints a table: the rates, how
many calls failed, and how many notes are lost or double in the end. The vectors are hashes, so that the
stores do nearly all the work.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Annotated

import numpy as np
import typer

from rag.errors import PilcrowError
from rag.index.folder import Index
from rag.index.stores import Stores
from rag.ingestion.indexer import ingest
from rag.models.embedder import Embedder
from rag.models.local import BUILT_IN
from rag.retrieval.search import search_paragraphs
from rag.types import Span, Vectors
from scripts.measure_speed import sentences

DIMENSION = 32
WRITERS, READERS = 2, 4
SHARE_OF_BOTH = 0.2  # of the notes
STOP = "stop"  # a file that tells the readers to stop


class HashEmbedder(Embedder):
    """Vectors without a model: one of its own for every text, the same each time."""

    def __init__(self) -> None:
        self.name, self.limit, self.dimension = BUILT_IN, 256, DIMENSION

    def embed(self, questions: Sequence[str]) -> Vectors:
        """Return unit vectors, float32, shape (questions, DIMENSION)."""
        seeds = (int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") for text in questions)
        rows = np.array([np.random.default_rng(seed).normal(size=DIMENSION) for seed in seeds], np.float32)
        rows = rows.reshape(-1, DIMENSION)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Return the vectors of texts and of spans of each."""
        parts = [[text[a:b] for a, b in each] for text, each in zip(texts, spans, strict=True)]
        return self.embed(texts), [self.embed(each) for each in parts]

    def count_tokens(self, text: str) -> int:
        """Return the number of words."""
        return len(text.split())


def main(
    catalog_url: Annotated[str, typer.Argument(help="Address of an empty PostgreSQL database.")],
    chroma_url: Annotated[str, typer.Argument(help="Address of a Chroma server.")],
    documents: Annotated[int, typer.Option(help="Notes to ingest.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of their text.")] = 1,
) -> None:
    """Print the table."""
    stores = Stores(chroma_url, catalog_url=catalog_url)
    with tempfile.TemporaryDirectory() as scratch, closing(_opened(Path(scratch), stores)) as index:
        with index.catalog.read() as snapshot:
            if snapshot.chunk_count():
                raise typer.BadParameter("The database holds an index. Give an empty one.")
        folders = _write_notes(Path(scratch, "notes"), documents, Random(seed))  # noqa: S311
        context = get_context("forkserver")
        context.set_forkserver_preload(
            ["rag.ingestion.indexer", "rag.retrieval.search", "chromadb", "sqlalchemy"]
        )
        with ProcessPoolExecutor(WRITERS + READERS, mp_context=context) as processes:
            reading = [processes.submit(_read, scratch, stores, documents, n) for n in range(READERS)]
            began = time.monotonic()
            writing = [processes.submit(_write, scratch, stores, given) for given in folders]
            failed = [error for writer in writing for error in writer.result()]
            seconds = time.monotonic() - began
            Path(scratch, STOP).touch()
            read = [reader.result() for reader in reading]
        _print_table(documents, seconds, failed, read, _lost_and_double(index, Path(scratch, "notes")))
        for problem in index.check():
            print(f"doctor: {problem}")


def _opened(scratch: Path, stores: Stores) -> Index:
    return Index.open(scratch / "index", "hash", DIMENSION, stores)


def _write_notes(folder: Path, documents: int, chance: Random) -> list[list[Path]]:
    """Write the notes; return the folders that each writer is given."""
    both = int(documents * SHARE_OF_BOTH)
    for number in range(documents):
        place = folder / ("both" if number < both else f"{number % WRITERS}")
        place.mkdir(parents=True, exist_ok=True)
        text = " ".join(sentences(chance))
        (place / f"{number:06}.txt").write_text(f"{_title(number)}\n\n{text}\n", "utf-8")
    return [[folder / "both", folder / f"{each}"] for each in range(WRITERS)]


def _title(number: int) -> str:
    return f"This is the note with the number {number}."


def _write(scratch: str, stores: Stores, folders: list[Path]) -> list[str]:
    """Ingest; return what went wrong."""
    embedder = HashEmbedder()
    try:
        with closing(_opened(Path(scratch), stores)) as index:
            report = ingest(index, folders, embedder.embed_parts, embedder.count_tokens, 256, "hash")
    except PilcrowError as error:
        return [str(error)]
    return [f"{source}: {reason}" for source, reason in report.failed]


def _read(scratch: str, stores: Stores, documents: int, number: int) -> tuple[list[float], list[str]]:
    """Search until told to stop; return the seconds of each search, and what went wrong."""
    chance, embedder = Random(number), HashEmbedder()  # noqa: S311
    seconds: list[float] = []
    failed: list[str] = []
    search = partial(search_paragraphs, embedder=embedder, reranker=None, limit=8, sources=None)
    with closing(_opened(Path(scratch), stores)) as index:
        while not Path(scratch, STOP).exists():
            began = time.monotonic()
            try:
                search(_title(chance.randrange(documents)), index)
            except PilcrowError as error:
                failed.append(str(error))
            seconds.append(time.monotonic() - began)
    return seconds, failed


def _lost_and_double(index: Index, notes: Path) -> tuple[int, int]:
    """Return how many notes, or vectors of them, the index lacks, and how many it has twice."""
    written = {str(file.resolve()): file.read_text("utf-8").split() for file in notes.glob("*/*.txt")}
    with index.catalog.read() as snapshot:
        origins = snapshot.origins()
        right = [
            origin.path
            for origin in origins
            if written.get(origin.path)
            == " ".join(each.text for each in snapshot.all_paragraphs(origin.source)).split()
        ]
        chunks = snapshot.chunk_ids()
    vectors = index.vectors.ids()
    times = Counter(right)
    lost = len(written) - len(times) + len(set(chunks) - vectors)
    return lost, times.total() - len(times) + len(origins) - len(right) + len(vectors - set(chunks))


def _print_table(
    documents: int,
    seconds: float,
    failed: list[str],
    read: list[tuple[list[float], list[str]]],
    lost_and_double: tuple[int, int],
) -> None:
    for error in dict.fromkeys(failed + [error for _, errors in read for error in errors]):
        print(f"error: {error}")
    searches = [one for times, _ in read for one in times]
    errors = len(failed) + sum(len(found) for _, found in read)
    p50, p95 = (1000 * float(np.quantile(searches or [0.0], share)) for share in (0.5, 0.95))
    lost, double = lost_and_double
    print(
        "| documents | s | documents/s | searches | searches/s | p50 ms | p95 ms | errors | lost | double |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {documents} | {seconds:.1f} | {documents / seconds:.1f} | {len(searches)} "
        f"| {len(searches) / seconds:.1f} | {p50:.0f} | {p95:.0f} | {errors} | {lost} | {double} |",
        flush=True,
    )


if __name__ == "__main__":
    typer.run(main)
