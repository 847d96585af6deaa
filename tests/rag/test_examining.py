"""The language model and its verifier can be changed while questions run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from scripted_llm import ScriptedLLM, judging
from scripted_llm import saying as writing
from scripted_llm_server import Request, saying, scripted

from rag import Answer, Assistant, Settings
from rag.errors import ModelError, SettingsError

QUESTION = "Who was the skipper?"
TEXT = "Her skipper was Jacob Hakvoort."


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Assistant]:
    (tmp_path / "harbour.txt").write_text(TEXT, "utf-8")
    with Assistant.open(tmp_path / "index", Settings(verifier="none")) as assistant:
        assistant.ingest([tmp_path / "harbour.txt"])
        yield assistant


def test_the_next_question_goes_to_the_new_model_and_then_to_none(harbour: Assistant) -> None:
    assert not harbour.uses_llm
    with scripted(saying("Her skipper was Jacob Hakvoort [1].")) as server:
        harbour.use(llm=server.address)
        assert harbour.uses_llm
        assert not server.asked, "a model that nobody has asked yet"
        assert "Hakvoort" in harbour.ask(QUESTION).text
        assert server.bodies()
        asked = len(server.bodies())
        harbour.use(llm=None)
        assert "Hakvoort" in harbour.ask(QUESTION).text
        assert len(server.bodies()) == asked
    assert not harbour.uses_llm
    assert harbour.settings.llm is None


def test_a_question_in_progress_finishes_with_the_old_model(harbour: Assistant) -> None:
    reached, go_on, answers = Event(), Event(), list[Answer]()

    def slow(request: Request) -> None:
        reached.set()
        go_on.wait(30)
        saying("Her skipper was Jacob Hakvoort [1].")(request)

    with scripted(slow) as old, scripted(saying("never asked")) as new:
        harbour.use(llm=old.address)
        asking = Thread(target=lambda: answers.append(harbour.ask(QUESTION)))
        asking.start()
        assert reached.wait(30)
        harbour.use(llm=new.address)
        go_on.set()
        asking.join()
        assert "Hakvoort" in answers[0].text
        assert not new.bodies()


@pytest.mark.parametrize(
    ("changes", "error", "named"),
    [
        ({"llm": "ftp://x"}, SettingsError, "llm"),
        ({"verifier": ""}, SettingsError, "verifier"),
        ({"nonsense": 1}, SettingsError, "nonsense"),
        ({"embedder": "multilingual"}, SettingsError, "Restart"),
        ({"llm": "missing.gguf"}, ModelError, "missing.gguf"),
        ({"llm": "http://127.0.0.1:9/v1", "verifier": "no/such/folder"}, ModelError, "no/such/folder"),
    ],
)
def test_a_bad_change_changes_nothing(
    changes: dict[str, object], error: type[Exception], named: str, harbour: Assistant
) -> None:
    before = harbour.settings
    with pytest.raises(error, match=named):
        harbour.use(**changes)
    assert harbour.settings is before
    assert not harbour.uses_llm


def test_the_exam_runs_in_the_background_and_a_question_does_not_wait_for_it(tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_text(TEXT, "utf-8")
    llm, reports = judging(writing(*["Her skipper was Jacob Hakvoort [1]."] * 9)), list[str]()
    with Assistant.open(tmp_path / "index", Settings(verifier="none"), llm=llm) as assistant:
        assistant.ingest([tmp_path / "harbour.txt"])
        assistant.begin_exam(reports.append)
        assert not reports, "no verifier, no exam"
        assistant.use(verifier="llm")
        assistant.begin_exam(reports.append)
        assert assistant.writer.progress is not None or assistant.grade
        assert "Hakvoort" in assistant.ask(QUESTION).text
        until(lambda: reports)
        assert assistant.grade
        assert assistant.grade.passed
        assert assistant.writer.progress is None
        assert reports == [str(assistant.grade)]


def test_the_exam_of_a_replaced_verifier_is_broken_off(tmp_path: Path) -> None:
    reached, go_on, reports = Event(), Event(), list[str]()

    def slow(_: str) -> str:
        reached.set()
        go_on.wait(30)
        return "Yes"

    with Assistant.open(tmp_path / "index", Settings(), llm=ScriptedLLM(script=slow)) as assistant:
        assistant.begin_exam(reports.append)
        assert reached.wait(30)
        assistant.use(verifier="none")
        go_on.set()
        until(lambda: reports)
        assert "replaced" in reports[0]
        assert assistant.grade is None


def test_an_exam_that_fails_tells_why(harbour: Assistant) -> None:
    reports: list[str] = []
    harbour.use(llm="http://127.0.0.1:9/v1", verifier="llm")
    harbour.begin_exam(reports.append)
    until(lambda: reports)
    assert "can't be reached" in harbour.writer.problem
    assert reports == [f"No exam: {harbour.writer.problem}"]


def until(true: object, seconds: float = 30) -> None:
    """Wait until a function returns something true."""
    assert callable(true)
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end
        sleep(0.02)
