"""Limits of a question, keys, the width of the pane, typing that must not be lost, and what may fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from chroma_server import free_port
from scripted_llm import ScriptedLLM
from whole_page import answered, ask, numbers, pane, served, visit

from rag import Assistant, Settings
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ARMY = "Who commands Ukraine's army?"


def is_focused(element: Locator) -> bool:
    return bool(element.evaluate("element => element === document.activeElement"))


def scope_of(page: Page) -> Locator:
    """The button that says which documents are searched."""
    return page.locator("#composer summary")


def limit_to(page: Page, name: str) -> None:
    scope_of(page).click()
    page.get_by_label("Find a document").fill(name[:6].upper())
    page.get_by_role("checkbox", name=name).check()
    page.keyboard.press("Escape")


def test_limited_question_says_so_everywhere_and_the_limit_can_be_lifted(
    page: Page, browser: Browser, kept: tuple[str, Conversations]
) -> None:
    limit_to(page, "timeline.html")
    assert scope_of(page).inner_text() == "timeline.html"
    rust = scope_of(page).evaluate("element => getComputedStyle(element).color")
    turn = ask(page, "How many howitzers did Denmark promise?")
    assert "Searched only in timeline.html" in turn.inner_text()
    assert scope_of(page).inner_text() == "timeline.html"
    assert scope_of(page).evaluate("element => getComputedStyle(element).color") == rust
    key = page.url.rpartition("=")[2]
    assert kept[1].entries("", key)[0].scope == ("timeline.html",)
    for kind in ("markdown", "html", "json"):
        exported = page.request.get(f"{kept[0]}pilcrow/export?conversation={key}&as={kind}").text()
        assert "timeline.html" in exported.replace("&#46;", ".")
    shared = page.request.post(f"{kept[0]}pilcrow/share", data={"conversation": key}).json()["address"]
    assert "timeline&#46;html" in page.request.get(kept[0].rstrip("/") + shared).text()
    page.reload()
    assert scope_of(page).inner_text() == "timeline.html"
    turn.get_by_role("button", name="Search all documents").click()
    page.get_by_role("article").get_by_text("19").first.wait_for()
    assert "Searched only in" not in page.get_by_role("log").inner_text()
    assert page.get_by_role("article").count() == 1
    assert scope_of(page).inner_text().startswith("All ")
    assert scope_of(page).evaluate("element => getComputedStyle(element).color") != rust


def test_limit_does_not_reach_another_conversation(page: Page) -> None:
    limit_to(page, "timeline.html")
    page.get_by_role("link", name="New conversation").click()
    page.get_by_role("heading", name="Ask your").wait_for()
    assert scope_of(page).inner_text().startswith("All ")
    limit_to(page, "timeline.html")
    limit_to(page, "glossary.md")
    assert scope_of(page).inner_text() == "Only 2 documents"
    ask(page, ARMY)
    page.get_by_role("link", name="New conversation").click()
    page.get_by_role("heading", name="Ask your").wait_for()
    turn = ask(page, ARMY)
    assert "Syrskyi" in turn.inner_text()
    page.go_back()
    page.go_back()
    page.get_by_text("Searched only in").wait_for()
    scope_of(page).click()
    page.get_by_label("Find a document").fill("nothing has this name")
    page.get_by_text("No document has such a name").wait_for()
    page.locator("#composer").get_by_role("button", name="Search all documents").click()
    assert scope_of(page).inner_text().startswith("All ")


def test_pane_is_resized_with_the_pointer_and_the_arrow_keys(page: Page) -> None:
    opened = pane(page, numbers(ask(page, ARMY)).first)
    grip = opened.get_by_role("separator", name="Width of the source")

    def width() -> float:
        return float(opened.evaluate("pane => pane.getBoundingClientRect().width"))

    before = width()
    grip.press("ArrowLeft")
    assert width() == before + 32
    assert grip.get_attribute("aria-valuenow") == str(round(width()))
    grip.press("ArrowRight")
    assert width() == before
    for _ in range(10):
        grip.press("ArrowRight")
    assert width() == 320 == int(grip.get_attribute("aria-valuemin") or 0)
    box = grip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 6, 300)
    page.mouse.down()
    page.mouse.move(box["x"] - 94, 300, steps=4)
    page.mouse.up()
    assert abs(width() - 420) < 8
    wide = width()
    page.mouse.move(box["x"] - 300, 300)
    assert width() == wide
    page.reload()
    assert round(pane(page, numbers(page.get_by_role("article")).first).bounding_box()["width"]) == wide  # type: ignore[index]


def test_keyboard_alone_reaches_a_checked_citation(page: Page) -> None:
    page.keyboard.type(ARMY)  # the box has the focus
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ask again", exact=True).wait_for()
    number = numbers(page.get_by_role("article")).first
    page.keyboard.press("/")
    assert is_focused(page.get_by_label("Your question"))
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if is_focused(number):
            break
    page.keyboard.press("Enter")
    cited = page.locator("#pane .cited")
    cited.wait_for()
    assert is_focused(cited)
    assert "Syrskyi" in cited.locator("mark").inner_text()
    page.keyboard.press("Escape")
    assert is_focused(number)


def test_keys_focus_help_search_and_begin_anew(page: Page) -> None:
    box, main = page.get_by_label("Your question"), page.locator("#main")
    main.focus()
    page.keyboard.press("/")
    assert is_focused(box)
    page.keyboard.type("either/or?")
    assert box.input_value() == "either/or?"
    main.focus()
    dialog = page.get_by_role("dialog", name="Help")
    for close in ("Escape", ""):
        page.keyboard.press("?")
        dialog.wait_for()
        page.keyboard.press("?")
        page.keyboard.press(close) if close else dialog.get_by_role("button", name="Close").click()
        dialog.wait_for(state="hidden")
    page.keyboard.press("Control+k")
    assert is_focused(page.get_by_label("Search conversations"))
    scope_of(page).click()
    page.keyboard.press("Escape")
    assert not page.get_by_label("Find a document").is_visible()
    assert is_focused(scope_of(page))
    box.fill("")
    number = numbers(ask(page, ARMY)).first
    number.click()
    page.locator("#pane .cited").wait_for()
    page.keyboard.press("?")
    dialog.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#pane").is_visible()  # one thing at a time
    page.keyboard.press("Control+Shift+o")
    page.get_by_role("heading", name="Ask your").wait_for()
    assert is_focused(box)


def test_empty_question_changes_nothing(page: Page) -> None:
    box = page.get_by_label("Your question")
    for typed in ("", " \t "):
        box.fill(typed)
        box.press("Enter")
        page.get_by_role("button", name="Ask", exact=True).click()
        assert page.get_by_role("heading", name="Ask your").is_visible()
        assert page.get_by_role("list", name="Suggestions").is_visible()


def test_typing_survives_a_reload_and_a_visit_elsewhere(page: Page) -> None:
    box = page.get_by_label("Your question")
    box.fill("half a question")
    page.reload()
    assert box.input_value() == "half a question"
    page.get_by_role("link", name="Library").click()
    page.get_by_role("link", name="New conversation").click()
    box.wait_for()
    assert box.input_value() == "half a question"
    ask(page, ARMY)
    assert box.input_value() == ""
    box.fill("and then")
    page.get_by_role("link", name="New conversation").click()
    page.get_by_role("heading", name="Ask your").wait_for()
    assert box.input_value() == ""
    page.go_back()
    page.get_by_role("article").wait_for()
    assert box.input_value() == "and then"


def test_back_goes_through_conversations(page: Page) -> None:
    rail = page.get_by_role("navigation", name="Pilcrow")
    asked = ("What is Smerch?", "Who leads an assault battalion?")
    for question in asked:
        page.get_by_role("link", name="New conversation").click()
        page.get_by_role("heading", name="Ask your").wait_for()
        ask(page, question)
    page.get_by_role("link", name="Library").click()
    rail.get_by_role("link", name="What is Smerch?").first.click()
    page.get_by_role("heading", name=asked[0], level=2).wait_for()
    page.go_back()
    page.wait_for_url("**/library")
    page.go_back()
    page.get_by_role("heading", name=asked[1], level=2).wait_for()
    assert rail.locator("[aria-current]").inner_text() == asked[1]
    page.go_forward()
    page.go_forward()
    page.get_by_role("heading", name=asked[0], level=2).wait_for()


def test_server_that_is_gone_is_told_with_a_retry(page: Page) -> None:
    page.route("**/pilcrow/ask", lambda route: route.abort(), times=1)
    box = page.get_by_label("Your question")
    box.fill(ARMY)
    box.press("Enter")
    page.get_by_role("alert").get_by_text("Pilcrow can't be reached").wait_for()
    assert box.input_value() == ARMY
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Ask again", exact=True).wait_for()
    assert box.input_value() == ""
    page.route("**/pilcrow/source?*", lambda route: route.abort(), times=1)
    numbers(page.get_by_role("article")).first.click()
    page.get_by_role("button", name="Try again").click()
    page.locator("#pane .cited").wait_for()


@contextmanager
def asking(browser: Browser, assistant: Assistant, question: str = ARMY) -> Iterator[Page]:
    """Ask on an assistant's own page; yield the page, which waits for the answer."""
    with served(assistant) as (address, _), closing(visit(browser, address).context) as context:
        page = context.pages[0]
        page.get_by_label("Your question").fill(question)
        page.keyboard.press("Enter")
        yield page


@pytest.fixture
def own_index(seeds_index: Path, tmp_path: Path) -> Path:
    """A copy of the seeds' index, for another assistant."""
    return Path(shutil.copytree(seeds_index, tmp_path / "index"))


def test_unchecked_text_is_grey_and_unsupported_text_is_left_out(browser: Browser, own_index: Path) -> None:
    goes_on = Event()

    def script(prompt: str) -> str:
        if "Write it again" in prompt:
            goes_on.wait(60)
        return "The army of Ukraine is led by a council of nine generals."

    llm = ScriptedLLM(script=script)
    with Assistant.open(own_index, Settings(), llm=llm) as opened, asking(browser, opened) as page:
        page.locator(".running .unchecked").get_by_text("The army of Ukraine").wait_for()
        goes_on.set()
        turn = answered(page)
        assert "Oleksandr Syrskyi" in turn.locator(".answer").inner_text()
        assert "nine generals" not in turn.locator(".answer").inner_text()
        turn.get_by_text("Left out 1 sentence by the language model").click()
        assert turn.get_by_text("nine generals").is_visible()


def test_failed_first_question_survives_a_reload_and_is_tried_again(
    browser: Browser, own_index: Path
) -> None:
    down = Settings(llm=f"http://127.0.0.1:{free_port()}/v1", llm_model="none")
    with Assistant.open(own_index, down) as opened, asking(browser, opened) as page:
        page.get_by_role("alert").wait_for(timeout=90_000)
        page.reload()
        failed = page.get_by_role("article")
        assert failed.get_by_role("heading", name=ARMY).is_visible()
        assert failed.get_by_role("button", name="Try again").is_visible()
        failed.get_by_role("button", name="Answer in the documents' own words").click()
        assert "Oleksandr Syrskyi" in answered(page).inner_text()
        assert page.get_by_role("article").count() == 1
