"""A process that holds an index until its standard input ends, and a block in which one runs.

With a folder as second argument, it has a language model that waits for files there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

from llama_index.core.llms import CompletionResponse, CompletionResponseGen
from scripted_llm import ScriptedLLM
from shared_names import ROOT

from rag import Assistant, Settings

FIRST = "The harbour master of Veldhaven is Ines Okafor. [1] "
SECOND = "She took office on 3 March 2021. [2]"


class WaitingLLM(ScriptedLLM):
    """Says one sentence, waits for the file `go`, says another; `stopped` tells that nobody wanted it."""

    folder: Path

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponseGen:
        def pieces() -> CompletionResponseGen:
            try:
                yield CompletionResponse(text=FIRST, delta=FIRST)
                while not (self.folder / "go").exists():
                    yield CompletionResponse(text=FIRST, delta="")
                    sleep(0.01)
                yield CompletionResponse(text=FIRST + SECOND, delta=SECOND)
            except GeneratorExit:
                (self.folder / "stopped").touch()
                raise

        return pieces()


@contextmanager
def held(index: Path, *more: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that holds the index; at the end of the block it is asked to end, if it runs yet."""
    command = [sys.executable, "-m", "index_holder", str(index), *map(str, more)]
    places = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}  # tests/rag is not the package
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | places
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait()


def main() -> None:
    index, *folder = map(Path, sys.argv[1:])
    llm = WaitingLLM(script=str, folder=folder[0]) if folder else None
    with Assistant.open(index, Settings(verifier="none") if llm else Settings(), llm):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
