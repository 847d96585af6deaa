"""The shape of the code: who may import whom, how long things get, and which names are public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
# From the top down: a module imports from its own layer and from those below. The loaders count as one.
LAYERS = (
    {"__main__", "cli", "doctor", "progress"},
    {"assistant"},
    {"recorded", "stream"},
    {"answering", "indexer"},
    {"generator"},
    {
        "alignment",
        "claims",
        "clauses",
        "condense",
        "conflicts",
        "counts",
        "embedding",
        "evidence",
        "extractive",
        "faults",
        "grounding",
        "highlight",
        "index",
        "likeness",
        "pieces",
        "question",
        "reading",
        "retriever",
        "scan",
        "values",
        "verifier",
    },
    {
        "catalog",
        "chunker",
        "dates",
        "endpoint",
        "gguf",
        "interruption",
        "llm",
        "loaders",
        "lock",
        "models",
        "names",
        "schema",
        "snapshot",
        "store",
        "shades",
        "tokens",
        "traces",
        "when",
        "wire",
    },
    {"marks", "prompts"},
    {"grounding_weights", "highlight_weights", "lexicon", "weights", "words"},
    {"errors", "settings", "types"},
)
ASKING = {"answering", "condense", "conflicts", "evidence", "extractive", "question", "reading", "retriever"}
ASKING |= {"alignment", "claims", "clauses", "counts", "faults", "likeness", "pieces"}
ASKING |= {
    "generator",
    "grounding",
    "highlight",
    "marks",
    "prompts",
    "shades",
    "tokens",
    "values",
    "verifier",
    "when",
}
INGESTING = {"chunker", "embedding", "indexer", "loaders", "scan"}
MODULES = sorted(path for package in ("rag", "ui", "eval") for path in (ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    """A module's name within rag, the loaders as one."""
    return path.relative_to(ROOT / "rag").with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each imported module, and the names taken from it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def imported_from_rag(path: Path) -> set[str]:
    """The modules of rag that a module of rag imports; its public names count as the assistant."""
    found = set()
    for module, names in imports(path):
        if module == "rag":
            found |= {taken if taken not in PUBLIC else "assistant" for taken in names}
        elif module.startswith("rag."):
            found.add(module.split(".")[1])
    return found - {name(path)}


def outside(path: Path) -> set[str]:
    return {module.split(".")[0] for module, _ in imports(path)}


@pytest.mark.parametrize("path", sorted((ROOT / "rag").rglob("*.py")), ids=lambda path: path.name)
def test_imports_point_downwards(path: Path) -> None:
    if path == ROOT / "rag" / "__init__.py":
        return
    depth = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}
    assert name(path) in depth, "a new module: give it its layer"
    upward = {module for module in imported_from_rag(path) if depth[module] < depth[name(path)]}
    assert not upward, f"{path.name} imports from above: {upward}"


def test_the_two_walks_meet_only_below_the_steps() -> None:
    for path in (ROOT / "rag").rglob("*.py"):
        if path.name != "__init__.py" and name(path) in ASKING:
            assert not imported_from_rag(path) & INGESTING, path
        if path.name != "__init__.py" and name(path) in INGESTING:
            assert not imported_from_rag(path) & ASKING, path


def test_settings_are_read_at_the_entry_points_only() -> None:
    readers = {name(path) for path in (ROOT / "rag").rglob("*.py") if "settings" in imported_from_rag(path)}
    assert readers <= {"__init__", "assistant", "cli", "doctor"}


def test_page_and_evaluation_use_public_names_only() -> None:
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "eval").rglob("*.py")]:
        for module, names in imports(path):
            assert not module.startswith("rag."), f"{path}: {module}"
            assert module != "rag" or set(names) <= PUBLIC, f"{path}: {names}"


def test_public_names() -> None:
    assert set(rag.__all__) == PUBLIC
    assert len(PUBLIC) <= 12
    for public in PUBLIC:
        assert getattr(rag, public).__doc__, public


def test_each_library_has_one_home() -> None:
    homes = {"chromadb": "rag/store.py", "sentence_transformers": "rag/models.py", "gradio": "ui/"}
    rival = "eval/baseline.py"  # what the bench compares with goes its own way
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
