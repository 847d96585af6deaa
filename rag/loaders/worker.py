"""Loading in a child process, so that a file that hangs, crashes or fills the memory harms nothing else.

The child reads requests from standard input: one line of JSON each, then the file's bytes if the parent has
read them. It writes an empty line once it is ready, then an answer to each request, one line of JSON on
standard output. It ends when its input ends, so it does not outlive its parent.
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
from dataclasses import asdict, astuple
from datetime import date
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import IO, Any, Self

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import load, ocr
from rag.loaders.limits import DEFAULT, GIB, MIB, Limits, exceeded
from rag.text.edition import Edition
from rag.text.recognition import Recognition
from rag.types import Document, Kind, Paragraph

_MOST_WRITTEN = 16 * MIB  # bytes of warnings that the libraries print
_LAST_ERRORS = 10_000  # bytes of them that are read
OCR_MEMORY = 2 * GIB  # bytes of address space more, for recognising; the time starts anew for each page
_PAGE = b"page"  # what the child writes when it begins to recognise a page


class Loader:
    """A loader that works as `rag.loaders.load` does, in a child process with limits. Not thread-safe."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits
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
        size = None if data is None else len(data)
        request = {"path": str(path.absolute()), "source": source, "digest": digest, "size": size}
        is_used = self._child is not None and self._child.is_alive()
        answer = self._ask(request, data or b"")
        if is_used and answer.get("died") and not self.stopped:  # perhaps from what earlier files left behind
            answer = self._ask(request, data or b"")
        return _from_json(answer, source)

    def _ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        """Return the answer of the child, which is kept only if it is alive and well."""
        if self._child is None or not self._child.is_alive():
            self.close()
            self._child = _Child(self.limits)
        child, self._child = self._child, None
        self._asked = child
        if self.stopped:
            child.kill()
        try:
            answer = child.ask(request, data)
        except BaseException:
            child.end(request["source"])
            raise
        if answer is None:
            return child.end(request["source"])
        if answer.get("died"):
            child.end(request["source"])
        else:
            self._child = child
        return answer

    def stop(self) -> None:
        """End the load under way, and each later one, with LoadError. Any thread may call it."""
        self.stopped = True
        if asked := self._asked:
            asked.kill()

    def close(self) -> None:
        """End the child process; a later `load` starts a new one."""
        if self._child is not None:
            self._child.end("")
            self._child = None


class _Child:
    """The parent's side of one child process."""

    def __init__(self, limits: Limits) -> None:
        import_path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
        self._limits = limits
        self._timed_out = Event()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-P", "-m", "rag.loaders.worker", json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": import_path, "OPENBLAS_NUM_THREADS": "1"},
        )
        if self._process.stdout:
            self._process.stdout.readline()  # so that its start takes none of the file's time

    def is_alive(self) -> bool:
        """Return whether it waits for the next request."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any] | None:
        """Return the answer to `request`; None if the child ended, or was killed, before it was complete."""
        writing, reading = self._process.stdin, self._process.stdout
        if writing is None or reading is None:
            return None
        with self._limited():
            with suppress(BrokenPipeError):  # the child may refuse a file before it has read all of it
                writing.write(json.dumps(request).encode() + b"\n" + data)
                writing.flush()
            line = reading.readline()
        while line == _PAGE + b"\n":
            with self._limited():
                line = reading.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self, source: str) -> dict[str, Any]:
        """Kill it if it is alive, and return why it ended, as an answer for the file `source`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0 if self._timed_out.is_set() else 0.2)
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.seek(max(self._errors.seek(0, os.SEEK_END) - _LAST_ERRORS, 0))
        errors = self._errors.read().decode(errors="replace").strip().splitlines()
        self._errors.close()
        code = self._process.returncode
        if self._timed_out.is_set() or code == -signal.SIGXCPU:
            reason = f"took more than {self._limits.file_seconds:g} seconds to read"
            return _refusal(exceeded(source, reason, "file_seconds", "leave the file out"))
        reason = f"crashed the parser ({errors[-1] if errors else code})"
        if code < 0:  # a library that lacks memory ends the process
            remedy = "leave the file out, save it again"
            return _refusal(exceeded(source, reason, "file_memory_gib", remedy), died=True)
        return _refusal(
            LoadError(source, f"{reason}; leave the file out, or save it again and retry"), died=True
        )

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Kill the child if the block takes longer."""
        timer = Timer(self._limits.file_seconds, self._time_out)
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


def _refusal(error: LoadError, *, died: bool = False) -> dict[str, Any]:
    """Return an error as an answer; after `died`, the child can't read another file."""
    return {"reason": error.reason, "unsupported": isinstance(error, UnsupportedFormat), "died": died}


def _answer(request: dict[str, Any], limits: Limits) -> tuple[bytes, bool]:
    """Return the child's answer as JSON, and whether it can read another file.

    The answer is the document, or the reason why there is none.
    """
    source, size = request["source"], request["size"]
    try:
        data = None if size is None else sys.stdin.buffer.read(size)
        document = load(Path(request["path"]), source, data, request["digest"], limits)
        return json.dumps(_to_json(document)).encode(), True
    except LoadError as error:
        refused = error
    except MemoryError:
        reason = f"needs more than {limits.file_memory_gib:g} GiB of memory to read"
        refused = exceeded(source, reason, "file_memory_gib")
        return json.dumps(_refusal(refused, died=True)).encode(), False
    except RecursionError:
        refused = LoadError(source, "is nested too deeply to read; save it again in a simpler form")
    return json.dumps(_refusal(refused)).encode(), True


def _limit(kind: int, amount: int) -> None:
    """Set one limit of this process, if the system has it (macOS lacks some)."""
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (amount, resource.getrlimit(kind)[1]))


def _limit_time(seconds: float) -> None:
    """Limit the processor time that this process takes from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _serve(limits: Limits) -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps what a library prints out of the answers
    memory = int(limits.file_memory_gib * GIB)
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _MOST_WRITTEN)

    def write(line: bytes) -> None:
        answers.write(line + b"\n")
        answers.flush()

    def before_page() -> None:
        _limit(resource.RLIMIT_AS, memory + OCR_MEMORY)
        _limit_time(limits.file_seconds * ocr.THREADS)
        write(_PAGE)

    ocr.before_page.set(before_page)
    write(b"")
    for line in sys.stdin.buffer:
        _limit_time(limits.file_seconds)
        answer, can_go_on = _answer(json.loads(line), limits)
        write(answer)
        if not can_go_on:
            return


if __name__ == "__main__":
    _serve(Limits(**json.loads(sys.argv[1])))
