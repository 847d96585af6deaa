"""The documentation is true: its sessions and code run, and its tables and paths match the program."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from test_architecture import ROOMS

from rag import Settings
from rag.loaders import SUFFIXES
from ui.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
LIMITS = (ROOT / "docs" / "limits.md").read_text("utf-8")
SCALE = (ROOT / "docs" / "scale.md").read_text("utf-8")
LANGUAGE_MODELS = (ROOT / "docs" / "llm.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def rows(header: str, text: str = README) -> list[list[str]]:
    """The cells of the text's table whose header row starts with this, without backticks."""
    lines = text.split(f"| {header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def session() -> list[tuple[str, str]]:
    """Each command in README's sessions with its documented output."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks("console")), re.MULTILINE)


def matches(expected: str, printed: str) -> bool:
    """Whether the text is the expected one, where … stands for anything within a line."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip()) is not None


def run(arguments: list[str]) -> str:
    """Return what the command prints; it must succeed."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", ["pilcrow", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code, arguments
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with seeds/ in it, in which README's commands run one after the other."""
    created = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "seeds", created / "seeds")
    return created


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.usefixtures("here")
def test_sessions_print_what_the_readme_shows() -> None:
    words = [(shlex.split(command), output) for command, output in session()]
    pilcrow = [(arguments, output) for (program, *arguments), output in words if program == "pilcrow"]
    asked = [
        (["ask", rest[0].removeprefix("Q=")], output)
        for (_, target, *rest), output in words
        if target == "ask"
    ]
    assert pilcrow
    assert asked
    for arguments, output in pilcrow + asked:
        printed = run(arguments)
        assert matches(output, printed), printed


@pytest.mark.usefixtures("here")
def test_python_code_prints_what_the_readme_shows() -> None:
    printed = io.StringIO()
    for code in blocks("python"):
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})  # noqa: S102  the README is ours
    assert matches("".join(blocks("text")), printed.getvalue()), printed.getvalue()


def test_settings_table_lists_every_setting_with_its_default() -> None:
    found = [
        *rows("setting"),
        *rows("setting", LIMITS),
        *rows("setting", LANGUAGE_MODELS),
        *rows("setting", SCALE),
    ]
    listed = {name.strip("`"): (default.strip("`"), meaning) for name, default, meaning in found}
    assert listed == {
        name: ("none" if field.default is None else str(field.default), field.description)
        for name, field in Settings.model_fields.items()
    }


def test_commands_table_lists_every_command() -> None:
    listed = [command.strip("`").split()[1] for command, _ in rows("command")]
    commands = run(["--help"]).split("Commands:", 1)[1]
    assert listed == re.findall(r"^  (\w+)", commands, re.MULTILINE)


def test_formats_table_lists_every_file_type() -> None:
    assert {suffix.strip("`") for suffixes, _ in rows("format") for suffix in suffixes.split()} == SUFFIXES


def test_picture_of_the_code_names_every_room_once() -> None:
    picture = README.split("## How the code is organised", 1)[1].split("```", 2)[1]
    assert sorted(re.findall(r"rag/(\w+)", picture)) == sorted(ROOMS.keys() - {"rag"})


@pytest.mark.parametrize("walk", ["A document", "A question"])
def test_each_step_of_a_walk_exists_and_is_called_by_an_earlier_one(walk: str) -> None:
    steps = re.findall(
        r"^\d+\. `(\S+):(\S+)`", CONTRIBUTING.split(f"### {walk}", 1)[1].split("###", 1)[0], re.M
    )
    assert len(steps) > 5
    used: set[str] = set()
    for position, (file, name) in enumerate(steps):
        tree: ast.AST = ast.parse((ROOT / file).read_text("utf-8"))
        defined = tree
        for part in name.split("."):
            children = [node for node in ast.iter_child_nodes(defined) if getattr(node, "name", None) == part]
            assert children, f"{file} has no {name}"
            defined = children[0]
        assert position == 0 or name.split(".")[-1] in used, f"no earlier step uses {file}:{name}"
        used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_documented_make_targets_and_scripts_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"(?:\$ |`)make ([\w-]+)", README + CONTRIBUTING):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    listed = set(re.findall(r"`scripts\.(\w+)`", CONTRIBUTING))
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text("utf-8")}
    assert listed == scripts | {"bench"}


def test_readme_is_short_and_starts_with_run_and_test() -> None:
    assert len(README.splitlines()) <= 150
    assert [command.split()[1] for command, _ in session()][:2] == ["run", "test"]


@pytest.mark.parametrize(
    "name", ["requirements.lock", "Makefile", "pyproject.toml", "README.md", "CONTRIBUTING.md", ".ci/run"]
)
def test_no_file_names_a_registry_or_a_machine(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    local = ("/opt/", "/work/")
    registries = ("pypi.org", "pythonhosted", "download.pytorch", "--index-url ", "--find-links ")
    assert [word for word in (*registries, *local) if word in text] == []


def test_locks_pin_every_dependency() -> None:
    locks = "".join(
        (ROOT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-eval.lock")
    )
    pins = re.findall(r"^([a-z0-9-]+)==\S+$", locks, re.MULTILINE)
    wanted = re.findall(
        r'^ {4}"([a-z0-9-]+)[=<>]', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert {"torch", "chromadb", "gradio"} <= set(pins)
    assert set(wanted) <= set(pins)
