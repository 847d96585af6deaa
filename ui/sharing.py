"""Links with which others, also without a login, read one conversation."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ui.conversations import Entry
from ui.desk import Desk, OnDesk, SignedIn
from ui.pages import Missing, Named
from ui.render import page, part
from ui.source import recorded, refreshed

router = APIRouter()


@router.post("/pilcrow/share")
def share(named: Named, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Return the address at which others can read a conversation."""
    return {"address": f"/shared/{desk.access.share(user.name, named.conversation)}"}


@router.post("/pilcrow/unshare")
def unshare(named: Named, desk: OnDesk, user: SignedIn) -> dict[str, str]:
    """Take the link to a conversation back."""
    desk.access.unshare(user.name, named.conversation)
    return {}


@router.get("/shared/{link}")
def shared(link: str, request: Request, desk: OnDesk) -> HTMLResponse:
    """Show a conversation to be read."""
    title, entries = _linked(desk, link)
    entries, grade = refreshed(desk.assistant, entries), desk.assistant.grade
    return page("shared.html", request, token=link, title=title, entries=entries, grade=grade)


@router.get("/shared/{link}/source")
def source(link: str, desk: OnDesk, answer: int, citation: int = 0, evidence: int = 0) -> HTMLResponse:
    """Show a paragraph as it was cited, without those around it."""
    for entry in refreshed(desk.assistant, _linked(desk, link)[1]):
        if entry.number == answer and (found := recorded(entry.answer, citation, evidence)):
            return HTMLResponse(part("source.html", "pane", found, (), (), "", False))
    raise Missing("There is no such citation any more. Reload the page.")


def _linked(desk: Desk, link: str) -> tuple[str, Sequence[Entry]]:
    """Return the title and entries of the conversation that a link shows."""
    if not (found := desk.access.shared(link)):
        raise Missing("This link shows nothing any more. Ask who gave it to you for a new one.")
    return desk.conversations.title(*found), desk.conversations.entries(*found)
