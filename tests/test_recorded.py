"""Answers written as JSON and read again, and what of a recorded answer no longer stands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Answer, Assistant, PilcrowError
from rag.models import Embedder

QUESTIONS = (
    "Why was the Odesa missile hard to spot?",
    "Which country promised 19 howitzers to Ukraine?",
    "How many settlements has Ukraine taken in Kursk region?",
    "Who says the paratroopers joined Wagner?",
    "What did Kyiv say on the villages near Kupyansk?",
    "Which drones did Russia buy?",
    "How many howitzers did Norway promise?",
    "?!",
)


@pytest.fixture(scope="module")
def asked(
    seeds_index: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Assistant]:
    """An assistant over the seeds, for questions only."""
    folder = Path(shutil.copytree(seeds_index, tmp_path_factory.mktemp("asked") / "index"))
    with open_assistant(folder, RememberingEmbedder(embedder)) as assistant:
        yield assistant


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_comes_back_from_json_as_it_was(asked: Assistant, question: str) -> None:
    answer = asked.ask(question)
    text = json.dumps(answer.as_json(), allow_nan=False)
    again = Answer.from_json(json.loads(text))
    assert again == answer
    assert again.highlights == answer.highlights
    assert json.dumps(again.as_json()) == text


def test_dates_are_iso_and_every_field_is_there(asked: Assistant) -> None:
    answer = asked.ask("What did Blinken announce on 25 July 2023?")
    written: dict[str, Any] = answer.as_json()
    assert set(written) == set(Answer.__slots__)
    assert written["citations"][0]["date"] == "2023-07-25"
    assert written["evidence"][0]["kind"] == answer.evidence[0].kind.value


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("question",), None, "question: "),
        (("citations", 0, "quote"), 5, "citations.0.quote: "),
        (("citations", 0, "date"), "25.7.2023", "citations.0.date: "),
        (("citations", 0, "number"), "1", "citations.0.number: "),
        (("statements", 0, "highlight"), [1], "statements.0.highlight.1: "),
        (("evidence", 0, "kind"), "poem", "evidence.0.kind: "),
        (("probability",), float("nan"), "Out of range"),
        (("timings",), {"read": Path("x")}, "JSON"),
    ],
)
def test_what_is_wrong_with_a_written_answer_is_named(
    asked: Assistant, place: tuple[str | int, ...], value: object, told: str
) -> None:
    written: Any = asked.ask("What did Blinken announce on 25 July 2023?").as_json()
    inner = written
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(PilcrowError, match=f"this is not an answer.*{told}"):
        Answer.from_json(written)


@pytest.mark.parametrize("written", [{}, [], "answer", None, {"question": "\ud800", "text": ""}])
def test_other_json_is_refused(written: Any) -> None:
    with pytest.raises(PilcrowError, match="this is not an answer"):
        Answer.from_json(written)


def test_json_that_nests_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"question": deep}
    with pytest.raises(PilcrowError, match="this is not an answer"):
        Answer.from_json(deep)


def test_search_gives_the_paragraphs_that_would_be_read(asked: Assistant) -> None:
    question = "Which country promised 19 howitzers to Ukraine?"
    found = asked.search(question)
    read = asked.ask(question).evidence
    assert [(one.source, one.paragraph) for one in found] == [
        (one.source, one.paragraph) for one in read[: len(found)]
    ]
    assert len(found) == asked.settings.evidence
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert any("Denmark" in one.text for one in found[:2])


def test_search_keeps_to_its_limit_and_documents(asked: Assistant) -> None:
    question = "How many Caesar howitzers has France given?"
    assert len(asked.search(question, limit=3)) == 3
    assert len(asked.search(question, limit=20)) == 20
    assert {one.source for one in asked.search(question, sources=["glossary.md"])} == {"glossary.md"}
    assert {one.source for one in asked.search(question, "glossary.md")} == {"glossary.md"}
    assert asked.search(question, sources=[]) == ()
    assert asked.search("?!") == ()
    for limit in (0, -1):
        with pytest.raises(PilcrowError, match="limit"):
            asked.search(question, limit=limit)
    with pytest.raises(PilcrowError, match=r"nope\.txt"):
        asked.search(question, sources=["nope.txt"])


def test_neighbouring_paragraphs_are_those_that_there_are(asked: Assistant) -> None:
    source = "black-sea-notes.txt"
    last = next(one.paragraphs for one in asked.documents() if one.source == source)
    assert [one.number for one in asked.paragraphs(source, 2, 4)] == [2, 3, 4]
    assert asked.paragraphs(source, 3, 3) == [asked.paragraph(source, 3)]
    assert [one.number for one in asked.paragraphs(source, -5, 2)] == [1, 2]
    assert [one.number for one in asked.paragraphs(source, last, 10**30)] == [last]
    assert asked.paragraphs(source, last + 1, last + 9) == []
    assert asked.paragraphs(source, 4, 2) == []


def test_the_file_of_a_document_is_told(asked: Assistant, seeds: Path) -> None:
    assert asked.path("black-sea-notes.txt") == (seeds / "black-sea-notes.txt").resolve()


@pytest.mark.parametrize("source", ["nope.txt", "", "../glossary.md", "\ud800"])
def test_a_document_that_is_not_held_is_told(asked: Assistant, source: str) -> None:
    for look in (
        lambda: asked.paragraphs(source, 1, 2),
        lambda: asked.paragraph(source, 1),
        lambda: asked.path(source),
    ):
        with pytest.raises(PilcrowError, match="the index holds no document"):
            look()
