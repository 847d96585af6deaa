"""The connection to a Chroma server: its token and certificate, retries, and what each failure means."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from rag.errors import SettingsError, StoreError
from rag.index.access import Access, TooMuch

CONNECT_SECONDS = 10.0
SECONDS = 60.0  # to wait for the answer; after so long there is no other try
TRIES = 4
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
WAIT_SECONDS = 0.25  # before the second try; twice as long before each further one
START = "Start the server (chroma run --path FOLDER --port PORT), or unset chroma_url."


class Busy(StoreError):
    """The server could not do it just now; a later try may succeed."""


def explain(error: Exception, url: str) -> str:
    """Return what happened to a request without an answer, and the remedy."""
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return f"The Chroma server at {url} didn't answer in time ({reason}). {START}"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"The certificate of the Chroma server at {url} isn't trusted ({reason}). Set chroma_ca to the "
            "file of its authority, and chroma_url to a name in the certificate."
        )
    if "SSL" in reason:
        return f"The Chroma server at {url} doesn't speak TLS ({reason}). Set chroma_url to http://…"
    if isinstance(error, httpx.TransportError):
        return f"The Chroma server at {url} can't be reached ({reason}). {START}"
    return f"The Chroma server at {url} sent an unreadable answer ({reason}). {START}"


class Session(httpx.Client):
    """Sends requests a few times if need be; raises StoreError for each answer that isn't a success.

    Every request that Pilcrow sends may be repeated.
    """

    def __init__(self, url: str, access: Access) -> None:
        headers = {"Content-Type": "application/json"}
        if access.token:
            headers["Authorization"] = f"Bearer {access.token}"
        super().__init__(
            headers=headers,
            timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
            verify=_verification(access.authority),
        )
        self._url = url
        self.address = _address(url)
        self._has_token = bool(access.token)
        self._tries = 1

    def check(self) -> None:
        """Raise StoreError unless a Chroma answers, and to this token; try harder from now on."""
        try:
            answer = self.get(f"{self.address}/api/v2/pre-flight-checks").json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "max_batch_size" not in answer:
            raise StoreError(f"What answers at {self._url} is no Chroma server. Correct chroma_url.")
        self._tries = TRIES

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request again if the server fails for a moment."""
        retrying = Retrying(
            stop=stop_after_attempt(self._tries) | stop_after_delay(SECONDS),
            wait=wait_exponential_jitter(multiplier=WAIT_SECONDS, jitter=WAIT_SECONDS),
            retry=retry_if_exception_type((Busy, httpx.TransportError)),
            reraise=True,
        )
        return retrying(self._send_once, request, **options)

    def _send_once(self, request: httpx.Request, **options: Any) -> httpx.Response:
        response = super().send(request, **options)
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _refusal(self, response: httpx.Response) -> StoreError:
        status, server = response.status_code, f"The Chroma server at {self._url}"
        reason = f"{status}: {_one_line(_message(response)) or response.reason_phrase}"
        if status in {401, 403}:
            remedy = "Set chroma_token to a valid one."
            return StoreError(f"{server} {'refuses the' if self._has_token else 'wants a'} token. {remedy}")
        if status == 413 or (status != 429 and re.search("quota|batch size", reason, re.IGNORECASE)):
            limit = re.search(r"limit of (\d+)", reason)
            problem = f"{server} takes no more ({reason}). Raise its limit."
            return TooMuch(problem, int(limit[1]) if limit else None)
        if status in TRANSIENT:
            return Busy(f"{server} failed ({reason}). Try again later, or check its log.")
        if status < 400:
            return StoreError(f"{server} redirects ({reason}). Set chroma_url to the final address.")
        return StoreError(
            f"{server} refused a request ({reason}). Check chroma_url, and open the index again."
        )


def _address(url: str) -> str:
    """Return the URL with Chroma's port if it names none, and without a slash at its end."""
    parts = urlsplit(url)
    port = "" if parts.port or parts.scheme == "https" else ":8000"
    return f"{parts.scheme}://{parts.netloc}{port}{parts.path.rstrip('/')}"


def _verification(authority: Path | None) -> ssl.SSLContext | bool:
    if authority is None:
        return True
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise SettingsError(
            f"chroma_ca = {str(authority)!r} can't be read ({error}). Set it to the .pem file of the "
            "authority that signed the Chroma server's certificate."
        ) from error


def _message(response: httpx.Response) -> str:
    """Return what the server says in the answer: Chroma's message, or the text."""
    try:
        body = response.json()
    except ValueError:
        return response.text
    return str(body.get("message", body)) if isinstance(body, dict) else response.text


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]
