"""The progress bar of an ingestion: on a terminal only, and only when it takes over a second."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 1.0  # seconds


class ProgressBar:
    """A context manager on stderr; give its `show` to `Assistant.ingest`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._began = monotonic()
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def show(self, source: str, done: float, total: int) -> None:
        """`done` of `total` documents are through; `source` is the one in hand."""
        if not sys.stderr.isatty() or monotonic() - self._began < PATIENCE:
            return
        if self._bar is None:
            self._bar = self._start()
        progress, task = self._bar
        progress.update(task, completed=done, total=total, source=source)

    def _start(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[source]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        return self._stack.enter_context(progress), progress.add_task("", source="")
