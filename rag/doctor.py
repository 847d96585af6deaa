"""The checks of `pilcrow doctor`: versions, settings, models, index."""

from __future__ import annotations

import platform
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import PilcrowError
from rag.examining import NONE, changed, load_verifier
from rag.ingestion.report import Progress
from rag.migrating import holds
from rag.models.llm import load_llm
from rag.models.local import (
    BUILT_IN,
    INSTALL_MULTILINGUAL,
    MULTILINGUAL,
    check_weights,
    multilingual_weights,
)
from rag.models.nearby import nearby
from rag.models.trial import Trial, try_model
from rag.opening import reach
from rag.settings import Settings
from rag.text.language import ENGLISH
from rag.verification.exam import known_grade

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

__all__ = ["INSTALL_MULTILINGUAL", "changed", "examine", "nearby"]
LIBRARIES = (
    "chromadb",
    "llama-index-core",
    "openai",
    "sentence-transformers",
    "torch",
    "gradio",
    "pypdfium2",
)

FOREIGN = 0.1  # share of documents in other languages above which another embedder is advised
NAMED = 4  # languages

Finding = tuple[str, bool]  # a line to print, and whether it is good


def examine(index: Path | None, progress: Progress | None = None) -> Iterator[Finding]:
    """Yield each finding as it is made. A failed check is a finding; the others go on.

    `progress` gets (what is read, documents read, documents in all).
    """
    yield (
        f"pilcrow {version('pilcrow')}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        True,
    )
    for name in LIBRARIES:
        yield _library(name)
    try:
        settings = Settings.load(index=index)
    except PilcrowError as error:
        yield f"problem: {error}", False
        return
    for name, origin in Settings.origins(index=index).items():
        value = getattr(settings, name)
        yield f"{name} = {'none' if value is None else value} (from {origin})", True
    yield from _model(settings)
    llm = yield from _language_model(settings)
    yield from _verifier(settings, llm)
    yield from _index(settings, progress)


def _library(name: str) -> Finding:
    try:
        return f"{name} {version(name)}", True
    except PackageNotFoundError:
        return f"problem: {name} is not installed. Run `pip install pilcrow`.", False


def _model(settings: Settings) -> Iterator[Finding]:
    check = {BUILT_IN: check_weights, MULTILINGUAL: multilingual_weights}.get(settings.embedder)
    if not check:
        yield f"embedder: {settings.embedder}, weights not verified", True
        return
    try:
        check()
    except PilcrowError as error:
        yield f"problem: {error}", False
    else:
        yield f"embedder: {settings.embedder}, weights verified", True


def other_languages(languages: Sequence[str], embedder: str) -> tuple[float, list[str]]:
    """Return the share of documents that another embedder would find by meaning, and their main languages.

    `languages` are the ISO 639-1 codes of the documents' languages. (0, []) if there are too few to mind.
    """
    foreign = Counter(code for code in languages if code != ENGLISH)
    share = foreign.total() / max(1, len(languages))
    if embedder != BUILT_IN or share < FOREIGN:
        return 0.0, []
    return share, [code for code, _ in foreign.most_common(NAMED)]


def better_embedder(languages: Sequence[str], embedder: str) -> str:
    """Return that another embedder would find more in documents of these languages, or ""."""
    share, codes = other_languages(languages, embedder)
    if not codes:
        return ""
    return (
        f"embedder: {share:.0%} of the documents are not in English ({', '.join(codes)}); {BUILT_IN} finds "
        f'them by their words only. Run `{INSTALL_MULTILINGUAL}`, set embedder to "{MULTILINGUAL}", and run '
        "`pilcrow ingest --reembed`."
    )


def try_settings(settings: Settings) -> Trial | None:
    """Return how the language model answers a question of ours; None without one. Raises ModelError."""
    llm = load_llm(settings)
    return try_model(llm, str(settings.llm)) if llm else None


def _language_model(settings: Settings) -> Generator[Finding, None, LLM | None]:
    """Yield whether the language model answers, and how fast; return it."""
    try:
        llm = load_llm(settings)
    except PilcrowError as error:
        yield f"problem: {error}", False
        return None
    if llm is None:
        yield "llm: none; answers consist of the documents' own sentences", True
        for offer in nearby():
            yield (
                f"llm: {offer}; to use it, put at the top of pilcrow.toml: {' and '.join(offer.lines)}",
                True,
            )
        return None
    try:
        trial = try_model(llm, str(settings.llm))
        yield f"llm: {trial.model} answers after {trial.wait:.1f} s, {trial.speed:.0f} tokens a second", True
        yield f"llm: context window of {trial.context} tokens", True
    except PilcrowError as error:
        yield f"problem: {error}", False
    return llm


def _verifier(settings: Settings, llm: LLM | None) -> Iterator[Finding]:
    """Yield the grade of what checks a language model's sentences, if it has one."""
    if llm is None or settings.verifier == NONE:
        return
    try:
        verifier = load_verifier(settings, llm)
        grade = known_grade(settings.index, verifier) if verifier else None
    except PilcrowError as error:
        yield f"problem: {error}", False
        return
    yield f"verifier: {grade or 'no grade yet; it sits the exam on first use, or with `pilcrow exam`'}", True


def _index(settings: Settings, progress: Progress | None) -> Iterator[Finding]:
    if not (settings.catalog_url or settings.index.exists()):
        yield f"index: none yet at {settings.index}. Run `pilcrow ingest PATH`.", True
        return
    try:
        notes: list[str] = []
        with reach(settings, notes.append) as assistant:
            holder = assistant.holder
            problems = assistant.check()
            documents = assistant.documents()
            content, original = holds(settings, progress)
    except PilcrowError as error:
        yield f"problem: {error}", False
        return
    if holder:
        yield f"index: held by {holder}; checked through it", True
    yield from ((f"index: {note}", True) for note in notes)
    yield f"index: {content}", True
    if original:
        problems.append(f"an incomplete copy of {original}; run `pilcrow migrate` again")
    if advice := better_embedder([document.language for document in documents], settings.embedder):
        yield advice, True
    yield from ((f"problem: {problem}", False) for problem in problems)
    if not problems:
        yield "index: the catalog, the full-text index and Chroma agree", True
