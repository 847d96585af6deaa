"""Measure Pilcrow's speed and size as ratios, in one run: `python -m scripts.measure_speed [FOLDER]`.

FOLDER holds `xquad/` (CC BY-SA 4.0). Each ratio compares two things done in turn on the same machine, so that
it also holds on a busy one. Takes fifteen minutes on two cores, most of them for the 100,000 synthetic
paragraphs; `--size 1000 --size 25000` leaves these out.
"""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import numpy as np
import typer

from eval import DATA
from eval.scores import minilm
from rag import Assistant, Settings
from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.models.embedder import BUILT_IN_DIMENSION
from rag.models.local import BUILT_IN
from rag.types import Span, Vectors
from scripts.bench.asking import paragraphs_of
from scripts.public_sets import Data, write_document, xquad

SIZES = [1_000, 25_000, 100_000]
COMMON = 400  # synthetic words that many paragraphs contain
RARE = 30_000
TOPICS = 200
WARM_UP = 10  # questions whose time is not counted


def main(
    data: Data = DATA,
    size: Annotated[list[int], typer.Option(help="Synthetic paragraphs; may be repeated.")] = SIZES,
    questions: Annotated[int, typer.Option(help="Questions to time.")] = 150,
    repeats: Annotated[int, typer.Option(help="Runs of which the best counts.")] = 3,
) -> None:
    """Print each ratio and its parts."""
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as Pilcrow sets it, for both sides
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        asked = write_documents(data, place / "docs")[: questions + WARM_UP]
        measure_ingestion(place, repeats)
        measure_answers(place, asked)
        measure_start(place / "index-0", asked[0], repeats)
        for number in size:
            write_synthetic(place / f"synthetic-{number}", number)
            measure_memory(place / f"synthetic-{number}" / "index")
        measure_growth([place / f"synthetic-{number}" / "index" for number in size], questions)


def write_documents(data: Path, docs: Path) -> list[str]:
    """Write one Markdown file per article; return the questions, shuffled."""
    articles = xquad(data)
    for number, article in enumerate(articles):
        write_document(docs / f"{number}.md", article.title, article.texts)
    passages = [passage for article in articles for passage in article.passages]
    questions = [question.text for passage in passages for question in passage.questions]
    random.Random(7).shuffle(questions)  # noqa: S311
    return questions


def measure_ingestion(place: Path, repeats: int) -> None:
    """Compare a bare fp32 `encode` of the chunks with a whole ingestion, in turn.

    A document with one long paragraph loads the model and the libraries first.
    """
    from sentence_transformers import SentenceTransformer

    warm = place / "warm.md"
    warm.write_text("# Warm\n\n" + "A sentence of some length, to load all that is needed. " * 40)
    model = SentenceTransformer(str(minilm.folder()), local_files_only=True, device="cpu")
    spent, bare, texts = [], [], [""]
    for folder in (place / f"index-{number}" for number in range(repeats)):
        with Assistant.open(folder, Settings()) as assistant:
            assistant.ingest(warm)
            assistant.remove("warm.md")
            spent.append(timed(partial(assistant.ingest, place / "docs")))
        opened = Index.open(folder, BUILT_IN, BUILT_IN_DIMENSION)
        with opened.catalog.read() as snapshot:
            texts = [chunk.embedded for chunk in snapshot.chunks(snapshot.chunk_ids()).values()]
        opened.close()
        model.encode(texts[:8], show_progress_bar=False)
        bare.append(timed(partial(model.encode, texts, show_progress_bar=False)))
    ratio = min(bare) / min(spent)
    print(f"ingestion: {len(texts)} chunks, {min(spent):.1f} s; encode {min(bare):.1f} s; ratio {ratio:.2f}")


def measure_answers(place: Path, questions: Sequence[str]) -> None:
    """Compare the median of a checked answer with LlamaIndex's retrieval of five nodes, asked in turn."""
    from scripts.bench.baseline import LlamaIndex

    rival = LlamaIndex(place / "rival", paragraphs_of(place / "index-0"), by_paragraph=False)
    rival.ingest(place / "docs")
    with Assistant.open(place / "index-0", Settings()) as assistant:
        pairs = [
            (timed(partial(rival.retrieve, question, 5)), timed(partial(assistant.ask, question)))
            for question in questions
        ]
    theirs, ours = (1000 * median(times) for times in zip(*pairs[WARM_UP:], strict=True))
    print(f"answer: p50 {ours:.1f} ms; LlamaIndex top 5 {theirs:.1f} ms; ratio {ours / theirs:.2f}")


def measure_start(index: Path, question: str, repeats: int) -> None:
    """Compare a cold `pilcrow ask` with loading the model in a process of its own."""
    load = f"import sentence_transformers as s; s.SentenceTransformer({str(minilm.folder())!r}, device='cpu')"
    ask = ["-m", "ui", "ask", question, "--index", str(index)]
    pairs = [(timed(lambda: run("-c", load)), timed(lambda: run(*ask))) for _ in range(repeats)]
    bare, asked = (min(each) for each in zip(*pairs, strict=True))
    print(f"start: {asked:.1f} s; bare model {bare:.1f} s; ratio {asked / bare:.2f}")


def measure_memory(index: Path) -> None:
    """Print the peak memory of a process that opens an index and answers two questions."""
    asked = ("Which badaf was struck?", "Who said bababab of dadef?")
    lines = [
        "from rag import Assistant, Settings",
        f"with Assistant.open({str(index)!r}, Settings()) as assistant:",
        *(f"    assistant.ask({question!r})" for question in asked),
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])",
    ]
    peak = int(run("-c", "\n".join(lines))) / 1024
    print(f"memory to open {index.parent.name} and answer: {peak:.0f} MiB")


def write_synthetic(folder: Path, size: int) -> None:
    """Make an index of synthetic paragraphs, each on one topic, with vectors that cluster by topic."""
    chance = random.Random(size)  # noqa: S311
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for start in range(0, size, 500):
        paragraphs = [" ".join(sentences(chance)) for _ in range(start, min(start + 500, size))]
        (docs / f"{start}.txt").write_text("\n\n".join(paragraphs), "utf-8")
    index = Index.open(folder / "index", BUILT_IN, BUILT_IN_DIMENSION)
    count = lambda text: len(text.split())  # noqa: E731
    spent = timed(lambda: ingest(index, [docs], SyntheticVectors(), count, 256, "synthetic"))
    index.close()
    print(f"indexed {size} synthetic paragraphs in {spent:.0f} s")


def sentences(chance: random.Random) -> Iterator[str]:
    """Yield two to four sentences of common words and rare words of a topic, by Zipf's law."""
    topic = chance.randrange(TOPICS)
    for _ in range(chance.randint(2, 4)):
        yield " ".join(word(chance, topic) for _ in range(chance.randint(8, 20))).capitalize() + "."


def word(chance: random.Random, topic: int) -> str:
    """Return a synthetic word: one of a few common ones, or one of the topic's."""
    common = chance.random() < 0.5
    rank = int((COMMON if common else RARE // TOPICS) ** chance.random())
    number = rank if common else COMMON + topic * (RARE // TOPICS) + rank
    letters = "bdfgklmnprst"
    syllables = [letters[number // 12**place % 12] + "aeiou"[number // 5**place % 5] for place in range(5)]
    return "".join(syllables)


class SyntheticVectors:
    """An embedder without a model: random unit vectors around some centres."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)
        self._centres = np.random.default_rng(2).normal(size=(TOPICS, BUILT_IN_DIMENSION))

    def __call__(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Return a vector for each text, and one for each span of each text."""
        return self._drawn(len(texts)), [self._drawn(len(each)) for each in spans]

    def _drawn(self, count: int) -> Vectors:
        centres = self._centres[self._chance.integers(TOPICS, size=count)]
        rows = centres + self._chance.normal(size=centres.shape)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def measure_growth(indexes: Sequence[Path], questions: int) -> None:
    """Compare the median of an answer from each synthetic index with that from the first, asked in turn."""
    chance = random.Random(3)  # noqa: S311
    opened = [Assistant.open(index, Settings()) for index in indexes]
    times: list[list[float]] = [[] for _ in indexes]
    for _ in range(WARM_UP + min(50, questions)):
        topic = chance.randrange(TOPICS)
        asked = "Which " + " ".join(word(chance, topic) for _ in range(7)) + "?"
        for each, assistant in zip(times, opened, strict=True):
            each.append(timed(partial(assistant.ask, asked)))
    medians = [1000 * median(each[WARM_UP:]) for each in times]
    for index, assistant, p50 in zip(indexes, opened, medians, strict=True):
        assistant.close()
        print(f"answer from {index.parent.name}: p50 {p50:.1f} ms; ratio {p50 / medians[0]:.2f}")


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = perf_counter()
    act()
    return perf_counter() - start


def run(*arguments: str) -> str:
    """Return what Python prints in a process of its own."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    typer.run(main)
