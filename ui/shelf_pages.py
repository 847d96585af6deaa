"""The addresses of the library: its page, uploads, reading, and what librarians do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from rag import DocumentInfo
from rag.health import revision
from ui.desk import Desk, Librarian, OnDesk, SignedIn
from ui.library import CHANGED, MIB, Refused, folded
from ui.render import part
from ui.words import t

router = APIRouter()
Reply = dict[str, Any]

_FORM = 64 * 1024  # bytes of an upload besides its file


@dataclass(frozen=True, slots=True)
class View:
    """Which documents are shown: with the words `q`, in a collection, by a column, "-" for descending."""

    q: str = ""
    within: str = ""
    sort: Annotated[str, Query(pattern="^-?(name|state|paragraphs|date)$")] = "name"
    at: Annotated[int, Query(ge=1)] = 1


class Row(NamedTuple):
    """A document in the table, by whose columns it is sorted."""

    name: str
    state: str
    paragraphs: int
    date: str
    document: DocumentInfo
    collections: list[str]


class Order(BaseModel):
    """What a librarian wants done: documents, the key of a removal, a folder, or files with their bytes."""

    sources: list[str] = []
    key: str = ""
    path: str = ""
    files: list[tuple[str, int]] = Field(default=[], max_length=20_000)


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
        seen=revision(desk.assistant),
        view=view,
    )


@router.get("/pilcrow/shelf")
def shelf(
    desk: OnDesk, user: SignedIn, view: Annotated[View, Depends()], seen: str = "", start: bool = False
) -> Reply:
    """Return what is being read; and if `seen` is no longer the library's state, the documents, as HTML.

    For the start page, `start`, the suggested questions are returned instead of the documents.
    """
    entries, folders, version = desk.shelf.entries(), desk.watched.folders(), revision(desk.assistant)
    html: dict[str, str] = {"reading": part("shelf.html", "reading", entries, user.librarian)}
    if not start:
        html["watched"] = part("shelf.html", "watched", folders, user.librarian)
    if start and version != seen:
        suggestions, count = desk.assistant.suggestions(), desk.assistant.count()
        html["ready"] = part("shelf.html", "ready", suggestions, count)
    elif version != seen:
        html["table"] = _table(desk, view, user.librarian)
    busy = any(one.active for one in entries) or any(one.reading for _, one in folders)
    return {"busy": busy, "seen": version, "html": html}


@router.post("/pilcrow/offer")
def offer(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Return which files to send, by their numbers from 0; the library lists the others with the reason."""
    return {"send": desk.shelf.offer(order.files)}


@router.post("/pilcrow/upload")
async def upload(request: Request, desk: OnDesk, _: Librarian) -> Reply:
    """Keep and queue the `file` of a form under its `path`; `html` is a dialog if a document has its name."""
    limit = desk.shelf.limit
    if int(request.headers.get("content-length", 0)) > limit * MIB + _FORM:
        raise Refused(t("The file is larger than {limit} MiB.", limit=limit), 413)
    async with request.form(max_files=1, max_fields=2) as form:
        file, on_clash = form.get("file"), str(form.get("on_clash"))
        if not isinstance(file, UploadFile):
            raise Refused(t("Send a file."))
        path = str(form.get("path") or file.filename or "")
        entry = await run_in_threadpool(desk.shelf.add, file.file, file.size or 0, path, on_clash)
    html = part("shelf.html", "clash", entry) if entry.state == "clash" else ""
    return {"name": entry.name, "state": entry.state, "html": html}


@router.post("/pilcrow/clear")
def clear(desk: OnDesk, _: Librarian) -> Reply:
    """Take the files off the list that aren't on their way."""
    desk.shelf.clear()
    return {}


@router.post("/pilcrow/remove")
def remove(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Remove documents; return the key with which `restore-documents` undoes it."""
    key, count = desk.shelf.remove(order.sources), len(order.sources)
    text = t("1 document removed", "{count} documents removed", count=count)
    return {"key": key, "message": text, "undo": t("Undo")}


@router.post("/pilcrow/restore-documents")
def restore(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Undo a removal."""
    desk.shelf.restore(order.key)
    return {}


@router.post("/pilcrow/again")
def again(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Read documents again; without sources, all whose files have changed."""
    desk.shelf.again(order.sources)
    return {}


@router.post("/pilcrow/watch")
def watch(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Watch a folder on this machine."""
    if not desk.watched.may_add:
        raise Refused(t("Folders can be watched only from the machine that runs Pilcrow."), 403)
    desk.watched.add(order.path.strip())
    return {}


@router.post("/pilcrow/unwatch")
def unwatch(order: Order, desk: OnDesk, _: Librarian) -> Reply:
    """Watch a folder no more; its documents stay."""
    desk.watched.stop(order.path)
    return {}


def _table(desk: Desk, view: View, librarian: bool) -> str:
    """Render the documents that are wanted; the template takes a page of them."""
    changed, words = desk.assistant.changed(), view.q.casefold().split()
    collections = {name: set(inside) for name, inside in desk.assistant.collections().items() if inside}
    documents = desk.assistant.documents()
    rows = [
        Row(
            folded(one.source),
            changed.get(one.source, ""),
            one.paragraphs,
            str(one.date or ""),
            one,
            [name for name, inside in collections.items() if one.source in inside],
        )
        for one in documents
        if all(word in f"{one.source} {one.title}".casefold() for word in words)
    ]
    if view.within in collections:
        rows = [row for row in rows if view.within in row.collections]
    rows.sort(key=attrgetter(view.sort.lstrip("-")), reverse=view.sort.startswith("-"))
    counts = len(documents), list(changed.values()).count(CHANGED)
    return part("shelf.html", "table", rows, *counts, asdict(view), list(collections), librarian)
