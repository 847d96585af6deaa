"""Pilcrow's own page, served for as long as a block lasts, and a browser to look at it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from chroma_server import free_port

from rag import Assistant, Settings
from ui import page
from ui.conversations import FILE, Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def served(assistant: Assistant, auth: str | None = None) -> Iterator[tuple[str, Conversations]]:
    """The page's address, and the conversations that it keeps beside the index."""
    login = Settings.model_validate({"auth": auth}).auth
    assistant.settings = assistant.settings.model_copy(update={"port": free_port(), "auth": login})
    with Conversations(assistant.settings.index / FILE) as conversations:
        built = page.build(assistant, conversations)
        try:
            yield page.serve(built, assistant, conversations), conversations
        finally:
            built.close(verbose=False)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A real Chromium; where there is none, the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def visit(browser: Browser, address: str, **options: Any) -> Page:
    """The page, once it has something to show."""
    opened: Page = browser.new_context(**options).new_page()
    opened.goto(address)
    opened.locator(".pilcrow-welcome, .pilcrow-talk").wait_for()
    return opened


def ask(opened: Page, question: str) -> Locator:
    """Asks in the page as a person does; the turn with the checked answer."""
    before = opened.locator("#pilcrow-said .pilcrow-turn").count()
    box = opened.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    turn = opened.locator("#pilcrow-said .pilcrow-turn").nth(before)
    turn.wait_for()
    return turn
