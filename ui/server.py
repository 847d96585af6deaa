"""The guard at the door: who asks, limits on requests, and security headers on every response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import PilcrowError, Settings
from ui.accounts import User, has_login
from ui.completions import error_response
from ui.metrics import REQUESTS
from ui.words import choose_language

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with "no-referrer", a form's Origin is null
    "x-content-type-options": "nosniff",
}
# Needed by the login page; none of it shows documents. Gradio itself requests the startup events.
PUBLIC = {"/login", "/logout", "/favicon.ico", "/health", "/gradio_api/startup-events"}
STATIC = "/room/"
PUBLIC_FOLDERS = (STATIC, "/shared/")
KEPT = {"cache-control": "public, max-age=31536000, immutable"}  # their addresses have a version
GRADIO_UPLOAD = "/gradio_api/upload"
UPLOAD = "/pilcrow/upload"  # the only large request
MAX_UPLOAD = 200  # MiB, unless file_mib is more; below that, the loader says why a file is refused
MAX_BODY = 4 * 2**20  # bytes of any other request

Identify = Callable[[Request], Awaitable[User | None]]


class Guard:
    """ASGI middleware around all addresses: logins, limits, and `HEADERS` on every response.

    Without a login it accepts only loopback host names, so that no other site reaches it under its own name
    (DNS rebinding). Addresses find who asks in `request.state.user`.
    """

    def __init__(self, app: ASGIApp, settings: Settings, identify: Identify, has_login: bool) -> None:
        self._app = app
        self._identify = identify
        self._has_login = has_login
        self._max_upload = max(MAX_UPLOAD, settings.file_mib) * 2**20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on, and add the headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        choose_language(request)
        refused = self._refuse(request)
        if refused is None:
            user = await self._identify(request)
            request.state.user = user or User("", False)
            refused = _refuse_stranger(request) if user is None else None
        is_static = request.scope["path"].startswith(STATIC)
        await (refused or self._app)(scope, receive, _with_headers(send, KEPT if is_static else {}))

    def _refuse(self, request: Request) -> Response | None:
        host, path = request.headers.get("host", ""), request.scope["path"]
        if not self._has_login and not is_loopback(_hostname(host)):
            return error_response(
                403, f"Without a login, the page can't be opened as {host}. Use 127.0.0.1.", "wrong_host"
            )
        if _is_cross_site(request, host):
            return error_response(403, "Requests from other sites are refused.", "wrong_origin")
        if "://" in path or path.startswith(
            GRADIO_UPLOAD
        ):  # files of other hosts, and for Gradio's components
            return error_response(404, "There is nothing at this address.", "not_found")
        limit = self._max_upload if path == UPLOAD else MAX_BODY
        if "transfer-encoding" in request.headers:
            return error_response(411, "Send a Content-Length header.", "no_length")
        if int(request.headers.get("content-length", 0)) > limit:
            return error_response(
                413, f"The request is larger than {limit} bytes. Send a smaller one.", "too_large"
            )
        return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach this address or name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_only_here(settings: Settings) -> bool:
    """Return whether the page is for users of this machine only."""
    return is_loopback(settings.host) and not has_login(settings)


def require_login(settings: Settings) -> None:
    """Raise PilcrowError if other machines could read the documents without a login."""
    if has_login(settings) or is_loopback(settings.host):
        return
    raise PilcrowError(
        f"host = {settings.host}: anyone who reaches this address could read your documents. "
        "Add a user with `pilcrow user add NAME`, or use host 127.0.0.1."
    )


def _refuse_stranger(request: Request) -> Response | None:
    """Refuse a program; send a browser to the login page."""
    path = request.scope["path"]
    if path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
        return None
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        asked = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(asked, safe='')}", 303)
    refused = error_response(401, "Log in first, or send a token.", "invalid_api_key")
    refused.headers["www-authenticate"] = "Bearer"  # "Basic" would open a dialog in browsers
    return refused


def _with_headers(send: Send, more: dict[str, str]) -> Send:
    """Count the response and add `HEADERS` to it, and `more` to one that is no error."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            REQUESTS.labels(message["status"]).inc()
            MutableHeaders(scope=message).update(HEADERS | (more if message["status"] < 400 else {}))
        await send(message)

    return send_with_headers


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
