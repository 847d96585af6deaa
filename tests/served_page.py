"""The page's server, for the length of a `with` block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr
from chroma_server import free_port

from rag import Assistant, Settings
from ui.accounts import FILE as USERS
from ui.accounts import Account, hash_password, write
from ui.app import build, close, launch
from ui.conversations import FILE, Conversations


@contextmanager
def served(
    assistant: Assistant,
    auth: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    readers: Sequence[str] = (),
) -> Iterator[tuple[gr.Server, str]]:
    """Yield a server of the page, with a folder of its own beside the index, and its address.

    `auth` are librarians; `readers` have their name as their password.
    """
    changed = Settings.model_validate({"port": port or free_port(), "host": host, "auth": auth})
    opened = copy(assistant)
    with TemporaryDirectory() as folder, Conversations(Path(folder) / FILE) as conversations:
        given = {name: getattr(changed, name) for name in changed.model_fields_set}
        opened.settings = assistant.settings.model_copy(update={**given, "index": Path(folder)})
        if readers:
            accounts = {name: Account(role="reader", password=hash_password(name)) for name in readers}
            write(Path(folder) / USERS, accounts)
        server = build(opened, conversations)
        address = launch(server, opened.settings)
        try:
            yield server, address
        finally:
            close(server)
