"""An OpenAI-compatible server that speaks or goes wrong as it is told, for as long as a block lasts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ONE_MODEL = {"data": [{"id": "parrot", "owned_by": "test"}]}


@dataclass
class Scripted:
    """Where it listens, and what it was asked: path, headers and body of each request."""

    address: str
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def bodies(self) -> list[Any]:
        """The bodies of the requests for an answer."""
        return [body for path, _, body in self.asked if path == "/v1/chat/completions"]


class Request(BaseHTTPRequestHandler):
    """One request, with what a script wants to do with it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def whole(self, status: int, body: object, **headers: str) -> None:
        """A whole response: bytes and text as they are, anything else as JSON."""
        sent = body if isinstance(body, bytes) else body if isinstance(body, str) else json.dumps(body)
        data = sent.encode() if isinstance(sent, str) else sent
        self.send_response(status)
        kind = "application/json" if not isinstance(body, bytes | str) else "text/html"
        for name, value in {"content_type": kind, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """The head of a stream of events, whose end is the end of the connection."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

    def send(self, data: str | bytes) -> None:
        """One part of the stream; an empty one is its regular end."""
        part = data.encode() if isinstance(data, str) else data
        self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")

    def event(self, value: object) -> None:
        self.send(f"data: {json.dumps(value)}\n\n")

    def piece(self, text: str | None, finish: str | None = None, **delta: str) -> None:
        """A piece of an answer, and why the answer ends, if it does."""
        choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}
        self.event({"id": "1", "object": "chat.completion.chunk", "model": "parrot", "choices": [choice]})

    def end(self) -> None:
        self.send("data: [DONE]\n\n")
        self.send("")


Script = Callable[[Request], None]


def saying(*pieces: str) -> Script:
    """A whole answer."""

    def answer(request: Request) -> None:
        request.begin()
        request.piece(None, role="assistant")
        for piece in pieces:
            request.piece(piece)
        request.piece("", finish="stop")
        request.end()

    return answer


def failing(status: int, message: str = "", **headers: str) -> Script:
    """An error, as OpenAI words it."""
    return lambda request: request.whole(status, {"error": {"message": message}}, **headers)


@contextmanager
def scripted(*answers: Script, models: object = ONE_MODEL, other: Script | None = None) -> Iterator[Scripted]:
    """Requests for an answer get the scripts in turn, the last one again and again.

    `models` is said at /v1/models; where it is None there is none. `other` answers at all other paths.
    """

    class Handler(Request):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers.items()), None))
            if self.path == "/v1/models" and models is not None:
                self.whole(200, models)
            else:
                (other or failing(404))(self)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.asked.append((self.path, dict(self.headers.items()), body))
            script = other or failing(404)
            if self.path == "/v1/chat/completions":
                script = answers[min(len(server.bodies()), len(answers)) - 1]
            try:
                script(self)
            except (BrokenPipeError, ConnectionResetError):
                server.hung_up.set()

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server = Scripted(f"http://127.0.0.1:{listening.server_port}/v1")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()


def endless(request: Request) -> None:
    """Speaks until the other side hangs up."""
    request.begin()
    while True:
        request.piece("on ")
        time.sleep(0.001)
