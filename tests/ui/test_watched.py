"""The folders that the page watches, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from rag import Assistant, PilcrowError, Settings
from ui.watched import WatchedFolders


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "log.txt").write_text("A log of Urk.", "utf-8")
    return tmp_path / "docs"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        yield assistant


def wait(assistant: Assistant, *sources: str) -> None:
    start = monotonic()
    while [document.source for document in assistant.documents()] != list(sources):
        assert monotonic() - start < 60  # the model is loaded first
        sleep(0.1)


def test_folder_is_watched_until_it_is_stopped(shelf: Assistant, docs: Path) -> None:
    with closing(WatchedFolders(shelf)) as watched:
        assert watched.folders() == []
        watched.add(str(docs))
        wait(shelf, "log.txt")
        (docs / "log.txt").rename(docs / "book.txt")
        wait(shelf, "book.txt")
        ((path, folder),) = watched.folders()
        assert path == str(docs)
        assert not folder.problem
        watched.stop(str(docs))
        assert watched.folders() == []
        (docs / "book.txt").unlink()
        sleep(1)
        wait(shelf, "book.txt")


def test_state_says_that_the_folder_is_missing(shelf: Assistant, docs: Path) -> None:
    with closing(WatchedFolders(shelf)) as watched:
        watched.add(docs)
        wait(shelf, "log.txt")
        docs.rename(docs.with_name("away"))
        start = monotonic()
        while "is missing" not in watched.folders()[0][1].problem:
            assert monotonic() - start < 60
            sleep(0.1)
        wait(shelf, "log.txt")


def test_files_that_are_not_read_are_named_with_the_reason(shelf: Assistant, docs: Path) -> None:
    (docs / "empty.txt").write_bytes(b"")
    (docs / "old.doc").write_bytes(b"Word")
    with closing(WatchedFolders(shelf)) as watched:
        watched.add(docs)
        wait(shelf, "log.txt")
        ((_, folder),) = watched.folders()
        start = monotonic()
        while not folder.unread:
            assert monotonic() - start < 60
            sleep(0.05)
        assert "is empty" in dict(folder.unread)["empty.txt"]
        assert "save it as .docx" in dict(folder.unread)["old.doc"]
        assert not folder.problem


def test_no_folder_is_watched_twice_and_no_file(shelf: Assistant, docs: Path) -> None:
    (docs / "deep").mkdir()
    with closing(WatchedFolders(shelf)) as watched:
        watched.add(docs)
        for path, reason in (
            (docs / "deep", "watched already"),
            (docs / "log.txt", "no folder"),
            ("", "no folder"),
        ):
            with pytest.raises(PilcrowError, match=reason):
                watched.add(path)
        with pytest.raises(PilcrowError, match="not watched"):
            watched.stop(docs / "deep")


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, True), ({"host": "0.0.0.0", "auth": "a:b"}, False), ({"auth": "a:b"}, False)],  # noqa: S104
)
def test_only_users_of_this_machine_choose_folders(
    tmp_path: Path, settings: dict[str, str], allowed: bool
) -> None:
    with Assistant.open(tmp_path / "index", Settings.model_validate(settings)) as assistant:
        assert WatchedFolders(assistant).may_add is allowed
