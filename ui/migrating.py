"""`pilcrow migrate`: copy an index to other stores, with the files that lie in its folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from rag import Settings
from rag.migrating import destination, migrate
from ui import terminal

EXAMS = "exams.json"  # the grades of verifiers

Where = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="WHERE",
        help="A folder; or postgresql://…, and with --to again http://… of a Chroma server.",
    ),
]
Index = Annotated[Path | None, typer.Option("--index", metavar="DIR", help="Use the index in DIR.")]


def command(to: Where, index: Index = None) -> None:
    """Copy the index to other stores, without embedding again, and compare both.

    Run it again to go on after a stop, or to copy what changed. The index stays, and may be in use meanwhile.
    """
    settings = Settings.load(index=index)
    target = destination(settings, to)
    with terminal.progress_bar() as show:
        done = migrate(settings, target, show)
    terminal.print_text(f"copied {done.documents} documents, removed {done.removed}")
    old, new = (each.index.expanduser().resolve() for each in (settings, target))
    if copied := copy_files(old, new):
        terminal.print_text(f"copied {', '.join(copied)}")
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


def _change(settings: Settings, target: Settings) -> str:
    """Return how to make the copy the index that is used, without a password."""
    now = {
        "index": target.index if target.index != settings.index else None,
        "catalog_url": "the address of the database" if target.catalog_url else None,
        "chroma_url": target.chroma_url,
    }
    changes = [f"set {name} to {value}" for name, value in now.items() if value]
    unset = [name for name in ("catalog_url", "chroma_url") if getattr(settings, name) and not now[name]]
    return ", ".join(changes + [f"remove {name}" for name in unset]) + " in pilcrow.toml"
