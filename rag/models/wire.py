"""The wire to a language model: its time limits, which failures may pass, and each failure in words."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import httpx
import openai

CONNECT_SECONDS = 10.0
LONGEST_WAIT = 20.0  # seconds, of what a server asks for in Retry-After
PASSING = frozenset({408, 429, 500, 502, 503, 504})
# What goes wrong on the wire and in the client, and what rubbish leads to within the client and LlamaIndex.
FAILURES = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.StreamError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)


def open_client(where: str, seconds: float, socket: str | None = None) -> httpx.Client:
    """A client that gives up when no data come for so many seconds; `socket` is the file of a Unix socket.

    It follows no redirects, and no proxy of the environment carries away what is meant for this machine.
    """

    def watch(response: httpx.Response) -> None:
        response.stream = _Watched(cast(httpx.SyncByteStream, response.stream), seconds)

    return httpx.Client(
        base_url=where,
        timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        event_hooks={"response": [watch]},
        trust_env=not _is_here(where),
        transport=httpx.HTTPTransport(uds=socket) if socket else None,
    )


class _Watched(httpx.SyncByteStream):
    """A response's body, which signs of life without any data keep open only for so many seconds."""

    def __init__(self, body: httpx.SyncByteStream, seconds: float) -> None:
        self._body = body
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        last = time.monotonic()
        for part in self._body:
            if b"data:" in part:
                last = time.monotonic()
            elif time.monotonic() - last > self._seconds:
                raise httpx.ReadTimeout("nothing but signs of life")
            yield part

    def close(self) -> None:
        self._body.close()


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed a little later. Not after a time-out: it took long enough."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in PASSING
    if isinstance(_root(error), httpx.TimeoutException):
        return False
    return isinstance(error, openai.APIConnectionError | httpx.TransportError)


def asked_wait(error: Exception) -> float:
    """Seconds that the server asks to be left alone, within bounds; 0 where it asks nothing."""
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    try:
        return min(max(float(error.response.headers.get("retry-after", 0)), 0.0), LONGEST_WAIT)
    except ValueError:  # a date
        return 0.0


def line(said: Exception | str) -> str:
    """What an error or a server says, as one printable line of at most 200 characters."""
    if isinstance(said, openai.APIStatusError):
        body = said.body
        message = body.get("message") if isinstance(body, dict) else body
        said = message if isinstance(message, str) else HTTPStatus(said.status_code).phrase
    elif isinstance(said, Exception):
        said = str(_root(said)) or type(said).__name__
    printable = "".join(letter if letter.isprintable() else " " for letter in said)
    return " ".join(printable.split())[:200]


def explain(error: Exception, words: str, *, model: str, seconds: float, begun: bool) -> str:
    """What an endpoint did, as the rest of a sentence, with the remedy; `begun` once its answer has begun."""
    root = _root(error)
    if isinstance(root, httpx.TimeoutException) and not isinstance(root, httpx.ConnectTimeout):
        return f"said nothing for {seconds:g} seconds; raise llm_seconds, or take a smaller model"
    if isinstance(error, openai.APIStatusError):
        return _explain_status(error.status_code, words, model, error.response.headers.get("location"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        if begun:
            return f"broke off in mid-answer ({words}); ask again, or look at its log"
        return f"cannot be reached ({words}); start it, correct llm, or unset llm to answer without it"
    if isinstance(error, openai.APIError):
        return f"failed ({words}); ask again, or look at its log"
    return f"sent no answer that can be read ({words}); is llm its address? It usually ends in /v1"


def _explain_status(status: int, words: str, model: str, location: str | None) -> str:
    told = f"({status}: {words})"
    meanings = {
        401: f"refuses the key {told}; set llm_key to one that it takes",
        403: f"refuses the key {told}; set llm_key to one that it takes",
        404: f"has no {model or 'model'} there {told}; set llm_model to one that it has, or correct llm",
        429: f"takes no more questions now {told}; wait, or raise its limit",
    }
    if status < 400:
        return f"sends on to {line(location or 'nowhere')} ({status}); set llm to the address that answers"
    if status >= 500:
        return f"failed {told}; ask again, or look at its log"
    if status == 400 and "context" in words:
        return f"cannot read so much at once {told}; lower evidence, or give the model a larger context"
    return meanings.get(status, f"refused the question {told}; look at llm_model and at its log")


def _root(error: Exception) -> BaseException:
    """What the client's own error was made of."""
    return error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error


def _is_here(where: str) -> bool:
    host = urlsplit(where).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
