"""The side of the process that holds the index: it listens, and answers each connection in a thread."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from weakref import finalize, ref

from rag.doors.address import SOCKET, socket_address
from rag.doors.wire import CALLS, Gone, Lines, Message, Method, error_message, method
from rag.errors import HolderGone, PilcrowError, StoreError, first_problem
from rag.index.lock import this_command
from rag.types import Answer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

log = logging.getLogger(__name__)

MOST = 64  # connections at once
LONGEST_REQUEST = 64 << 20  # bytes: the paths of many files, or a long answer to verify
REQUEST_SECONDS = 10.0  # for a connection to say what it wants
CLOSING_SECONDS = 10.0  # for an answer being written, once the index is to be closed
PAUSE = 0.1  # seconds after a connection that the system refused


class Pieces(Protocol):
    """A stream of an answer."""

    unchecked: str

    def __iter__(self) -> Iterator[str]: ...
    def close(self) -> None: ...
    @property
    def answer(self) -> Answer: ...


@dataclass
class Call:
    """A connection: whether its request has come, whether it wants to `stop`, and who wanted it."""

    lines: Lines
    connection: socket.socket
    stop: Event = field(default_factory=Event)
    has_begun: bool = False
    streams: bool = False
    is_wanted: bool = True  # by the other side

    def event(self, name: str, adapter: TypeAdapter[Any], *values: object) -> None:
        """Tell the other side what a callback gets; without it, stop."""
        try:
            self.lines.send(called=name, values=adapter.dump_python(values, mode="json"))
        except Gone:
            self.stop.set()

    def heed(self) -> None:
        """Stop when the other side asks for it, or is gone."""
        with suppress(Gone):
            while not self.lines.receive().get("stop"):
                pass
        self.is_wanted = False
        self.stop.set()

    def hang_up(self) -> None:
        """End the connection; what was sent still arrives."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Host:
    """Serves the calls of other processes on one index. `close` ends it: short calls are answered first."""

    def __init__(self, folder: Path, assistant: object, settings: Mapping[str, object]) -> None:
        self._folder = folder
        self._assistant = ref(assistant)  # one that is dropped without closing is not kept
        self._kind: type = type(assistant)
        self._calls: dict[Thread, Call] = {}
        self._lock = Lock()
        self._closed_at: float | None = None
        self._deafen: finalize[[socket.socket], object] | None = None
        self._who = f"{os.getpid()} ({this_command()})"
        self._hello = {
            "pilcrow": version("pilcrow"),
            "pid": os.getpid(),
            "holder": f"process {self._who} since {datetime.now():%Y-%m-%d %H:%M}",
            "settings": dict(settings),
        }
        try:
            listener = _listen(folder)
        except OSError as error:  # not every disk can hold a socket
            log.info("Other processes can't use the index meanwhile: no socket in %s: %s.", folder, error)
            return
        self._deafen = finalize(assistant, _deafen, listener)
        Thread(target=self._accept, args=(listener,), name="doors", daemon=True).start()

    def close(self) -> None:
        """Listen no more, stop ingesting and watching after the current documents, and answer the rest."""
        with self._lock:
            self._closed_at = monotonic()
            calls = dict(self._calls)
        if self._deafen and self._deafen.alive:  # else the socket may be the next holder's
            (self._folder / SOCKET).unlink(missing_ok=True)
            self._deafen()
        for call in calls.values():
            call.stop.set()
            if not call.has_begun:
                call.hang_up()
        for thread, call in calls.items():
            thread.join(CLOSING_SECONDS if call.streams else None)
            call.hang_up()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while self._closed_at is None and self._assistant():
                try:
                    connection, _ = listener.accept()
                except OSError:  # no longer listening, or too many files are open
                    sleep(PAUSE)
                    continue
                self._admit(Call(Lines(connection, LONGEST_REQUEST), connection))

    def _admit(self, call: Call) -> None:
        thread = Thread(target=self._serve, args=(call,), name="door", daemon=True)
        with self._lock:
            is_full = len(self._calls) >= MOST
            if not is_full and self._closed_at is None:
                self._calls[thread] = call
                thread.start()
                return
        with call.connection, suppress(Gone):
            if is_full:
                call.lines.send(**self._hello)
                busy = f"Process {self._who} serves {MOST} other connections. Try again later."
                call.lines.send(**error_message(StoreError(busy)))

    def _serve(self, call: Call) -> None:
        """Answer one request. What is no request costs its connection only."""
        with call.connection, suppress(Gone, TimeoutError):
            try:
                call.lines.send(**self._hello)
                request = call.lines.receive(REQUEST_SECONDS)
                with self._lock:
                    if self._closed_at is not None:
                        return
                    call.has_begun = True
                with _Answering(call):
                    self._answer(call, request)
            finally:
                call.hang_up()
                with self._lock:
                    del self._calls[current_thread()]

    def _answer(self, call: Call, request: Message) -> None:
        name, assistant = request.get("call"), self._assistant()
        if not isinstance(name, str) or name not in CALLS:
            raise StoreError(f"Other processes can't call {name!r}: only the one that holds the index can.")
        if assistant is None:
            raise self._gone()
        described = method(self._kind, name)
        positional, named = _arguments(described, request)
        wanted = request.get("callbacks")
        for each in described.callbacks.keys() & (wanted if isinstance(wanted, list) else ()):
            named[each] = partial(call.event, each, described.callbacks[each])
        if described.stops:
            named["stop"] = call.stop
            Thread(target=call.heed, name="door's stop", daemon=True).start()
        call.streams = described.stream is not None
        found = getattr(assistant, name)
        if not described.is_property:
            found = found(*positional, **named)
        if described.stream:
            found = self._streamed(call, found)
        if described.stops and call.is_wanted and call.stop.is_set():
            raise self._gone()
        call.lines.send(result=described.result.dump_python(found, mode="json"))

    def _streamed(self, call: Call, stream: Pieces) -> Answer:
        """Send the pieces of an answer as they come; without the other side, stop the model."""
        with closing(stream):
            for piece in stream:
                call.lines.send(piece=piece, unchecked=stream.unchecked)
                if self._closed_at is not None and monotonic() - self._closed_at > CLOSING_SECONDS:
                    raise self._gone()
            return stream.answer

    def _gone(self) -> HolderGone:
        return HolderGone(f"Process {self._who} closed the index meanwhile. Try again.")


class _Answering:
    """A context in which the other side is told every error; those of ours are no fault of the holder."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, Gone):
            return False
        if not isinstance(error, PilcrowError):
            log.error("A call from another process failed.", exc_info=error)
            error = PilcrowError(f"The process that holds the index failed ({error!r}). See what it printed.")
        self._call.lines.send(**error_message(error))
        return True


def _arguments(described: Method, request: Message) -> tuple[list[Any], dict[str, Any]]:
    try:
        return described.read(request.get("arguments", {}))
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"{described.name} was called wrongly: {first_problem(error)}.") from error


def _listen(folder: Path) -> socket.socket:
    """Listen in the folder, which this process has locked: a socket that is there already is a dead one's."""
    (folder / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        with socket_address(folder) as address:
            listener.bind(address)
        (folder / SOCKET).chmod(0o600)  # nobody can connect before `listen`
        listener.listen(MOST)
    except OSError:
        listener.close()
        raise
    return listener


def _deafen(listener: socket.socket) -> None:
    """Listen no more, and wake the thread that accepts."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
