"""The page's server, for the length of a `with` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr
from chroma_server import free_port

from rag import Assistant, Settings
from ui.app import build, close, launch
from ui.conversations import FILE, Conversations


@contextmanager
def served(
    assistant: Assistant, auth: str | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[tuple[gr.Server, str]]:
    """Yield a server of the page, with conversations of its own, and its address."""
    changed = Settings.model_validate({"port": port or free_port(), "host": host, "auth": auth})
    opened = copy(assistant)
    opened.settings = assistant.settings.model_copy(
        update={name: getattr(changed, name) for name in changed.model_fields_set}
    )
    with TemporaryDirectory() as folder, Conversations(Path(folder) / FILE) as conversations:
        server = build(opened, conversations)
        address = launch(server, opened.settings)
        try:
            yield server, address
        finally:
            close(server)
