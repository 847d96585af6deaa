"""The addresses of the page: asking, conversations, sources, whole documents and exports."""

from __future__ import annotations

import json
from asyncio import sleep
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rag import Citation, Evidence, PilcrowError
from ui.board import Run
from ui.desk import Desk, OnDesk, SignedIn
from ui.export import as_json, html, markdown
from ui.render import part
from ui.runs import EVERY
from ui.source import page_image, pane, recorded, refreshed, stored
from ui.words import language

router = APIRouter()

RETRY = "retry: 1000\n\n"  # milliseconds until a browser that lost the stream asks for it again
TICK = 0.1  # seconds between two looks at a running question
CHOICES = 100  # documents offered at once to limit a question
WINDOW = 400  # paragraphs of a document on one page
# Each export's writer, media type and file suffix.
EXPORTS = {
    "markdown": (markdown, "text/markdown", "md"),
    "html": (html, "text/html", "html"),
    "json": (as_json, "application/json", "json"),
}


class Missing(PilcrowError):
    """There is nothing at this address."""

    status = 404


class Named(BaseModel):
    """Which conversation is meant."""

    conversation: str


class Ask(BaseModel):
    """A question, asked in a conversation or, with "", in a new one."""

    question: str
    conversation: str = ""
    sources: list[str] = Field(default_factory=list)
    replaces: int = 0
    extractive: bool = False


class Judge(Named):
    """A user's verdict on an answer; None takes it back."""

    number: int
    verdict: str | None
    note: str = ""


class Rename(Named):
    """A conversation's new title."""

    title: str


@router.get("/")
def start(request: Request, desk: OnDesk, user: SignedIn, c: str = "") -> Response:
    """Show the start, or a conversation."""
    documents = desk.assistant.count()
    if not c:
        suggestions = desk.assistant.suggestions()
        return desk.page(request, "start.html", documents=documents, suggestions=suggestions)
    run = desk.runs.find(user.name, c)
    run = run if run and (run.problem or not run.over) else None  # it may have been recorded meanwhile
    entries = [] if run and run.is_first else desk.conversations.entries(user.name, c)
    if run and not run.over:
        entries = entries[: run.number - 1]
    return desk.page(
        request,
        "conversation.html",
        current=c,
        documents=documents,
        entries=refreshed(desk.assistant, entries),
        run=run,
        waiting=_waiting(desk, run),
        grade=desk.assistant.grade,
        plain=desk.assistant.uses_llm,
    )


@router.post("/pilcrow/ask")
def ask(asked: Ask, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Begin to answer; return the conversation and the question as it waits."""
    desk.quota.take(user.name)
    run = desk.runs.ask(user.name, **asked.model_dump())
    return {
        "conversation": run.conversation,
        "html": part("answer.html", "running", run, _waiting(desk, run)),
    }


@router.get("/pilcrow/events")
async def events(conversation: str, number: int, desk: OnDesk, user: SignedIn) -> Response:
    """Stream what becomes of a conversation's question: `draft`, then `done`, `failed` or `lost`."""
    stream = _follow(desk, user.name, conversation, number)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _follow(desk: Desk, user: str, conversation: str, number: int) -> AsyncIterator[str]:
    run, seen = await run_in_threadpool(desk.runs.find, user, conversation), (-1, -1)
    if run and run.number != number:  # a later question
        run = None
    if run:
        yield RETRY
    while run and not run.over:
        now = run.version, desk.runs.before(run)
        if now != seen:
            yield _event("draft", html=part("answer.html", "running", run, now[1]))
            seen = now
        await sleep(EVERY if run.is_elsewhere else TICK)
        if run.is_elsewhere:
            run = await run_in_threadpool(desk.runs.find, user, conversation)
    if run and run.problem:
        yield _event("failed", html=part("answer.html", "failed", run, desk.assistant.uses_llm))
    else:
        yield await run_in_threadpool(_recorded, desk, user, conversation, number)


def _recorded(desk: Desk, user: str, conversation: str, number: int) -> str:
    """Return the answer as an event, or that it was lost, as the server was stopped meanwhile."""
    try:
        entries = desk.conversations.entries(user, conversation)[number - 1 :]
    except PilcrowError:
        entries = []
    if not entries:
        return _event("lost")
    entry = refreshed(desk.assistant, entries[:1])[0]
    turn = part("answer.html", "turn", entry, conversation, desk.assistant.grade)
    return _event("done", html=turn)


def _event(kind: str, **data: str) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def _waiting(desk: Desk, run: Run | None) -> int:
    return desk.runs.before(run) if run else 0


@router.post("/pilcrow/stop")
def stop(named: Named, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Stop answering; return the question."""
    return {"question": desk.runs.stop(user.name, named.conversation)}


@router.post("/pilcrow/judge")
def judge(judged: Judge, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Keep the user's verdict on an answer; return what its button says now."""
    desk.conversations.judge(user.name, judged.conversation, judged.number, judged.verdict, judged.note)
    return {"label": part("answer.html", "judged", judged.verdict)}


@router.post("/pilcrow/rename")
def rename(named: Rename, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Give a conversation another title."""
    desk.conversations.rename(user.name, named.conversation, named.title)
    return {}


@router.post("/pilcrow/delete")
def delete(named: Named, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Delete a conversation; for some seconds it can be taken back."""
    desk.conversations.delete(user.name, named.conversation)
    if (run := desk.runs.find(user.name, named.conversation)) and not run.over:
        desk.runs.stop(user.name, named.conversation)
    return {}


@router.post("/pilcrow/restore")
def restore(named: Named, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Take back that a conversation was deleted."""
    desk.conversations.restore(user.name, named.conversation)
    return {}


@router.get("/pilcrow/listing")
def listing(desk: OnDesk, user: SignedIn, q: str = "", c: str = "") -> HTMLResponse:
    """Show the conversations with these words."""
    found = desk.conversations.search(user.name, q.strip())
    return HTMLResponse(part("rail.html", "listing", found, desk.runs.of(user.name), c, q.strip()))


@router.get("/pilcrow/scope")
def scope(desk: OnDesk, _: SignedIn, q: str = "") -> HTMLResponse:
    """Offer the collections and documents that a question can be limited to."""
    words = q.casefold().split()
    collections = [name for name, sources in desk.assistant.collections().items() if sources]
    documents = [one.source for one in desk.assistant.documents()]
    found = [
        [name for name in names if all(word in name.casefold() for word in words)]
        for names in (collections, documents)
    ]
    return HTMLResponse(part("composer.html", "choices", found[0], found[1][:CHOICES], len(found[1])))


@router.get("/pilcrow/source")
def source(
    request: Request,
    desk: OnDesk,
    user: SignedIn,
    conversation: str = "",
    answer: int = 0,
    citation: int = 0,
    evidence: int = 0,
    document: str = "",
    paragraph: int = 1,
) -> Response:
    """Show a cited paragraph as it was read, or one of a document as it is now.

    A browser that opens it in a tab of its own gets the whole document at that place.
    """
    if document:
        found: Citation | Evidence = stored(desk.assistant, document, paragraph)
        whole, address = None, ""
    else:
        entries = desk.conversations.entries(user.name, conversation)
        whole = next((entry.answer for entry in entries if entry.number == answer), None)
        cited = recorded(whole, citation, evidence) if whole else None
        if cited is None:
            raise Missing("There is no such citation any more. Reload the page.")
        found, address = cited, f"conversation={conversation}&answer={answer}"
    if request.headers.get("sec-fetch-dest") == "document":
        first = max(1, found.paragraph - WINDOW // 2)
        query = urlencode({"source": found.source, "first": first})
        return RedirectResponse(f"/document?{query}#p{found.paragraph}", 303)
    return HTMLResponse(pane(desk.assistant, found, whole, address))


@router.get("/pilcrow/page")
def page(desk: OnDesk, _: SignedIn, source: str, page: int, quote: str = "") -> Response:
    """Draw a page of a PDF file, the quote boxed."""
    try:
        image = page_image(desk.assistant.path(source), page, quote)
    except (ValueError, OSError) as error:
        raise Missing(f"{source} has no such page to show.") from error
    return Response(image, media_type="image/png", headers={"cache-control": "private, max-age=600"})


@router.get("/document")
def document(
    request: Request, desk: OnDesk, _: SignedIn, source: str, first: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """Show a whole document, a window at a time."""
    known = desk.assistant.documents([source])[0]
    paragraphs = desk.assistant.paragraphs(source, first, first + WINDOW - 1)
    return desk.page(
        request, "document.html", document=known, paragraphs=paragraphs, first=first, window=WINDOW
    )


@router.get("/pilcrow/export")
def export(
    request: Request,
    desk: OnDesk,
    user: SignedIn,
    conversation: str,
    kind: Annotated[Literal["markdown", "html", "json"], Query(alias="as")],
) -> Response:
    """Export a conversation as a file."""
    language.set("en")  # as all of the export
    write, media_type, suffix = EXPORTS[kind]
    title = desk.conversations.title(user.name, conversation)
    entries = refreshed(desk.assistant, desk.conversations.entries(user.name, conversation))
    headers = {"content-disposition": f'attachment; filename="pilcrow-{conversation}.{suffix}"'}
    return Response(write(title, entries), media_type=media_type, headers=headers)
