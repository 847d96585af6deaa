"""The library and the first use in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from re import compile as pattern
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from whole_page import browsing, served

from rag import Assistant, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOWER = "# The tower of Brielle\n\nThe tower of Brielle was built in 1325.\n\nIts bell weighs two tons.\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as chromium:
        yield chromium


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Assistant]:
    """An assistant over no documents yet."""
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        yield assistant


@pytest.fixture
def page(browser: Browser, shelf: Assistant) -> Iterator[Page]:
    """A page at the library; nothing may fail in it."""
    with served(shelf) as (address, _):
        opened = browser.new_context(base_url=address, reduced_motion="reduce").new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on(
            "console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None
        )
        opened.goto("/library")
        yield opened
        opened.context.close()
        assert problems == []


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def add(page: Page, *files: Path) -> None:
    """Choose files, and wait until they were read."""
    page.locator("input[data-upload][multiple]").set_input_files([*files])
    done(page)


def done(page: Page) -> None:
    page.get_by_role("heading", name="Recently added").wait_for(timeout=60_000)


def names(page: Page) -> list[str]:
    return [name.strip() for name in page.locator(".documents .source").all_inner_texts()]


def test_first_use_shows_files_being_read_and_then_questions(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    page.get_by_text("PDF, Word, Excel").wait_for()
    assert not page.get_by_label("Your question").is_visible()
    bad = write(tmp_path / "given" / "broken.pdf", "%PDF-1.4 broken")
    old = write(tmp_path / "given" / "old.doc", "Word")
    add(page, write(tmp_path / "given" / "tower.md", TOWER), bad, old)
    page.get_by_text("This PDF is damaged").or_(page.get_by_text("is damaged")).first.wait_for()
    page.get_by_text("save it as .docx").wait_for()
    page.get_by_text("1 document is ready").wait_for()
    page.get_by_label("Your question").wait_for()
    assert page.locator("#scope-label").inner_text() == "Your only document"
    page.locator(".suggestion").first.click()
    page.locator(".turn:not(.running)").get_by_text("Brielle").first.wait_for(timeout=60_000)


def test_folder_keeps_its_paths_and_hidden_files_stay(page: Page, tmp_path: Path) -> None:
    for name in ("2024/january.txt", "2023/january.txt", ".git/config.txt", "plan.doc"):
        write(tmp_path / "reports" / name, f"A log of {name}.")
    page.locator("input[webkitdirectory]").set_input_files(tmp_path / "reports")
    done(page)
    page.get_by_text("2 documents").wait_for()
    assert names(page) == ["reports/2023/january.txt", "reports/2024/january.txt"]
    page.get_by_text("1 file was not read").wait_for()


def test_a_name_that_is_there_asks(page: Page, shelf: Assistant, tmp_path: Path) -> None:
    add(page, write(tmp_path / "nine" / "ferry.txt", "The ferry sailed at nine."))
    choose = page.locator("input[data-upload][multiple]")
    choose.set_input_files(write(tmp_path / "ten" / "ferry.txt", "The ferry sailed at ten."))
    dialog = page.get_by_role("dialog", name="The library has a document with this name")
    dialog.get_by_role("button", name="Keep both").click()
    page.get_by_role("link", name="ferry (2).txt").wait_for()
    choose.set_input_files(write(tmp_path / "noon" / "ferry.txt", "The ferry sailed at noon."))
    dialog.get_by_role("button", name="Replace").click()
    start = monotonic()
    while shelf.paragraph("ferry.txt", 1).text != "The ferry sailed at noon.":
        assert monotonic() - start < 60
        page.wait_for_timeout(50)
    assert shelf.paragraph("ferry (2).txt", 1).text == "The ferry sailed at ten."
    both = [write(tmp_path / "last" / name, "It never sailed.") for name in ("ferry.txt", "ferry (2).txt")]
    choose.set_input_files(both)
    dialog.get_by_label("Do the same for the other files").check()
    dialog.get_by_role("button", name="Skip").click()
    page.locator(".sending").wait_for(state="detached")
    assert not dialog.is_visible()
    assert len(shelf.documents()) == 2


def test_files_dropped_on_any_page_are_added(page: Page, shelf: Assistant, tmp_path: Path) -> None:
    add(page, write(tmp_path / "log.txt", "A log of Urk."))
    page.goto("/")
    drop = """(type) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(["The harbour of Urk has two piers."], "harbour.txt"));
        const options = {dataTransfer: transfer, bubbles: true, cancelable: true};
        document.body.dispatchEvent(new DragEvent(type, options));
    }"""
    page.evaluate(drop, "dragover")
    page.get_by_text("Drop to add to the library").wait_for()
    page.evaluate(drop, "drop")
    page.locator(".toast").get_by_role("button", name="Library").click()
    page.get_by_role("link", name="harbour.txt").wait_for(timeout=60_000)
    assert len(shelf.documents()) == 2


def test_several_are_removed_with_an_undo(page: Page, shelf: Assistant, tmp_path: Path) -> None:
    add(page, *(write(tmp_path / f"{number}.txt", f"Log {number}.") for number in range(3)))
    page.get_by_text("3 documents").wait_for()
    page.get_by_label("Select all shown").check()
    page.get_by_label("Select 1.txt").uncheck()
    page.get_by_text("2 selected").wait_for()
    page.locator("#picked").get_by_role("button", name="Remove").click()
    page.locator(".toast").get_by_text("2 documents removed").wait_for()
    assert [one.source for one in shelf.documents()] == ["1.txt"]
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("3 documents").wait_for(timeout=60_000)
    assert names(page) == ["0.txt", "1.txt", "2.txt"]


def test_list_is_found_in_and_sorted_under_an_address(page: Page, tmp_path: Path) -> None:
    add(
        page,
        *(write(tmp_path / f"{name}.txt", "Log.\n\n" * len(name)) for name in ("urk", "elburg", "hoorn")),
    )
    page.get_by_role("link", name="Document").click()
    page.locator("[aria-sort=descending]").wait_for()
    assert names(page) == ["urk.txt", "hoorn.txt", "elburg.txt"]
    page.reload()
    assert names(page) == ["urk.txt", "hoorn.txt", "elburg.txt"]
    page.get_by_label("Find a document").fill("urg")
    page.get_by_text("1 of 3 documents").wait_for()
    assert names(page) == ["elburg.txt"]
    assert "q=urg" in page.url
    page.get_by_label("Find a document").fill("none")
    page.get_by_text("No document has these words").wait_for()


def test_folder_is_watched_and_tells_its_state(page: Page, tmp_path: Path) -> None:
    write(tmp_path / "docs" / "harbour.txt", "The harbour of Urk has two piers.")
    write(tmp_path / "docs" / "old.doc", "Word")
    page.get_by_text("Watch a folder on this machine").click()
    page.get_by_label("Path of the folder").fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Watch", exact=True).click()
    page.get_by_text("There is no folder").wait_for()
    page.get_by_label("Path of the folder").fill(str(tmp_path / "docs"))
    page.get_by_role("button", name="Watch", exact=True).click()
    page.get_by_text("changes are read automatically").wait_for(timeout=60_000)
    page.get_by_role("link", name="harbour.txt").wait_for()
    page.get_by_text("1 file was not read").click()
    page.get_by_text("save it as .docx").wait_for()
    page.get_by_role("button", name=pattern("Stop watching")).click()
    page.get_by_text("changes are read automatically").wait_for(state="detached")
    assert names(page) == ["harbour.txt"]


def test_a_server_that_is_gone_is_told_and_found_again(page: Page) -> None:
    page.route("**/pilcrow/shelf*", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new Event('shelf'))")
    page.get_by_text("can't be reached").first.wait_for()
    page.locator(".library.lost").wait_for()
    page.unroute("**/pilcrow/shelf*")
    page.locator(".library:not(.lost)").wait_for(timeout=10_000)
