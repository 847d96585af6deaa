"""Hostile documents, questions, names, notes and model output, on every page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr
import pytest
from markdown_it import MarkdownIt
from scripted_llm import ScriptedLLM, judging
from served_page import served
from whole_page import ask

from rag import Answer, Assistant, Citation, Settings, Statement
from rag.types import Status

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAME = "<img src=x onerror=alert(1)>.txt"
HOSTILE = (
    "The tower of Brielle <script>alert(2)</script> leans ![](http://other.example/a.png?q=1) two degrees, "
    '<img src="http://other.example/b.png" onerror=alert(3)> says [the surveyor](javascript:alert(4)) '
    "\u202e of it \u2066 \u200b {{ 7*7 }} ${alert(5)} $$x$$ <style>*{display:none}</style> "
    "<form action=http://other.example><button>Send</button></form> " + "W" * 400 + "."
)
MARKUP = "'\"><svg onload=alert(6)><iframe src=//other.example></iframe>{{ 7*7 }}" + "M" * 50
USER = "<b onmouseover=alert(7)>ann</b>" + "U" * 40
WRITTEN = "The tower of Brielle leans two degrees <img src=x onerror=alert(8)>, says the surveyor."
MADE_UP = "The <script>alert(9)</script> moon ![](http://other.example/c.png) fell on Brielle."
ASKED = "How far does the tower of Brielle lean, <b>say</b> ![](http://other.example/d.png)?"
# What only the page's own markup may hold.
ACTIVE = (
    "img[src='x'], [src*='other.example'], [action*='other.example'], iframe, script:not([src^='/room/'])"
)
ACTIVE += ", svg[onload], [onerror], [onmouseover], body style, a[href^='javascript:']"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / NAME).write_text(HOSTILE, "utf-8")
    settings = Settings.model_validate({"collections": {MARKUP: [NAME]}})
    llm = judging(ScriptedLLM(script=lambda _: f"{WRITTEN} {MADE_UP}", name=MARKUP), WRITTEN)
    with Assistant.open(folder / "index", settings, llm=llm) as assistant:
        assistant.ingest([folder / NAME])
        yield assistant


@pytest.fixture(scope="module")
def page_server(hostile: Assistant) -> Iterator[tuple[gr.Server, str]]:
    with served(hostile, f"{USER}:word") as page:
        yield page


@pytest.fixture(scope="module")
def answer(hostile: Assistant) -> Answer:
    """An answer as if the verifier had let the model's sentence pass."""
    supported = Statement(WRITTEN, (1,), 0.9, None, Status.SUPPORTED)
    return replace(hostile.ask(ASKED), text=f"{WRITTEN} [1]", statements=(supported,))


@pytest.fixture(scope="module")
def login(browser: Browser, page_server: tuple[gr.Server, str]) -> Any:
    """The cookies of the user with the hostile name, after a wrong password and `next=` elsewhere."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    happened = watch(page, page_server[1])
    page.goto(f"{page_server[1]}login?next=//other.example/{quote(MARKUP)}")
    page.get_by_label("Name").fill(MARKUP)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Name").input_value() == MARKUP
    assert page.locator(ACTIVE).count() == 0
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill("word")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Your question").wait_for()
    assert page.url == page_server[1]
    kept = context.storage_state()
    context.close()
    assert happened == []
    return kept


@pytest.fixture(params=[900, 390])
def watched(
    browser: Browser, page_server: tuple[gr.Server, str], login: Any, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A logged-in tab of this width. Nothing may have run in it, or left it, at the end."""
    viewport = {"width": request.param, "height": 700}
    context: BrowserContext = browser.new_context(
        viewport=viewport, storage_state=login, base_url=page_server[1], reduced_motion="reduce"
    )
    page = context.new_page()
    happened = watch(page, page_server[1])
    yield page
    context.close()
    assert happened == []


def watch(page: Page, address: str) -> list[str]:
    """Return a list that fills with what must not happen in the tab."""
    happened: list[str] = []
    own = (address, "data:", "blob:")
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: happened.append(str(error)))
    page.on("request", lambda request: request.url.startswith(own) or happened.append(request.url))
    page.on("console", lambda said: "Failed to load" in said.text or happened.append(said.text))
    return happened


def check(page: Page) -> None:
    """Check that no foreign markup became part of the page, and that it needn't be scrolled sideways."""
    assert page.locator(ACTIVE).count() == 0, page.url
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], page.url


def test_markup_stays_text_in_question_answer_and_pane(watched: Page) -> None:
    watched.goto("/")
    turn = ask(watched, ASKED)
    check(watched)
    assert "<b>say</b>" in turn.get_by_role("heading").first.inner_text()
    assert "<script>alert(2)</script>" in turn.locator(".statement").first.inner_text()
    turn.get_by_text("Left out 2 sentences").click()
    assert all(each in turn.locator(".dropped").inner_text() for each in (WRITTEN, MADE_UP))
    turn.get_by_text("Quote", exact=True).click()
    check(watched)
    turn.locator("a.mark").first.click()
    pane = watched.get_by_role("complementary", name="Source")
    pane.locator(".cited").wait_for()
    assert "<script>alert(2)</script>" in pane.inner_text()
    assert "javascript:alert(4)" in pane.inner_text()
    assert pane.get_by_role("heading", name=NAME).count() == 1
    assert not any(hidden in pane.inner_text() for hidden in "\u202e\u2066\u200b")
    check(watched)


def test_markup_stays_text_on_every_other_page(
    watched: Page, page_server: tuple[gr.Server, str], answer: Answer, tmp_path: Path
) -> None:
    desk = page_server[0].state.desk
    own = desk.conversations.add(USER, None, answer, scope=(MARKUP, NAME))
    desk.conversations.judge(USER, own, 1, "wrong", MARKUP)
    desk.conversations.rename(USER, own, MARKUP)
    link = desk.access.share(USER, own)
    desk.access.add_token(USER, MARKUP[:60])
    folder = tmp_path / "<script>alert(10)<" / "script>"
    folder.mkdir(parents=True)
    (folder / "odd<b>.xyz").write_text("odd")
    desk.watched.add(folder)
    try:
        for path, shown in [
            ("/", USER),
            (f"/?c={own}", WRITTEN),
            ("/library", NAME),
            (f"/library?q={quote(MARKUP)}&within={quote(MARKUP)}", "No document"),
            (f"/library?sort={quote(MARKUP)}", "To the start page"),
            ("/settings", "Settings"),
            (f"/document?source={quote(NAME)}", "<script>alert(2)</script>"),
            (f"/shared/{link}", MARKUP),
            (f"/document?source={quote(MARKUP)}", MARKUP),
            (f"/?c={quote(MARKUP)}", "To the start page"),
            (f"/shared/{quote(MARKUP)}", "To the start page"),
        ]:
            watched.goto(path)
            assert shown in str(watched.locator("body").text_content()), path
            check(watched)
        watched.goto(f"/?c={own}")
        watched.locator("summary", has_text="Feedback").click()
        assert watched.get_by_label("Note").input_value() == MARKUP
        watched.locator(".scope summary").click()
        watched.locator(".scope").get_by_text(NAME).wait_for()
        check(watched)
        watched.goto("/library")
        watched.get_by_text("<script>alert(10)<").first.wait_for()
        check(watched)
    finally:
        desk.watched.stop(folder)


def test_markup_stays_text_in_exports(
    watched: Page, page_server: tuple[gr.Server, str], answer: Answer
) -> None:
    desk = page_server[0].state.desk
    own = desk.conversations.add(USER, None, answer)
    desk.conversations.rename(USER, own, MARKUP)
    written = {
        kind: watched.request.get(f"/pilcrow/export?conversation={own}&as={kind}").text()
        for kind in ("html", "markdown")
    }
    reader = MarkdownIt("commonmark", {"html": True})
    for content in (written["html"], reader.render(written["markdown"])):
        watched.set_content(content)
        assert "<img src=x onerror=alert(8)>" in watched.locator("body").inner_text()
        assert watched.locator(f"{ACTIVE}, img").count() == 0
    watched.set_content(written["html"])
    check(watched)


def test_naughty_strings_stay_text(
    watched: Page, page_server: tuple[gr.Server, str], naughty_strings: list[str]
) -> None:
    if not naughty_strings:
        pytest.skip("the naughty strings lie beside the project's checkout, which is not so here")
    strings = [text for text in naughty_strings if text.strip()]
    conversation = None
    for text in strings:
        citation = Citation(1, text, 1, None, 1, None, text, 0, len(text), text)
        statement = Statement(text, (1,), 1.0, (0, len(text)))
        answer = Answer(text, f"{text} [1]", (statement,), (citation,))
        desk = page_server[0].state.desk
        conversation = desk.conversations.add(USER, conversation, answer)
    watched.goto(f"/?c={conversation}")
    talk = watched.get_by_role("log", name="Conversation")
    talk.locator(".turn").nth(len(strings) - 1).wait_for()
    assert talk.locator(".turn").count() == len(strings)
    assert talk.locator("img, script, iframe, video, style, embed, object").count() == 0
    check(watched)
    links = talk.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) >= len(strings)
    assert all(link.startswith(("/pilcrow/source?", "/document?")) for link in links)
    talk.locator("a.mark").last.click()
    watched.locator("#pane .cited").wait_for()
    check(watched)
