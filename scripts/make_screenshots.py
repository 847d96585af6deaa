"""Take the screenshots of docs/, of a page over seeds/: `python -m scripts.make_screenshots [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from eval import ROOT, SEEDS
from rag import Assistant, Settings

sys.path.insert(0, str(ROOT / "tests"))

from whole_page import ask, browsing, served, visit

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2},
}


def main(out: Annotated[Path, typer.Argument(help="Folder for the images.")] = ROOT / "docs") -> None:
    """Write page-light.png, page-dark.png and page-phone.png."""
    with TemporaryDirectory() as folder, Assistant.open(Path(folder) / "index", Settings()) as assistant:
        assistant.ingest([SEEDS])
        with served(assistant) as (address, _), browsing() as browser:
            for look, options in LOOKS.items():
                page = visit(browser, address, **options)
                turn = ask(page, "How many howitzers did Denmark promise?")
                if look != "phone":
                    turn = ask(page, "What is Wagner?")
                    turn.locator(".pilcrow-answer .pilcrow-number").first.click()
                    page.locator("#pilcrow-panel img").wait_for()
                page.wait_for_timeout(800)
                page.screenshot(path=out / f"page-{look}.png")


if __name__ == "__main__":
    typer.run(main)
