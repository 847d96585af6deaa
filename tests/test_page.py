"""The chat page: what it shows, what it escapes, what it refuses, and that it reaches no other host."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gradio_client import Client

from rag import Answer, Assistant, Citation, Evidence, PilcrowError, Settings, Statement, Turn
from rag.errors import ModelError
from ui import page, render

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = (
    "![](http://other.example/?q=1) <img src=x onerror=alert(1)> <script>alert(2)</script>\n\n# *x* $$y$$ `z`"
)
WEB = """# Tower

The tower of Brielle leans <b>two</b> degrees, says ![](http://other.example/a.png) the surveyor.
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over one document that holds HTML and a Markdown image."""
    folder = tmp_path_factory.mktemp("towers")
    (folder / "tower.txt").write_text(WEB, "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder / "tower.txt"])
        yield assistant


@pytest.fixture(scope="module")
def address(towers: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        served = page.build(towers)
        yield page.launch(served, "127.0.0.1", free_port())
        served.close(verbose=False)


@pytest.fixture
def browser(address: str) -> Iterator[tuple[Page, list[str]]]:
    """The open page, and the addresses that it asked for."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = chromium.new_page()
        requests: list[str] = []
        opened.on("request", lambda request: requests.append(request.url))
        opened.goto(address)
        yield opened, requests
        chromium.close()


def cited(text: str, quote: str) -> Answer:
    start = text.index(quote)
    end = start + len(quote)
    citation = Citation(1, "a/b.md", 7, 2, None, date(2022, 3, 5), quote, start, end, text)
    return Answer("?", f"{quote} [1]", citations=(citation,))


def test_a_citation_shows_its_place_and_marks_the_quote_in_the_paragraph() -> None:
    html = render.answered(cited("Before. The port was struck. After.", "The port was struck."))
    assert 'was struck&#46; <span class="pilcrow-number">1</span></div>' in html
    assert unescape(html).count("a/b.md ¶7") == 1
    assert "page 2 · 2022-03-05" in html
    assert "“The port was struck&#46;”" in html
    assert "Before&#46; <mark>The port was struck&#46;</mark> After&#46;" in html


def test_the_words_that_answer_are_bold_and_as_well_escaped() -> None:
    statements = (
        Statement("It was <b>Rollo</b>, they say.", (1,), 1.0, (7, 19)),
        Statement("It was long ago.", (2,), 1.0),
        Statement("It was *911* then.", (1,), 1.0, (7, 12)),
    )
    text = "It was <b>Rollo</b>, they say. [1] It was long ago. [2] It was *911* then. [1]"
    html = render.answered(Answer("?", text, statements))
    assert [unescape(bold) for bold in re.findall("<strong>(.*?)</strong>", html)] == [
        "<b>Rollo</b>",
        "*911*",
    ]
    assert "<b>" not in html
    assert "*" not in html
    history = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": html}]
    assert render.turns(history) == (Turn("Who?", text),)


def test_an_abstention_shows_what_is_missing_and_what_came_nearest() -> None:
    near = Evidence(1, "notes.txt", 3, "The ferry ran late.", line=5)
    html = render.answered(
        Answer("?", "Not said: Belgian, army.", abstained=True, nearest=(near,), missing=("Belgian", "army"))
    )
    text = unescape(html)
    assert "Not said: Belgian, army." in text
    assert "notes.txt ¶3" in text
    assert "The ferry ran late." in text


def test_a_number_without_a_citation_stays_text() -> None:
    html = render.answered(Answer("?", "See [7]."))
    assert "pilcrow-number" not in html
    assert "See [7]." in unescape(html)


@pytest.mark.parametrize(
    "html", [render.draft(HOSTILE), render.problem(HOSTILE), render.answered(cited(HOSTILE, HOSTILE))]
)
def test_nothing_in_a_text_is_interpreted(html: str) -> None:
    assert "<img" not in html
    assert "<script" not in html
    assert "\n" not in html  # so that Markdown takes it for one block of HTML
    for mark in ("![", "](", "*", "$$", "`", "# "):
        assert mark not in html


def test_history_becomes_turns_with_the_plain_text_of_the_answers() -> None:
    text = "Costs <b>5</b> & more.\nTwo lines."
    history: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": render.answered(cited(text, text))}]},
        {"role": "user", "content": "And this?"},
        {"role": "assistant", "content": render.problem("the index is locked")},
        {"role": "user", "content": "Again?"},
        {"role": "assistant", "content": "Plain words."},
    ]
    assert render.turns(history) == (Turn("What is it?", text), Turn("Again?", "Plain words."))


def test_every_response_forbids_other_hosts(address: str) -> None:
    for path in ("", "config", "gradio_api/info", "theme.css"):
        policy = httpx.get(address + path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy


def test_gradio_tells_nobody(address: str) -> None:
    config = httpx.get(address + "config").json()
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False


def test_no_file_of_the_machine_is_given_out(address: str, towers: Assistant) -> None:
    for path in ("/etc/passwd", str(Path(__file__)), str(towers.settings.index.resolve())):
        assert httpx.get(f"{address}gradio_api/file={path}").status_code in {403, 404}


def test_a_message_cannot_name_a_file_of_the_machine(address: str) -> None:
    """An event that takes the conversation must refuse one whose message is a file that nobody uploaded."""
    config = httpx.get(address + "config").json()
    kinds = {part["id"]: part["type"] for part in config["components"]}
    events = [event for event in config["dependencies"] if "chatbot" in {kinds[i] for i in event["inputs"]}]
    assert events
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    conversation = [{"role": "user", "content": [{"type": "file", "file": file}]}]
    for event in events:
        data = [conversation if kinds[i] == "chatbot" else "x" for i in event["inputs"]]
        outcome = call(address, event["id"], data)
        assert outcome["success"] is False
        assert "root:" not in json.dumps(outcome)


def call(address: str, event: int, data: list[Any]) -> dict[str, Any]:
    session = f"session-{event}"
    body = {"data": data, "fn_index": event, "session_hash": session}
    httpx.post(address + "gradio_api/queue/join", json=body).raise_for_status()
    with httpx.stream("GET", f"{address}gradio_api/queue/data?session_hash={session}", timeout=30) as lines:
        for line in lines.iter_lines():
            message = json.loads(line.removeprefix("data:")) if line else {}
            if message.get("msg") == "process_completed":
                return dict(message)
    raise AssertionError("the event never completed")


def test_programs_may_ask_through_gradio(address: str) -> None:
    client = Client(address, verbose=False)
    html = client.predict("How far does the tower of Brielle lean?", api_name="/chat")
    assert "leans <b>two</b> degrees" in unescape(html)
    assert "tower.txt ¶2" in unescape(html)


class Broken(Assistant):
    """An assistant whose model is gone."""

    def __init__(self) -> None:
        """Opens nothing."""

    def ask(self, *_: object, **__: object) -> Answer:
        raise ModelError("the model is gone; run: pip install <it>")


def test_an_error_is_told_in_the_chat() -> None:
    served = page.build(Broken())
    try:
        address = page.launch(served, "127.0.0.1", free_port())
        html = Client(address, verbose=False).predict("Anything?", api_name="/chat")
    finally:
        served.close(verbose=False)
    assert "pilcrow-problem" in html
    assert "the model is gone; run: pip install <it>" in unescape(html)


def test_a_port_in_use_is_an_error_with_the_remedy(towers: Assistant) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PilcrowError, match="set another host or port"):
            page.launch(page.build(towers), "127.0.0.1", taken.getsockname()[1])


def test_a_person_asks_and_reads_the_source(browser: tuple[Page, list[str]], address: str) -> None:
    opened, requests = browser
    alerts: list[str] = []
    opened.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    box = opened.get_by_role("textbox")
    box.fill("How far does the tower of Brielle lean?")
    box.press("Enter")
    source = opened.locator("details", has_text="tower.txt ¶2")
    source.wait_for(timeout=30_000)
    assert opened.title() == "Pilcrow"
    assert "leans <b>two</b> degrees" in opened.locator(".pilcrow-answer").inner_text()
    source.locator("summary").click()
    assert "leans <b>two</b> degrees" in source.locator("mark").inner_text()
    assert opened.locator(".pilcrow-answer img, .pilcrow-list img").count() == 0
    assert alerts == []
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


def test_what_is_not_found_is_said(browser: tuple[Page, list[str]]) -> None:
    opened, _ = browser
    box = opened.get_by_role("textbox")
    box.fill("Which general commands the Belgian artillery?")
    box.press("Enter")
    opened.get_by_text("Nearest paragraphs").wait_for(timeout=30_000)
    assert opened.locator(".pilcrow-number").count() == 0
