"""The page of questions and answers in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner
from whole_page import ask, numbers, pane

from rag import Assistant
from ui.cli import app
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ARMY = "Who commands Ukraine's army?"
COLOUR = "element => getComputedStyle(element.lastElementChild).backgroundColor"
# Whether a picture has pixels in the colour of a box around a quote.
HAS_BOX = """async image => {
    await image.decode();
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const drawn = new OffscreenCanvas(width, height).getContext("2d");
    drawn.drawImage(image, 0, 0);
    const found = drawn.getImageData(0, 0, width, height).data;
    for (let at = 0; at < found.length; at += 4)
        if (found[at] === 15 && found[at + 1] === 82 && found[at + 2] === 87) return true;
    return false;
}"""


def is_focused(element: Locator) -> bool:
    return bool(element.evaluate("element => element === document.activeElement"))


def in_menu(page: Page, role: str, name: str) -> None:
    """Choose something of the open conversation's menu."""
    item = page.get_by_role("navigation", name="Pilcrow").locator("li:has([aria-current])")
    item.locator("summary").click()
    item.get_by_role(role, name=name).click()  # type: ignore[arg-type]


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
    number = numbers(turn).first
    opened = pane(page, number)
    assert opened.get_by_role("heading", level=2).inner_text() == source
    assert f"¶ {paragraph}" in opened.locator(".where").first.inner_text()
    cited = opened.locator(".cited")
    text = " ".join(library.paragraph(source, paragraph).text.split())
    assert number.get_attribute("aria-current") == "true"
    assert opened.locator(".pilcrow").count() > 1  # neighbours too
    if source.endswith(".csv"):
        values = [cell.inner_text() for cell in cited.get_by_role("cell").all()]
        assert len(values) == opened.get_by_role("columnheader").count() - 1
        assert all(value in text for value in values)
        shown = {row.evaluate(COLOUR) for row in opened.get_by_role("row").all()}
        assert cited.evaluate(COLOUR) not in {opened.get_by_role("row").last.evaluate(COLOUR)}
        assert len(shown) == 2  # one row is marked
    else:
        assert text in cited.inner_text()
        assert cited.locator("mark").inner_text() in text
    images = opened.get_by_role("img", name="Page ")
    assert images.count() == (1 if source.endswith(".pdf") else 0)
    if images.count():
        assert images.evaluate(HAS_BOX)
        images.locator("..").press("Enter")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        assert page.get_by_role("dialog").count() == 0
        assert opened.is_visible()
    page.keyboard.press("Escape")
    assert not opened.is_visible()
    assert is_focused(number)


def test_citations_are_leafed_through_and_the_document_opened_at_the_place(page: Page) -> None:
    turn = ask(page, "What did Denmark and Germany promise?")
    assert numbers(turn).count() > 1
    opened = pane(page, numbers(turn).first)
    assert opened.get_by_role("link", name="Previous citation").count() == 0
    opened.get_by_role("link", name="Next citation").click()
    turn.locator(".mark[aria-current][data-n='2']").first.wait_for()
    opened.get_by_role("link", name="Previous citation").click()
    turn.locator(".mark[aria-current][data-n='1']").first.wait_for()
    place = opened.locator(".where").first.inner_text().split()[1]
    opened.get_by_role("link", name="Open document").click()
    page.wait_for_url(f"**/document?*#p{place}")
    top = page.locator(f"#p{place}").evaluate("element => element.getBoundingClientRect().top")
    assert 0 <= top < 700


def test_hovering_a_number_shows_its_source_and_other_evidence_is_listed(page: Page) -> None:
    turn = ask(page, ARMY)
    number = numbers(turn).first
    number.hover()
    assert "lit" in (turn.locator(".statement").first.get_attribute("class") or "")
    assert "lit" in (turn.locator(".chip").first.get_attribute("class") or "")
    turn.get_by_text("Also looked at").click()
    unused = turn.locator(".paragraphs a").first
    place = unused.locator(".where").inner_text()
    assert pane(page, unused).locator(".where").first.inner_text().startswith(place)


def test_follow_up_has_context_and_a_reload_keeps_the_conversation(page: Page) -> None:
    ask(page, ARMY)
    turn = ask(page, "How many kilometres were his troops gaining?")
    assert "Syrskyi" in turn.locator(".answer").inner_text()
    talk = page.get_by_role("log")
    before = talk.inner_text()
    page.reload()
    assert talk.inner_text() == before
    assert "6 August" in ask(page, "And when did the attack on Kursk begin?").inner_text()


def test_question_can_be_edited_and_asked_again_and_the_answer_rated(
    page: Page, kept: tuple[str, Conversations]
) -> None:
    ask(page, "Who commands the Belgian army?")
    ask(page, ARMY)
    box = page.get_by_label("Your question")
    box.fill("half typed")
    page.get_by_role("button", name="Edit this question").first.click()
    assert box.input_value() == "Who commands the Belgian army?"
    page.keyboard.press("Escape")
    assert box.input_value() == "half typed"
    page.get_by_role("button", name="Edit this question").first.click()
    box.fill("What is Smerch?")
    box.press("Enter")
    page.get_by_role("heading", name="What is Smerch?", level=2).wait_for()
    turn = page.get_by_role("article")
    turn.get_by_role("button", name="Ask again", exact=True).wait_for()
    assert turn.count() == 1
    assert not page.get_by_text("Editing:").is_visible()
    assert box.input_value() == "half typed"
    turn.evaluate("turn => { turn.dataset.old = 'yes' }")
    turn.get_by_role("button", name="Ask again", exact=True).click()
    page.locator(".turn:not([data-old], .running)").wait_for()
    assert turn.count() == 1
    ask(page, ARMY)
    turn.first.get_by_role("button", name="Ask again", exact=True).click()
    turn.nth(2).get_by_role("button", name="Ask again", exact=True).wait_for()  # the answer between is kept
    turn.first.get_by_text("Feedback").click()
    turn.first.get_by_label("Wrong citation").check()
    turn.first.get_by_label("Note").fill("see the other page")
    turn.first.get_by_role("button", name="Save").click()
    turn.first.get_by_text("Feedback: wrong citation").wait_for()
    candidate = list(kept[1].judged_answers())[-1]
    assert (candidate["question"], candidate["verdict"]) == ("What is Smerch?", "wrong citation")
    assert candidate["note"] == "see the other page"


def test_conversation_is_renamed_found_deleted_and_brought_back(page: Page) -> None:
    rail = page.get_by_role("navigation", name="Pilcrow")
    ask(page, "What is Smerch?")
    name = rail.get_by_label("New name")
    for key, typed in (("Enter", "Rockets  of 2024"), ("Escape", "never")):
        in_menu(page, "button", "Rename")
        name.fill(typed)
        name.press(key)
        rail.get_by_role("link", name="Rockets of 2024").wait_for()
        assert rail.get_by_role("link", name="never").count() == 0
    page.get_by_role("link", name="New conversation").click()
    page.get_by_label("Search conversations").fill("rockets OF")
    rail.get_by_role("link", name="Smerch").wait_for(state="detached")
    page.get_by_label("Search conversations").fill("no such words")
    rail.get_by_text("Nothing found for “no such words”").wait_for()
    page.get_by_label("Search conversations").fill("rockets")
    rail.get_by_role("link", name="Rockets").click()
    page.get_by_role("heading", name="What is Smerch?", level=2).wait_for()
    in_menu(page, "button", "Delete")
    page.get_by_role("heading", name="Ask your").wait_for()
    assert rail.get_by_role("link", name="Rockets").count() == 0
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="What is Smerch?", level=2).wait_for()
    page.get_by_role("link", name="New conversation").click()
    page.get_by_label("Your question").wait_for()
    item = rail.locator("li", has=page.get_by_role("link", name="Rockets"))
    item.locator("summary").click()
    item.get_by_role("button", name="Delete").click()
    item.wait_for(state="detached")
    page.get_by_role("button", name="Undo").click()
    item.wait_for()


def test_link_is_read_only_and_can_be_taken_back(page: Page, browser: Browser) -> None:
    ask(page, ARMY)
    page.get_by_role("button", name="Share").first.click()
    told = page.get_by_text("Link copied").inner_text()
    link = next(word for word in told.split() if "/shared/" in word).removesuffix("Take")
    other = browser.new_page()
    other.goto(link)
    turn = other.get_by_role("article")
    assert "Syrskyi" in turn.locator(".answer").inner_text()
    assert turn.get_by_role("button").count() == 0
    assert other.get_by_label("Your question").count() == 0
    opened = pane(other, numbers(turn).first)
    assert "Syrskyi" in opened.locator(".cited mark").inner_text()
    assert opened.get_by_role("link", name="Open document").count() == 0
    assert opened.locator(".pilcrow").count() == 1  # what the answer doesn't cite isn't shared
    page.get_by_role("button", name="Stop sharing").click()
    page.get_by_text("The link no longer works.").wait_for()
    refused = other.goto(link)
    assert refused
    assert refused.status == 404
    other.close()


def test_suggested_question_is_answered(page: Page) -> None:
    suggested = page.get_by_role("list", name="Suggestions").get_by_role("button")
    assert suggested.count() >= 3
    question = suggested.first.inner_text()
    suggested.first.click()
    page.get_by_role("button", name="Ask again", exact=True).wait_for()
    assert page.get_by_role("heading", name=question, level=2).count() == 1
    assert numbers(page.get_by_role("article")).count()
    page.go_back()
    page.get_by_role("list", name="Suggestions").wait_for()
    page.go_forward()
    page.get_by_role("heading", name=question, level=2).wait_for()


def test_export_can_be_saved_and_verified(page: Page, seeds_index: Path, tmp_path: Path) -> None:
    ask(page, ARMY)
    for name in ("Markdown", "HTML", "JSON"):
        with page.expect_download() as download:
            in_menu(page, "link", f"Export as {name}")
        download.value.save_as(tmp_path / name)
        assert "Syrskyi" in (tmp_path / name).read_text("utf-8")
    assert "[^1]: " in (tmp_path / "Markdown").read_text("utf-8")
    index = shutil.copytree(seeds_index, tmp_path / "index")
    checked = CliRunner().invoke(app, ["verify", str(tmp_path / "JSON"), "--index", str(index)])
    assert checked.exit_code == 0, checked.output
