"""The page's own addresses, for whoever is logged in: paragraphs, pages of PDF files, and exports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rag import Assistant, PilcrowError
from ui.conversations import Conversations
from ui.export import as_json, html, markdown
from ui.render import problem
from ui.source import held, page_image, panel, wanted

View = Callable[[Assistant, Conversations, Request], Response]
# What an export is written by, its type and its file's ending.
EXPORTS = {
    "markdown": (markdown, "text/markdown", "md"),
    "html": (html, "text/html", "html"),
    "json": (as_json, "application/json", "json"),
}


def routes(assistant: Assistant, conversations: Conversations) -> list[Route]:
    """`/pilcrow/source` (HTML), `/pilcrow/page` (PNG) and `/pilcrow/export` (a file to keep)."""
    views: dict[str, View] = {"source": _source, "page": _page, "export": _export}
    return [
        Route(f"/pilcrow/{name}", _answered(view, assistant, conversations)) for name, view in views.items()
    ]


def _answered(
    view: View, assistant: Assistant, conversations: Conversations
) -> Callable[[Request], Awaitable[Response]]:
    """A view in a thread of its own; what it does not find is told with status 404."""

    def answer(request: Request) -> Response:
        try:
            return view(assistant, conversations, request)
        except PilcrowError as error:
            return HTMLResponse(problem(str(error)), status_code=404)
        except (ValueError, KeyError, StopIteration, OSError):
            return HTMLResponse(problem("There is nothing at this address."), status_code=404)

    async def waiting(request: Request) -> Response:
        return await run_in_threadpool(answer, request)

    return waiting


def _source(assistant: Assistant, conversations: Conversations, request: Request) -> Response:
    asked = request.query_params
    if "document" in asked:
        return HTMLResponse(panel(assistant, held(assistant, asked["document"], int(asked["paragraph"]))))
    entries = conversations.entries(request.state.user, asked["conversation"])
    answer = next(entry.answer for entry in entries if entry.number == int(asked["answer"]))
    return HTMLResponse(panel(assistant, wanted(answer, asked.get("citation"), asked.get("evidence"))))


def _page(assistant: Assistant, _: Conversations, request: Request) -> Response:
    asked = request.query_params
    image = page_image(assistant.path(asked["source"]), int(asked["page"]))
    return Response(image, media_type="image/png", headers={"cache-control": "private, max-age=600"})


def _export(_: Assistant, conversations: Conversations, request: Request) -> Response:
    user, asked = request.state.user, request.query_params["conversation"]
    write, kind, ending = EXPORTS[request.query_params["as"]]
    title = next(one.title for one in conversations.listed(user) if one.id == asked)
    headers = {"content-disposition": f'attachment; filename="pilcrow-{asked}.{ending}"'}
    return Response(write(title, conversations.entries(user, asked)), media_type=kind, headers=headers)
