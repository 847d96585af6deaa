"""Take the screenshots of docs/screens/, of pages over seeds/: `python -m scripts.make_screenshots`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from PIL import Image

from eval import ROOT, SEEDS
from rag import Assistant, Settings

sys.path.insert(0, str(ROOT / "tests"))

from whole_page import ask, browsing, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True},
}
COLOURS = 128  # of an image, so that it stays small


def reading(page: Page) -> None:
    """Add files to an empty index: one is read, one can't be."""
    with TemporaryDirectory() as folder:
        cut = Path(folder, "scan.pdf")
        cut.write_bytes(b"%PDF-1.4 cut off")
        page.locator("input[type=file]").first.set_input_files([SEEDS / "timeline.html", cut])
        page.get_by_text("is damaged").wait_for()


def answered(question: str, opens: bool = False) -> Callable[[Page], None]:
    """Return what asks a question and perhaps opens the first source."""

    def state(page: Page) -> None:
        turn = ask(page, question)
        if opens:
            turn.locator("a.mark").first.click()
            page.locator("#pane .cited").wait_for()

    return state


def visited(path: str) -> Callable[[Page], None]:
    """Return what opens an address of the page."""

    def state(page: Page) -> None:
        page.goto(page.url.split("?")[0].rstrip("/") + path)
        page.wait_for_timeout(1500)

    return state


FIRST: dict[str, Callable[[Page], None]] = {"first-use": lambda _: None, "reading": reading}
STATES: dict[str, Callable[[Page], None]] = {
    "start": lambda _: None,
    "answer": answered("Who commands Ukraine's army?", opens=True),
    "pdf": answered("What is Wagner?", opens=True),
    "table": answered("How many howitzers did Denmark promise?", opens=True),
    "conflict": answered("On which day did Lukashenko warn that Ukraine could strike Belarus?"),
    "abstention": answered("Who commands the Belgian artillery?"),
    "library": visited("/library"),
    "settings": visited("/settings"),
}


def main(
    out: Annotated[Path, typer.Argument(help="Folder for the images.")] = ROOT / "docs" / "screens",
) -> None:
    """Write ten states in three looks."""
    out.mkdir(exist_ok=True)
    with browsing() as browser:
        for states, sources in ((FIRST, None), (STATES, SEEDS)):
            for look, options in LOOKS.items():
                with TemporaryDirectory() as folder, Assistant.open(folder, Settings()) as assistant:
                    assistant.search("warm")
                    if sources:
                        assistant.ingest([sources])
                    with served(assistant) as (address, _):
                        for name, state in states.items():
                            page = browser.new_context(**options).new_page()
                            page.goto(address)
                            state(page)
                            page.wait_for_timeout(800)
                            take(page, out / f"{name}-{look}.png")
                            page.context.close()


def take(page: Page, path: Path) -> None:
    """Take a screenshot with few colours."""
    page.screenshot(path=path)
    Image.open(path).quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    typer.run(main)
