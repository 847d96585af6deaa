"""Other processes use an index while one holds it: all commands, streams, progress, stops and errors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from index_holder import FIRST, held
from shared_names import Run

from rag import Assistant, Settings
from rag.doors.address import socket_address
from rag.doors.wire import CALLS, HOLDERS
from rag.errors import HolderGone, IndexInUse, LoadError, SettingsError, StoreError

HARBOUR = """# Harbour notes

The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.

The north pier was closed on 5 May 2022.
"""
QUESTION = "Who is the harbour master of Veldhaven?"


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; the test's own time limit is generous."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ui", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def many_files(folder: Path, files: int) -> Path:
    folder.mkdir()
    for n in range(files):
        text = "\n\n".join(f"Barge {n} carried load {n * 40 + m} to the silo." for m in range(40))
        (folder / f"barge-{n:02}.txt").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "harbour.md").write_text(HARBOUR, "utf-8")
    return folder


@pytest.fixture(scope="module")
def filled(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed index of the documents, to be copied."""
    folder = tmp_path_factory.mktemp("filled") / "index"
    with Assistant.open(folder, Settings()) as assistant:
        assistant.ingest([documents])
    return folder


@pytest.fixture(scope="module")
def index(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index that another process holds."""
    folder = Path(shutil.copytree(filled, tmp_path_factory.mktemp("held") / "index"))
    with held(folder):
        yield folder


@pytest.fixture
def door(index: Path) -> Assistant:
    return Assistant.connect(index, Settings())


def test_every_command_works_while_another_process_holds_the_index(
    run: Run, filled: Path, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    (tmp_path / "new.txt").write_text("The ferry to Ouddorp ran late.", "utf-8")
    monkeypatch.chdir(tmp_path)

    def printed(*arguments: str | Path) -> str:
        code, out, err = run(*arguments, "--index", "index")
        assert (code, err) == (0, "")
        return out

    with held(index) as holder:
        asked = printed("ask", QUESTION, "--json")
        (tmp_path / "saved.json").write_text(asked, "utf-8")
        assert printed("ingest", "new.txt").startswith("1 added; 1 paragraphs")
        listed = printed("list")
        assert "harbour.md" in listed
        assert "new.txt" in listed
        shown = printed("show", "harbour.md", "3")
        assert "north pier" in shown
        assert printed("verify", "saved.json") == f"{QUESTION}: verified\n"
        assert f"index: held by process {holder.pid} (index_holder.py) since 20" in printed("doctor")
        assert printed("remove", "new.txt") == "removed new.txt\n"
        code, _, err = run("exam", "--index", "index")
        assert code == 1
        assert "There is no verifier" in err
        code, _, err = run("chat", "--index", "index")
        assert code == 1
        assert f"in use by process {holder.pid} (index_holder.py)" in err
    assert "held by" not in printed("doctor")
    assert printed("show", "harbour.md", "3") == shown
    again, before = json.loads(printed("ask", QUESTION, "--json")), json.loads(asked)
    assert again | {"timings": 0} == before | {"timings": 0}


def test_every_public_method_goes_through_is_built_on_others_or_is_refused(door: Assistant) -> None:
    of_others = {"ask", "as_query_engine", "as_retriever", "close", "connect", "holder", "open"}
    public = {name for name in dir(Assistant) if not name.startswith("_")}
    assert public == CALLS | HOLDERS | of_others
    for refused in (lambda: door.use(verifier="none"), door.begin_exam, lambda: door.writer):
        with pytest.raises(StoreError, match=r"alone: process \d+ \(index_holder.py\)"):
            refused()


def test_results_are_those_of_the_holder(door: Assistant, filled: Path, tmp_path: Path) -> None:
    def everything(assistant: Assistant) -> list[Any]:
        answer = assistant.ask(QUESTION, sources="*.md")
        return [
            (answer.text, answer.citations, answer.evidence),
            assistant.search(QUESTION, limit=2),
            assistant.overview().text,
            assistant.suggestions(),
            assistant.documents(),
            assistant.collections(),
            assistant.changed(),
            assistant.paragraphs("harbour.md", 1, 3),
            assistant.path("harbour.md"),
            assistant.refreshed(answer) == answer,
            assistant.verify(answer),
            assistant.check(),
            (assistant.uses_llm, assistant.has_verifier, assistant.grade),
            [node.text for node in assistant.as_retriever(limit=1).retrieve(QUESTION)],
        ]

    through = everything(door)
    with Assistant.open(shutil.copytree(filled, tmp_path / "index"), Settings()) as own:
        assert through == everything(own)


def test_errors_are_of_the_same_class(door: Assistant, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no paragraph 9"):
        door.paragraph("harbour.md", 9)
    with pytest.raises(StoreError, match="No document"):
        door.ask(QUESTION, sources="away.md")
    with pytest.raises(SettingsError, match="should be 1 or more"):
        door.search(QUESTION, limit=0)
    with pytest.raises(LoadError) as failed:
        door.ingest(tmp_path / "away.txt")
    assert failed.value.source == str(tmp_path / "away.txt")
    with pytest.raises(TypeError):
        door.search(QUESTION, depth=3)  # type: ignore[call-arg]
    assert door.ask("\udcff?").abstained


def test_answers_arrive_in_pieces_and_a_reader_who_leaves_stops_the_model(
    filled: Path, tmp_path: Path
) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    with held(index, tmp_path):
        door = Assistant.connect(index, Settings())
        assert door.uses_llm
        stream = door.stream(QUESTION)
        pieces = iter(stream)
        assert "Okafor" in next(piece or stream.unchecked for piece in pieces if piece or stream.unchecked)
        (tmp_path / "go").touch()
        assert stream.answer.text.startswith(FIRST.strip())
        assert "3 March 2021" in "".join(stream)
        (tmp_path / "go").unlink()
        left = door.stream(QUESTION)
        next(iter(left))
        left.close()
        until((tmp_path / "stopped").exists)


def test_progress_and_a_stop_pass_through(filled: Path, tmp_path: Path) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    folder, stop, seen = many_files(tmp_path / "barges", 16), Event(), []

    def progress(source: str, done: float, total: int) -> None:
        seen.append((source, done, total))
        stop.set()

    with held(index):
        door = Assistant.connect(index, Settings())
        some = door.ingest(folder, progress=progress, stop=stop).added
        assert 0 < len(some) < 16
        assert len(door.documents()) == len(some) + 1
        seen.clear()
        stop.clear()
        rest = door.ingest(folder, progress=lambda *each: seen.append(each)).added
        assert len(some) + len(rest) == 16
        assert seen[-1] == ("barge-15.txt", 16, 16)


def test_ingestion_ends_with_the_process_that_wanted_it(filled: Path, tmp_path: Path) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    folder = many_files(tmp_path / "barges", 16)
    with held(index):
        door = Assistant.connect(index, Settings())
        with started("ingest", folder, "--index", index) as client:
            until(lambda: len(door.documents()) > 1)
            client.kill()
        door.remove("harbour.md")  # once nobody writes
        assert 0 < len(door.documents()) < 16
        assert door.check() == []


def test_watch_reports_until_ctrl_c(filled: Path, tmp_path: Path) -> None:
    index, folder = shutil.copytree(filled, tmp_path / "index"), tmp_path / "watched"
    many_files(folder, 1)
    with held(index), started("watch", folder, "--index", index) as client:
        assert client.stdout
        assert client.stdout.readline() == "added barge-00.txt\n"
        (folder / "ferry.txt").write_text("The ferry ran late.", "utf-8")
        assert client.stdout.readline() == "added ferry.txt\n"
        client.send_signal(signal.SIGINT)
        assert client.wait() == 130
        assert len(Assistant.connect(index, Settings()).documents()) == 3


def test_holder_that_closes_stops_an_ingestion_and_the_command_goes_on_alone(
    filled: Path, tmp_path: Path
) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    folder = many_files(tmp_path / "barges", 16)
    with ExitStack() as commands:
        with held(index) as holder:
            door = Assistant.connect(index, Settings())
            client = commands.enter_context(started("ingest", folder, "--index", index))
            until(lambda: len(door.documents()) > 1)
        assert holder.returncode == 0
        out, err = client.communicate()
        assert (client.returncode, err) == (0, "")
        assert "added" in out
    with pytest.raises(HolderGone, match="Try again"):
        door.documents()
    with Assistant.open(index, Settings()) as assistant:
        assert len(assistant.documents()) == 17


def test_commands_started_at_once_on_a_free_index_all_work(filled: Path, tmp_path: Path) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    with ExitStack() as commands:
        asked = [commands.enter_context(started("ask", QUESTION, "--index", index)) for _ in range(3)]
        for command in asked:
            out, err = command.communicate()
            assert (command.returncode, err) == (0, "")
            assert "Ines Okafor" in out
    assert not (index / "socket").exists()


def test_other_settings_than_the_holders_are_named_once(
    run: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILCROW_EVIDENCE", "4")
    monkeypatch.setenv("PILCROW_PORT", "7000")
    _, _, err = run("ask", QUESTION, "--index", index)
    assert err.count("\n") == 1
    assert err.endswith("holds the index; its settings apply, with other evidence.\n")


def test_socket_is_for_its_owner_only(index: Path) -> None:
    assert stat.S_IMODE((index / "socket").stat().st_mode) == 0o600


def test_free_index_is_opened_not_connected_to(filled: Path, tmp_path: Path) -> None:
    index = shutil.copytree(filled, tmp_path / "index")
    with pytest.raises(StoreError, match="Assistant.open"):
        Assistant.connect(index, Settings())
    with Assistant.open(index, Settings()):
        with pytest.raises(IndexInUse, match="Assistant.connect"):
            Assistant.open(index, Settings())
        assert Assistant.connect(index, Settings()).documents()


def test_stale_socket_and_long_path_are_no_hindrance(filled: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    index = shutil.copytree(filled, deep / "index")
    with socket.socket(socket.AF_UNIX) as dead, socket_address(index) as address:
        dead.bind(address)
    former = Assistant.open(index, Settings())
    former.close()
    with Assistant.open(index, Settings()):
        former.close()  # once more
        assert (index / "socket").is_socket()
        assert Assistant.connect(index, Settings()).documents()
    assert not (index / "socket").exists()


GARBAGE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\xff\xfe\n",
    b"[" * 100_000 + b"\n",
    b'"a text"\n',
    b"{}\n",
    b'{"call": ["search"]}\n',
    b'{"call": "_load_embedder"}\n',
    b'{"call": "__init__"}\n',
    b'{"call": "close"}\n',
    b'{"call": "use", "arguments": {"llm": "http://127.0.0.1:1/v1"}}\n',
    b'{"call": "search", "arguments": {"question": 1}}\n',
    b'{"call": "search", "arguments": {"question": "x", "self": 1}}\n',
    b'{"call": "search", "arguments": "x", "callbacks": 7}\n',
    b'{"call": "search"}\n',
    b'{"call": "uses_llm", "arguments": {"x": 1}}\n',
    b'{"call": "ingest", "arguments": {"paths": {}}, "callbacks": ["stop", 1, {}]}\n',
    b'{"call": "ask"}',
]


def test_garbage_costs_its_connection_only(index: Path, door: Assistant) -> None:
    for sent in GARBAGE:
        with socket.socket(socket.AF_UNIX) as connection, socket_address(index) as address:
            connection.connect(address)
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as received, suppress(ConnectionError):
                said = received.read().splitlines()
                assert b"pilcrow" in said[0]
                assert all(b'"error"' in line for line in said[1:])
    assert door.ask(QUESTION).citations


def test_many_connections_have_a_limit(index: Path, door: Assistant) -> None:
    with ThreadPoolExecutor(20) as threads:
        assert len({answer.text for answer in threads.map(door.ask, [QUESTION] * 60)}) == 1
    with ExitStack() as open_ones, socket_address(index) as address:
        for _ in range(64):
            connection = open_ones.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(address)
        with pytest.raises(StoreError, match="serves 64 other connections"):
            door.documents()
    until(lambda: _works(door))


def _works(door: Assistant) -> bool:
    with suppress(StoreError):
        return bool(door.documents())
    return False


@pytest.mark.parametrize(("theirs", "advice"), [("0.0.9", "Restart it"), ("99.1", "Use Pilcrow 99.1 here")])
def test_other_version_is_refused(theirs: str, advice: str, tmp_path: Path) -> None:
    hello = {"pilcrow": theirs, "pid": os.getppid(), "holder": "process 7 (pilcrow chat)", "settings": {}}
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
        other.listen()
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(Assistant.connect, tmp_path, Settings())
            other.accept()[0].sendall(json.dumps(hello).encode() + b"\n")
            with pytest.raises(StoreError, match=rf"Process 7 \(pilcrow chat\).*{theirs}.*{advice}"):
                asked.result()
