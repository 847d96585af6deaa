"""The whole page, served for the length of a `with` block, and a browser to test it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from chroma_server import free_port

from rag import Assistant, Settings
from ui.app import build, close, launch
from ui.conversations import FILE, Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def served(assistant: Assistant, auth: str | None = None) -> Iterator[tuple[str, Conversations]]:
    """Yield the page's address and its conversations."""
    login = Settings.model_validate({"auth": auth}).auth
    assistant.settings = assistant.settings.model_copy(update={"port": free_port(), "auth": login})
    with Conversations(assistant.settings.index / FILE) as conversations:
        server = build(assistant, conversations)
        try:
            yield launch(server, assistant.settings), conversations
        finally:
            close(server)


@contextmanager
def browsing(*options: str) -> Iterator[Browser]:
    """Yield a real Chromium, started with more options; skip the test if there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed. On Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])
        yield chromium
        chromium.close()


def visit(browser: Browser, address: str, **options: Any) -> Page:
    """Open the page and wait until it shows its content."""
    opened: Page = browser.new_context(**options).new_page()
    opened.goto(address)
    opened.locator("#question").wait_for()
    return opened


def ask(opened: Page, question: str) -> Locator:
    """Ask on the page as a person does and return the answered turn."""
    before = opened.locator(".turn").count()
    box = opened.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    turn = opened.locator(".turn:not(.running)").nth(before)
    turn.wait_for()
    return turn


def numbers(turn: Locator) -> Locator:
    """Return the numbers of an answer's citations."""
    return turn.get_by_role("link", name="Source ")


def pane(page: Page, link: Locator) -> Locator:
    """Click a link and return the source pane that it opens."""
    link.click()
    opened = page.get_by_role("complementary", name="Source")
    opened.locator(".cited").wait_for()
    return opened


def answered(page: Page, question: str = "Who commands Ukraine's army?") -> Locator:
    """Wait for the last answer to a question and return its turn."""
    turn = page.locator(".turn:not(.running)", has=page.get_by_role("heading", name=question)).last
    turn.get_by_role("button", name="Ask again", exact=True).wait_for()
    return turn
