"""Files that were renamed, moved, deleted or ignored, as ingestion finds them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hash_embedder import DIMENSION, count_words, embed_parts

from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.ingestion.report import IngestReport
from rag.ingestion.scan import scan
from rag.types import Span, Vectors

PATTERNS = """*.txt !keep.txt build/ /a a/ a/* !a/b **/b b/** !b/x.txt * !*/ !*.md x.* /build/x.txt **
    !**/ !a/ build/**/y.txt [xy].txt !/a/x.txt #c \\!a a/**/x.txt !build/ b !b !x.txt a/b/ ! / a/b[""".split()  # noqa: SIM905


class Folder:
    """A folder, an index, and the texts that were embedded."""

    def __init__(self, path: Path, index: Index) -> None:
        self.path, self.index, self.embedded = path, index, list[str]()

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def ingest(self, *paths: Path, **options: Any) -> IngestReport:
        def embed(texts: list[str], spans: list[list[Span]]) -> tuple[Vectors, list[Vectors]]:
            self.embedded += texts
            return embed_parts(texts, spans)

        self.embedded = []
        return ingest(self.index, paths or [self.path], embed, count_words, 64, "one", **options)  # type: ignore[arg-type]

    def sources(self) -> list[str]:
        with self.index.catalog.read() as snapshot:
            return [document.source for document in snapshot.documents()]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with closing(Index.open(tmp_path / "index", "hash", DIMENSION)) as opened:
        (tmp_path / "docs").mkdir()
        yield Folder(tmp_path / "docs", opened)


@pytest.mark.parametrize("new", ["b.txt", "deep/er/a.txt", "A.txt", "a.md"])
def test_renamed_file_keeps_its_vectors_and_is_not_doubled(folder: Folder, new: str) -> None:
    old = folder.write("a.txt", "The lamp is green.\n\nThe door is red. It is shut.\n")
    folder.write("other.txt", "The cat sleeps.")
    folder.ingest()
    (folder.path / new).parent.mkdir(parents=True, exist_ok=True)
    old.rename(folder.path / new)
    report = folder.ingest()
    assert report.renamed == (("a.txt", new),)
    assert (report.added, report.updated, report.removed, report.gone) == ((), (), (), ())
    assert folder.embedded == []
    assert folder.sources() == sorted([new, "other.txt"])
    assert folder.index.check() == []


def test_file_renamed_over_another_replaces_it(folder: Folder) -> None:
    old, other = folder.write("a.txt", "The lamp is green."), folder.write("b.txt", "The lamp is blue.")
    folder.ingest()
    old.rename(other)
    assert folder.ingest().renamed == (("a.txt", "b.txt"),)
    assert folder.embedded == []
    assert folder.sources() == ["b.txt"]
    assert folder.index.check() == []


def test_swapped_and_copied_files_are_not_embedded_again(folder: Folder) -> None:
    a, b = folder.write("a.txt", "The lamp is green."), folder.write("b.txt", "The lamp is blue.")
    folder.ingest()
    a.rename(folder.path / "c.txt")
    b.rename(a)
    (folder.path / "c.txt").rename(b)
    shutil.copy(a, folder.path / "copy.txt")
    report = folder.ingest()
    assert (report.updated, report.added, report.renamed) == (("a.txt", "b.txt"), ("copy.txt",), ())
    assert folder.embedded == []
    assert folder.index.check() == []


def test_of_two_equal_files_one_was_renamed_and_the_other_is_gone(folder: Folder) -> None:
    one, two = folder.write("one/n.txt", "Nine."), folder.write("two/m.txt", "Nine.")
    folder.ingest()
    one.unlink()
    two.unlink()
    folder.write("three/m.txt", "Nine.")
    report = folder.ingest()
    assert report.renamed == (("two/m.txt", "three/m.txt"),)
    assert report.gone == ("one/n.txt",)


def test_move_between_folders_keeps_the_document_when_pruning(folder: Folder, tmp_path: Path) -> None:
    file, other = folder.write("n.txt", "Nine."), tmp_path / "other"
    folder.write("stays.txt", "Ten.")
    other.mkdir()
    folder.ingest()
    file.rename(other / "n.txt")
    report = folder.ingest(folder.path, other, prune=True)
    assert (report.removed, len(report.unchanged)) == ((), 2)
    assert folder.sources() == ["n.txt", "stays.txt"]


def test_copy_of_a_file_on_an_unmounted_disk_is_a_new_document(folder: Folder, tmp_path: Path) -> None:
    folder.write("n.txt", "Nine.")
    folder.ingest()
    folder.path.rename(tmp_path / "away")
    copy = tmp_path / "copies" / "other.txt"
    copy.parent.mkdir()
    copy.write_text("Nine.")
    report = folder.ingest(copy.parent)
    assert (report.added, report.renamed) == (("other.txt",), ())
    assert folder.sources() == ["n.txt", "other.txt"]


def test_gone_files_are_told_and_removed_only_by_pruning(folder: Folder) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        folder.write(name, f"This is {name}.")
    folder.ingest()
    (folder.path / "a.txt").unlink()
    (folder.path / "b.txt").rename(folder.path / ".b.txt")
    assert folder.ingest().gone == ("a.txt", "b.txt")
    assert len(folder.sources()) == 3
    report = folder.ingest(prune=True)
    assert (report.removed, report.gone) == (("a.txt", "b.txt"), ())
    assert folder.sources() == ["c.txt"]


@pytest.mark.parametrize("way", ["folder", "link", "linked folder"])
def test_file_whose_path_is_no_file_any_more_is_gone(folder: Folder, way: str) -> None:
    file = folder.write("sub/a.txt", "The lamp is green.")
    folder.ingest()
    if way == "linked folder":
        file.parent.rename(folder.path / "new")
        file.parent.symlink_to(folder.path / "new")
    else:
        file.rename(folder.path / "new.txt")
        file.mkdir() if way == "folder" else file.symlink_to(folder.path / "new.txt")
    new = "new/a.txt" if way == "linked folder" else "new.txt"
    assert folder.ingest().renamed == (("sub/a.txt", new),)
    assert folder.sources() == [new]


def test_ignored_files_are_not_read_and_leave_the_index_by_pruning(folder: Folder) -> None:
    for name in ("a.txt", "build/b.txt", "sub/c.txt", "sub/d.md", "sub/deep/keep.txt"):
        folder.write(name, f"This is {name}.")
    folder.ingest()
    folder.write(".gitignore", "build/\n*.md\n")
    folder.write("sub/.gitignore", "*.txt\n!keep.txt\n")
    folder.write(".pilcrowignore", "!d.md\n")
    report = folder.ingest(prune=True)
    assert report.removed == ("build/b.txt", "sub/c.txt")
    assert (report.ignored, report.failed, report.skipped) == (2, (), ())
    assert folder.sources() == ["a.txt", "sub/d.md", "sub/deep/keep.txt"]


def test_ignored_file_given_by_its_path_is_read_and_stays(folder: Folder) -> None:
    folder.write(".gitignore", "build/\n")
    folder.write("a.txt", "This is a.")
    given = folder.write("build/b.txt", "This is b.")
    assert folder.ingest(given).added == ("b.txt",)
    assert folder.ingest(prune=True).removed == ()
    assert folder.ingest(given.parent).unchanged == ("b.txt",)


@pytest.mark.skipif(not shutil.which("git"), reason="git decides what is right")
@pytest.mark.parametrize("seed", range(40))
def test_ignore_files_leave_out_what_git_leaves_out(tmp_path: Path, seed: int) -> None:
    random, folders = Random(seed), [tmp_path]  # noqa: S311
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # noqa: S607
    for _ in range(random.randint(1, 6)):
        folders.append(random.choice(folders) / random.choice(["a", "b", "build"]))
        folders[-1].mkdir(exist_ok=True)
    for _ in range(12):
        (random.choice(folders) / random.choice(["x.txt", "y.txt", "z.md", "keep.txt"])).write_text("One.")
    for folder in random.sample(folders, min(len(folders), 3)):
        (folder / ".gitignore").write_text("\n".join(random.choices(PATTERNS, k=3)))
    command = ["git", "-C", tmp_path, "ls-files", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    read = {file.name for file in scan([tmp_path], tmp_path / "index").found}
    assert read == {name for name in listed if name.endswith((".txt", ".md"))}
