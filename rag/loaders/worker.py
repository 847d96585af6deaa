"""Loading in a child process, so that a file that hangs, crashes or fills the memory harms nothing else.

The child reads requests from standard input: one line of JSON each, then the file's bytes if the parent has
read them. It answers each with one line of JSON on standard output. It ends when its input ends, so it does
not outlive its parent.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import date
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import IO, Any, Self

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import load, ocr
from rag.text.edition import Edition
from rag.text.recognition import Recognition
from rag.types import Document, Kind, Paragraph

SECONDS = 120.0  # of wall-clock time, and of processor time, for one file; anew for each scanned page
MEMORY = 2 * 2**30  # bytes of address space
OCR_MEMORY = 2 * 2**30  # more, for recognising
_PAGE = b"page\n"  # what the child writes when it begins to recognise a page


class Loader:
    """A loader that works as `rag.loaders.load` does, in a child process with limits. Not thread-safe."""

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._child: _Child | None = None
        self._asked: _Child | None = None  # the one that loads, or loaded last
        self.stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, path: Path, source: str, data: bytes | None = None, digest: str | None = None) -> Document:
        """Return the document as `rag.loaders.load` does; LoadError if it takes too much time or memory."""
        if self._child is None or not self._child.is_alive():
            self.close()
            self._child = _Child(self._seconds, self._memory)
        child, self._child = self._child, None  # kept only after a complete answer
        self._asked = child
        if self.stopped:
            child.kill()
        try:
            size = None if data is None else len(data)
            request = {"path": str(path.absolute()), "source": source, "digest": digest, "size": size}
            answer = child.ask(request, data or b"")
        except BaseException:
            child.end()
            raise
        if answer is None:
            raise LoadError(source, f"{child.end()}; leave the file out, or save it again and retry")
        self._child = child
        return _from_json(answer, source)

    def stop(self) -> None:
        """End the load under way, and each later one, with LoadError. Any thread may call it."""
        self.stopped = True
        if asked := self._asked:
            asked.kill()

    def close(self) -> None:
        """End the child process; a later `load` starts a new one."""
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """The parent's side of one child process."""

    def __init__(self, seconds: float, memory: int) -> None:
        import_path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
        self._seconds = seconds
        self._timed_out = Event()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-P", "-m", "rag.loaders.worker", str(seconds), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": import_path, "OPENBLAS_NUM_THREADS": "1"},  # each takes memory
        )

    def is_alive(self) -> bool:
        """Return whether it waits for the next request."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any] | None:
        """Return the answer to `request`; None if the child ended, or was killed, before it was complete."""
        writing, reading = self._process.stdin, self._process.stdout
        if writing is None or reading is None:
            return None
        try:
            with self._limited(self._seconds):
                writing.write(json.dumps(request).encode() + b"\n" + data)
                writing.flush()
                line = reading.readline()
            while line == _PAGE:
                with self._limited(self._seconds):
                    line = reading.readline()
        except BrokenPipeError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self) -> str:
        """Kill it if it is alive, and return why it ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0 if self._timed_out.is_set() else 0.2)
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip().splitlines()
        self._errors.close()
        if self._timed_out.is_set() or self._process.returncode == -signal.SIGXCPU:
            return f"took more than {self._seconds:g} seconds to read"
        return f"crashed the parser ({errors[-1] if errors else self._process.returncode})"

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        """Kill the child if the block takes longer."""
        timer = Timer(seconds, self._time_out)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        """Kill it; `ask` then returns None."""
        self._process.kill()

    def _time_out(self) -> None:
        """Kill a child whose time is up."""
        self._timed_out.set()
        self.kill()


def _from_json(answer: dict[str, Any], source: str) -> Document:
    """Return the document that the child answered with, or raise its error."""
    if "reason" in answer:
        raise (UnsupportedFormat if answer["unsupported"] else LoadError)(source, answer["reason"])
    paragraphs = (
        Paragraph(
            number,
            text,
            Kind(kind),
            heading,
            page,
            line,
            date.fromisoformat(day) if day else None,
            Recognition(found[0], tuple(found[1])) if found else None,
        )
        for number, (text, kind, heading, page, line, day, found) in enumerate(answer["paragraphs"], start=1)
    )
    edition, left_out = Edition(*answer["edition"]), tuple(answer["left_out"])
    return Document(source, answer["sha256"], answer["title"], tuple(paragraphs), edition, left_out)


def _to_json(document: Document) -> dict[str, Any]:
    """Return `document` as JSON values."""
    return {
        "sha256": document.sha256,
        "title": document.title,
        "edition": astuple(document.edition),
        "left_out": document.left_out,
        "paragraphs": [
            (
                each.text,
                each.kind,
                each.heading,
                each.page,
                each.line,
                each.date and each.date.isoformat(),
                each.recognised and astuple(each.recognised),
            )
            for each in document.paragraphs
        ],
    }


def _answer(request: dict[str, Any], data: bytes | None, memory: int) -> dict[str, Any]:
    """Return the child's answer: the document, or the reason why there is none."""
    try:
        return _to_json(load(Path(request["path"]), request["source"], data, request["digest"]))
    except LoadError as error:
        return {"reason": error.reason, "unsupported": isinstance(error, UnsupportedFormat)}
    except MemoryError:
        reason = f"needs more than {memory / 2**30:.1f} GiB of memory to read; split it into smaller files"
    except RecursionError:
        reason = "is nested too deeply to read; save it again in a simpler form"
    return {"reason": reason, "unsupported": False}


def _limit(kind: int, amount: int) -> None:
    """Set one limit of this process, if the system has it (macOS lacks some)."""
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (amount, resource.getrlimit(kind)[1]))


def _limit_time(seconds: float) -> None:
    """Limit the processor time that this process takes from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _serve(seconds: float, memory: int) -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what a library prints out of the answers
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)

    def before_page() -> None:
        _limit(resource.RLIMIT_AS, memory + OCR_MEMORY)
        _limit_time(seconds * ocr.THREADS)
        answers.write(_PAGE)
        answers.flush()

    ocr.before_page.set(before_page)
    for line in sys.stdin.buffer:
        _limit_time(seconds)
        request = json.loads(line)
        data = None if request["size"] is None else sys.stdin.buffer.read(request["size"])
        answers.write(json.dumps(_answer(request, data, memory)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _serve(float(sys.argv[1]), int(sys.argv[2]))
