"""What an ingestion did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, float, int], None]  # gets (source, done, total)


def no_progress(_source: str, _done: float, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did, by source; `failed` and `skipped` (of other formats) have (source, reason).

    So has `partly`, for what was left out of added or updated documents. `renamed` has (old source, new
    source). `gone` are documents whose files are gone; only pruning removes them. `ignored` counts the files
    and folders that ignore files left out.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    ignored: int = 0
    partly: tuple[tuple[str, str], ...] = ()
    paragraphs: int = 0
    seconds: float = 0.0
