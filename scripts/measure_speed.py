"""Measures Pilcrow's speed and size as ratios, in one run: `python scripts/measure_speed.py FOLDER`.

FOLDER holds the public question set `xquad/xquad.en.json` (XQuAD, CC BY-SA 4.0). Each ratio compares two
things done in turn on the same machine, so that it holds on a busy one too. Fifteen minutes on two cores,
most of them for the 100,000 made-up paragraphs; `--quick` leaves these out.
"""

from __future__ import annotations

import json
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
from typing import Any

import numpy as np

from rag import Assistant, Settings
from rag.index.folder import Index
from rag.ingestion.embedding import Embed
from rag.ingestion.indexer import ingest
from rag.models.embedder import BUILT_IN_DIMENSION
from rag.models.local import BUILT_IN, check_weights
from rag.types import Vector

QUESTIONS = 150
COMMON = 400  # made-up words that stand in many paragraphs
RARE = 30_000
TOPICS = 200


def main() -> None:
    """Prints each ratio with what it is made of."""
    folder, quick = Path(sys.argv[1]), "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        questions = write_xquad(folder, place / "docs")
        measure_ingestion(place / "docs", place / "index")
        measure_answers(place / "index", questions[:QUESTIONS])
        measure_start(place / "index", questions[0])
        sizes = (1_000, 25_000) if quick else (1_000, 25_000, 100_000)
        for size in sizes:
            make_up(place / f"made-{size}", size)
        for size in sizes:
            print(run([__file__, "--memory", str(place / f"made-{size}" / "index")]).strip())
        measure_growth(place, sizes)


def write_xquad(folder: Path, docs: Path) -> list[str]:
    """One Markdown file an article; the questions, shuffled."""
    docs.mkdir()
    questions: list[str] = []
    articles = json.loads((folder / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]
    for number, article in enumerate(articles):
        texts = [" ".join(paragraph["context"].split()) for paragraph in article["paragraphs"]]
        title = article["title"].replace("_", " ")
        (docs / f"{number}.md").write_text("\n\n".join([f"# {title}", *texts]), "utf-8")
        questions += [qa["question"] for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
    random.Random(7).shuffle(questions)  # noqa: S311
    return questions


def measure_ingestion(docs: Path, index: Path) -> None:
    """A bare fp32 `encode` of the chunks, against all of an ingestion, in turn; of each the best of three.

    What is loaded once, model and libraries, is loaded before by a document with one long paragraph.
    """
    warm = docs.parent / "warm.md"
    warm.write_text("# Warm\n\n" + "A sentence of some length, to load all that is needed. " * 40)
    model, spent, bare, texts = plain_model(), [], [], [""]
    for place in (index, docs.parent / "second", docs.parent / "third"):
        with Assistant.open(place, Settings(index=place)) as assistant:
            assistant.ingest(warm)
            assistant.remove("warm.md")
            spent.append(timed(partial(assistant.ingest, docs)))
        opened = Index.open(place, BUILT_IN, BUILT_IN_DIMENSION)
        with opened.catalog.read() as snapshot:
            texts = [chunk.embedded for chunk in snapshot.chunks(snapshot.chunk_ids()).values()]
        opened.close()
        model.encode(texts[:8], show_progress_bar=False)
        bare.append(timed(partial(model.encode, texts, show_progress_bar=False)))
    ratio = min(bare) / min(spent)
    print(f"ingestion: {len(texts)} chunks, {min(spent):.1f} s; encode {min(bare):.1f} s; ratio {ratio:.2f}")


def measure_answers(index: Path, questions: Sequence[str]) -> None:
    """The median of a verified answer, against LlamaIndex's retrieval of five nodes, asked in turn."""
    with Assistant.open(index, Settings(index=index)) as assistant:
        retriever = plain_retriever(assistant, index.parent / "plain")
        ours, theirs = [], []
        for at, question in enumerate(questions):
            pair = timed(partial(retriever, question)), timed(partial(assistant.ask, question))
            if at >= 10:
                theirs.append(pair[0])
                ours.append(pair[1])
    mine, plain = 1000 * median(ours), 1000 * median(theirs)
    print(f"answer: p50 {mine:.1f} ms; LlamaIndex top 5 {plain:.1f} ms; ratio {mine / plain:.2f}")


def measure_start(index: Path, question: str) -> None:
    """A cold `pilcrow ask`, against loading the model in a process of its own; the best of three each."""
    folder = str(check_weights().parent)
    load = f"import sentence_transformers as s; s.SentenceTransformer({folder!r}, device='cpu')"
    ask = ["-m", "ui", "ask", question, "--index", str(index)]
    pairs = [(timed(lambda: run(["-c", load])), timed(lambda: run(ask))) for _ in range(3)]
    bare, asked = (min(each) for each in zip(*pairs, strict=True))
    print(f"start: {asked:.1f} s; bare model {bare:.1f} s; ratio {asked / bare:.2f}")


def make_up(folder: Path, size: int) -> None:
    """An index of so many made-up paragraphs, each on one of some topics, with vectors that lie by topic."""
    chance = random.Random(size)  # noqa: S311
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for number in range(size // 500):
        paragraphs = [" ".join(sentences(chance)) for _ in range(500)]
        (docs / f"{number}.txt").write_text("\n\n".join(paragraphs), "utf-8")
    index = Index.open(folder / "index", BUILT_IN, BUILT_IN_DIMENSION)
    spent = timed(
        lambda: ingest(index, [docs], made_up_vectors(), lambda text: len(text.split()), 256, "made")
    )
    index.close()
    print(f"made up {size} paragraphs in {spent:.0f} s")


def sentences(chance: random.Random) -> Iterator[str]:
    """Two to four sentences of common and rare words of a topic, as frequent as Zipf's law has it."""
    topic = chance.randrange(TOPICS)
    for _ in range(chance.randint(2, 4)):
        yield " ".join(word(chance, topic) for _ in range(chance.randint(8, 20))).capitalize() + "."


def word(chance: random.Random, topic: int) -> str:
    """A made-up word: one of a few that stand everywhere, or one of the topic's."""
    common = chance.random() < 0.5
    rank = int((COMMON if common else RARE // TOPICS) ** chance.random())
    number = rank if common else COMMON + topic * (RARE // TOPICS) + rank
    letters = "bdfgklmnprst"
    syllables = [letters[number // 12**place % 12] + "aeiou"[number // 5**place % 5] for place in range(5)]
    return "".join(syllables)


def made_up_vectors() -> Embed:
    """Vectors without a model, around some centres."""
    chance = np.random.default_rng(1)
    return lambda texts, spans: (scattered(chance, len(texts)), [scattered(chance, len(s)) for s in spans])


def scattered(chance: np.random.Generator, count: int) -> Vector:
    """Unit vectors around some centres, float32 (count, dimension)."""
    centres = np.random.default_rng(2).normal(size=(TOPICS, BUILT_IN_DIMENSION))
    rows = centres[chance.integers(TOPICS, size=count)] + chance.normal(size=(count, BUILT_IN_DIMENSION))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def measure_growth(place: Path, sizes: Sequence[int]) -> None:
    """The median of an answer from each made-up index, against that from the smallest, asked in turn."""
    chance = random.Random(3)  # noqa: S311
    opened = [Assistant.open(place / f"made-{size}" / "index", Settings()) for size in sizes]
    times: list[list[float]] = [[] for _ in sizes]
    for turn in range(60):
        topic = chance.randrange(TOPICS)
        asked = "Which " + " ".join(word(chance, topic) for _ in range(7)) + "?"
        for at, assistant in enumerate(opened):
            spent = timed(partial(assistant.ask, asked))
            if turn >= 10:
                times[at].append(spent)
    for size, found in zip(sizes, times, strict=True):
        p50, ratio = 1000 * median(found), median(found) / median(times[0])
        print(f"answer from {size}: p50 {p50:.1f} ms; ratio {ratio:.2f}")
    for assistant in opened:
        assistant.close()


def tell_memory(index: Path) -> None:
    """The most memory that a process needed which opened an index and answered."""
    with Assistant.open(index, Settings(index=index)) as assistant:
        for asked in ("Which badaf was struck?", "Who said bababab of dadef?"):
            assistant.ask(asked)
    status = Path("/proc/self/status").read_text("ascii")
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(f"memory to open {index.parent.name} and answer: {most / 1024:.0f} MiB")


def plain_model() -> Any:  # noqa: ANN401
    """The built-in embedder as sentence-transformers loads it."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(check_weights().parent), local_files_only=True, device="cpu")


def plain_retriever(assistant: Assistant, folder: Path) -> Callable[[str], Any]:
    """LlamaIndex over Chroma with its defaults, on the same documents."""
    import chromadb
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    model = plain_model()

    class Plain(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return model.encode(text, normalize_embeddings=True, show_progress_bar=False).tolist()  # type: ignore[no-any-return]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    documents = [
        Document(
            text="\n\n".join(assistant.paragraph(held.source, n + 1).text for n in range(held.paragraphs))
        )
        for held in assistant.documents()
    ]
    client = chromadb.PersistentClient(str(folder), chromadb.config.Settings(anonymized_telemetry=False))
    store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("plain"))
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=Plain())
    return index.as_retriever(similarity_top_k=5).retrieve


def timed(act: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = perf_counter()
    act()
    return perf_counter() - began


def run(arguments: Sequence[str]) -> str:
    """What Python prints in a process of its own."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as Pilcrow sets it, for both sides
    logging.disable(logging.WARNING)
    if sys.argv[1] == "--memory":
        tell_memory(Path(sys.argv[2]))
    else:
        main()
