"""A language model of a GGUF file, run in this process by llama.cpp (xllamacpp, the group `local`)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.errors import ModelError
from rag.models.endpoint import Endpoint
from rag.models.wire import open_client

MOST_CONTEXT = 8192  # tokens, unless the settings say more: a model's own 131,072 would take gigabytes
MAGIC = b"GGUF"


def open_gguf(file: str, context: int | None, seconds: float) -> Endpoint:
    """The model, loaded. llama.cpp's own server answers on a socket that only this user can open.

    Through the server, and not by calls, so that closing the connection ends a generation at any point.
    Half of the cores generate; the rest embed and check. Raises ModelError.
    """
    path = Path(file).expanduser()
    _check(path)
    try:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before the import: see rag/models/embedder.py
        import xllamacpp
    except ImportError as error:
        raise ModelError('a .gguf file wants llama.cpp; run: pip install "pilcrow[local]"') from error
    folder = TemporaryDirectory(prefix="pilcrow-")
    socket = str(Path(folder.name) / "llm.sock")  # llama.cpp knows it by its suffix
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(path)
    wanted.model_alias = {path.stem}
    wanted.hostnames = [socket]
    wanted.n_ctx = context or MOST_CONTEXT
    wanted.n_parallel = 1
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 2) // 2)
    wanted.enable_reasoning = 0
    wanted.warmup = wanted.ui = wanted.endpoint_slots = False
    wanted.timeout_write = math.ceil(seconds)
    wanted.verbosity = -1
    try:
        server = xllamacpp.Server(wanted)
        # One word before the first question: it brings the weights into memory, and a server that is dropped
        # before its loop runs hangs (xllamacpp 2026.10).
        server.handle_chat_completions({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1})
    except RuntimeError as error:
        raise ModelError(
            f"{path}: llama.cpp cannot load it; fetch it again, or take a model that this version knows"
        ) from error
    http = open_client("http://localhost/v1", seconds, socket)
    return Endpoint(str(path), http, path.stem, None, None, seconds, engine=(server, folder))


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            begins = file.read(len(MAGIC))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; correct llm") from error
    if begins != MAGIC:
        raise ModelError(f"{path} is not a GGUF file; fetch it again, or correct llm")
