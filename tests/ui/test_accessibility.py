"""What everybody can use: axe-core's rules, zoom to 400 %, print, the keyboard, and a phone's drawer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr
import httpx
import pytest
from pypdfium2 import PdfDocument
from served_page import served

from rag import Assistant

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARMY, UNKNOWN = "Who commands Ukraine's army?", "Who commands the Belgian army?"
SIZES = [(1440, 900), (820, 1180), (390, 844)]
SERIOUS = {"serious", "critical"}
AXE: dict[str, Any] = {"resultTypes": ["violations"]}
LIGHT = AXE | {"rules": {"target-size": {"enabled": True}}}  # at least 24 pixels, or that far apart
DARK = AXE | {"runOnly": ["color-contrast"]}  # a theme changes nothing else
# The share of the window that shows some element, not what lies over it.
SHARE = """selector => {
    const rows = Array.from({ length: innerHeight >> 2 }, (_, at) => at * 4);
    const shown = (y) => document.elementsFromPoint(innerWidth / 2, y)[0]?.closest(selector);
    return rows.filter(shown).length / rows.length;
}"""


@pytest.fixture(scope="module")
def page_server(assistant: Assistant) -> Iterator[tuple[gr.Server, str]]:
    """A page whose library has a file that could not be read."""
    with served(assistant) as (server, address), httpx.Client(base_url=address, timeout=60) as client:
        files = {"file": ("broken.pdf", b"%PDF-1.7\nnothing")}
        assert client.post("/pilcrow/upload", data={"path": "broken.pdf"}, files=files).status_code == 200
        with_state = iter(lambda: client.get("/pilcrow/shelf").json()["busy"], False)
        assert all(with_state)
        yield server, address


@pytest.fixture(scope="module")
def conversations(page_server: tuple[gr.Server, str], assistant: Assistant) -> dict[str, str]:
    """The ids of conversations with an answer, an abstention and a conflict."""
    answer, unknown = assistant.ask(ARMY), assistant.ask(UNKNOWN)
    assert answer.citations
    assert unknown.abstained
    answers = {
        "answer": replace(answer, conflicting=False),
        "abstention": unknown,
        "conflict": replace(answer, conflicting=True),
    }
    kept = page_server[0].state.desk.conversations
    return {name: kept.add("", None, one, searched=14) for name, one in answers.items()}


@pytest.fixture
def page(browser: Browser, page_server: tuple[gr.Server, str]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=page_server[1], viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def open_source(page: Page) -> None:
    """Open the source of the first number."""
    page.locator("#main a.mark").first.click()
    page.locator("#pane .cited").first.wait_for()


def open_feedback(page: Page) -> None:
    page.locator("summary", has_text="Feedback").first.click()
    page.get_by_label("Note").wait_for()


def open_help(page: Page) -> None:
    page.get_by_role("button", name="Help").click()
    page.get_by_role("dialog", name="Help").wait_for()


def open_failed(page: Page) -> None:
    page.get_by_text("broken.pdf").first.wait_for()


VIEWS: dict[str, tuple[str, Callable[[Page], None] | None]] = {
    "start": ("/", None),
    "answer": ("/?c={answer}", open_feedback),
    "source": ("/?c={answer}", open_source),
    "abstention": ("/?c={abstention}", None),
    "conflict": ("/?c={conflict}", None),
    "library": ("/library", open_failed),
    "settings": ("/settings", None),
    "document": ("/document?source=aid-and-weapons.csv", None),
    "help": ("/", open_help),
    "error": ("/document?source=none", None),
}


def findings(page: Page) -> list[str]:
    """Return axe's serious findings at all sizes in both themes, of a page loaded once."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(Axe().axe_script)
    found = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(height, tall)})  # nothing lies over the rest
        for theme, options in (("light", LIGHT), ("dark", DARK)):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            # On a phone the source lies over the rest.
            seen = "#pane" if width < 768 and page.locator("#pane").is_visible() else "html"
            for one in page.evaluate("given => axe.run(...given)", [seen, options])["violations"]:
                if one["impact"] in SERIOUS:
                    nodes = [node["html"][:120] for node in one["nodes"][:3]]
                    found.append(f"{theme} {width}: {one['id']} {nodes}")
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(view: str, page: Page, conversations: dict[str, str]) -> None:
    address, prepare = VIEWS[view]
    page.goto(address.format(**conversations))
    if prepare:
        prepare(page)
    assert findings(page) == []


def test_axe_finds_nothing_serious_in_the_login(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}login")
    assert findings(page) == []
    context.close()


def is_wide(page: Page) -> bool:
    """Return whether the page must be scrolled sideways."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return wide


def test_zoom_of_400_percent_leaves_room_for_box_answer_and_source(
    page: Page, conversations: dict[str, str]
) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto("/")
    box = page.get_by_label("Your question")
    box.fill("A question that is longer than a line of such a narrow window can be")
    assert not is_wide(page)
    box.scroll_into_view_if_needed()
    assert page.evaluate(SHARE, "#composer") > 0.3
    page.goto(f"/?c={conversations['answer']}")
    page.locator(".statement").first.scroll_into_view_if_needed()
    assert not is_wide(page)
    assert page.evaluate(SHARE, ".turn") >= 0.5
    page.locator("#main a.mark").first.click()
    page.locator("#pane .cited").wait_for()
    assert not is_wide(page)
    assert page.evaluate(SHARE, "#pane .pane-body") >= 0.5
    page.get_by_role("button", name="Close the source").click()
    page.get_by_label("Your question").fill("And before?")
    assert page.get_by_role("button", name="Ask", exact=True).is_visible()
    for address in ("/library", "/settings", "/document?source=aid-and-weapons.csv"):
        page.goto(address)
        assert not is_wide(page), address


@pytest.mark.parametrize("width", [820, 390])
def test_source_beside_an_answer_leaves_room_for_both(
    width: int, page: Page, conversations: dict[str, str]
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/?c={conversations['answer']}")
    open_source(page)
    assert not is_wide(page)
    main, pane = (page.locator(each).bounding_box() for each in ("#main", "#pane"))
    assert main
    assert pane
    if width == 820:
        assert main["width"] >= 320
        assert pane["x"] >= main["x"] + main["width"] - 1
    assert pane["width"] >= 320


def test_print_is_black_on_white_with_its_sources(page: Page, conversations: dict[str, str]) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"/?c={conversations['answer']}")
    for hidden in ("#rail", "#composer", ".topbar", ".skip"):
        assert not page.locator(hidden).is_visible(), hidden
    colours = "element => [getComputedStyle(element).color, getComputedStyle(document.body).backgroundColor]"
    assert page.locator(".statement").first.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    left = page.locator("#main").evaluate("main => main.getBoundingClientRect().left")
    assert left < 40
    printed = PdfDocument(page.pdf())
    text = " ".join(sheet.get_textpage().get_text_bounded() for sheet in printed)
    words = " ".join(text.split())
    assert ARMY in words
    entry = page.locator(".sources q").first
    assert " ".join(str(entry.text_content()).split())[:40] in words
    assert "kursk-2024-08-16.txt" in words
    assert "New conversation" not in words


def test_skip_link_leads_past_the_rail(page: Page, conversations: dict[str, str]) -> None:
    page.goto(f"/?c={conversations['answer']}")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("link => link === document.activeElement && getComputedStyle(link).opacity === '1'")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_drawer_of_a_phone_closes_after_choosing(page: Page, conversations: dict[str, str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/library")
    rail, menu = page.locator("#rail"), page.locator(".topbar").get_by_role("button", name="Menu")
    assert not rail.is_visible()
    menu.click()
    rail.get_by_role("link", name=UNKNOWN).click()
    page.wait_for_url(f"**/?c={conversations['abstention']}")
    assert not rail.is_visible()
    page.go_back()
    page.wait_for_url("**/library")
    assert not rail.is_visible()
    menu.click()
    rail.get_by_role("button", name="Help").click()
    page.get_by_role("dialog", name="Help").get_by_role("button", name="Close").click()
    assert not rail.is_visible()
    menu.click()
    page.keyboard.press("Escape")
    assert not rail.is_visible()
    menu.click()
    assert menu.get_attribute("aria-expanded") == "true"
    page.mouse.click(380, 600)
    assert not rail.is_visible()
    assert menu.get_attribute("aria-expanded") == "false"
