"""Measurements of language models that go on where they were stopped: their rows, and the exam's grade."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from rag import Assistant, PilcrowError, Settings
from rag.examining import NONE, examine, load_verifier
from rag.models.llm import load_llm
from rag.verification.exam import keep_grade
from rag.verification.grade import Grade
from ui.terminal import progress_bar

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

Row = dict[str, Any]


class Rows:
    """The rows of a file of JSON lines, each written as soon as it is known; those of a stopped run stay."""

    def __init__(self, file: Path, model: str) -> None:
        """Read the rows of an earlier run of this model; a usage error if another model wrote them."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._model = file, model
        lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
        whole = [line for line in lines if line.endswith("\n")]  # a killed run may leave half a line
        self.known: list[Row] = [json.loads(line) for line in whole]
        if others := {row["model"] for row in self.known} - {model}:
            raise typer.BadParameter(f"{file} has answers by {', '.join(others)}. Name another --out.")
        if whole != lines:
            file.write_text("".join(whole), "utf-8")

    def add(self, row: Row) -> None:
        """Write a row."""
        self.known.append({"model": self._model, **row})
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.known[-1], ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Writer:
    """A language model that writes answers, and the grade of what checks them, None without a verifier."""

    settings: Settings
    llm: LLM
    grade: Grade | None

    @classmethod
    def examined(cls, settings: Settings, folder: Path, llm: LLM | None = None) -> Self:
        """Return `llm`, or else that of the settings, with the grade that a folder keeps or a new one."""
        llm = llm or load_llm(settings)
        if llm is None:
            raise typer.BadParameter("Name a model.")
        if settings.verifier == NONE:
            return cls(settings, llm, None)
        try:
            with progress_bar() as show:
                judge = load_verifier(settings, llm)
                grade = examine(settings, judge, folder, lambda done, total: show("exam", done, total))[1]
        except PilcrowError as error:
            print(f"No exam: {error} Only quotations are shown.")
            return cls(settings.model_copy(update={"verifier": NONE}), llm, None)
        print(grade)
        return cls(settings, llm, grade)

    @contextmanager
    def open(self, folder: Path) -> Iterator[Assistant]:
        """Open an index that keeps the grade, so that no second exam is held."""
        with Assistant.open(folder, self.settings, self.llm) as assistant:
            if self.grade:
                keep_grade(folder, self.grade)
            yield assistant
