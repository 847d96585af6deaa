"""The chat page, on Pilcrow's public API. It loads nothing from another host and gives out no file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import gradio as gr
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import Assistant, PilcrowError, Settings
from ui import render

TITLE = "Pilcrow"
DESCRIPTION = "Ask your own documents. Every sentence of an answer cites its file and paragraph."
STYLE = Path(__file__).with_name("page.css")
THEME = gr.themes.Soft(primary_hue="teal", neutral_hue="stone", font=["system-ui", "sans-serif"])
HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'self'",
        )
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """ASGI middleware that adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the headers back."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await self._app(scope, receive, guarded)


def build(assistant: Assistant) -> gr.Blocks:
    """The page over an open assistant, not yet served."""

    def answer(question: str, history: list[Mapping[str, object]]) -> Iterator[str]:
        try:
            stream = assistant.stream(question, render.turns(history))
            text = ""
            for piece in stream:
                text += piece
                yield render.draft(text)
            yield render.answered(stream.answer)
        except PilcrowError as error:
            yield render.problem(str(error))

    return gr.ChatInterface(
        answer,
        title=TITLE,
        description=DESCRIPTION,
        chatbot=gr.Chatbot(
            show_label=False,
            buttons=[],
            latex_delimiters=[],
            layout="panel",
            placeholder="What would you like to know?",
            height="calc(100vh - 13rem)",
        ),
        textbox=gr.Textbox(
            label="Your question",
            placeholder="Your question",
            max_length=2000,
            scale=7,
            autofocus=True,
            submit_btn=True,
            stop_btn=True,
        ),
        api_name="chat",
        analytics_enabled=False,
        concurrency_limit=4,
        delete_cache=(3600, 3600),
    )


def launch(page: gr.Blocks, host: str, port: int) -> str:
    """Serve the page from a thread until `page.close()`; the page's address. A port in use: PilcrowError."""
    try:
        _, address, _ = page.queue(max_size=64).launch(
            server_name=host,
            server_port=port,
            css_paths=STYLE,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            max_file_size="1mb",
            theme=THEME,
            app_kwargs={"middleware": [Middleware(Guard)]},
        )
    except OSError as error:
        raise PilcrowError(
            f"cannot listen on {host}, port {port} ({error}); set another host or port"
        ) from error
    return str(address)


def run(settings: Settings) -> None:
    """Open the index that is set and serve the page over it until Ctrl-C."""
    if not _is_loopback(settings.host):
        sys.stderr.write(f"Whoever reaches {settings.host}, port {settings.port}, can read your documents.\n")
    with TemporaryDirectory(prefix="pilcrow-") as folder, Assistant.open(settings=settings) as assistant:
        os.environ["GRADIO_TEMP_DIR"] = folder
        page = build(assistant)
        address = launch(page, settings.host, settings.port)
        sys.stderr.write(f"Pilcrow is at {address} (Ctrl-C ends it)\n")
        try:
            Event().wait()
        finally:
            page.close(verbose=False)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
