"""What the addresses of the page work with, and who asks: dependencies of FastAPI's path operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from rag import Assistant, PilcrowError
from ui.access import Access
from ui.accounts import User
from ui.conversations import Conversations
from ui.library import Shelf
from ui.quota import Quota
from ui.render import page
from ui.runs import Runs
from ui.watched import WatchedFolders


@dataclass(frozen=True, slots=True)
class Desk:
    """The open assistant, the conversations, and what goes on in the background."""

    assistant: Assistant
    conversations: Conversations
    access: Access
    quota: Quota
    runs: Runs
    shelf: Shelf
    watched: WatchedFolders

    def page(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        """Render a whole page: its template's values, and those of the rail."""
        user: User = request.state.user
        return page(
            template,
            request,
            user=user,
            conversations=self.conversations.search(user.name),
            running=self.runs.of(user.name),
            shelf=self.shelf,
            **{"current": "", **values},
        )


class Forbidden(PilcrowError):
    """A reader tried to change the library."""

    status = 403


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _user(request: Request) -> User:
    user: User = request.state.user
    return user


def _librarian(request: Request) -> User:
    user = _user(request)
    if not user.librarian:
        raise Forbidden("Only a librarian may change the library. Ask one, or log in as one.")
    return user


OnDesk = Annotated[Desk, Depends(_desk)]
SignedIn = Annotated[User, Depends(_user)]
Librarian = Annotated[User, Depends(_librarian)]
