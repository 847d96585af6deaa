"""A small page with the tools, served for the length of a `with` block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import gradio as gr
from chroma_server import free_port
from starlette.routing import Route

from rag import Assistant, Settings
from ui import server, tools


@contextmanager
def served(
    assistant: Assistant,
    auth: str | None = None,
    host: str = "127.0.0.1",
    routes: Sequence[Route] = (),
    more: Callable[[], None] = lambda: None,
) -> Iterator[tuple[gr.Blocks, str]]:
    """Yield a page with the tools and what `more` adds, and its address."""
    with gr.Blocks(title="Pilcrow", analytics_enabled=False) as page:
        gr.Markdown("A page")
        more()
        tools.add(assistant)
    settings = Settings.model_validate({"port": free_port(), "host": host, "auth": auth})
    try:
        yield page, server.launch(page, assistant, settings, routes)
    finally:
        page.close(verbose=False)
