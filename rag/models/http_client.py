"""The HTTP client for a language model server: time limits, which failures to retry, error messages."""

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
MAX_RETRY_AFTER = 20.0  # seconds
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# Network and client errors, and what an unreadable reply makes openai and LlamaIndex raise.
FAILURES = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.StreamError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)


def open_client(address: str, seconds: float, socket: str | None = None) -> httpx.Client:
    """Return a client that times out after `seconds` without data; `socket` is the file of a Unix socket.

    It follows no redirects, and ignores the environment's proxies for an address on this machine.
    """

    def limit_silence(response: httpx.Response) -> None:
        response.stream = _TimedBody(cast(httpx.SyncByteStream, response.stream), seconds)

    return httpx.Client(
        base_url=address,
        timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        event_hooks={"response": [limit_silence]},
        trust_env=not _is_loopback(address),
        transport=httpx.HTTPTransport(uds=socket) if socket else None,
    )


class _TimedBody(httpx.SyncByteStream):
    """A response body that times out after `seconds` of keep-alive messages without data."""

    def __init__(self, body: httpx.SyncByteStream, seconds: float) -> None:
        self._body = body
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        last = time.monotonic()
        for part in self._body:
            if b"data:" in part:
                last = time.monotonic()
            elif time.monotonic() - last > self._seconds:
                raise httpx.ReadTimeout("only keep-alive messages")
            yield part

    def close(self) -> None:
        self._body.close()


def is_transient(error: Exception) -> bool:
    """Return whether a retry may succeed. Not after a timeout: the user has waited long enough."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in RETRIED_STATUSES
    if isinstance(_cause(error), httpx.TimeoutException):
        return False
    return isinstance(error, openai.APIConnectionError | httpx.TransportError)


def retry_after(error: Exception) -> float:
    """Return the seconds of the server's Retry-After header, within bounds; 0 if there is none."""
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    try:
        return min(max(float(error.response.headers.get("retry-after", 0)), 0.0), MAX_RETRY_AFTER)
    except ValueError:  # a date
        return 0.0


def one_line(message: Exception | str) -> str:
    """Return the message of an error or a server as one printable line of at most 200 characters."""
    if isinstance(message, openai.APIStatusError):
        body = message.body
        text = body.get("message") if isinstance(body, dict) else body
        message = text if isinstance(text, str) else HTTPStatus(message.status_code).phrase
    elif isinstance(message, Exception):
        message = str(_cause(message)) or type(message).__name__
    printable = "".join(letter if letter.isprintable() else " " for letter in message)
    return " ".join(printable.split())[:200]


def explain(error: Exception, reason: str, *, model: str, seconds: float, begun: bool) -> str:
    """Return what the server did, as the rest of a sentence, and the remedy; `begun`: within an answer."""
    cause = _cause(error)
    if isinstance(cause, httpx.TimeoutException) and not isinstance(cause, httpx.ConnectTimeout):
        return f"sent nothing for {seconds:g} seconds. Raise llm_seconds, or use a smaller model."
    if isinstance(error, openai.APIStatusError):
        return _explain_status(error.status_code, reason, model, error.response.headers.get("location"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        if begun:
            return f"broke off in mid-answer ({reason}). Ask again, or check its log."
        return f"can't be reached ({reason}). Start the server, correct the address in llm, or unset llm."
    if isinstance(error, openai.APIError):
        return f"failed ({reason}). Ask again, or check its log."
    return f"sent an unreadable answer ({reason}). Check the address in llm: it usually ends in /v1."


def _explain_status(status: int, reason: str, model: str, location: str | None) -> str:
    """Return what an HTTP status means, and the remedy."""
    details = f"({status}: {reason})"
    if status < 400:
        return f"redirects to {one_line(location or 'nowhere')} ({status}). Set llm to the final address."
    if status >= 500:
        return f"failed {details}. Ask again, or check its log."
    if status == 400 and "context" in reason:
        return f"can't read that much text {details}. Set llm_context to what it can read, or raise that."
    meanings = {
        401: f"refuses the key {details}. Set llm_key to a valid one.",
        403: f"refuses the key {details}. Set llm_key to a valid one.",
        404: f"has no {model or 'model'} {details}. Set llm_model to one that it has, or correct llm.",
        429: f"is overloaded or over its limit {details}. Wait, or raise the limit.",
    }
    return meanings.get(status, f"refused the question {details}. Check llm_model and the server's log.")


def _cause(error: Exception) -> BaseException:
    """Return the error behind the client's own connection error."""
    return error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error


def _is_loopback(address: str) -> bool:
    """Return whether the address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
