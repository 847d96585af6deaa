"""The addresses of the library: its page, uploads, reading, and what librarians do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from rag import DocumentInfo
from ui.desk import Desk, Librarian, OnDesk, SignedIn
from ui.library import CHANGED, MIB, Refused, folded
from ui.render import part
from ui.words import t

router = APIRouter()

ROWS = 200  # documents on one page of the table
_FORM = 64 * 1024  # bytes of an upload besides its file
Clash = Literal["ask", "replace", "keep", "skip"]


@dataclass(frozen=True, slots=True)
class View:
    """Which documents are shown: with the words `q`, in a collection, by a column, "-" for descending."""

    q: str = ""
    within: str = ""
    sort: str = "name"
    at: Annotated[int, Query(ge=1)] = 1


class Sources(BaseModel):
    """The documents that are meant; for an update, none for all changed ones."""

    sources: list[str]


class Key(BaseModel):
    """A removal, or a file on its way."""

    key: str
    on_clash: Clash = "ask"


class Keys(BaseModel):
    """Files on their way."""

    keys: list[str]


class Folder(BaseModel):
    """A folder of the server's machine."""

    path: str


class Offered(BaseModel):
    """A file that could be sent: its path and its size in bytes."""

    path: str
    size: int


class Offer(BaseModel):
    """Files that could be sent."""

    files: list[Offered] = Field(max_length=20_000)


@router.get("/library")
def library(request: Request, desk: OnDesk, user: SignedIn, view: Annotated[View, Depends()]) -> HTMLResponse:
    """Show the documents, and what is being read."""
    return desk.page(
        request,
        "library.html",
        librarian=user.librarian,
        folders=desk.watched.folders(),
        may_watch=desk.watched.may_add,
        table=_table(desk, view, user.librarian),
        seen=_version(desk),
        view=view,
    )


@router.get("/pilcrow/shelf")
def shelf(
    desk: OnDesk, user: SignedIn, view: Annotated[View, Depends()], seen: str = "", start: bool = False
) -> dict[str, Any]:
    """Return what is being read; and if `seen` is no longer the library's state, the documents, as HTML.

    For the start page, `start`, the suggested questions are returned instead of the documents.
    """
    entries, folders, version = desk.shelf.entries(), desk.watched.folders(), _version(desk)
    html: dict[str, str] = {"reading": part("shelf.html", "reading", entries, user.librarian)}
    if not start:
        html["watched"] = part("shelf.html", "watched", folders, user.librarian)
    if version != seen:
        html |= (
            {
                "ready": part(
                    "shelf.html", "ready", desk.assistant.suggestions(), len(desk.assistant.documents())
                )
            }
            if start
            else {"table": _table(desk, view, user.librarian)}
        )
    busy = any(one.active for one in entries) or any(one.reading for _, one in folders)
    return {"busy": busy, "seen": version, "html": html}


@router.post("/pilcrow/offer")
def offer(offered: Offer, desk: OnDesk, _: Librarian) -> dict[str, list[int]]:
    """Return which files to send, by their numbers from 0; the library lists the others with the reason."""
    return {"send": desk.shelf.offer([(one.path, one.size) for one in offered.files])}


@router.post("/pilcrow/upload")
async def upload(request: Request, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Store and queue the `file` of a form under its `path`; return its state, which may be a clash."""
    limit = desk.shelf.limit
    if int(request.headers.get("content-length", 0)) > limit * MIB + _FORM:
        raise Refused(t("The file is larger than {limit} MiB.", limit=limit), 413)
    async with request.form(max_files=1, max_fields=2) as form:
        file, on_clash = form.get("file"), str(form.get("on_clash", "ask"))
        if not isinstance(file, UploadFile):
            raise Refused(t("Send a file."))
        path = str(form.get("path") or file.filename or "")
        entry = await run_in_threadpool(desk.shelf.add, file.file, file.size or 0, path, on_clash)
    html = part("shelf.html", "clash", entry) if entry.state == "clash" else ""
    return {"key": entry.key, "name": entry.name, "state": entry.state, "html": html}


@router.post("/pilcrow/settle")
def settle(settled: Key, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Decide what becomes of an upload whose name is there, or try one again."""
    desk.shelf.settle(settled.key, settled.on_clash)
    return {}


@router.post("/pilcrow/dismiss")
def dismiss(dismissed: Keys, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Take files off the list that are not on their way; without keys, all that nobody must decide about."""
    ended = [one.key for one in desk.shelf.entries() if one.state != "clash"]
    desk.shelf.dismiss(dismissed.keys or ended)
    return {}


@router.post("/pilcrow/remove")
def remove(removed: Sources, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Remove documents; return the key with which `restore-documents` undoes it."""
    key, count = desk.shelf.remove(removed.sources), len(removed.sources)
    text = t("1 document removed", "{count} documents removed", count=count)
    return {"key": key, "message": text, "undo": t("Undo")}


@router.post("/pilcrow/restore-documents")
def restore(removal: Key, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Undo a removal."""
    desk.shelf.restore(removal.key)
    return {}


@router.post("/pilcrow/again")
def again(updated: Sources, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Read documents again."""
    desk.shelf.again(updated.sources)
    return {}


@router.post("/pilcrow/watch")
def watch(folder: Folder, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Watch a folder on this machine."""
    if not desk.watched.may_add:
        raise Refused(t("Folders can be watched only from the machine that runs Pilcrow."), 403)
    desk.watched.add(folder.path.strip())
    return {}


@router.post("/pilcrow/unwatch")
def unwatch(folder: Folder, desk: OnDesk, _: Librarian) -> dict[str, str]:
    """Watch a folder no more; its documents stay."""
    desk.watched.stop(folder.path)
    return {}


def _version(desk: Desk) -> str:
    return f"{desk.shelf.revision}.{desk.watched.revision}"


def _table(desk: Desk, view: View, librarian: bool) -> str:
    """Render the documents that are wanted, a page of them."""
    changed = desk.assistant.changed()
    collections = {name: set(inside) for name, inside in desk.assistant.collections().items() if inside}
    documents, words = desk.assistant.documents(), view.q.casefold().split()
    among = collections.get(view.within)
    found = [
        one
        for one in documents
        if (among is None or one.source in among)
        and all(word in f"{one.source} {one.title}".casefold() for word in words)
    ]
    columns: dict[str, Callable[[DocumentInfo], Any]] = {
        "name": lambda one: folded(one.source),
        "state": lambda one: changed.get(one.source, ""),
        "paragraphs": lambda one: one.paragraphs,
        "date": lambda one: one.date or date.min,
    }
    found.sort(key=columns.get(view.sort.lstrip("-"), columns["name"]), reverse=view.sort.startswith("-"))
    first = (view.at - 1) * ROWS
    rows = [
        (
            one,
            changed.get(one.source, ""),
            [name for name, inside in collections.items() if one.source in inside],
        )
        for one in found[first : first + ROWS]
    ]
    counts = {
        "found": len(found),
        "all": len(documents),
        "first": first,
        "rows": ROWS,
        "changed": list(changed.values()).count(CHANGED),
    }
    return part("shelf.html", "table", rows, counts, asdict(view), list(collections), librarian)
