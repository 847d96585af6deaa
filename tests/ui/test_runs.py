"""Questions that take time: nothing that runs is lost, mixed up or in the way of typing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import gradio as gr
import pytest
from chroma_server import free_port
from whole_page import answered, ask, served, visit

from rag import Answer, Assistant, Settings
from rag import Stream as Pieces
from ui.app import build, close, launch
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ARMY, SMERCH = "Who commands Ukraine's army?", "What is Smerch?"


class Held(Assistant):
    """An assistant that begins each answer and goes on when a test says so."""

    goes_on: Event

    def stream(self, question: str, *given: object, **more: object) -> HeldStream:  # type: ignore[override]
        return HeldStream(question, super().stream(question, *given, **more), self.goes_on)  # type: ignore[arg-type]


class HeldStream:
    """The pieces of an answer: first that it begins, the others when it goes on."""

    def __init__(self, question: str, pieces: Pieces, goes_on: Event) -> None:
        self.question, self.pieces, self.goes_on = question, pieces, goes_on
        self.unchecked = ""

    @property
    def answer(self) -> Answer:
        return self.pieces.answer

    def close(self) -> None:
        self.pieces.close()

    def __iter__(self) -> Iterator[str]:
        yield f"Begun: {self.question}"
        while not self.goes_on.wait(0.05):
            yield ""  # so that it can be stopped
        for _ in self.pieces:
            yield ""


@pytest.fixture(scope="module")
def assistant_held(seeds_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    index = shutil.copytree(seeds_index, tmp_path_factory.mktemp("held") / "index")
    with Held.open(index, Settings()) as opened:
        assert isinstance(opened, Held)
        opened.goes_on = Event()
        yield opened


@pytest.fixture(scope="module")
def kept(assistant_held: Held) -> Iterator[tuple[str, Conversations]]:
    with served(assistant_held) as page:
        yield page


@pytest.fixture
def goes_on(assistant_held: Held) -> Iterator[Event]:
    """What lets the answers go on."""
    assistant_held.goes_on.clear()
    yield assistant_held.goes_on
    assistant_held.goes_on.set()


def begin(page: Page, question: str = ARMY) -> Locator:
    """Ask, and return the turn that is being answered."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    return begun(page, question)


def begun(page: Page, question: str = ARMY) -> Locator:
    running = page.locator(".turn.running", has_text=f"Begun: {question}")
    running.wait_for()
    return running


def test_typing_goes_on_during_an_answer_and_a_follow_up_waits(page: Page, goes_on: Event) -> None:
    begin(page)
    box = page.get_by_label("Your question")
    box.press_sequentially(SMERCH)
    box.press("Enter")
    page.get_by_text("Pilcrow is still answering").wait_for()
    assert box.input_value() == SMERCH
    goes_on.set()
    answered(page)
    assert box.input_value() == SMERCH
    box.press("Enter")
    answered(page, SMERCH)
    assert box.input_value() == ""
    assert page.get_by_role("article").count() == 2


def test_stop_brings_the_question_back_and_saves_nothing(
    page: Page, goes_on: Event, kept: tuple[str, Conversations]
) -> None:
    before = len(kept[1].search(""))
    begin(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. Nothing was saved.").wait_for()
    box = page.get_by_label("Your question")
    assert box.input_value() == ARMY
    assert page.get_by_role("button", name="Ask", exact=True).is_visible()
    assert len(kept[1].search("")) == before
    page.reload()
    page.get_by_text("Stopped. Nothing was saved.").wait_for()
    assert box.input_value() == ARMY
    goes_on.set()
    page.get_by_role("button", name="Try again").click()
    answered(page)
    assert page.get_by_role("article").count() == 1
    goes_on.clear()
    begin(page, SMERCH)
    box.fill("next")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. Nothing was saved.").wait_for()
    assert box.input_value() == "next"  # what was typed isn't overwritten


def test_stopped_edit_leaves_the_answers_as_they_were(page: Page, goes_on: Event) -> None:
    goes_on.set()
    ask(page, ARMY)
    ask(page, SMERCH)
    goes_on.clear()
    page.get_by_role("button", name="Edit this question").first.click()
    box = page.get_by_label("Your question")
    box.fill("Who leads an assault battalion?")
    box.press("Enter")
    begun(page, "Who leads an assault battalion?")
    assert not page.get_by_role("heading", name=SMERCH, level=2).is_visible()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. Nothing was saved.").wait_for()
    assert answered(page, SMERCH).is_visible()
    assert answered(page, ARMY).is_visible()
    assert page.get_by_text("Editing:").is_visible()
    goes_on.set()
    box.press("Enter")
    answered(page, "Who leads an assault battalion?")
    assert page.get_by_role("article").count() == 1


def test_reload_in_mid_answer_finds_the_answer(page: Page, goes_on: Event) -> None:
    begin(page)
    page.reload()
    begun(page)
    assert page.get_by_role("button", name="Stop").is_visible()
    goes_on.set()
    assert "Syrskyi" in answered(page).inner_text()
    assert page.get_by_role("button", name="Ask", exact=True).is_visible()


def test_draft_is_in_sight_in_a_long_conversation(page: Page, goes_on: Event) -> None:
    goes_on.set()
    for question in (SMERCH, "What is Wagner?", "Who leads an assault battalion?"):
        ask(page, question)
    page.evaluate("scrollTo(0, 0)")
    goes_on.clear()
    begin(page)
    tops = "names => names.map(name => document.querySelector(name).getBoundingClientRect().top)"
    for _ in range(2):  # in one step, as the draft is replaced all the time
        draft, box = page.evaluate(tops, [".running .answer", "#composer"])
        assert 0 < draft < box
        page.reload()
        begun(page)


def test_running_question_stays_in_its_conversation(page: Page, goes_on: Event) -> None:
    begin(page)
    rail = page.get_by_role("navigation", name="Pilcrow")
    page.get_by_role("link", name="New conversation").click()
    page.get_by_role("heading", name="Ask your").wait_for()
    assert page.locator(".turn").count() == 0
    assert not page.get_by_role("button", name="Stop").is_visible()
    begin(page, SMERCH)
    assert page.locator(".turn").count() == 1
    goes_on.set()
    assert "rocket" in answered(page, SMERCH).inner_text()
    rail.get_by_role("link", name=ARMY).first.click()
    assert "Syrskyi" in answered(page).inner_text()
    assert page.get_by_role("article").count() == 1


def test_two_tabs_ask_at_once_without_mixing(page: Page, goes_on: Event) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    begin(page)
    begin(other, SMERCH)
    goes_on.set()
    assert "Syrskyi" in answered(page).inner_text()
    assert "Syrskyi" not in answered(other, SMERCH).inner_text()
    assert page.get_by_role("article").count() == other.get_by_role("article").count() == 1


def test_same_conversation_in_two_tabs(page: Page, goes_on: Event) -> None:
    goes_on.set()
    ask(page, ARMY)
    other = page.context.new_page()
    other.goto(page.url)
    goes_on.clear()
    begin(page, SMERCH)
    box = other.get_by_label("Your question")
    box.fill("Who leads an assault battalion?")
    box.press("Enter")
    other.get_by_role("alert").get_by_text("still being answered").wait_for()
    assert box.input_value() == "Who leads an assault battalion?"
    goes_on.set()
    answered(page, SMERCH)
    box.press("Enter")
    answered(other, "Who leads an assault battalion?")
    shown = other.get_by_role("article").get_by_role("heading", level=2).all_inner_texts()
    assert shown == [ARMY, SMERCH, "Who leads an assault battalion?"]


def test_answer_goes_on_when_the_connection_is_back(page: Page, goes_on: Event) -> None:
    lost = Event()
    page.route("**/pilcrow/events?*", lambda route: route.continue_() if lost.is_set() else route.abort())
    page.get_by_label("Your question").fill(ARMY)
    page.keyboard.press("Enter")
    page.get_by_text("Pilcrow can't be reached. Trying again").wait_for()
    lost.set()
    page.get_by_text("Pilcrow can't be reached. Trying again").wait_for(state="hidden")
    goes_on.set()
    answered(page)


def test_deleted_conversation_is_no_longer_answered(
    page: Page, goes_on: Event, kept: tuple[str, Conversations]
) -> None:
    goes_on.set()
    ask(page, ARMY)
    key = page.url.rpartition("=")[2]
    goes_on.clear()
    begin(page, SMERCH)
    item = page.locator(f"li[data-conversation='{key}']")
    item.locator("summary").click()
    item.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Stopped. Nothing was saved.").wait_for()
    assert len(kept[1].entries("", key)) == 1


@contextmanager
def on_port(assistant: Assistant, conversations: Conversations, port: int) -> Iterator[gr.Server]:
    """Serve the page on a port, as after a restart."""
    assistant.settings = assistant.settings.model_copy(update={"port": port})
    server = build(assistant, conversations)
    try:
        launch(server, assistant.settings)
        yield server
    finally:
        close(server)


@pytest.mark.parametrize("is_told", [True, False])
def test_stopped_server_loses_the_question_and_it_comes_back_into_the_box(
    browser: Browser, assistant_held: Held, goes_on: Event, tmp_path: Path, is_told: bool
) -> None:
    port = free_port()
    with Conversations(tmp_path / "conversations.sqlite3") as conversations:
        with on_port(assistant_held, conversations, port):
            page = visit(browser, f"http://127.0.0.1:{port}/")
            box = page.get_by_label("Your question")
            if is_told:
                begin(page)
            else:  # as if it had crashed
                page.route("**/pilcrow/events?*", lambda route: route.abort())
                box.fill(ARMY)
                box.press("Enter")
                page.get_by_text("Pilcrow can't be reached. Trying again").wait_for()
        with closing(page.context), on_port(assistant_held, conversations, port):
            page.unroute_all()
            page.get_by_text("Pilcrow was stopped.").wait_for()
            assert not page.get_by_text("Pilcrow can't be reached. Trying again").is_visible()
            assert box.input_value() == ARMY
            page.reload()
            assert box.input_value() == ARMY
            goes_on.set()
            box.press("Enter")
            assert "Syrskyi" in answered(page).inner_text()
