"""The screenshots of docs/, taken of a page over seeds/ in a real browser: scripts/make_screenshots.py"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from whole_page import ask, browsing, served, visit  # noqa: E402

from rag import Assistant, Settings  # noqa: E402

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
LOOKS = {
    "light": {"viewport": WIDE},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2},
}


def main() -> None:
    """Writes docs/page-light.png, page-dark.png and page-phone.png."""
    with TemporaryDirectory() as folder, Assistant.open(Path(folder) / "index", Settings()) as assistant:
        assistant.ingest([ROOT / "seeds"])
        with served(assistant) as (address, _), browsing() as browser:
            for look, options in LOOKS.items():
                page = visit(browser, address, **options)
                turn = ask(page, "How many howitzers did Denmark promise?")
                if look != "phone":
                    turn = ask(page, "What is Wagner?")
                    turn.locator(".pilcrow-answer .pilcrow-number").first.click()
                    page.locator("#pilcrow-panel img").wait_for()
                page.wait_for_timeout(800)
                page.screenshot(path=ROOT / "docs" / f"page-{look}.png")


if __name__ == "__main__":
    main()
