"""A folder of pipes, loops, links to devices and impossible names: the sound files in it are read."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest
from hash_embedder import DIMENSION, count_words, embed_parts

from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.ingestion.report import IngestReport
from rag.loaders.limits import Limits

SOUND = "The quay of Urk was built of stone."


def report(index: Path, *paths: Path) -> IngestReport:
    with closing(Index.open(index, "hash", DIMENSION)) as opened:
        limits = Limits(file_mib=1, file_seconds=5)
        found = ingest(opened, paths, embed_parts, count_words, 64, "one", limits=limits)
        assert opened.check() == []
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "below").mkdir(parents=True)
    for name in ("a.txt", "below/z.txt"):
        (tmp_path / "docs" / name).write_text(SOUND + name)
    return tmp_path / "docs"


def test_pipes_sockets_and_devices_are_reported_and_not_waited_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "input.md").symlink_to("/dev/stdin")
    monkeypatch.chdir(folder)
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind("socket.txt")
        found = report(tmp_path / "index", folder)
    assert found.added == ("a.txt", "below/z.txt")
    reasons = dict(found.failed) | dict(found.skipped)
    assert reasons.keys() == {"pipe.txt", "zero.txt", "input.md", "socket.txt"}
    assert "is a pipe, socket or device" in reasons["pipe.txt"]
    assert "is a pipe, socket or device" in reasons["socket.txt"]
    assert all("; " in reason for reason in reasons.values()), reasons
    given = report(tmp_path / "index", folder / "pipe.txt")
    assert given.failed


def test_links_in_circles_are_reported(folder: Path, tmp_path: Path) -> None:
    (folder / "one.txt").symlink_to("two.txt")
    (folder / "two.txt").symlink_to("one.txt")
    (folder / "self.md").symlink_to("self.md")
    (folder / "below" / "up").symlink_to("..")
    (folder / "below" / "again").symlink_to(folder)
    (folder / "chain.txt").symlink_to("below/up/below/up/below/up/a.txt")
    found = report(tmp_path / "index", folder)
    assert found.added == ("a.txt", "below/z.txt")
    assert {name for name, _ in found.failed} == {"one.txt", "two.txt", "self.md"}
    assert all("in a circle; remove it" in reason for _, reason in found.failed), found.failed


def test_impossible_names_are_read_or_reported(folder: Path, tmp_path: Path) -> None:
    names = [
        "\x1b[31mred.txt",
        "a\nb.txt",
        "n" * 251 + ".txt",
        "\u202egnp.txt",
        "-rf.txt",
        "%00.txt",
        "'\".txt",
    ]
    for name in names:
        (folder / name).write_text(SOUND + name)
    (folder / os.fsdecode(b"\xff\xfe.txt")).write_text(SOUND)
    found = report(tmp_path / "index", folder)
    assert {*names, "a.txt", "below/z.txt"} == set(found.added)
    assert [name for name, _ in found.failed] == ["\\udcff\\udcfe.txt"]


def test_folders_deeper_than_a_path_may_be_lose_nothing_else(folder: Path, tmp_path: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(40):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
            Path("n" * 200 + ".txt").write_text(SOUND)
    finally:
        os.chdir(before)
    found = report(tmp_path / "index", folder)
    assert {"a.txt", "below/z.txt"} < set(found.added)
    assert any("can't be" in reason for _, reason in found.failed), found.failed


def test_sparse_and_unreadable_files_are_refused_with_their_limit(folder: Path, tmp_path: Path) -> None:
    with (folder / "sparse.txt").open("wb") as sparse:
        sparse.truncate(2**40)
    (folder / "nuls.txt").write_bytes(bytes(1000))
    (folder / "spaces.txt").write_bytes(b" " * 1000)
    found = report(tmp_path / "index", folder)
    assert found.added == ("a.txt", "below/z.txt")
    reasons = dict(found.failed)
    assert "is 1,048,576 MiB, more than 1; split it" in reasons["sparse.txt"]
    assert "raise file_mib in pilcrow.toml (or PILCROW_FILE_MIB)" in reasons["sparse.txt"]
    assert reasons.keys() == {"sparse.txt", "nuls.txt", "spaces.txt"}
