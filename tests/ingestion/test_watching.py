"""A watched folder: the index follows it, whatever happens in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Assistant, IngestReport
from rag.errors import LoadError, StoreError
from rag.models.embedder import Embedder

PATIENCE = 60.0  # seconds; a change takes one or two, but much longer on a busy machine
WORDS = ("heron", "barge", "lantern", "orchard", "granite")


class Watched:
    """A folder that is watched, its index, and the reports."""

    def __init__(self, folder: Path, assistant: Assistant) -> None:
        self.folder, self.assistant, self.reports = folder, assistant, list[IngestReport]()

    def sources(self) -> list[str]:
        return [document.source for document in self.assistant.documents()]

    def wait(self, *sources: str) -> float:
        """Wait until the index has these documents; return how long it took."""
        return until(lambda: self.sources() == sorted(sources), self.sources)

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file


def until(happened: Callable[[], bool], state: Callable[[], Any]) -> float:
    """Wait until something happened; return how long it took."""
    start = monotonic()
    while not happened():
        assert monotonic() - start < PATIENCE, state()
        sleep(0.05)
    return monotonic() - start


@contextmanager
def watching(assistant: Assistant, *folders: Path) -> Iterator[Watched]:
    watched, stop, first = Watched(folders[0], assistant), Event(), Event()

    def report(done: IngestReport) -> None:
        watched.reports.append(done)
        first.set()

    thread = Thread(target=assistant.watch, args=(folders, report), kwargs={"stop": stop})
    thread.start()
    try:
        assert first.wait(PATIENCE)
        yield watched
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def opened(embedder: Embedder, tmp_path: Path) -> Iterator[Assistant]:
    (tmp_path / "docs").mkdir()
    with open_assistant(tmp_path / "index", RememberingEmbedder(embedder)) as assistant:
        yield assistant


def test_changes_are_answered_within_seconds(opened: Assistant, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "tower.txt").write_text("The warden of the tower is Abena.")
    with watching(opened, docs) as watched:
        assert watched.sources() == ["tower.txt"]
        watched.write("tower.txt", "The warden of the tower is Bogdan.")
        until(lambda: "Bogdan" in opened.ask("Who is the warden of the tower?").text, watched.sources)
        watched.write("deep/er/mill.txt", "The miller is Chiara.")
        watched.wait("deep/er/mill.txt", "tower.txt")
        (docs / "deep").rename(docs / "low")
        watched.wait("low/er/mill.txt", "tower.txt")
        renamed = ("deep/er/mill.txt", "low/er/mill.txt")
        until(lambda: any(renamed in one.renamed for one in watched.reports), lambda: watched.reports)
        (docs / "tower.txt").unlink()
        watched.wait("low/er/mill.txt")
        assert opened.ask("Who is the warden of the tower?").abstained
        shutil.rmtree(docs / "low")
        watched.wait()


def test_file_saved_through_a_temporary_one_is_never_removed(opened: Assistant, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    with watching(opened, docs) as watched:
        for number in range(20):
            watched.write("notes.txt~", f"The count is {number}.").replace(docs / "notes.txt")
            sleep(0.1)
        until(lambda: watched.sources() == ["notes.txt"], watched.sources)
        until(lambda: "19" in opened.paragraph("notes.txt", 1).text, watched.sources)
    assert not any(report.removed or report.renamed for report in watched.reports)


@pytest.mark.parametrize("empty", [False, True])
def test_folder_out_of_reach_loses_nothing_and_goes_on(
    opened: Assistant, tmp_path: Path, empty: bool
) -> None:
    docs = tmp_path / "docs"
    (docs / "a.txt").write_text("The lamp is green.")
    with watching(opened, docs) as watched:
        docs.rename(tmp_path / "away")
        if empty:
            docs.mkdir()
        until(lambda: dict(watched.reports[-1].failed).keys() == {str(docs)}, lambda: watched.reports)
        sleep(1.5)
        assert watched.sources() == ["a.txt"]
        assert "pilcrow remove" in dict(watched.reports[-1].failed)[str(docs)]
        if empty:
            docs.rmdir()
        (tmp_path / "away").rename(docs)
        watched.write("b.txt", "The lamp is blue.")
        watched.wait("a.txt", "b.txt")
        until(lambda: not watched.reports[-1].failed, lambda: watched.reports[-1])


def test_ignore_file_written_later_counts(opened: Assistant, tmp_path: Path) -> None:
    with watching(opened, tmp_path / "docs") as watched:
        watched.write("a.txt", "The lamp is green.")
        watched.write("drafts/b.txt", "The lamp is blue.")
        watched.wait("a.txt", "drafts/b.txt")
        watched.write(".pilcrowignore", "drafts/")
        watched.wait("a.txt")
        (watched.folder / ".pilcrowignore").unlink()
        watched.wait("a.txt", "drafts/b.txt")


def test_index_within_the_folder_starts_no_sweep(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The lamp is green.")
    with (
        open_assistant(tmp_path / "index", RememberingEmbedder(embedder)) as assistant,
        watching(assistant, tmp_path) as watched,
    ):
        (tmp_path / "b.txt").write_text("The lamp is blue.")
        watched.wait("a.txt", "b.txt")
        sleep(1)
    assert len(watched.reports) <= 3


def test_only_folders_are_watched(opened: Assistant, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The lamp is green.")
    for name, reason in (("a.txt", "watch the folder"), ("nowhere", "does not exist")):
        with pytest.raises(LoadError, match=reason):
            opened.watch(tmp_path / name)


class Hand:
    """Does random things to a folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._random = folder, Random(seed)  # noqa: S311

    def act(self) -> None:
        files = [path for path in sorted(self._folder.rglob("*")) if path.is_file()]
        folders = [path for path in sorted(self._folder.rglob("*")) if path.is_dir()]
        do = self._random.choice(
            ["write"] * 4 + ["edit", "save", "rename", "move", "delete", "fold", "case", "swap"]
        )
        file = self._random.choice(files) if files else None
        if do == "write" or not file:
            target = self._target()
            if not target.is_dir():
                target.write_text(self._text())
        elif do == "edit":
            file.write_text(self._text())
        elif do == "save":
            file.with_name(f".{file.name}.tmp").write_text(self._text())
            file.with_name(f".{file.name}.tmp").replace(file)
        elif do == "delete":
            file.unlink()
        elif do == "case":
            if not (target := file.with_name(file.name.swapcase())).is_dir():
                file.rename(target)
        elif do == "swap":
            other = self._random.choice(files)
            contents = file.read_bytes(), other.read_bytes()
            file.write_bytes(contents[1])
            other.write_bytes(contents[0])
        elif do == "fold" and folders:
            self._fold(self._random.choice(folders))
        elif not (target := self._target()).is_dir() and file.is_file():
            file.rename(target)

    def _fold(self, folder: Path) -> None:
        target = self._folder / self._random.choice("pqr")
        match self._random.randrange(3):
            case 0 if not target.exists() and target not in folder.parents:
                folder.rename(target)
            case 1:  # a file takes the folder's place
                shutil.rmtree(folder)
                folder.write_text(self._text())
            case _:
                shutil.rmtree(folder)

    def _target(self) -> Path:
        folder = self._folder
        for _ in range(self._random.randrange(3)):
            folder /= self._random.choice(["p", "q", "r", "s.txt"])
        for part in (*reversed(folder.parents), folder):
            if part.is_file():
                part.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        return folder / self._random.choice(["a.txt", "b.txt", "c.md", "d.md", "s.txt", ".hidden.txt"])

    def _text(self) -> str:
        words = self._random.choices(WORDS, k=2)
        return "\n\n".join(f"The {word} is old." for word in words)


def same_as_fresh(assistant: Assistant, folder: Path, fresh: Path, embedder: Embedder) -> None:
    with open_assistant(fresh, RememberingEmbedder(embedder)) as other:
        other.ingest(folder)
        expected = contents(other)
        until(lambda: contents(assistant) == expected, lambda: (contents(assistant), expected))
        assert assistant.documents() == other.documents()
        for word in WORDS:
            found, right = (each.search(f"Is the {word} old?", limit=50) for each in (assistant, other))
            assert {one.text for one in found} == {one.text for one in right}
            assert all(expected[one.source][one.paragraph - 1] == one.text for one in found)
    shutil.rmtree(fresh)
    assert assistant.check() == []


def contents(assistant: Assistant) -> dict[str, list[str]]:
    """The texts of each document; of those that vanish meanwhile, none."""
    found = {}
    for document in assistant.documents():
        with suppress(StoreError):
            found[document.source] = [one.text for one in assistant.paragraphs(document.source, 1, 99)]
    return found


@pytest.mark.parametrize(
    ("rounds", "operations"), [(6, 50), pytest.param(160, 125, marks=pytest.mark.long)], ids=["300", "20000"]
)
def test_index_equals_a_fresh_one_after_random_operations(
    opened: Assistant, tmp_path: Path, embedder: Embedder, rounds: int, operations: int
) -> None:
    docs, slowest = tmp_path / "docs", 0.0
    hand = Hand(docs, int(os.environ.get("SEED", "0")))
    with watching(opened, docs) as watched:
        for number in range(rounds):
            for _ in range(operations):
                hand.act()
                sleep(0.002)
            last = watched.write("last.txt", f"This was round {number}.").read_text("utf-8")
            waited = until(lambda: contents(opened).get("last.txt") == [last], lambda: last)  # noqa: B023
            slowest = max(slowest, waited)
            if number % 10 == 5:
                same_as_fresh(opened, docs, tmp_path / "fresh", embedder)
        same_as_fresh(opened, docs, tmp_path / "fresh", embedder)
    print(f"{rounds * operations} operations, {len(watched.reports)} sweeps, slowest {slowest:.1f} s")  # noqa: T201
