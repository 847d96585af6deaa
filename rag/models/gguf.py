"""A language model in a GGUF file, run in this process by llama.cpp (xllamacpp, the group `local`)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.errors import ModelError
from rag.models.endpoint import Endpoint
from rag.models.http_client import open_client

DEFAULT_CONTEXT = 8192  # tokens; a model's own 131,072 would take gigabytes
MAGIC = b"GGUF"


def open_gguf(file: str, context: int | None, seconds: float) -> Endpoint:
    """Load the model, behind llama.cpp's own server on a socket that only this user can open.

    With a server, closing the connection stops the generation at any point. Raises ModelError.
    """
    path = Path(file).expanduser()
    _check(path)
    try:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before the import: see rag/models/local.py
        import xllamacpp
    except ImportError as error:
        raise ModelError('A .gguf file requires llama.cpp. Run `pip install "pilcrow[local]"`.') from error
    folder = TemporaryDirectory(prefix="pilcrow-")
    socket = str(Path(folder.name) / "llm.sock")  # llama.cpp recognises a socket by the suffix
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = [socket]
    params.n_ctx = context or DEFAULT_CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _physical_cores()
    params.enable_reasoning = 0
    params.warmup = params.ui = params.endpoint_slots = False
    params.timeout_write = math.ceil(seconds)
    params.verbosity = -1
    try:
        server = xllamacpp.Server(params)
        # Generating one word now loads the weights before the first question. It also starts the server's
        # loop: a server that is released before that hangs (xllamacpp 2026.10).
        server.handle_chat_completions({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1})
    except RuntimeError as error:
        raise ModelError(
            f"llama.cpp can't load {path}. Download it again, or use a model that this version supports."
        ) from error
    http = open_client("http://localhost/v1", seconds, socket)
    return Endpoint(str(path), http, path.stem, None, None, seconds, engine=(server, folder))


def _physical_cores() -> int:
    """Return how many cores this process may use; llama.cpp gains nothing from two threads of one."""
    # macOS has no affinity, and Apple's cores have one thread each.
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = (Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings") for number in usable)
    return len({file.read_text() if file.is_file() else str(file) for file in siblings})


def _check(path: Path) -> None:
    """Raise ModelError unless the file can be read and starts as a GGUF file."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise ModelError(f"Can't read {path} ({error.strerror}). Set llm to a .gguf file.") from error
    if start != MAGIC:
        raise ModelError(f"{path} is not a GGUF file. Download it again, or set llm to another.")
