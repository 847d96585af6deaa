"""The documentation is true: README's sessions, code and tables are held against the program."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from rag import Settings
from rag.loaders import SUFFIXES
from ui.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def rows(header: str) -> list[list[str]]:
    """The cells of the table whose head line starts so, without backticks."""
    lines = README.split(f"| {header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def session() -> list[tuple[str, str]]:
    """Each command of README's sessions with what it is said to print."""
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks("console")), re.MULTILINE)
    return [(command, output) for command, output in steps]


def same(expected: str, printed: str) -> bool:
    """Whether the text is the expected one, in which … stands for anything within a line."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip()) is not None


def run(arguments: list[str]) -> str:
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", ["pilcrow", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    assert not left.value.code, arguments
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with seeds/ in it, in which README's commands run one after the other."""
    made = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "seeds", made / "seeds")
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def test_the_sessions_print_what_they_are_said_to(here: Path) -> None:
    asked = [(command, output) for command, output in session() if command.startswith("make ask")]
    told = [(command, output) for command, output in session() if command.startswith("pilcrow ")]
    assert asked
    assert told
    for command, output in told:
        printed = run(shlex.split(command)[1:])
        assert same(output, printed), printed
    for command, output in asked:
        printed = run(["ask", shlex.split(command)[2].removeprefix("Q=")])
        assert same(output, printed), printed


def test_the_code_runs_and_prints_what_it_is_said_to(here: Path) -> None:
    if not (here / "index").exists():
        run(["ingest", "seeds"])
    printed = io.StringIO()
    for code in blocks("python"):
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})  # noqa: S102  the README is ours
    assert same("".join(blocks("text")), printed.getvalue()), printed.getvalue()


def test_the_settings_table_is_the_settings() -> None:
    said = {name.strip("`"): (default.strip("`"), meaning) for name, default, meaning in rows("setting")}
    fields = Settings.model_fields
    assert said == {
        name: ("none" if field.default is None else str(field.default), field.description)
        for name, field in fields.items()
    }


def test_the_commands_table_is_the_commands() -> None:
    said = [command.strip("`").split()[1] for command, _ in rows("command")]
    listed = run(["--help"]).split("Commands:", 1)[1]
    assert said == re.findall(r"^  (\w+)", listed, re.MULTILINE)


def test_the_formats_table_is_the_loaders() -> None:
    said = {suffix.strip("`") for suffixes, _ in rows("format") for suffix in suffixes.split()}
    assert said == SUFFIXES


def test_every_make_target_that_is_named_is_there() -> None:
    made = (ROOT / "Makefile").read_text("utf-8")
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        for target in set(re.findall(r"(?:\$ |`)make (\w+)", text)):
            assert re.search(rf"^{target}:", made, re.MULTILINE), target


def test_readme_is_short_and_names_both_commands_first() -> None:
    assert len(README.splitlines()) <= 150
    assert [command.split()[1] for command, _ in session()][:2] == ["run", "test"]


def test_nothing_names_a_registry_or_a_machine() -> None:
    for path in (
        "requirements.lock",
        "Makefile",
        "pyproject.toml",
        "README.md",
        "CONTRIBUTING.md",
        ".ci/run",
    ):
        text = (ROOT / path).read_text("utf-8")
        for word in (
            "pypi.org",
            "pythonhosted",
            "download.pytorch",
            "--index-url ",
            "--find-links ",
            "/opt/",
            "/work/",
        ):
            assert word not in text, f"{path}: {word}"


def test_the_lock_pins_every_dependency() -> None:
    locks = "".join(
        (ROOT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-eval.lock")
    )
    pins = re.findall(r"^([a-z0-9-]+)==\S+$", locks, re.MULTILINE)
    wanted = re.findall(
        r'^ {4}"([a-z0-9-]+)[=<>]', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert {"torch", "chromadb", "gradio"} <= set(pins)
    assert set(wanted) <= set(pins)
