"""What is measured: one corpus given to one system, and each of its questions asked."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

from eval.metrics import Place
from eval.questions.question import WHOLE, Question
from eval.scores.reply import Reply
from rag import Assistant, Paragraph, Settings
from scripts.bench.corpora import Corpus

Paragraphs = dict[Place, Paragraph]
Track = Callable[[Sequence[Question], str], Iterable[Question]]


@dataclass(frozen=True, slots=True)
class Run:
    """Replies by the question's id; of the whole index, the seconds to take it in and the peak in MiB."""

    replies: dict[str, Reply]
    ingest_seconds: float
    peak_mib: float


class System(Protocol):
    """A way to answer: it takes a folder in, then answers from it; it says whether it ever abstains."""

    abstains: bool

    def ingest(self, folder: Path) -> None: ...

    def ask(self, question: str) -> Reply: ...

    def close(self) -> None: ...


class Pilcrow:
    """Pilcrow as it comes, by its public names."""

    abstains = True

    def __init__(self, index: Path) -> None:
        self._assistant = Assistant.open(index, Settings())
        self._assistant.ask("Is anything there?")  # loads the model, which is not part of an ingestion

    def ingest(self, folder: Path) -> None:
        """Takes the folder in."""
        self._assistant.ingest([folder])

    def ask(self, question: str) -> Reply:
        """The answer, its evidence in order but for headings, and its citations, each of one paragraph."""
        answer = self._assistant.ask(question)
        found = ((item.source, item.paragraph) for item in answer.evidence if item.kind != "heading")
        return Reply.of(answer, found)

    def close(self) -> None:
        """Closes the index."""
        self._assistant.close()


def paragraphs_of(index: Path) -> Paragraphs:
    """Every paragraph that an index of Pilcrow holds."""
    with Assistant.open(index, Settings()) as assistant:
        return {
            (document.source, number): assistant.paragraph(document.source, number)
            for document in assistant.documents()
            for number in range(1, document.paragraphs + 1)
        }


def measure(make: Callable[[Path], System], corpus: Corpus, scratch: Path, track: Track) -> Run:
    """Asks each question of a fresh index; one that never abstains is asked only what has an answer."""
    replies: dict[str, Reply] = {}
    seconds, peak = 0.0, 0.0
    for number, (name, folder) in enumerate(corpus.folders.items()):
        system = make(scratch / f"index-{number}")
        asked = [
            item for item in corpus.questions if item.index == name and (system.abstains or not item.group)
        ]
        if asked:
            start = perf_counter()
            system.ingest(folder)
            taken = perf_counter() - start
            system.ask("What is this about?")  # what is loaded or compiled at the first question is not timed
            replies |= {item.id: _timed(system, item) for item in track(asked, name)}
        system.close()
        if name == WHOLE:
            seconds, peak = taken, _peak_mib()
    return Run(replies, seconds, peak)


def _timed(system: System, question: Question) -> Reply:
    start = perf_counter()
    reply = system.ask(question.text)
    return replace(reply, seconds=perf_counter() - start)


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
