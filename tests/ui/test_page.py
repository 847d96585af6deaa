"""The chat page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from chroma_server import free_port
from scripted_llm import ScriptedLLM
from typer.testing import CliRunner
from whole_page import ask, browsing, served, visit

from rag import Answer, Assistant, Settings
from ui.cli import app
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ARMY = "Who commands Ukraine's army?"


@pytest.fixture(scope="module")
def library(seeds: Path, seeds_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over the seeds, for writing."""
    index = shutil.copytree(seeds_index, tmp_path_factory.mktemp("library") / "index")
    with Assistant.open(index, Settings()) as opened:
        yield opened


@pytest.fixture(scope="module")
def kept(library: Assistant) -> Iterator[tuple[str, Conversations]]:
    with served(library) as page:
        yield page


@pytest.fixture
def own_index(seeds_index: Path, tmp_path: Path) -> Path:
    """A copy of the seeds' index, for another assistant."""
    return Path(shutil.copytree(seeds_index, tmp_path / "index"))


@pytest.fixture(scope="module")
def address(kept: tuple[str, Conversations]) -> str:
    return kept[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    opened = visit(browser, address)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.context.close()
    assert errors == []


def panel(page: Page, link: Locator) -> Locator:
    """Click a link and return the source panel that it opens."""
    link.click()
    page.locator("#pilcrow-panel .pilcrow-cited").wait_for()
    return page.locator("#pilcrow-panel")


@pytest.mark.parametrize(
    ("question", "source", "paragraph"),
    [
        (ARMY, "kursk-2024-08-16.txt", 7),
        ("Who speaks for Ukraine's eastern troops?", "briefing-2023-01-31.md", 5),
        ("When was the Crimea Bridge shaken by a blast?", "timeline.html", 8),
        ("What is Wagner?", "fact-sheet-wagner.pdf", 3),
        ("Who leads an assault battalion?", "bakhmut-on-two-dates.docx", 9),
        ("How many howitzers did Denmark promise?", "aid-and-weapons.csv", 5),
    ],
)
def test_citation_opens_its_paragraph_with_the_quote_marked(
    page: Page, library: Assistant, question: str, source: str, paragraph: int
) -> None:
    turn = ask(page, question)
    number = turn.locator(".pilcrow-answer .pilcrow-number").first
    opened = panel(page, number)
    assert opened.locator("h2").inner_text().startswith(f"{source} ¶{paragraph}")
    cited = opened.locator(".pilcrow-cited")
    assert cited.get_attribute("value") == str(paragraph)
    assert cited.inner_text() == " ".join(library.paragraph(source, paragraph).text.split())
    assert cited.locator("mark").inner_text() in turn.locator(".pilcrow-answer").inner_text()
    around = [int(item.get_attribute("value") or 0) for item in opened.locator("li").all()]
    assert len(around) > 1
    assert around == list(range(around[0], around[0] + len(around)))
    images = opened.locator("img")
    assert images.count() == (1 if source.endswith(".pdf") else 0)
    if images.count():
        assert images.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    page.keyboard.press("Escape")
    assert not opened.is_visible()
    assert number.evaluate("link => link === document.activeElement")


def test_hovering_a_number_shows_its_source_and_other_evidence_is_listed(page: Page) -> None:
    turn = ask(page, ARMY)
    tip = turn.locator(".pilcrow-mark", has_text="Oleksandr Syrskyi")
    assert not tip.get_by_role("tooltip").is_visible()
    tip.locator(".pilcrow-number").hover()
    assert "kursk-2024-08-16.txt ¶7" in tip.get_by_role("tooltip").inner_text()
    turn.get_by_text("Also looked at").click()
    unused = turn.locator("details li").first
    assert "kursk-2024-08-16.txt ¶7" not in unused.inner_text()
    place = unused.locator(".pilcrow-source").inner_text()
    assert panel(page, unused.locator("a")).locator("h2").inner_text().startswith(place)


def test_follow_up_has_context_and_a_reload_keeps_the_conversation(page: Page) -> None:
    ask(page, ARMY)
    turn = ask(page, "How many kilometres were his troops gaining?")
    assert "Syrskyi" in turn.locator(".pilcrow-answer").inner_text()
    before = page.locator("#pilcrow-said").inner_text()
    page.reload()
    page.locator(".pilcrow-talk").wait_for()
    assert page.locator("#pilcrow-said").inner_text() == before
    assert ask(page, "And when did the attack on Kursk begin?").locator("text=6 August").count()


def test_question_can_be_edited_asked_again_rated_and_deleted(
    page: Page, kept: tuple[str, Conversations]
) -> None:
    ask(page, "Who commands the Belgian army?")
    ask(page, ARMY)
    page.get_by_role("button", name="Edit").first.click()
    page.get_by_text("Editing question 1").wait_for()
    box = page.get_by_label("Your question")
    assert box.input_value() == "Who commands the Belgian army?"
    box.fill("What is Smerch?")
    box.press("Enter")
    page.get_by_role("heading", name="What is Smerch?").wait_for()
    page.locator(".pilcrow-talk .pilcrow-turn").wait_for()
    assert page.locator(".pilcrow-talk .pilcrow-turn").count() == 1
    page.locator(".pilcrow-turn").evaluate("turn => { turn.dataset.old = 'yes' }")
    page.get_by_role("button", name="Ask again").click()
    page.locator(".pilcrow-talk .pilcrow-turn:not([data-old])").wait_for()
    turn = page.locator(".pilcrow-turn").first
    turn.get_by_text("Feedback").click()
    turn.get_by_label("Wrong citation").check()
    turn.get_by_label("Note").fill("see the other page")
    turn.get_by_role("button", name="Save").click()
    page.get_by_text("Feedback: wrong citation").wait_for()
    candidate = list(kept[1].judged_answers())[-1]
    assert (candidate["question"], candidate["verdict"]) == ("What is Smerch?", "wrong citation")
    assert candidate["note"] == "see the other page"
    title = page.locator(".pilcrow-listing [aria-current]")
    assert title.count() == 1
    before = page.locator(".pilcrow-listing li").count()
    delete = page.locator(".pilcrow-listing li", has=page.locator("[aria-current]")).get_by_role("button")
    delete.click()
    assert page.locator(".pilcrow-listing li").count() == before  # the first click only asks
    delete.click()
    page.locator(".pilcrow-welcome").wait_for()
    assert page.locator(".pilcrow-listing li").count() == before - 1


def test_conversations_are_listed_searched_and_opened(page: Page) -> None:
    from playwright.sync_api import expect

    ask(page, "What is Smerch?")
    page.get_by_role("button", name="New conversation").click()
    page.locator(".pilcrow-welcome").wait_for()
    ask(page, "Who leads an assault battalion?")
    page.get_by_label("Search conversations").fill("smerch")
    expect(page.locator(".pilcrow-listing li", has_text="assault")).to_have_count(0)
    page.locator(".pilcrow-listing a").first.click()
    page.get_by_role("heading", name="What is Smerch?").wait_for()


def test_suggested_question_is_answered(page: Page) -> None:
    suggested = page.locator(".pilcrow-welcome li button")
    assert suggested.count() >= 3
    question = suggested.first.inner_text()
    suggested.first.click()
    page.locator("#pilcrow-said .pilcrow-answer").wait_for()
    assert page.get_by_role("heading", name=question).count()
    assert page.locator(".pilcrow-answer .pilcrow-number").count()


def test_documents_can_be_added_asked_alone_and_removed(page: Page, tmp_path: Path) -> None:
    (tmp_path / "ferry.txt").write_text("The ferry Zwaluw was built in Kampen in 1931.\n", "utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nothing that can be read")
    page.get_by_role("tab", name="Library").click()
    page.locator("input[type=file]").first.set_input_files([tmp_path / "ferry.txt", tmp_path / "broken.pdf"])
    failed = page.locator(".pilcrow-progress .pilcrow-problem")
    failed.wait_for()
    assert "broken.pdf" in failed.inner_text()
    row = page.get_by_role("row", name="ferry.txt")
    row.wait_for()
    assert "up to date" in row.inner_text()
    page.get_by_role("tab", name="Ask").click()
    only = page.get_by_role("combobox", name="Only in")
    only.click()
    page.get_by_role("option", name="ferry.txt").click()
    page.keyboard.press("Escape")
    turn = ask(page, ARMY)
    assert "I couldn't find this in your documents." in turn.inner_text()
    assert "1931" in ask(page, "When was the Zwaluw built?").locator(".pilcrow-answer").inner_text()
    page.get_by_role("tab", name="Library").click()
    remove = page.get_by_role("button", name="Remove ferry.txt")
    remove.click()
    remove.click()
    page.get_by_text("Removed ferry.txt.").wait_for()
    row.wait_for(state="detached")
    page.get_by_role("tab", name="Ask").click()
    changed = page.locator(".pilcrow-changed")
    page.reload()
    changed.first.wait_for()
    assert "no longer in the index" in changed.first.inner_text()


def test_folder_can_be_watched_and_stopped(page: Page, tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "harbour.txt").write_text("The harbour of Urk has two piers.\n", "utf-8")
    page.get_by_role("tab", name="Library").click()
    box = page.get_by_role("textbox", name="Watch a folder of this machine")
    for path in (tmp_path / "nowhere", tmp_path / "watched"):
        box.fill(str(path))
        box.press("Enter")
        shown = page.get_by_text("There is no folder") if path.name == "nowhere" else None
        (shown or page.get_by_role("button", name=f"Stop watching {path}")).wait_for()
    while not page.get_by_role("row", name="harbour.txt").count():
        page.get_by_role("tab", name="Ask").click()
        page.get_by_role("tab", name="Library").click()
        page.wait_for_timeout(500)
    page.get_by_role("button", name="Stop watching").click()
    page.get_by_text("Its documents stay.").wait_for()
    for _ in range(2):
        page.get_by_role("button", name="Remove harbour.txt").click()
    page.get_by_text("Removed harbour.txt.").wait_for()


def test_export_can_be_saved_and_verified(page: Page, own_index: Path, tmp_path: Path) -> None:
    ask(page, ARMY)
    for name in ("Markdown", "HTML", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        download.value.save_as(tmp_path / name)
        assert "Syrskyi" in (tmp_path / name).read_text("utf-8")
    assert "[^1]: " in (tmp_path / "Markdown").read_text("utf-8")
    checked = CliRunner().invoke(app, ["verify", str(tmp_path / "JSON"), "--index", str(own_index)])
    assert checked.exit_code == 0, checked.output


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.type(ARMY)  # the box has the focus
    page.keyboard.press("Enter")
    page.locator("#pilcrow-said .pilcrow-actions").wait_for()
    number = page.locator(".pilcrow-answer .pilcrow-number").last
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if number.evaluate("link => link === document.activeElement"):
            break
    assert page.get_by_role("tooltip").last.is_visible()
    page.keyboard.press("Enter")
    cited = page.locator("#pilcrow-panel .pilcrow-cited")
    cited.wait_for()
    assert cited.evaluate("item => item === document.activeElement")
    page.keyboard.press("Escape")
    assert number.evaluate("link => link === document.activeElement")


def test_page_fits_a_phone(browser: Browser, address: str) -> None:
    page = visit(browser, address, viewport={"width": 360, "height": 740}, has_touch=True)
    turn = ask(page, "How many howitzers did Denmark promise?")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    opened = panel(page, turn.locator(".pilcrow-answer .pilcrow-number").first)
    box = opened.bounding_box()
    assert box
    assert round(box["width"]) == 360
    opened.get_by_role("button", name="Close").click()
    page.get_by_role("tab", name="Library").click()
    page.locator(".pilcrow-table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, address: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(browser, address, color_scheme=scheme, reduced_motion="reduce")
    found = Axe().run(page).response["violations"]
    turn = ask(page, ARMY)
    turn.get_by_text("Feedback").click()
    ask(page, "Which general commands the Belgian artillery?")
    found += Axe().run(page).response["violations"]
    panel(page, turn.locator(".pilcrow-answer .pilcrow-number").first)
    found += Axe().run(page).response["violations"]
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Library").click()
    page.locator(".pilcrow-table").wait_for()
    found += Axe().run(page).response["violations"]
    serious = {
        (rule["id"], node["html"][:160])
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    }
    assert serious == set()
    page.context.close()


class Slow(Assistant):
    """An assistant that answers slowly."""

    def stream(self, *given: object, **more: object) -> object:  # type: ignore[override]
        from time import sleep

        class Words:
            answer = Answer("?", "never reached")

            unchecked = ""

            def close(self) -> None:
                """Do nothing."""

            def __iter__(self) -> Iterator[str]:
                for number in range(600):
                    sleep(0.1)
                    yield f"word{number} "

        return Words()


@contextmanager
def asking(browser: Browser, assistant: Assistant) -> Iterator[tuple[Page, Conversations]]:
    """Ask on an assistant's own page; yield the page, which waits for the answer, and its conversations."""
    with served(assistant) as (address, conversations):
        page = visit(browser, address)
        page.get_by_label("Your question").fill(ARMY)
        page.keyboard.press("Enter")
        yield page, conversations
        page.context.close()


def test_streamed_answer_can_be_stopped(browser: Browser, own_index: Path) -> None:
    with Slow.open(own_index, Settings()) as slow, asking(browser, slow) as (page, conversations):
        page.locator("#pilcrow-draft").get_by_text("word3").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("Stopped.").wait_for()
        assert conversations.search("") == []
        page.get_by_role("button", name="Ask", exact=True).wait_for()


def test_unchecked_text_is_grey_and_unsupported_text_is_left_out(browser: Browser, own_index: Path) -> None:
    goes_on = Event()

    def script(prompt: str) -> str:
        if "Write it again" in prompt:
            goes_on.wait(60)
        return "The army of Ukraine is led by a council of nine generals."

    llm = ScriptedLLM(script=script)
    with Assistant.open(own_index, Settings(), llm=llm) as opened, asking(browser, opened) as (page, _):
        page.locator("#pilcrow-draft .pilcrow-unchecked").get_by_text("The army of Ukraine").wait_for()
        goes_on.set()
        turn = page.locator("#pilcrow-said .pilcrow-turn")
        turn.wait_for()
        assert "Oleksandr Syrskyi" in turn.locator(".pilcrow-answer").inner_text()
        assert "nine generals" not in turn.locator(".pilcrow-answer").inner_text()
        turn.get_by_text("Left out one sentence by the language model").click()
        assert "nine generals" in turn.locator(".pilcrow-dropped").inner_text()


def test_page_offers_an_extractive_answer_when_the_model_is_down(browser: Browser, own_index: Path) -> None:
    down = Settings(llm=f"http://127.0.0.1:{free_port()}/v1", llm_model="none")
    with Assistant.open(own_index, down) as opened, asking(browser, opened) as (page, _):
        page.locator(".pilcrow-problem").wait_for(timeout=90_000)
        page.get_by_role("button", name="Answer in the documents' own words").click()
        turn = page.locator("#pilcrow-said .pilcrow-turn")
        turn.wait_for()
        assert "Oleksandr Syrskyi" in turn.locator(".pilcrow-answer").inner_text()
