"""Loading in a child process, which may hang, crash or run out of memory without harm."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import load
from rag.loaders.limits import Limits
from rag.loaders.worker import Loader


def files(folder: Path) -> list[Path]:
    (folder / "a.txt").write_text("Title of it, 3 May 2024\n\nA crane – “old” – fell over.\n")
    (folder / "b.csv").write_text("Port,Date\nOdesa,2023-07-26\n")
    (folder / "c d ü.md").write_text("# One\n\nTwo.\n")
    return sorted(folder.iterdir())


def test_loader_returns_the_documents_and_errors_of_load(tmp_path: Path) -> None:
    read = files(tmp_path)
    (tmp_path / "empty.txt").touch()
    with Loader() as loader:
        for file in read:
            assert loader.load(file, file.name) == load(file, file.name)
        with pytest.raises(LoadError, match=r"^empty\.txt: is empty"):
            loader.load(tmp_path / "empty.txt", "empty.txt")
        with pytest.raises(UnsupportedFormat):
            loader.load(tmp_path / "a.xyz", "a.xyz")
        for _ in range(2):
            loader.close()
        assert loader.load(read[0], "a.txt") == load(read[0], "a.txt"), "a closed loader starts a new child"


def test_the_working_directory_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path)
    (tmp_path / "docx.py").write_text("raise SystemExit('a file of the user was imported')")
    monkeypatch.chdir(tmp_path)
    with Loader() as loader:
        assert loader.load(Path("a.txt"), "a.txt").title == "Title of it, 3 May 2024"
        with pytest.raises(LoadError, match="damaged"):
            (tmp_path / "x.docx").write_text("no zip")
            loader.load(Path("x.docx"), "x.docx")


def test_file_that_takes_too_long_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    slow = tmp_path / "slow.md"
    slow.write_text("*a_ " * 2_000_000)
    file, *_ = files(tmp_path)
    with Loader(Limits(file_seconds=1.5)) as loader:
        start = time.monotonic()
        with pytest.raises(LoadError, match=r"slow\.md: took more than 1.5 seconds.*leave the file out"):
            loader.load(slow, "slow.md")
        assert time.monotonic() - start < 4
        assert loader.load(file, "a.txt").paragraphs


def test_hostile_front_matter_neither_hangs_nor_fills_the_memory(tmp_path: Path) -> None:
    aliases = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
    (tmp_path / "laughs.md").write_text(f"---\ntitle: Notes\na0: &a0 [lol]\n{aliases}---\n\nText.\n")
    (tmp_path / "deep.md").write_text(f"---\na: {'[' * 100_000}\n---\n\nText.\n")
    start = time.monotonic()
    with Loader(Limits(file_memory_gib=0.3)) as loader:
        assert loader.load(tmp_path / "laughs.md", "laughs.md").title == "Notes"
        assert loader.load(tmp_path / "deep.md", "deep.md").paragraphs[-1].text == "Text."
    assert time.monotonic() - start < 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process reliably")
def test_file_that_needs_too_much_memory_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_text("A sentence of it. " * 3_500_000)
    file, *_ = files(tmp_path)
    with Loader(Limits(file_memory_gib=0.2)) as loader:
        with pytest.raises(LoadError, match=r"large\.txt: needs more than 0.2 GiB of memory.*split it"):
            loader.load(large, "large.txt")
        assert loader.load(file, "a.txt").paragraphs


def test_child_imports_no_heavy_library() -> None:
    program = (
        "import sys, rag.loaders.worker\n"
        "heavy = {'torch', 'chromadb', 'llama_index', 'transformers', 'numpy', 'gradio'} & set(sys.modules)\n"
        "sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_child_ends_with_its_parent(tmp_path: Path) -> None:
    file, *_ = files(tmp_path)
    program = (
        "import os, sys, pathlib\n"
        "from rag.loaders.worker import Loader\n"
        "loader = Loader()\n"
        "loader.load(pathlib.Path(sys.argv[1]), 'a.txt')\n"
        "print(loader._child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False
    )
    pid = int(ran.stdout)
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")
