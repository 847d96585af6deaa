"""The other side: an Assistant whose calls go through the process that holds the index."""

from __future__ import annotations

import re
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import wraps
from importlib.metadata import version
from inspect import getattr_static
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rag.doors.address import socket_address
from rag.doors.wire import CALLS, HOLDERS, Gone, Lines, Message, Method, method, read_error
from rag.errors import HolderGone, StoreError
from rag.ingestion.interruption import Interruption
from rag.types import Answer, Step

HELLO_SECONDS = 30.0
TICK = 0.1  # seconds between two looks at whether to stop

A = TypeVar("A")


class Connected(Protocol):
    """An object of `connected`."""

    _door: Door
    holder: str


class Door:
    """The way to the process that holds an index; each call has a connection of its own.

    Raises HolderGone if no process listens, StoreError if it has another version of Pilcrow.
    """

    def __init__(self, folder: Path, kind: type) -> None:
        self._folder = folder
        self._kind = kind
        self._process = 0
        self.holder = ""
        self.settings: Mapping[str, object] = {}
        try:
            with self._connected() as lines:
                hello = _hello(lines)
        except Gone as error:
            raise HolderGone(
                f"No other process holds the index {self._folder}. Open it with Assistant.open."
            ) from error
        self._process, self.holder, self.settings = hello["pid"], hello["holder"], hello["settings"]
        _check_version(hello["pilcrow"], version("pilcrow"), self.holder)

    def call(self, name: str, *positional: object, **named: object) -> Any:  # noqa: ANN401
        """Call a method, or get a property. HolderGone if the other process ends meanwhile."""
        described = method(self._kind, name)
        given = {} if described.is_property else described.bound(positional, named)
        if described.stream:
            return described.stream(lambda: self._streamed(described, given))
        stop, result = given.get("stop"), None
        with self._asked(described, given) as lines:
            with Interruption(stop) if described.stops else nullcontext() as interruption:
                result = _result(lines, described, given, interruption)
            if result is None:  # it was to stop, and the other process stopped altogether
                raise Gone
        return described.result.validate_python(result["result"])

    def _streamed(self, described: Method, given: Mapping[str, object]) -> Generator[Step, None, Answer]:
        with self._asked(described, given) as lines:
            while "piece" in (message := _next(lines)):
                yield Step(message["piece"], message["unchecked"])
        answer: Answer = described.result.validate_python(message["result"])
        return answer

    @contextmanager
    def _asked(self, described: Method, given: Mapping[str, object]) -> Iterator[Lines]:
        """Yield a connection on which the call has been made."""
        arguments = described.written(given)
        callbacks = [name for name in described.callbacks if given.get(name)]
        try:
            with self._connected() as lines:
                if _hello(lines)["pid"] != self._process:
                    raise Gone
                with suppress(Gone):  # what it has to say before is still to be read
                    lines.send(call=described.name, arguments=arguments, callbacks=callbacks)
                yield lines
        except Gone as error:
            raise HolderGone(
                f"{_sentence(self.holder)} ended, or closed the index {self._folder}. Try again."
            ) from error

    @contextmanager
    def _connected(self) -> Iterator[Lines]:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                with socket_address(self._folder) as address:
                    connection.connect(address)
            except OSError as error:
                raise Gone(str(error)) from error
            yield Lines(connection)


def connected(base: type[A], door: Door, **attributes: object) -> A:
    """Return an object of this class whose calls go through the door, with these attributes."""
    members: dict[str, object] = {name: _through(base, name) for name in CALLS}
    members |= {name: _refused(base, name) for name in HOLDERS} | {"close": lambda _: None}
    made: A = object.__new__(type(base.__name__, (base,), members))
    vars(made).update(attributes, _door=door)
    return made


def _through(base: type, name: str) -> object:
    """Return a method, or a property, that asks the holder for the same one of its own."""
    own = getattr_static(base, name)
    if isinstance(own, property):
        return property(lambda self: self._door.call(name), doc=own.__doc__)

    @wraps(own)
    def call(self: Connected, *positional: object, **named: object) -> object:
        return self._door.call(name, *positional, **named)

    return call


def _refused(base: type, name: str) -> object:
    """Return a method, or a property, that only the holder has."""

    def refuse(self: Connected, *_: object, **__: object) -> None:
        raise StoreError(f"{name} is for the process that holds the index alone: {self.holder}.")

    return property(refuse) if isinstance(getattr_static(base, name), property) else refuse


def _result(
    lines: Lines, described: Method, given: Mapping[str, Any], interruption: Interruption | None
) -> Message | None:
    """Return the message with the result; None if the holder ended while it was to stop anyway.

    Callbacks are called meanwhile, and the first signal to stop is passed on.
    """
    has_asked = False
    while True:
        if interruption and interruption.requested and not has_asked:
            has_asked = True
            with suppress(Gone):
                lines.send(stop=True)
        try:
            message = _next(lines, TICK if interruption else None)
        except TimeoutError:
            continue
        except (Gone, HolderGone):
            if interruption and interruption.requested:
                return None
            raise
        if "result" in message:
            return message
        name = str(message.get("called"))
        given[name](*described.callbacks[name].validate_python(message["values"]))


def _next(lines: Lines, seconds: float | None = None) -> Message:
    """Return the next message; raise the error that it tells of."""
    message = lines.receive(seconds)
    if "error" in message:
        raise read_error(message)
    return message


def _hello(lines: Lines) -> Message:
    try:
        return _next(lines, HELLO_SECONDS)
    except TimeoutError as error:
        raise Gone from error


def _check_version(theirs: str, ours: str, holder: str) -> None:
    if theirs != ours:
        older = [re.findall(r"\d+", theirs), re.findall(r"\d+", ours)]
        is_theirs = [int(part) for part in older[0]] < [int(part) for part in older[1]]
        advice = "Restart it." if is_theirs else f"Use Pilcrow {theirs} here too."
        raise StoreError(
            f"{_sentence(holder)} holds the index with Pilcrow {theirs}; this is Pilcrow {ours}. {advice}"
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
