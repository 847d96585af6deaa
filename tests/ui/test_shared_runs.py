"""Questions being answered, seen from another process that shares the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text
from test_runs import Held

from rag import PilcrowError, Settings
from ui.board import DIED, STOPPED, Run, StillAnswering
from ui.conversations import Conversations
from ui.runs import Runs

TOWER, DELFT = "Which tower leans two degrees?", "How much does the tower of Delft lean?"


def until(seen: Callable[[], Any]) -> Any:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not (found := seen()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("held")
    (folder / "towers.txt").write_text("The tower of Brielle leans two degrees.\n", "utf-8")
    with Held.open(folder / "index", Settings()) as opened:
        assert isinstance(opened, Held)
        opened.goes_on = Event()
        opened.ingest(folder / "towers.txt")
        yield opened


@pytest.fixture
def goes_on(held: Held) -> Iterator[Event]:
    held.goes_on.clear()
    yield held.goes_on
    held.goes_on.set()


@pytest.fixture
def two(held: Held, goes_on: Event, postgres_url: str) -> Iterator[tuple[Runs, Runs]]:
    """What two processes know, each with connections of its own."""
    with ExitStack() as opened:
        made = []
        for _ in range(2):
            runs = Runs(held, opened.enter_context(Conversations(postgres_url)))
            opened.callback(runs.close)
            made.append(runs)
        opened.callback(goes_on.set)
        yield made[0], made[1]


def begun(runs: Runs, run: Run) -> Run:
    """Wait until a process sees what is written so far."""
    seen = until(lambda: (one := runs.find(run.user, run.conversation)) and one.text and one)
    assert isinstance(seen, Run)
    return seen


def test_other_process_follows_and_lists_an_answer_and_reads_it(
    two: tuple[Runs, Runs], goes_on: Event, postgres_url: str
) -> None:
    here, there = two
    run = here.ask("ada", "", TOWER, ["towers.txt"])
    seen = begun(there, run)
    assert (seen.question, seen.text, seen.number) == (TOWER, f"Begun: {TOWER}", 1)
    assert (seen.scope, seen.is_first, seen.is_elsewhere, seen.over) == (("towers.txt",), True, True, False)
    assert [one.conversation for one in there.of("ada")] == [run.conversation]
    assert there.of("bob") == []
    assert there.find("bob", run.conversation) is None
    with pytest.raises(StillAnswering):
        there.ask("ada", run.conversation, DELFT)
    goes_on.set()
    until(lambda: there.find("ada", run.conversation) is None)
    with Conversations(postgres_url) as conversations:
        assert len(conversations.entries("ada", run.conversation)) == 1
    again = there.ask("ada", run.conversation, DELFT)
    assert again.number == 2
    until(lambda: here.find("ada", run.conversation) is None)


def test_other_process_stops_an_answer(two: tuple[Runs, Runs], postgres_url: str) -> None:
    here, there = two
    run = here.ask("ada", "", TOWER)
    begun(there, run)
    with pytest.raises(PilcrowError, match="not being answered"):
        there.stop("bob", run.conversation)
    assert there.stop("ada", run.conversation) == TOWER
    until(lambda: run.over)
    for runs in two:
        found = runs.find("ada", run.conversation)
        assert found
        assert (found.over, found.problem) == (True, STOPPED)
        assert runs.of("ada") == []
    with Conversations(postgres_url) as conversations:
        assert conversations.search("ada") == []
    assert there.ask("ada", run.conversation, DELFT).is_first, "it can be asked again, anywhere"


def test_one_process_at_a_time_answers_a_conversation(two: tuple[Runs, Runs], goes_on: Event) -> None:
    here, there = two
    goes_on.set()
    run = here.ask("ada", "", TOWER)
    until(lambda: there.find("ada", run.conversation) is None)
    goes_on.clear()
    here.ask("ada", run.conversation, DELFT)
    for runs in two:
        with pytest.raises(StillAnswering):
            runs.ask("ada", run.conversation, TOWER)


def test_dead_process_ends_its_answers(two: tuple[Runs, Runs], postgres_url: str) -> None:
    here, there = two
    run = here.ask("ada", "", TOWER)
    begun(there, run)
    here._closed.set()  # it gives no more signs of life
    here._shown.join()
    with Conversations(postgres_url) as conversations:
        conversations.run(text("UPDATE run SET heartbeat = heartbeat - interval '1 minute'"))
    found = there.find("ada", run.conversation)
    assert found
    assert (found.over, found.problem, found.question) == (True, DIED, TOWER)
    assert there.of("ada") == []
    again = there.ask("ada", run.conversation, TOWER)
    assert again.is_first
    assert begun(there, again).text


def test_closed_process_leaves_no_question_behind(two: tuple[Runs, Runs]) -> None:
    here, there = two
    run = here.ask("ada", "", TOWER)
    begun(there, run)
    here.close()
    assert there.find("ada", run.conversation) is None
