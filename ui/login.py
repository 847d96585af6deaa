"""Logging in and out, and API tokens."""

from __future__ import annotations

import logging
from base64 import b64decode
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from rag import PilcrowError
from ui.access import Access
from ui.accounts import User
from ui.desk import OnDesk, SignedIn
from ui.render import page, part
from ui.words import t

router = APIRouter()

COOKIE = "pilcrow-session"
KEPT = timedelta(days=400)  # as long as browsers keep a cookie; the session may end before

log = logging.getLogger(__name__)


async def identify(access: Access, request: Request) -> User | None:
    """Return who asks, by session, token or password; None for a stranger."""
    try:
        if not access.accounts.needed:
            return User("", True)
        session = request.cookies.get(COOKIE)
        if session and (user := await run_in_threadpool(access.user_of, session)):
            return user
        token, name, password = _credentials(request.headers.get("authorization", ""))
        if token:
            return await run_in_threadpool(access.user_of_token, token)
        return await access.accounts.check(name, password) if password else None
    except PilcrowError as error:  # nobody gets in; the login page says why
        log.error("%s", error)
        return None


def _credentials(header: str) -> tuple[str, str, str]:
    """Return token, name and password of `Bearer TOKEN`, `Bearer name:password` or `Basic …` (RFC 7617)."""
    scheme, _, value = header.encode("latin-1").partition(b" ")
    readers = {b"basic": lambda: b64decode(value, validate=True), b"bearer": lambda: value}
    try:
        name, colon, password = readers[scheme.lower()]().decode().partition(":")
    except (KeyError, ValueError):
        return "", "", ""
    return ("", name, password) if colon else (name, "", "")


@router.get("/login")
def ask_for_login(request: Request, user: SignedIn, next: str = "/") -> Response:
    """Show the login form, unless somebody is logged in."""
    if user.name or user.librarian:
        return RedirectResponse(_own(next), 303)
    return page("login.html", request, after=_own(next), username="", problem="")


@router.post("/login")
async def log_in(
    request: Request,
    desk: OnDesk,
    username: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Open a session for the form of the page, or for Gradio's client."""
    by_browser = "text/html" in request.headers.get("accept", "")
    user = await desk.access.accounts.check(username, password)
    if user is None:
        problem = t("Wrong name or password.")
        if not by_browser:
            return JSONResponse({"detail": problem}, 401)
        form = page("login.html", request, after=_own(next), username=username, problem=problem)
        form.status_code = 401
        return form
    session = await run_in_threadpool(desk.access.open_session, user.name)
    await run_in_threadpool(desk.access.close_session, request.cookies.get(COOKIE, ""))
    response = RedirectResponse(_own(next), 303) if by_browser else JSONResponse({"success": True})
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, session, int(KEPT.total_seconds()), httponly=True, samesite="lax", secure=is_secure
    )
    return response


@router.post("/logout")
def log_out(request: Request, desk: OnDesk) -> Response:
    """Close the session."""
    desk.access.close_session(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.post("/pilcrow/tokens/add")
def add_token(label: Annotated[str, Body(embed=True)], desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Make an API token; it is shown this once."""
    made = desk.access.add_token(user.name, label)
    return {"token": made, "html": part("access.html", "api_tokens", desk.access.tokens(user.name), made)}


@router.post("/pilcrow/tokens/remove")
def remove_token(id: Annotated[int, Body(embed=True)], desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Make an API token void."""
    desk.access.remove_token(user.name, id)
    return {"html": part("access.html", "api_tokens", desk.access.tokens(user.name))}


def _own(address: str) -> str:
    """Return an address of this page, or else the start."""
    is_own = address.startswith("/") and address.isprintable() and not address.startswith(("//", "/\\"))
    return address if is_own and not address.startswith("/login") else "/"
