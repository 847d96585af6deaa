"""Run the chat page until Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from rag import Assistant, Settings
from ui.app import build, close, launch
from ui.conversations import Conversations
from ui.server import require_login
from ui.storage import place
from ui.watched import WatchedFolders


def run(settings: Settings, folders: Sequence[Path] = ()) -> None:
    """Open the index of the settings and serve its page until Ctrl-C; watch the folders meanwhile."""
    require_login(settings)
    with TemporaryDirectory(prefix="pilcrow-") as folder, Assistant.open(settings=settings) as assistant:
        os.environ["GRADIO_TEMP_DIR"] = folder
        with Conversations(place(settings)) as conversations:
            assistant.search("documents")  # loads the model before the first question
            assistant.begin_exam(lambda report: sys.stderr.write(f"{report}\n"))
            watched = WatchedFolders(assistant)
            server = build(assistant, conversations, watched)
            address = launch(server, settings)
            try:
                for path in folders:
                    watched.add(path)
                sys.stderr.write(f"Pilcrow is at {address} (Ctrl-C to stop)\n")
                Event().wait()
            finally:
                close(server)
