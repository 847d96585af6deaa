"""How the page is served: who may come in, what a request may hold, and what every response forbids."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from hashlib import sha256
from hmac import compare_digest
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import Assistant, PilcrowError, Settings
from ui import completions
from ui.completions import refusal

if TYPE_CHECKING:
    import gradio as gr

FAVICON = Path(__file__).with_name("favicon.svg")
HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'self'",
        )
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# What a person needs to log in; it says nothing of the documents. Gradio asks itself for the startup events.
OPEN = {"/", "/login", "/login/", "/logout", "/favicon.ico", "/robots.txt", "/theme.css"}
OPEN |= {"/gradio_api/theme.css", "/gradio_api/startup-events"}
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/")
UPLOAD = "/gradio_api/upload"  # the one request that may be large; Gradio keeps to LARGEST_FILE there
LARGEST_FILE = "200mb"
LARGEST_BODY = 4 * 2**20  # bytes of any other request
WAITING = 64  # events in Gradio's queue; one more is refused
PAUSE = 1.0  # seconds after a wrong password


class Accounts:
    """The names and passwords of those who may come in."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._known = [_digest(name, password) for name, password in passwords.items()]

    async def check(self, name: str, password: str) -> bool:
        """Whether the name has this password; if not, it says so after `PAUSE`."""
        given = _digest(name, password)
        equal = [compare_digest(given, known) for known in self._known]  # always all, in equal time
        if any(equal):
            return True
        await asyncio.sleep(PAUSE)
        return False


class Guard:
    """ASGI middleware around Gradio: the login, the limits, routes of our own, and `HEADERS` everywhere.

    Without accounts it answers only those who call this machine by a loopback name, so that no page from
    elsewhere reaches it under a name of its own. A route finds the user's name in `request.state.user`.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts | None = None, routes: Sequence[Route] = ()) -> None:
        self._app = app
        self._accounts = accounts
        self._routes = routes
        self._tokens: dict[str, str] = {}  # of programs, by user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it may pass, and the headers back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        user = await self._user(request)
        scope.setdefault("state", {})["user"] = user or ""
        refused = self._refuse(request, user)
        await (refused or self._app_for(scope))(scope, receive, _guarded(send))

    def _refuse(self, request: Request, user: str | None) -> Response | None:
        host = request.headers.get("host", "")
        if self._accounts is None and not is_loopback(_hostname(host)):
            return refusal(403, f"{host} is not a name of this machine's loopback address", "wrong_host")
        if _from_elsewhere(request, host):
            return refusal(403, "other sites may not ask here", "wrong_origin")
        if "://" in request.scope["path"]:  # Gradio would fetch it, past what `HEADERS` forbid the browser
            return refusal(404, "nothing of another host is given out", "not_found")
        if request.scope["path"] != UPLOAD and (refused := _refuse_body(request)):
            return refused
        if user is None and not _is_open(request):
            refused = refusal(401, "log in first, or send a name and its password", "invalid_api_key")
            refused.headers["www-authenticate"] = "Bearer"  # "Basic" would open a dialog in browsers
            return refused
        return None

    def _app_for(self, scope: Scope) -> ASGIApp:
        """The route of our own that takes this request, or else Gradio."""
        matches = [(*route.matches(scope), route) for route in self._routes]
        for wanted in (Match.FULL, Match.PARTIAL):  # in part: by its path, not by its method
            for match, found, route in matches:
                if match == wanted:
                    scope.update(found)
                    return ExceptionMiddleware(route.handle)
        return self._app

    async def _user(self, request: Request) -> str | None:
        """The name under which Gradio, too, will know who asks; "" without a login, None for a stranger."""
        if self._accounts is None:
            return ""
        gradio = request.app
        for name in ("access-token-", "access-token-unsecure-"):
            token = request.cookies.get(f"{name}{gradio.cookie_id}")
            if token in gradio.tokens:
                return str(gradio.tokens[token])
        given = _credentials(request.headers.get("authorization", ""))
        if given is None or not await self._accounts.check(*given):
            return None
        user = given[0]
        token = self._tokens.setdefault(user, token_urlsafe(32))
        gradio.tokens[token] = user
        cookie = f"access-token-{gradio.cookie_id}={token}".encode()
        others = [(name, value) for name, value in request.scope["headers"] if name != b"cookie"]
        request.scope["headers"] = [*others, (b"cookie", cookie)]
        return user


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach this address or name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def refuse_open_host(settings: Settings) -> None:
    """PilcrowError where other machines could read the documents without a login."""
    if settings.accounts or is_loopback(settings.host):
        return
    raise PilcrowError(
        f"host = {settings.host}: whoever reaches this address could read your documents; "
        "set PILCROW_AUTH=name:password, or take host 127.0.0.1"
    )


def launch(
    page: gr.Blocks, assistant: Assistant, settings: Settings, routes: Sequence[Route] = (), **look: Any
) -> str:
    """Serve the page from a thread until `page.close()`, and for programs `/v1` and MCP; the page's address.

    `look` goes to Gradio as it is: theme, css_paths, js, head. A port in use, a host that is open to others
    without a login: PilcrowError.
    """
    refuse_open_host(settings)
    accounts = Accounts(settings.accounts) if settings.accounts else None
    ours = [*completions.routes(assistant), *routes]
    queued = page.queue(max_size=WAITING, default_concurrency_limit=4, api_open=False)
    try:
        with redirect_stdout(StringIO()):  # quiet or not, Gradio prints where MCP is
            _, address, _ = queued.launch(
                server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
                server_port=settings.port,
                auth=accounts.check if accounts else None,
                favicon_path=FAVICON if FAVICON.is_file() else None,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                mcp_server=True,
                pwa=False,
                max_file_size=LARGEST_FILE,
                app_kwargs={"middleware": [Middleware(Guard, accounts, ours)]},
                **look,
            )
    except OSError as error:
        raise PilcrowError(
            f"cannot listen on {settings.host}, port {settings.port} ({error}); set another host or port"
        ) from error
    return str(address)


def _digest(name: str, password: str) -> bytes:
    return sha256(f"{name}:{password}".encode("utf-8", "surrogatepass")).digest()


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *added]
        await send(message)

    return guarded


def _refuse_body(request: Request) -> Response | None:
    if "transfer-encoding" in request.headers:
        return refusal(411, "say the length of the request", "no_length")
    if int(request.headers.get("content-length", 0)) > LARGEST_BODY:
        return refusal(413, f"the request is longer than {LARGEST_BODY} bytes", "too_large")
    return None


def _is_open(request: Request) -> bool:
    path = request.scope["path"]
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def _credentials(header: str) -> tuple[str, str] | None:
    """Name and password from `Basic …` (RFC 7617) or `Bearer name:password`."""
    scheme, _, value = header.encode("latin-1").partition(b" ")
    try:
        if scheme.lower() == b"basic":
            given = b64decode(value, validate=True).decode()
        elif scheme.lower() == b"bearer":
            given = value.decode()
        else:
            return None
    except ValueError:
        return None
    name, colon, password = given.partition(":")
    return (name, password) if colon else None


def _from_elsewhere(request: Request, host: str) -> bool:
    """Whether a page of another site asks; to follow a link from there is no asking."""
    headers = request.headers
    if "sec-fetch-site" in headers:  # a browser says so itself, whatever name a proxy goes by
        linked = request.method in {"GET", "HEAD"} and headers.get("sec-fetch-mode") == "navigate"
        return headers["sec-fetch-site"] not in {"same-origin", "none"} and not linked
    return "origin" in headers and headers["origin"].partition("://")[2] != host


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
