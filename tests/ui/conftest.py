"""What the tests of the page share: a small index, a page with a login, and odd strings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import mills as polder
import pytest
from served_page import served
from shared_names import ROOT
from whole_page import browsing, visit
from whole_page import served as served_whole

from rag import Assistant, Settings
from ui.conversations import Conversations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(autouse=True, scope="session")
def gradio_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gradio's folder for uploads, away from the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        yield


@pytest.fixture(scope="session")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over two small documents, for questions only."""
    folder = tmp_path_factory.mktemp("towers")
    (folder / "Brielle.txt").write_text(
        "The tower of Brielle leans two degrees, says the surveyor.\n\n"
        "The tower of Delft leans nine degrees; it was built in 1325.\n",
        "utf-8",
    )
    (folder / "2023-01-31.md").write_text("# Ferry\n\nThe ferry of Kampen sank.\n", "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder])
        yield assistant


@pytest.fixture(scope="session")
def mills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over the documents of `mills`, for questions only."""
    folder = tmp_path_factory.mktemp("mills")
    polder.write(folder)
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder])
        yield assistant


@pytest.fixture(scope="session")
def address(towers: Assistant) -> Iterator[str]:
    """The address of a page with the tools, which needs the login `ann:a b`."""
    with served(towers, "ann:a b") as (_, address):
        yield address


@pytest.fixture(scope="session")
def naughty_strings() -> list[str]:
    """The strings beside the checkout; none where they are not."""
    path = ROOT.parent / "shared" / "data" / "hostile" / "naughty_strings.json"
    return list(json.loads(path.read_text("utf-8"))) if path.is_file() else []


@pytest.fixture(scope="session")
def library(seeds_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over the seeds, with a page of its own."""
    index = shutil.copytree(seeds_index, tmp_path_factory.mktemp("library") / "index")
    with Assistant.open(index, Settings()) as opened:
        yield opened


@pytest.fixture(scope="session")
def kept(library: Assistant) -> Iterator[tuple[str, Conversations]]:
    """The address of its page, and the conversations there."""
    with served_whole(library) as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; Playwright runs one at a time, so each module closes its own."""
    with browsing() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser, kept: tuple[str, Conversations]) -> Iterator[Page]:
    """The start page, on which no script may fail."""
    opened = visit(browser, kept[0])
    errors: list[str] = []
    # A transition between two pages that are left quickly is aborted; that is no fault.
    opened.on(
        "pageerror", lambda error: None if "Transition was" in str(error) else errors.append(str(error))
    )
    opened.on("console", lambda line: errors.append(line.text) if "Security Policy" in line.text else None)
    yield opened
    opened.context.close()
    assert errors == []
