"""The shape of the code: who may import whom, how long things get, and which names are public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rag

ROOT = Path(__file__).resolve().parent.parent

PUBLIC = {
    "Answer",
    "Assistant",
    "Citation",
    "DocumentInfo",
    "Evidence",
    "IngestReport",
    "Paragraph",
    "PilcrowError",
    "Settings",
    "Statement",
    "Stream",
    "Turn",
}
# From the top down: a room, and the rooms below it that it may use. All use OPEN_TO_ALL.
ROOMS: dict[str, set[str]] = {
    "rag": {
        "doors",
        "generation",
        "extraction",
        "ingestion",
        "retrieval",
        "verification",
        "index",
        "loaders",
        "models",
        "query",
        "text",
    },
    "doors": {"ingestion", "index"},
    "generation": {"extraction", "verification", "models", "query", "text"},
    "extraction": {"retrieval", "query", "text"},
    "ingestion": {"index", "loaders", "models", "text"},
    "retrieval": {"index", "models", "query", "text"},
    "verification": {"models", "text"},
    "index": {"text"},
    "loaders": {"text"},
    "models": set(),
    "query": {"text"},
    "text": set(),
}
EVAL_ROOMS: dict[str, set[str]] = {
    "eval": {"report", "runs", "scores", "judge", "questions"},
    "report": {"runs", "scores", "judge"},
    "runs": {"scores", "questions", "judge"},
    "scores": {"questions", "judge"},
    "questions": {"judge"},
    "judge": set(),
}
OPEN_TO_ALL = {"rag.types", "rag.errors", "rag.postgres", "eval", "eval.metrics"}
MODULES = sorted(path for package in ("rag", "ui", "eval") for path in (ROOT / package).rglob("*.py"))


def room(path: Path) -> str:
    """The package that a module is in: text, loaders, …; rag or eval itself for those at its top."""
    return path.parent.name


def module(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def exists(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each imported module, and the names taken from it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def imported(path: Path) -> set[str]:
    """The modules of the project that a module imports, by dotted name."""
    found = set()
    for origin, names in imports(path):
        if origin.split(".")[0] in {"rag", "ui", "eval", "scripts"}:
            found |= {f"{origin}.{taken}" if exists(f"{origin}.{taken}") else origin for taken in names}
            found |= set() if names else {origin}
    return found - {module(path)}


def rooms_used(path: Path, package: str) -> set[str]:
    """The rooms of a package that a module imports from, its own left out; the package itself is one."""
    used = set()
    for dotted in imported(path):
        parts = dotted.split(".")
        if parts[0] == package and dotted not in OPEN_TO_ALL:
            used.add(parts[1] if (ROOT / package / parts[1]).is_dir() else package) if parts[
                1:
            ] else used.add(package)
    return used - {room(path)}


def outside(path: Path) -> set[str]:
    return {module.split(".")[0] for module, _ in imports(path)}


@pytest.mark.parametrize("package", ["rag", "eval"])
def test_a_room_uses_only_the_rooms_below_it(package: str) -> None:
    allowed = {"rag": ROOMS, "eval": EVAL_ROOMS}[package]
    order = list(allowed)
    for path in (ROOT / package).rglob("*.py"):
        assert room(path) in allowed, f"{path}: a new room needs its place in the list"
        strangers = rooms_used(path, package) - allowed[room(path)]
        assert not strangers, f"{path.relative_to(ROOT)} uses {strangers}"
    for name, below in allowed.items():
        assert all(order.index(other) > order.index(name) for other in below), f"{name} is not above {below}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module(path): imported(path) for path in MODULES}
    assert not circle(graph), circle(graph)


def test_the_evaluation_never_imports_the_page_and_the_core_imports_neither() -> None:
    for package, strangers in {"eval": {"ui", "scripts"}, "rag": {"ui", "eval", "scripts"}}.items():
        for path in (ROOT / package).rglob("*.py"):
            assert not outside(path) & strangers, (
                f"{path.relative_to(ROOT)} imports {outside(path) & strangers}"
            )


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle of imports, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_two_walks_meet_only_below_the_steps() -> None:
    ingesting, asking = {"ingestion", "loaders"}, {"query", "retrieval", "extraction", "generation"}
    for path in (ROOT / "rag").rglob("*.py"):
        other = asking if room(path) in ingesting else ingesting if room(path) in asking else set()
        assert not rooms_used(path, "rag") & other, path


def test_settings_are_read_at_the_entry_points_only() -> None:
    readers = {module(path) for path in MODULES if "rag.settings" in imported(path)}
    entry_points = {
        "rag",
        "rag.assistant",
        "rag.doctor",
        "rag.examining",
        "rag.migrating",
        "rag.opening",
        "rag.reembedding",
        "ui.cli",
    }
    assert readers <= entry_points | {"rag.settings_file"}


def test_page_and_evaluation_use_public_names_only() -> None:
    open_to_all = [
        "doctor",
        "errors",
        "formats",
        "health",
        "migrating",
        "opening",
        "postgres",
        "reembedding",
        "settings_file",
    ]
    doors = {f"rag.{name}" for name in open_to_all}
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "eval").rglob("*.py")]:
        for module, names in imports(path):
            assert not module.startswith("rag.") or module in doors, f"{path}: {module}"
            assert module != "rag" or set(names) <= PUBLIC, f"{path}: {names}"


def test_public_names() -> None:
    assert set(rag.__all__) == PUBLIC
    assert len(PUBLIC) <= 12
    for public in PUBLIC:
        assert getattr(rag, public).__doc__, public


def test_each_library_has_one_home() -> None:
    homes = {
        "chromadb": "rag/index/vectors.py",
        "sentence_transformers": "rag/models/",
        "gradio": "ui/",
    }
    rival = "scripts/bench/baseline.py"  # what the bench compares with goes its own way
    for library, home in homes.items():
        users = {path.relative_to(ROOT).as_posix() for path in MODULES if library in outside(path)}
        strangers = {user for user in users - {rival} if not user.startswith(home)}
        assert not strangers, f"{library} is imported by {strangers}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_grows_too_long_or_catches_everything(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, f"{node.name} is over 40 lines"
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught not in {"", "Exception"}, f"line {node.lineno} catches everything"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_modules_have_a_name_and_a_docstring(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "manager", "engine"}
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree) or not tree.body
