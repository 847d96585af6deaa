"""How a command gets to an index: through the process that holds it, or else by holding it itself."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from rag import Assistant
from rag.errors import HolderGone, IndexInUse
from rag.settings import Settings

WAIT_SECONDS = 10.0  # for a process that is opening or closing the index
PAUSE = 0.05
# What answers and reports depend on.
MATTERS = (
    *("embedder", "reranker", "evidence", "collections", "unconfirmed"),
    *("llm", "llm_model", "llm_context", "verifier", "verifier_model"),
    *("file_mib", "file_seconds", "file_memory_gib", "file_paragraphs", "unpacked_mib"),
)


def reach(settings: Settings, say: Callable[[str], object]) -> Assistant:
    """Return the index of the settings, through the process that holds it if one does.

    `say` gets a note if that process answers by other settings. Raises as Assistant.open and .connect.
    """
    end = monotonic() + WAIT_SECONDS
    while not settings.catalog_url:
        try:
            return _connected(settings, say)
        except HolderGone:  # nobody holds it
            pass
        try:
            return Assistant.open(settings=settings)
        except IndexInUse:  # somebody has just taken it, or is about to leave it
            if monotonic() > end:
                raise
        sleep(PAUSE)
    return Assistant.open(settings=settings)


def _connected(settings: Settings, say: Callable[[str], object]) -> Assistant:
    assistant = Assistant.connect(settings=settings)
    theirs = assistant.settings
    if differ := [name for name in MATTERS if getattr(settings, name) != getattr(theirs, name)]:
        say(f"{assistant.holder} holds the index; its settings apply, with other {', '.join(differ)}.")
    return assistant
