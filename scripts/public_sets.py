"""Readers of the public question sets, and the one way to write their texts as documents.

XQuAD is CC BY-SA 4.0, CLAPnq and MTRAG-UN Apache-2.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import Turn
from rag.text.words import words

_ANSWERED = ("ANSWERABLE", "PARTIAL")

Data = Annotated[Path, typer.Argument(help="Folder with the public sets, each in a folder of its own.")]


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """A question whose answers are exact words of its passage, beginning at `starts`."""

    id: str
    text: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of an article and the questions about it."""

    text: str
    questions: tuple[SpanQuestion, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """An XQuAD article."""

    title: str
    passages: tuple[Passage, ...]

    @property
    def texts(self) -> list[str]:
        """The text of each passage."""
        return [passage.text for passage in self.passages]


@dataclass(frozen=True, slots=True)
class PassageQuestion:
    """A CLAPnq question and its passage; without `answers`, the passage does not answer it.

    Each annotator wrote one of `answers`; `selected` are the sentences they chose.
    """

    id: str
    text: str
    title: str
    passage: str
    answers: tuple[str, ...]
    selected: tuple[str, ...]


def xquad(data: Path) -> list[Article]:
    """Read XQuAD's English articles."""
    articles = json.loads((data / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]
    return [
        Article(
            article["title"].replace("_", " "),
            tuple(
                Passage(passage["context"], tuple(map(_span_question, passage["qas"])))
                for passage in article["paragraphs"]
            ),
        )
        for article in articles
    ]


def _span_question(row: dict) -> SpanQuestion:  # type: ignore[type-arg]
    answers, starts = zip(*((each["text"], each["answer_start"]) for each in row["answers"]), strict=True)
    return SpanQuestion(row["id"], row["question"], answers, starts)


def clapnq(data: Path) -> Iterator[PassageQuestion]:
    """Yield CLAPnq's questions, the answerable ones first."""
    for kind in ("answerable", "unanswerable"):
        for row in json_lines(data / "clapnq" / f"clapnq_dev_{kind}.jsonl"):
            passage, outputs = row["passages"][0], row["output"] if kind == "answerable" else []
            yield PassageQuestion(
                row["id"],
                row["input"],
                passage["title"],
                passage["text"],
                tuple(output["answer"] for output in outputs),
                tuple(text for output in outputs for text in output["selected_sentences"]),
            )


def write_document(path: Path, title: str, texts: Sequence[str]) -> None:
    """Write a title and a paragraph for each text; in a Markdown file the title is a heading."""
    first = f"# {title}" if path.suffix == ".md" else title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(" ".join(text.split()) for text in (first, *texts)) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """The last question of an MTRAG chat, the turns before it, and the passages that answer it.

    `gold` are passages, each as the name of its document and its words; none if no passage answers.
    """

    text: str
    history: tuple[Turn, ...]
    gold: tuple[tuple[str, frozenset[str]], ...]


def mtrag(data: Path, folder: Path) -> list[ChatTurn]:
    """Write MTRAG's documents to a folder, and return its chats, without those that ask for more context."""
    documents: dict[str, list[str]] = {}
    where: dict[str, tuple[str, frozenset[str]]] = {}
    for row in sorted(json_lines(data / "mtrag" / "passages.jsonl"), key=lambda row: row["document_id"]):
        name = re.sub(r"\W+", "_", row["document_id"].rsplit("-", 2)[0]) + ".md"
        documents.setdefault(name, []).append(row["text"].strip())
        where[row["document_id"]] = (name, frozenset(words(row["text"])))
    folder.mkdir(parents=True)
    for name, texts in documents.items():
        (folder / name).write_text("\n\n".join(texts) + "\n", "utf-8")
    found = []
    for row in json_lines(data / "mtrag" / "reference.jsonl"):
        said = [turn["text"] for turn in row["input"]]
        turns = tuple(Turn(*pair) for pair in zip(said[:-1:2], said[1:-1:2], strict=True))
        kind = row["answerability"][0]
        gold = [where[each["document_id"]] for each in row["contexts"]] if kind in _ANSWERED else []
        if kind != "UNDERSPECIFIED":
            found.append(ChatTurn(said[-1], turns, tuple(gold)))
    return found


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines."""
    return (json.loads(line) for line in path.read_text("utf-8").splitlines())
