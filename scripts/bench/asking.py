"""Index a corpus with a system and ask it the questions."""

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
Pair = tuple[Question, Reply]


@dataclass(frozen=True, slots=True)
class Run:
    """Replies by the question's id; the seconds to index the whole corpus, and the peak memory in MiB."""

    replies: dict[str, Reply]
    ingest_seconds: float = 0.0
    peak_mib: float = 0.0

    def pairs(self, corpus: Corpus) -> list[Pair]:
        """Return the questions that were asked, each with its reply."""
        return [(item, self.replies[item.id]) for item in corpus.questions if item.id in self.replies]


class System(Protocol):
    """A question-answering system; `abstains` if it ever says that there is no answer."""

    abstains: bool

    def ingest(self, folder: Path) -> None: ...

    def ask(self, question: str) -> Reply: ...

    def close(self) -> None: ...


class Pilcrow:
    """Pilcrow with its default settings."""

    abstains = True

    def __init__(self, index: Path) -> None:
        self._assistant = Assistant.open(index, Settings())
        self._assistant.ask("Is anything there?")  # loads the model, which is not part of an ingestion

    def ingest(self, folder: Path) -> None:
        """Index the folder."""
        self._assistant.ingest([folder])

    def ask(self, question: str) -> Reply:
        """Return the answer, ranked by its evidence without the headings."""
        answer = self._assistant.ask(question)
        found = ((item.source, item.paragraph) for item in answer.evidence if item.kind != "heading")
        return Reply.of(answer, found)

    def close(self) -> None:
        """Close the index."""
        self._assistant.close()


def paragraphs_of(index: Path) -> Paragraphs:
    """Return every paragraph of one of Pilcrow's indexes."""
    with Assistant.open(index, Settings()) as assistant:
        return {
            (document.source, number): assistant.paragraph(document.source, number)
            for document in assistant.documents()
            for number in range(1, document.paragraphs + 1)
        }


def measure(make: Callable[[Path], System], corpus: Corpus, scratch: Path, track: Track) -> Run:
    """Ask each question of a fresh index; a system that never abstains gets only those with an answer."""
    run = Run({})
    for number, (name, folder) in enumerate(corpus.folders.items()):
        system = make(scratch / f"index-{number}")
        here = [item for item in corpus.questions if item.index == name]
        asked = [item for item in here if system.abstains or not item.group]
        if asked:
            start = perf_counter()
            system.ingest(folder)
            seconds = perf_counter() - start
            system.ask("What is this about?")  # leaves what the first question loads out of the times
            run = replace(
                run, replies=run.replies | {each.id: _timed(system, each) for each in track(asked, name)}
            )
            if name == WHOLE:
                run = replace(run, ingest_seconds=seconds, peak_mib=_peak_mib())
        system.close()
    return run


def _timed(system: System, question: Question) -> Reply:
    start = perf_counter()
    reply = system.ask(question.text)
    return replace(reply, seconds=perf_counter() - start)


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
