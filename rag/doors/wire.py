"""What is said through the socket: one JSON object a line, and how the values of calls become JSON."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature, getattr_static, signature
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from rag.errors import LoadError, PilcrowError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# The public methods and properties of Assistant that other processes may call.
CALLS = frozenset(
    {"changed", "check", "collections", "count", "documents", "exam", "grade", "has_verifier", "ingest"}
    | {"overview", "paragraph", "paragraphs", "path", "refreshed", "remove", "search", "stream"}
    | {"suggestions", "uses_llm", "verify", "watch"}
)
# Those that only the holder has: they change what all others get.
HOLDERS = frozenset({"begin_exam", "use", "writer"})
SEND_SECONDS = 60.0  # for the other side to read what it is sent
READ_AT_ONCE = 1 << 16

Message = dict[str, Any]


class Gone(ConnectionError):
    """The other side closed the connection, doesn't read, or said something that is no message."""


class Lines:
    """A connection that carries one JSON object a line, none longer than `limit` bytes."""

    def __init__(self, connection: socket.socket, limit: int | None = None) -> None:
        self._connection = connection
        self._limit = limit
        self._received = bytearray()
        self._searched = 0  # bytes received without the end of a line
        self._sending = Lock()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        connection.settimeout(SEND_SECONDS)

    def send(self, **message: object) -> None:
        """Send a message. Raises Gone."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._sending:
            try:
                self._connection.sendall(line)
            except OSError as error:
                raise Gone(str(error)) from error

    def receive(self, seconds: float | None = None) -> Message:
        """Return the next message. Raises Gone, and TimeoutError after `seconds` without one."""
        while (end := self._received.find(b"\n", self._searched)) < 0:
            self._searched = len(self._received)
            if self._limit and self._searched > self._limit:
                raise Gone(f"a line of more than {self._limit} bytes")
            if not self._poll.poll(None if seconds is None else seconds * 1000):
                raise TimeoutError
            self._received += self._read()
        line, self._searched = bytes(self._received[:end]), 0
        del self._received[: end + 1]
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Gone(f"no JSON: {error}") from error
        if not isinstance(message, dict):
            raise Gone("no JSON object")
        return message

    def _read(self) -> bytes:
        try:
            piece = self._connection.recv(READ_AT_ONCE)
        except OSError as error:
            raise Gone(str(error)) from error
        if not piece:
            raise Gone("closed")
        return piece


@dataclass(frozen=True)
class Method:
    """A method or property of Assistant: how its arguments, callbacks and result become JSON and back."""

    name: str
    signature: Signature
    values: Mapping[str, TypeAdapter[Any]]
    callbacks: Mapping[str, TypeAdapter[Any]]  # of the tuple of what each is called with
    result: TypeAdapter[Any]
    paths: frozenset[str] = frozenset()
    is_property: bool = False
    stream: type | None = None  # what holds the pieces of the result, `answer`
    stops: bool = False

    def bound(self, positional: Sequence[object], named: Mapping[str, object]) -> dict[str, Any]:
        """Return the arguments by name; TypeError as a call would raise it."""
        _, *arguments = self.signature.bind(None, *positional, **named).arguments.items()
        return dict(arguments)

    def written(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return arguments as JSON values, without callbacks and `stop`; relative paths become absolute."""
        found = {name: value for name, value in arguments.items() if name in self.values}
        found |= {name: _absolute(found[name]) for name in self.paths & found.keys()}
        return {name: self.values[name].dump_python(value, mode="json") for name, value in found.items()}

    def read(self, written: object) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and named arguments; ValueError or TypeError for what doesn't fit."""
        if not isinstance(written, dict) or (strange := written.keys() - self.values.keys()):
            raise ValueError(f"{self.name} takes no {', '.join(strange) if written else 'such arguments'}")
        named = {name: self.values[name].validate_python(value) for name, value in written.items()}
        kinds = {name: each.kind for name, each in self.signature.parameters.items()}
        several = [name for name in named if kinds[name] is Parameter.VAR_POSITIONAL]
        positional = [value for name in several for value in named.pop(name)]
        self.signature.bind(None, *positional, **named)
        return positional, named


@cache
def method(owner: type, name: str) -> Method:
    """Describe a public method or property of a class by its annotations."""
    from pydantic import TypeAdapter

    found = getattr_static(owner, name)
    function: Any = found.fget if isinstance(found, property) else found
    hints = get_type_hints(function)
    shape, result, stream = signature(function), hints.pop("return"), None
    if isinstance(pieces := getattr(result, "answer", None), property):
        stream, result = result, get_type_hints(pieces.fget)["return"]
    several = {each for each, one in shape.parameters.items() if one.kind is Parameter.VAR_POSITIONAL}
    callbacks = {each: called for each, hint in hints.items() if (called := _called_with(hint))}
    plain = {each: hint for each, hint in hints.items() if each not in callbacks and hint != Event | None}
    return Method(
        name,
        shape,
        {each: TypeAdapter[Any](_several(hint) if each in several else hint) for each, hint in plain.items()},
        {each: TypeAdapter(called) for each, called in callbacks.items()},
        TypeAdapter(result),
        frozenset(each for each, hint in hints.items() if _mentions_path(hint)),
        isinstance(found, property),
        stream,
        stops=plain.keys() != hints.keys() - callbacks.keys(),
    )


def error_message(error: PilcrowError) -> Message:
    """Return an error of ours as a message."""
    values = [error.source, error.reason] if isinstance(error, LoadError) else [str(error)]
    return {"error": type(error).__name__, "values": values}


def read_error(message: Message) -> PilcrowError:
    """Return the error that a message tells of, of the same class."""
    kinds = [PilcrowError]
    for kind in kinds:  # the list grows meanwhile: all classes below the first
        kinds += kind.__subclasses__()
    values = [str(value) for value in message.get("values", ())]
    kind = next((kind for kind in kinds if kind.__name__ == message["error"]), PilcrowError)
    return kind(*values)


def _called_with(hint: object) -> Any:  # noqa: ANN401  # a type
    """Return the tuple type of what a callback gets, None for an annotation of anything else."""
    for each in (hint, *get_args(hint)):
        if get_origin(each) is Callable:
            return tuple[tuple(get_args(each)[0])]  # type: ignore[misc]
    return None


def _several(hint: object) -> Any:  # noqa: ANN401  # a type
    return tuple.__class_getitem__((hint, ...))


def _mentions_path(hint: object) -> bool:
    return hint is Path or any(_mentions_path(each) for each in get_args(hint))


def _absolute(value: object) -> object:
    """Return a path, or each of several, as the other process finds it."""
    if isinstance(value, str | Path):
        return str(Path(value).expanduser().absolute())
    return value if value is None else [_absolute(each) for each in value]  # type: ignore[attr-defined]
