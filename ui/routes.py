"""The page's own addresses, for logged-in users: paragraphs, pages of PDF files, and exports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rag import Assistant, PilcrowError
from ui.conversations import Conversations
from ui.export import as_json, html, markdown
from ui.render import part
from ui.source import page_image, panel, recorded, refreshed, stored

View = Callable[[Assistant, Conversations, Request], Response]
# Each export's writer, media type and file suffix.
EXPORTS = {
    "markdown": (markdown, "text/markdown", "md"),
    "html": (html, "text/html", "html"),
    "json": (as_json, "application/json", "json"),
}


def routes(assistant: Assistant, conversations: Conversations) -> list[Route]:
    """Return `/pilcrow/source` (HTML), `/pilcrow/page` (PNG) and `/pilcrow/export` (a file)."""
    views: dict[str, View] = {"source": _source, "page": _page, "export": _export}
    return [
        Route(f"/pilcrow/{name}", _endpoint(view, assistant, conversations)) for name, view in views.items()
    ]


def _endpoint(
    view: View, assistant: Assistant, conversations: Conversations
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that runs a view in a thread; status 404 if it finds nothing."""

    def respond(request: Request) -> Response:
        try:
            return view(assistant, conversations, request)
        except PilcrowError as error:
            return HTMLResponse(part("problem", str(error)), status_code=404)
        except (ValueError, KeyError, StopIteration, OSError):
            message = "There is nothing at this address. Go back to the page and open the source again."
            return HTMLResponse(part("problem", message), status_code=404)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(respond, request)

    return endpoint


def _source(assistant: Assistant, conversations: Conversations, request: Request) -> Response:
    query = request.query_params
    if "document" in query:
        return HTMLResponse(panel(assistant, stored(assistant, query["document"], int(query["paragraph"]))))
    entries = conversations.entries(request.state.user, query["conversation"])
    answer = next(entry.answer for entry in entries if entry.number == int(query["answer"]))
    return HTMLResponse(panel(assistant, recorded(answer, query.get("citation"), query.get("evidence"))))


def _page(assistant: Assistant, _: Conversations, request: Request) -> Response:
    query = request.query_params
    image = page_image(assistant.path(query["source"]), int(query["page"]))
    return Response(image, media_type="image/png", headers={"cache-control": "private, max-age=600"})


def _export(assistant: Assistant, conversations: Conversations, request: Request) -> Response:
    user, key = request.state.user, request.query_params["conversation"]
    write, media_type, suffix = EXPORTS[request.query_params["as"]]
    title = next(one.title for one in conversations.search(user) if one.id == key)
    headers = {"content-disposition": f'attachment; filename="pilcrow-{key}.{suffix}"'}
    entries = refreshed(assistant, conversations.entries(user, key))
    return Response(write(title, entries), media_type=media_type, headers=headers)
