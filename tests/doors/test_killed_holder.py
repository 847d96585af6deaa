"""A holder that is killed: clients get an error, the next one opens, what was acknowledged is there."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from index_holder import held

from rag import Assistant, Settings
from rag.errors import HolderGone

SHORT = 8
KILLS = 30


def write(folder: Path, name: str, version: int) -> Path:
    path = folder / name
    path.write_text("\n\n".join(f"Load {m} of {name}, version {version}." for m in range(20)), "utf-8")
    return path


def change_until_killed(index: Path, folder: Path, known: dict[str, int], seed: int) -> str:
    """Add, edit and remove files through the door; `known` has the version of each that was acknowledged.

    Returns the name of the one that was being changed as the holder died.
    """
    pick, door = random.Random(seed), Assistant.connect(index, Settings())  # noqa: S311
    name = ""
    try:
        for version in count(seed * 1000):
            name = pick.choice([f"{letter}.txt" for letter in "abcdef"])
            if name in known and pick.random() < 0.3:
                door.remove(name)
                del known[name]
            else:
                report = door.ingest(write(folder, name, version))
                assert report.added + report.updated == (name,)
                known[name] = version
    except HolderGone as error:
        assert "Try again" in str(error)
    return name


def survive(tmp_path: Path, kills: int) -> None:
    index, folder, known = tmp_path / "index", tmp_path / "docs", dict[str, int]()
    folder.mkdir()
    pick = random.Random()  # noqa: S311
    for kill in range(kills):
        with held(index) as holder, ThreadPoolExecutor(1) as threads:
            changing = threads.submit(change_until_killed, index, folder, known, kill)
            time.sleep(pick.uniform(0.05, 1.0))
            holder.kill()
            unsure = changing.result()
        with Assistant.open(index, Settings()) as assistant:
            assert assistant.check() == []
            stored = {one.source for one in assistant.documents()}
            assert stored | {unsure} == known.keys() | {unsure}
            for name in stored - {unsure}:
                assert f"version {known[name]}." in assistant.paragraph(name, 1).text
            if unsure in stored:
                known[unsure] = int(assistant.paragraph(unsure, 1).text.split()[-1].strip("."))
            else:
                known.pop(unsure, None)


def test_nothing_acknowledged_is_lost_when_the_holder_is_killed(tmp_path: Path) -> None:
    survive(tmp_path, SHORT)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_in_many_kills(tmp_path: Path) -> None:
    survive(tmp_path, KILLS)
