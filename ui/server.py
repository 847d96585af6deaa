"""Serving the page: logins, limits on requests, and security headers on every response."""

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
from ui.completions import error_response

if TYPE_CHECKING:
    import gradio as gr

FAVICON = Path(__file__).with_name("favicon.svg")
HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'none'; "
    "frame-ancestors 'none'; object-src 'none'; base-uri 'self'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# Needed by the login page; none of it shows documents. Gradio itself requests the startup events.
PUBLIC = {"/", "/login", "/login/", "/logout", "/favicon.ico", "/robots.txt", "/theme.css"}
PUBLIC |= {"/gradio_api/theme.css", "/gradio_api/startup-events"}
PUBLIC_FOLDERS = ("/assets/", "/static/", "/svelte/")
UPLOAD = "/gradio_api/upload"  # the only large request; Gradio limits it
MAX_UPLOAD = 200  # MiB, unless file_mib is more; below that, the loader says why a file is refused
MAX_BODY = 4 * 2**20  # bytes of any other request
MAX_QUEUE = 64  # events; one more is refused
WRONG_PASSWORD_DELAY = 1.0  # seconds


class Accounts:
    """The names and passwords of the users."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._digests = [_digest(name, password) for name, password in passwords.items()]

    async def check(self, name: str, password: str) -> bool:
        """Return whether the name has this password; if not, after `WRONG_PASSWORD_DELAY`."""
        digest = _digest(name, password)
        equal = [compare_digest(digest, known) for known in self._digests]  # all of them: constant time
        if any(equal):
            return True
        await asyncio.sleep(WRONG_PASSWORD_DELAY)
        return False


class Guard:
    """ASGI middleware around Gradio: logins, limits, our own routes, and `HEADERS` on every response.

    Without accounts it accepts only loopback host names, so that no other site reaches it under its own
    name (DNS rebinding). Routes find the user's name in `request.state.user`.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts | None = None, routes: Sequence[Route] = ()) -> None:
        self._app = app
        self._accounts = accounts
        self._routes = routes
        self._tokens: dict[str, str] = {}  # programs' tokens by user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on, and add the headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        user = await self._user(request)
        scope.setdefault("state", {})["user"] = user or ""
        refused = self._refuse(request, user)
        await (refused or self._app_for(scope))(scope, receive, _with_headers(send))

    def _refuse(self, request: Request, user: str | None) -> Response | None:
        host = request.headers.get("host", "")
        if self._accounts is None and not is_loopback(_hostname(host)):
            return error_response(
                403, f"Without a login, the page can't be opened as {host}. Use 127.0.0.1.", "wrong_host"
            )
        if _is_cross_site(request, host):
            return error_response(403, "Requests from other sites are refused.", "wrong_origin")
        if "://" in request.scope["path"]:  # Gradio would fetch it for the browser, which `HEADERS` forbid
            return error_response(404, "Files of other hosts are not served.", "not_found")
        if request.scope["path"] != UPLOAD and (refused := _refuse_body(request)):
            return refused
        if user is None and not _is_public(request):
            refused = error_response(401, "Log in first, or send a name and password.", "invalid_api_key")
            refused.headers["www-authenticate"] = "Bearer"  # "Basic" would open a dialog in browsers
            return refused
        return None

    def _app_for(self, scope: Scope) -> ASGIApp:
        """Return our own route for this request, or else Gradio."""
        matches = [(*route.matches(scope), route) for route in self._routes]
        for wanted in (Match.FULL, Match.PARTIAL):  # partial: its path matches, its method doesn't
            for match, child_scope, route in matches:
                if match == wanted:
                    scope.update(child_scope)
                    return ExceptionMiddleware(route.handle)
        return self._app

    async def _user(self, request: Request) -> str | None:
        """Return the user's name, also for Gradio: "" where no login is set, None for a stranger."""
        if self._accounts is None:
            return ""
        gradio = request.app
        for name in ("access-token-", "access-token-unsecure-"):
            token = request.cookies.get(f"{name}{gradio.cookie_id}")
            if token in gradio.tokens:
                return str(gradio.tokens[token])
        credentials = _credentials(request.headers.get("authorization", ""))
        if credentials is None or not await self._accounts.check(*credentials):
            return None
        user = credentials[0]
        token = self._tokens.setdefault(user, token_urlsafe(32))
        gradio.tokens[token] = user
        cookie = f"access-token-{gradio.cookie_id}={token}".encode()
        others = [(name, value) for name, value in request.scope["headers"] if name != b"cookie"]
        request.scope["headers"] = [*others, (b"cookie", cookie)]
        return user


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach this address or name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_only_here(settings: Settings) -> bool:
    """Return whether the page is for users of this machine only."""
    return is_loopback(settings.host) and not settings.accounts


def require_login(settings: Settings) -> None:
    """Raise PilcrowError if other machines could read the documents without a login."""
    if settings.accounts or is_loopback(settings.host):
        return
    raise PilcrowError(
        f"host = {settings.host}: anyone who reaches this address could read your documents. "
        "Set PILCROW_AUTH=name:password, or use host 127.0.0.1."
    )


def launch(
    page: gr.Blocks, assistant: Assistant, settings: Settings, routes: Sequence[Route] = (), **look: Any
) -> str:
    """Serve the page, `/v1` and MCP from a thread until `page.close()`; return the page's address.

    `look` is passed to Gradio: theme, css_paths, head. PilcrowError if the port is in use, or the host
    needs a login.
    """
    require_login(settings)
    accounts = Accounts(settings.accounts) if settings.accounts else None
    own_routes = [*completions.routes(assistant), *routes]
    queued = page.queue(max_size=MAX_QUEUE, default_concurrency_limit=4, api_open=False)
    try:
        with redirect_stdout(StringIO()):  # even if quiet, Gradio prints the address of MCP
            _, address, _ = queued.launch(
                server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
                server_port=settings.port,
                auth=accounts.check if accounts else None,
                favicon_path=FAVICON,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                mcp_server=True,
                pwa=False,
                max_file_size=f"{max(MAX_UPLOAD, settings.file_mib)}mb",
                app_kwargs={"middleware": [Middleware(Guard, accounts, own_routes)]},
                **look,
            )
    except OSError as error:
        raise PilcrowError(
            f"Can't listen on {settings.host}, port {settings.port} ({error}). Set another host or port."
        ) from error
    return str(address)


def _digest(name: str, password: str) -> bytes:
    return sha256(f"{name}:{password}".encode("utf-8", "surrogatepass")).digest()


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *added]
        await send(message)

    return send_with_headers


def _refuse_body(request: Request) -> Response | None:
    if "transfer-encoding" in request.headers:
        return error_response(411, "Send a Content-Length header.", "no_length")
    if int(request.headers.get("content-length", 0)) > MAX_BODY:
        return error_response(
            413, f"The request is larger than {MAX_BODY} bytes. Send a smaller one.", "too_large"
        )
    return None


def _is_public(request: Request) -> bool:
    path = request.scope["path"]
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)


def _credentials(header: str) -> tuple[str, str] | None:
    """Return name and password from `Basic …` (RFC 7617) or `Bearer name:password`."""
    scheme, _, value = header.encode("latin-1").partition(b" ")
    try:
        if scheme.lower() == b"basic":
            pair = b64decode(value, validate=True).decode()
        elif scheme.lower() == b"bearer":
            pair = value.decode()
        else:
            return None
    except ValueError:
        return None
    name, colon, password = pair.partition(":")
    return (name, password) if colon else None


def _is_cross_site(request: Request, host: str) -> bool:
    """Return whether a page of another site sent the request; following a link from there is allowed."""
    headers = request.headers
    if "sec-fetch-site" in headers:  # set by the browser, independent of a proxy's name
        linked = request.method in {"GET", "HEAD"} and headers.get("sec-fetch-mode") == "navigate"
        return headers["sec-fetch-site"] not in {"same-origin", "none"} and not linked
    return "origin" in headers and headers["origin"].partition("://")[2] != host


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
