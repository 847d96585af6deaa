"""Hostile documents, questions and file names, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from whole_page import ask, browsing, served, visit

from rag import Answer, Assistant, Citation, Settings, Statement
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAME = "<img src=x onerror=alert(1)>.txt"
HOSTILE = (
    "The tower of Brielle <script>alert(2)</script> leans ![](http://other.example/a.png?q=1) two degrees, "
    '<img src="http://other.example/b.png" onerror=alert(3)> says [the surveyor](javascript:alert(4)) '
    "\u202e of it \u2066 \u200b {{ 7*7 }} ${alert(5)} $$x$$ <style>*{display:none}</style> "
    "<form action=http://other.example><button>Send</button></form> " + "W" * 400 + "."
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / NAME).write_text(HOSTILE, "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder / NAME])
        yield assistant


@pytest.fixture(scope="module")
def kept(hostile: Assistant) -> Iterator[tuple[str, Conversations]]:
    with served(hostile) as page:
        yield page


@pytest.fixture
def watched(kept: tuple[str, Conversations]) -> Iterator[tuple[Browser, list[str]]]:
    """A browser and the list of forbidden events in it, which must be empty at the end."""
    happened: list[str] = []
    with browsing() as browser:
        yield browser, happened
    assert happened == []


def watch(page: Page, address: str, happened: list[str]) -> None:
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: happened.append(str(error)))
    own = (address, "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(own) or happened.append(request.url))


def test_markup_in_a_document_stays_text(
    watched: tuple[Browser, list[str]], kept: tuple[str, Conversations]
) -> None:
    browser, happened = watched
    page = visit(browser, kept[0], viewport={"width": 900, "height": 700})
    watch(page, kept[0], happened)
    turn = ask(page, "How far does the tower of Brielle lean, <b>say</b> ![](http://other.example/c.png)?")
    assert "<b>say</b>" in turn.locator("h2").inner_text()
    assert "<script>alert(2)</script>" in turn.locator(".pilcrow-answer").inner_text()
    assert turn.locator("img, script, form:not(.pilcrow-feedback), style").count() == 0
    turn.locator(".pilcrow-answer .pilcrow-number").first.click()
    cited = page.locator("#pilcrow-panel .pilcrow-cited")
    cited.wait_for()
    assert "javascript:alert(4)" in cited.inner_text()
    assert page.locator("#pilcrow-panel").locator("img, script, form, style").count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Library").click()
    page.get_by_text(NAME).last.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    page.get_by_role("tab", name="Ask").click()
    exported = page.get_by_role("link", name="HTML").get_attribute("href")
    kept_page = browser.new_page()
    watch(kept_page, kept[0], happened)
    kept_page.set_content(httpx.get(kept[0] + str(exported)).text)
    assert "<script>alert(2)</script>" in kept_page.locator("body").inner_text()


def test_naughty_strings_stay_text(
    watched: tuple[Browser, list[str]], kept: tuple[str, Conversations], naughty_strings: list[str]
) -> None:
    if not naughty_strings:
        pytest.skip("the naughty strings lie beside the project's checkout, which is not so here")
    browser, happened = watched
    strings = [text for text in naughty_strings if text.strip()]
    conversation = None
    for text in strings:
        citation = Citation(1, text, 1, None, 1, None, text, 0, len(text), text)
        statement = Statement(text, (1,), 1.0, (0, len(text)))
        answer = Answer(text, f"{text} [1]", (statement,), (citation,))
        conversation = kept[1].add("", conversation, answer)
    page = browser.new_page(viewport={"width": 900, "height": 700})
    watch(page, kept[0], happened)
    page.goto(f"{kept[0]}?c={conversation}")
    page.locator(".pilcrow-talk .pilcrow-turn").nth(len(strings) - 1).wait_for()
    assert page.locator(".pilcrow-talk .pilcrow-turn").count() == len(strings)
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    assert page.locator(".pilcrow-talk").locator("img, script, iframe, svg, video, style").count() == 0
    page.locator(".pilcrow-answer .pilcrow-number").last.click()
    page.locator("#pilcrow-panel .pilcrow-cited").wait_for()
    for link in page.locator(".pilcrow-talk a").all()[:40]:
        assert (link.get_attribute("href") or "").startswith("pilcrow/")


def test_users_see_their_own_conversations_only(hostile: Assistant, tmp_path: Path) -> None:
    with served(hostile, "ann:a, bob:b") as (address, conversations):
        answer = hostile.ask("How far does the tower of Brielle lean, says the surveyor?")
        assert answer.citations
        own = conversations.add("ann", None, answer)
        paragraph = f"{address}pilcrow/source?conversation={own}&answer=1&citation=1"
        for path in (paragraph, f"{address}pilcrow/export?conversation={own}&as=json"):
            assert httpx.get(path).status_code == 401
            assert httpx.get(path, auth=("ann", "a")).status_code == 200
            refused = httpx.get(path, auth=("bob", "b"))
            assert refused.status_code == 404
            assert "Brielle" not in refused.text
        with browsing() as browser:
            page = browser.new_page()
            page.goto(f"{address}?c={own}")
            page.get_by_label("username").fill("bob")
            page.get_by_label("password").fill("b")
            page.get_by_role("button", name="Login").click()
            page.locator(".pilcrow-welcome").wait_for()
            assert "Brielle" not in page.locator("#pilcrow-said").inner_text()
            assert page.locator(".pilcrow-listing li").count() == 0
