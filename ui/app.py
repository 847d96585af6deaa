"""The page as one application: our addresses, `/v1`, and Gradio's API engine with its MCP server."""

from __future__ import annotations

from contextlib import redirect_stdout
from functools import partial
from io import StringIO

import gradio as gr
from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from rag import Assistant, PilcrowError, Settings
from ui import completions, health, login, pages, setup, sharing, shelf_pages, tools
from ui.access import Access
from ui.accounts import Accounts
from ui.conversations import Conversations
from ui.desk import Desk
from ui.library import Shelf
from ui.login import identify
from ui.metrics import REQUESTS
from ui.quota import Quota
from ui.render import STATIC, VERSION, page
from ui.runs import MAX_WAITING, Runs
from ui.server import HEADERS, Guard, require_login
from ui.watched import WatchedFolders
from ui.words import t


def build(
    assistant: Assistant, conversations: Conversations, watched: WatchedFolders | None = None
) -> gr.Server:
    """Build the application of an open assistant, without serving it."""
    access = Access(conversations.place, Accounts(assistant.settings))
    runs, shelf = Runs(assistant, conversations), Shelf(assistant)
    quota = Quota(conversations, assistant.settings.questions_a_minute)
    desk = Desk(assistant, conversations, access, quota, runs, shelf, watched or WatchedFolders(assistant))
    guard = Middleware(Guard, assistant.settings, partial(identify, access), access.accounts.needed)
    server = gr.Server(title="Pilcrow", openapi_url=None, docs_url=None, redoc_url=None, middleware=[guard])
    server.state.desk = desk
    server.mount(f"/room/{VERSION}", StaticFiles(directory=STATIC))
    for module in (health, login, pages, setup, sharing, shelf_pages):
        server.include_router(module.router)
    server.router.routes.extend(completions.routes(assistant, quota))
    for kind in (PilcrowError, HTTPException, RequestValidationError):
        server.add_exception_handler(kind, _refuse)
    server.add_exception_handler(Exception, _apologise)
    tools.add(server, assistant, quota)
    return server


def launch(server: gr.Server, settings: Settings) -> str:
    """Serve the application from a thread until `close`; return its address.

    PilcrowError if the port is in use, or the host needs a login.
    """
    require_login(settings)
    try:
        with redirect_stdout(StringIO()):  # even if quiet, Gradio prints the address of MCP
            _, address, _ = server.launch(
                server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
                server_port=settings.port,
                auth_dependency=lambda request: request.state.user.name,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                mcp_server=True,
                pwa=False,
            )
    except OSError as error:
        raise PilcrowError(
            f"Can't listen on {settings.host}, port {settings.port} ({error}). Set another host or port."
        ) from error
    tools.describe(server)
    queue = server.get_blocks()._queue  # `Server.launch` has no setting for it
    queue.max_size, queue.default_concurrency_limit = MAX_WAITING, 4
    return str(address)


def close(server: gr.Server) -> None:
    """Stop serving, and what goes on in the background."""
    server.state.desk.runs.close()  # first: a browser that follows one would keep the server open
    server.get_blocks().close(verbose=False)
    server.state.desk.access.close()
    server.state.desk.shelf.close()
    server.state.desk.watched.close()


def _refuse(request: Request, error: Exception) -> Response:
    """Answer an error: as a page for a browser, else with its words for our script and for programs."""
    status = getattr(error, "status", getattr(error, "status_code", 400))
    problem, detail = str(error), getattr(error, "detail", str(error))
    if isinstance(error, RequestValidationError):
        status, detail = 422, jsonable_encoder(error.errors())
        problem = f"{'.'.join(map(str, detail[0]['loc'][1:]))}: {detail[0]['msg']}"
    elif isinstance(error, HTTPException):
        problem = t("There is nothing at this address.") if status == 404 else str(detail)
    if "text/html" in request.headers.get("accept", ""):
        shown = page("problem.html", request, problem=problem)
        shown.status_code = status
        return shown
    return JSONResponse({"message": problem, "detail": detail}, status, getattr(error, "headers", None))


def _apologise(request: Request, _: Exception) -> Response:
    """Answer an error of ours, which the log tells; outside the guard, so with its headers."""
    REQUESTS.labels(500).inc()
    error = HTTPException(500, t("Something went wrong here; Pilcrow's log says what. Try again."))
    answer = _refuse(request, error)
    answer.headers.update(HEADERS)
    return answer
