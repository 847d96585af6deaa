"""The command line: its output and exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shared_names import Run

from rag import Assistant, Settings
from ui.terminal import PATIENCE, progress_bar

HARBOUR = """# Harbour notes

The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.

- The [bold red]north pier[/] was closed \x1b[31mon 5 May 2022\x9b for repairs.
"""


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ui", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "harbour.md").write_text(HARBOUR, "utf-8")
    (folder / "notes.txt").write_text("Fog lay on the strait.\n\nThe ferry to Ouddorp ran late.\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def index(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the documents, only for reading."""
    folder = tmp_path_factory.mktemp("shared") / "index"
    with Assistant.open(folder, Settings()) as assistant:
        assistant.ingest([documents])
    return folder


def test_documents_are_added_pruned_and_removed(run: Run, documents: Path, tmp_path: Path) -> None:
    folder, index = shutil.copytree(documents, tmp_path / "folder"), ("--index", tmp_path / "index")
    code, out, err = run("ingest", folder, *index)
    assert (code, err) == (0, "")
    assert out.startswith("2 added; 5 paragraphs written in ")
    code, out, _ = run("ingest", folder, *index)
    assert (code, out.split(";")[0]) == (0, "2 unchanged")
    (folder / "harbour.md").unlink()
    assert "1 unchanged, 1 removed" in run("ingest", folder, "--prune", *index)[1]
    _, out, _ = run("list", *index)
    assert "notes.txt" in out
    assert "harbour.md" not in out
    assert run("remove", "notes.txt", *index)[:2] == (0, "removed notes.txt\n")
    assert "notes.txt" not in run("list", *index)[1]
    assert (folder / "notes.txt").exists()


def test_unreadable_file_is_named_and_the_others_are_added(run: Run, tmp_path: Path) -> None:
    good, broken, index = tmp_path / "good.txt", tmp_path / "broken.pdf", ("--index", tmp_path / "index")
    good.write_text("The lamp is green.", "utf-8")
    broken.write_bytes(b"%PDF-1.4 and then nothing")
    code, out, err = run("ingest", good, broken, *index)
    assert code == 0
    assert "1 added, 1 failed" in out
    assert err.startswith("failed: broken.pdf: ")
    code, out, err = run("ingest", broken, *index)
    assert (code, "1 failed" in out, "broken.pdf" in err) == (1, True, True)
    code, _, err = run("ingest", tmp_path / "nowhere", *index)
    assert (code, "nowhere" in err) == (1, True)


def test_files_of_other_formats_are_counted_and_nothing_to_read_is_an_error(run: Run, tmp_path: Path) -> None:
    folder, index = tmp_path / "docs", ("--index", tmp_path / "index")
    (folder / "deep").mkdir(parents=True)
    for name in ("a.psd", "deep/b.PSD", "c.exe", "Makefile", ".hidden", "pilcrow.toml"):
        (folder / name).write_text("x = 1", "utf-8")
    code, out, err = run("ingest", folder, *index)
    assert code == 1
    assert "4 files skipped: 2 .psd, 1 " in out
    assert f"{folder}: nothing found to read; add files of a format that is read: ." in err
    assert ", .csv, " in err
    (folder / "read.txt").write_text("The lamp is green.", "utf-8")
    code, out, err = run("ingest", folder, *index)
    assert (code, err) == (0, "")
    assert out.startswith("1 added; ")
    lines = out.splitlines()
    assert lines[-1].startswith("4 files skipped: 2 .psd, ")
    assert "1 without a suffix" in lines[-1]
    assert "1 .exe" in lines[-1]


def test_ask_prints_the_answer_and_its_sources(run: Run, index: Path) -> None:
    code, out, _ = run("ask", "Who is the harbour master of Veldhaven?", "--index", index)
    answer, sources = out.split("\n\n", 1)
    assert code == 0
    assert "Ines Okafor" in answer
    assert "[1]" in answer
    assert sources.startswith("[1] harbour.md ¶2 (line 3")
    assert "“The harbour master of Veldhaven is Ines Okafor." in sources
    assert "\x1b" not in out


def test_terminal_shows_the_highlight_in_bold(index: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ui", "ask", "When did Ines Okafor take office?", "--index", str(index)]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # raised on Linux once the other end is closed
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
    assert process.returncode == 0
    assert "\x1b[1m3 March 2021\x1b[0m" in shown.decode()


def test_json_has_every_field_and_the_text_with_control_characters_escaped(run: Run, index: Path) -> None:
    _, out, _ = run("ask", "When was the north pier closed?", "--json", "--index", index)
    assert "\x9b" not in out
    answer = json.loads(out)
    assert answer["abstained"] is False
    assert 0 < answer["probability"] <= 1
    for citation in answer["citations"]:
        assert citation["paragraph_text"][citation["start"] : citation["end"]] == citation["quote"]
    assert answer["citations"][0]["paragraph_text"] in HARBOUR
    assert "\x9b" in answer["citations"][0]["paragraph_text"]
    assert answer["evidence"][0]["source"] == "harbour.md"


def test_abstention_exits_with_zero(run: Run, index: Path) -> None:
    code, out, err = run("ask", "Which general commands the Belgian artillery?", "--index", index)
    assert (code, err) == (0, "")
    answer = json.loads(
        run("ask", "Which general commands the Belgian artillery?", "--json", "--index", index)[1]
    )
    assert answer["abstained"] is True
    assert out.startswith(answer["text"])
    assert "[1]" not in out


def test_list_shows_each_document(run: Run, index: Path) -> None:
    _, out, _ = run("list", "--index", index)
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2"]
    assert "Harbour notes" in lines[0]


def test_list_says_the_index_is_empty_and_what_to_do(run: Run, tmp_path: Path) -> None:
    code, out, err = run("list", "--index", tmp_path / "index")
    assert (code, out) == (0, "")
    assert "pilcrow ingest PATH" in err


def test_show_prints_the_paragraph_without_control_characters(run: Run, index: Path) -> None:
    code, out, _ = run("show", "harbour.md", "3", "--index", index)
    head, text = out.split("\n\n", 1)
    assert code == 0
    assert head.startswith("harbour.md ¶3 · list item · Harbour notes · line 5")
    # Markup stays text; the escape character, which a terminal would obey, is shown as a stand-in.
    assert text == "The [bold red]north pier[/] was closed \ufffd[31mon 5 May 2022\ufffd for repairs.\n"


def test_unknown_document_or_paragraph_is_an_error(run: Run, index: Path) -> None:
    for arguments in (("show", "harbor.md", "1"), ("show", "harbour.md", "9"), ("remove", "harbor.md")):
        code, out, err = run(*arguments, "--index", index)
        assert (code, out) == (1, "")
        assert err.startswith("pilcrow: ")
        assert "harbo" in err
        assert "Traceback" not in err


def test_bad_setting_is_one_line_on_stderr(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILCROW_EVIDENCE", "99")
    code, _, err = run("list")
    assert code == 1
    assert err.startswith("pilcrow: evidence = '99' in PILCROW_EVIDENCE")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", ["unheard-of", "ask", "list --colour", "chat --port x", "show a.md 0", "show a.md two"]
)
def test_wrong_usage_exits_with_two(run: Run, arguments: str) -> None:
    assert run(*arguments.split())[0] == 2


def test_version(run: Run) -> None:
    assert run("--version")[1] == "pilcrow 0.1.0\n"


def test_doctor_shows_settings_model_and_index(
    run: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILCROW_PORT", "8001")
    code, out, _ = run("doctor", "--index", index)
    assert code == 0
    assert "port = 8001 (from PILCROW_PORT)" in out
    assert "embedder: all-MiniLM-L6-v2, weights verified" in out
    assert "index: 2 documents, 5 paragraphs" in out


def test_doctor_reports_problems_and_exits_with_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a folder")
    code, out, _ = run("doctor", "--index", tmp_path / "index")
    assert code == 1
    assert "problem: " in out
    assert "Use another --index" in out


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["ask", "--help"]])
def test_quick_commands_import_neither_torch_nor_gradio(arguments: list[str], tmp_path: Path) -> None:
    script = (
        "import sys; from ui.cli import main; sys.argv = ['pilcrow', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: print('torch' in sys.modules, 'gradio' in sys.modules, file=sys.stderr)"
    )
    extra = ["--index", str(tmp_path / "index")] if arguments == ["list"] else []
    done = subprocess.run([sys.executable, "-c", script, *arguments, *extra], capture_output=True, check=True)
    assert done.stderr.decode().splitlines()[-1] == "False False"


def test_question_with_the_built_in_embedder_imports_neither_torch_nor_its_libraries(index: Path) -> None:
    script = (
        "import sys; from ui.cli import main; sys.argv = ['pilcrow', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "slow = {'torch', 'transformers', 'sentence_transformers', 'gradio'}\n"
        "print(slow & sys.modules.keys())"
    )
    command = [sys.executable, "-c", script, "ask", "Who opened the harbour?", "--index", str(index)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "set()"


def test_output_is_utf8_in_any_locale(index: Path) -> None:
    done = start(
        "show", "harbour.md", "1", "--index", index, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0"
    )
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, b"")
    assert "harbour.md ¶1".encode() in out


def test_closed_pipe_prints_no_traceback(index: Path) -> None:
    process = start("list", "--index", index)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()


def test_chat_stops_cleanly_on_ctrl_c(index: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start("chat", "--port", str(port), "--index", index)
    assert process.stderr
    line = process.stderr.readline().decode()
    assert line == f"Pilcrow is at http://127.0.0.1:{port}/ (Ctrl-C to stop)\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, b"Traceback" in err) == (130, b"", False)


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stderr", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_bar_shows_after_a_second_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, shown: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress_bar() as show:
        show("early.txt", 1, 10)
        assert stderr.getvalue() == ""
        time.sleep(PATIENCE)
        show("[red]late.txt", 3, 10)
    assert ("3/10" in stderr.getvalue()) is shown
    assert ("[red]late.txt" in stderr.getvalue()) is shown


def test_gone_files_are_named_with_the_way_to_prune(run: Run, documents: Path, tmp_path: Path) -> None:
    folder, index = shutil.copytree(documents, tmp_path / "folder"), ("--index", tmp_path / "index")
    run("ingest", folder, *index)
    (folder / "harbour.md").unlink()
    (folder / ".gitignore").write_text("*.csv\n")
    (folder / "data.csv").write_text("a,b\n1,2\n")
    _, out, _ = run("ingest", folder, *index)
    assert "1 left out by .gitignore or .pilcrowignore" in out
    assert "1 document's file is gone: harbour.md; remove them with --prune" in out
    (folder / "notes.txt").rename(folder / "fog.txt")
    assert "1 renamed, 1 removed" in run("ingest", folder, "--prune", *index)[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watch_follows_a_folder_until_it_is_stopped(
    documents: Path, tmp_path: Path, number: int, code: int
) -> None:
    folder = shutil.copytree(documents, tmp_path / "folder")
    process = start("watch", folder, "--index", tmp_path / "index")
    assert process.stdout
    assert process.stdout.readline() + process.stdout.readline() == b"added harbour.md\nadded notes.txt\n"
    (folder / "notes.txt").rename(folder / "fog.txt")
    assert process.stdout.readline() == b"renamed notes.txt to fog.txt\n"
    (folder / "fog.txt").unlink()
    assert process.stdout.readline() == b"removed fog.txt\n"
    process.send_signal(number)
    assert process.wait(10) == code
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assert [document.source for document in assistant.documents()] == ["harbour.md"]
        assert assistant.check() == []


def test_watch_refuses_what_is_no_folder(run: Run, documents: Path, tmp_path: Path) -> None:
    code, _, err = run("watch", documents / "notes.txt", "--index", tmp_path / "index")
    assert code == 1
    assert "is not a folder; watch the folder that it is in" in err
