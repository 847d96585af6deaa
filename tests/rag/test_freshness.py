"""Citations of files that changed since they were read say so, wherever an answer is shown."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from shared_names import Run

from rag import Answer, Assistant, Settings
from rag.index.catalog import Origin
from rag.index.files import file_change, stamp
from ui.conversations import FILE, Conversations
from ui.pages import EXPORTS
from ui.source import pane, refreshed, stored
from ui.tools import _Tools

TEXT = "The harbour master of Veldhaven is Ines Okafor.\n\nShe took office in 2021.\n"
MASTER = "Who is the harbour master of Veldhaven?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "papers" / "harbour.txt"
    path.parent.mkdir()
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture
def assistant(file: Path, tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "index", Settings()) as opened:
        opened.ingest([file.parent])
        yield opened


def changes(answer: Answer) -> set[str]:
    return {one.changed for one in (*answer.citations, *answer.nearest)}


def test_an_answer_says_which_files_changed(assistant: Assistant, file: Path) -> None:
    earlier = assistant.ask(MASTER)
    assert (changes(earlier), assistant.changed()) == ({""}, {})
    file.write_text(TEXT.replace("2021", "2022"), "utf-8")
    for answer in (
        assistant.ask(MASTER),
        assistant.refreshed(earlier),
        assistant.ask("Who was Daniel Swift?"),
    ):
        assert changes(answer) == {"file has changed"}
    assert {one.changed for one in assistant.search(MASTER)} == {"file has changed"}
    assert assistant.changed() == {"harbour.txt": "file has changed"}
    file.write_text(TEXT, "utf-8")
    os.utime(file, (1, 1))
    assert changes(assistant.ask(MASTER)) == {""}, "touched only"
    file.unlink()
    assert changes(assistant.ask(MASTER)) == {"file is gone"}
    file.mkdir()
    assert changes(assistant.ask(MASTER)) == {"file is gone"}
    assert assistant.changed() == {"harbour.txt": "file is gone"}


def test_a_recorded_answer_says_what_changed_in_the_index(assistant: Assistant, file: Path) -> None:
    earlier = assistant.ask(MASTER)
    file.write_text(TEXT.replace("2021", "2022"), "utf-8")
    assistant.ingest([file])
    assert changes(assistant.refreshed(earlier)) == {""}, "the cited paragraph is as it was"
    file.write_text(TEXT.replace("Ines", "Inge"), "utf-8")
    assistant.ingest([file])
    now = assistant.refreshed(Answer.from_json(earlier.as_json()))
    assert changes(now) == {"paragraph has changed"}
    assistant.remove("harbour.txt")
    assert changes(assistant.refreshed(now)) == {"paragraph is gone"}


def test_every_door_says_it(assistant: Assistant, file: Path, tmp_path: Path, run: Run) -> None:
    said = "This file has changed since it was read. Update it in the library."
    with Conversations(tmp_path / FILE) as conversations:
        key = conversations.add("", None, assistant.ask(MASTER))
        file.write_text(TEXT + "\nMore.\n", "utf-8")
        entries = refreshed(assistant, conversations.entries("", key))
        for write, _, _ in EXPORTS.values():
            written = unescape(write("Harbour", entries))
            assert said in written or '"changed": "file has changed"' in written
    assert said in unescape(pane(assistant, stored(assistant, "harbour.txt", 1)))
    assert said in unescape(pane(assistant, entries[0].answer.citations[0]))
    tools = _Tools(assistant)
    assert list(tools.ask(MASTER))[-1]["citations"][0]["changed"] == "file has changed"
    assert tools.search(MASTER)[0]["changed"] == "file has changed"
    assert tools.list_documents()[0]["changed"] == "file has changed"
    node = assistant.as_query_engine().query(MASTER).source_nodes[0]
    assert node.metadata["changed"] == "file has changed"
    assistant.close()
    index = ("--index", tmp_path / "index")
    assert f"Ines Okafor.”\n    {said}\n" in run("ask", MASTER, *index)[1]
    assert (
        json.loads(run("ask", MASTER, "--json", *index)[1])["citations"][0]["changed"] == "file has changed"
    )
    assert run("list", *index)[1].endswith("  (file has changed)\n")


def test_an_edit_of_the_same_size_and_time_is_noticed_if_the_time_was_recent(file: Path) -> None:
    size, modified = stamp(file)
    assert (size, modified) == (len(TEXT), 0)
    hour_ago = time.time_ns() - 3600 * 10**9
    os.utime(file, ns=(hour_ago, hour_ago))
    assert stamp(file) == (len(TEXT), hour_ago)
    assert stamp(file / "missing") == (-1, 0)


def test_a_large_file_is_not_read_to_see_that_it_is_unchanged(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as opened:
        opened.truncate(2**34)  # a hole, which takes no place on the disk but half a minute to read
    hour_ago = time.time_ns() - 3600 * 10**9
    os.utime(large, ns=(hour_ago, hour_ago))
    origin = Origin("large.txt", str(large), str(tmp_path), "0" * 64, "print", *stamp(large))
    start = time.process_time()
    assert file_change(origin) == ""
    large.touch()
    with large.open("ab") as opened:
        opened.write(b"!")
    assert file_change(origin) == "file has changed"
    assert time.process_time() - start < 1
