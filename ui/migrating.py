"""`pilcrow migrate`: copy an index to other stores, with its files, conversations and sessions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag import Settings
from rag.migrating import destination, migrate
from ui import terminal
from ui.terminal import Index

if TYPE_CHECKING:
    from sqlalchemy import Row, Table

    from ui.storage import Storage

EXAMS = "exams.json"  # the grades of verifiers
TOGETHER = 100  # conversations

Where = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="WHERE",
        help="A folder. For servers, give both: --to postgresql://… --to http://…",
    ),
]


def command(to: Where, index: Index = None) -> None:
    """Copy the index to other stores without embedding again.

    At the end, both are compared. Run it again to go on after a stop, or to copy what changed. The index
    stays, and may be in use meanwhile.
    """
    settings = Settings.load(index=index)
    target = destination(settings, to)
    with terminal.progress_bar() as show:
        done = migrate(settings, target, show)
    terminal.print_text(f"copied {done.documents} documents, removed {done.removed}")
    old, new = (each.index.expanduser().resolve() for each in (settings, target))
    if copied := copy_files(old, new):
        terminal.print_text(f"copied {', '.join(copied)}")
    if count := _copy_page(settings, target):
        terminal.print_text(f"copied {count} conversations")
    terminal.print_text(f"both hold {done.content}")
    terminal.print_text(f"To use the copy, {_change(settings, target)}.")


def copy_files(old: Path, new: Path) -> list[str]:
    """Copy uploads, users and grades from the folder of an index; return which had new or newer files."""
    from ui.accounts import FILE
    from ui.library import FOLDER

    names = (FOLDER, FILE, EXAMS) if old != new else ()
    return [name for name in names if _copy(old, new, name)]


def _copy(old: Path, new: Path, name: str) -> int:
    """Copy a file, or all files of a folder; return how many were new or newer."""
    files = [file for file in ((old / name), *(old / name).rglob("*")) if file.is_file()]
    count = 0
    for file in files:
        copy = new / file.relative_to(old)
        if not copy.exists() or copy.stat().st_mtime_ns < file.stat().st_mtime_ns:
            copy.parent.mkdir(parents=True, exist_ok=True)
            half = copy.with_name(f"{copy.name}.half")  # so that a kill leaves no half file of that name
            shutil.copy2(file, half)
            half.replace(copy)
            count += 1
    return count


def _copy_page(settings: Settings, target: Settings) -> int:
    from ui.storage import place

    old, new = place(settings), place(target)
    return copy_conversations(old, new) if old != new and (isinstance(old, str) or old.exists()) else 0


def copy_conversations(old: Path | str, new: Path | str) -> int:
    """Copy conversations, links, sessions and tokens; return how many conversations.

    Those of the same id or token are replaced; others that are there stay.
    """
    from sqlalchemy import delete, select

    from ui.storage import Storage
    from ui.tables import CONVERSATION, ENTRY, LINK, PASS

    keys = {CONVERSATION: CONVERSATION.c.id, ENTRY: ENTRY.c.conversation, LINK: LINK.c.conversation}
    with Storage(old) as source, Storage(new) as target:
        every = [row.id for row in source.run(select(CONVERSATION.c.id).order_by(CONVERSATION.c.id))]
        for start in range(0, len(every), TOGETHER):
            ids = every[start : start + TOGETHER]
            with source.transaction():
                found = {table: source.run(select(table).where(key.in_(ids))) for table, key in keys.items()}
            with target.transaction():
                target.run(
                    delete(CONVERSATION).where(CONVERSATION.c.id.in_(ids))
                )  # with what belongs to them
                for table, rows in found.items():
                    _insert(target, table, rows)
        passes = source.run(select(*(column for column in PASS.c if column.name != "id")).order_by(PASS.c.id))
        with target.transaction():
            target.run(delete(PASS).where(PASS.c.digest.in_([one.digest for one in passes])))
            _insert(target, PASS, passes)
    return len(every)


def _insert(target: Storage, table: Table, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    if rows:
        target.run(target.insert(table), *(row._asdict() for row in rows))


def _change(settings: Settings, target: Settings) -> str:
    """Return how to make the copy the index that is used, without a password."""
    now = {
        "index": target.index if target.index != settings.index else None,
        "catalog_url": "the address of the database" if target.catalog_url else None,
        "chroma_url": target.chroma_url,
    }
    kept = " and ".join(f"{name} to {value}" for name, value in now.items() if value)
    gone = " and ".join(
        one for one in ("catalog_url", "chroma_url") if getattr(settings, one) and not now[one]
    )
    return f"set {kept}{f', and remove {gone},' if gone else ''} in pilcrow.toml"
