"""What the page tells of language models: one found on this machine, or the grade of the one in use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from chroma_server import free_port
from scripted_llm import judging
from scripted_llm import saying as writing
from scripted_llm_server import Request, failing, saying, scripted
from ui.about import NO_GRADE, NO_VERIFIER, about
from whole_page import ask, browsing, served, visit

from rag import Assistant, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARMY = "Who commands Ukraine's army?"
TWO = {"data": [{"id": "nomic-embed-text"}, {"id": "parrot:7b"}, {"id": 'odd "name"'}]}


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser for one test: while Playwright runs, its thread has an event loop, and no other may run."""
    with browsing() as chromium:
        yield chromium


@pytest.fixture
def index(seeds_index: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seeds_index, tmp_path / "index"))


def test_a_model_of_this_machine_is_offered_with_the_lines_to_use_it_and_never_asked(
    browser: Browser, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(saying("unasked"), models=TWO) as server, Assistant.open(index, Settings()) as opened:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address, "http://127.0.0.1:9/v1"))
        with served(opened) as (address, _):
            page = visit(browser, address)
            offer = page.locator(".pilcrow-about p")
            offer.wait_for()
            assert offer.count() == 1
            assert f'parrot:7b, odd "name" at {server.address}' in offer.inner_text()
            assert offer.locator("code").all_inner_texts() == [
                f'llm = "{server.address}"',
                'llm_model = "parrot:7b"',
            ]
            ask(page, ARMY)
            page.context.close()
        assert server.bodies() == []


def test_the_page_opens_and_answers_while_an_address_keeps_silent(
    browser: Browser, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_first = Event()

    def silent(_: Request) -> None:
        opened_first.wait(60)

    with scripted(models=None, other=silent) as server, Assistant.open(index, Settings()) as opened:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address,))
        monkeypatch.setattr("rag.models.nearby.PATIENCE", 30.0)
        with served(opened) as (address, _):
            page = visit(browser, address)
            assert "Syrskyi" in ask(page, ARMY).inner_text()
            assert server.asked
            assert not page.locator(".pilcrow-about").count()
            opened_first.set()
            page.context.close()


def test_nothing_is_offered_to_other_machines_or_beside_a_model_that_is_set(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(saying("unasked")) as server:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address,))
        for values in (
            {"auth": "ann:sesame"},
            {"auth": "ann:sesame", "host": "0.0.0.0"},  # noqa: S104
            {"llm": f"http://127.0.0.1:{free_port()}/v1"},
        ):
            with Assistant.open(index, Settings.model_validate(values)) as opened:
                assert server.address not in unescape(about(opened))
        assert not server.asked
        with Assistant.open(index, Settings()) as opened:
            assert f'llm = "{server.address}"' in unescape(about(opened))


@pytest.mark.parametrize(
    "models",
    [
        {"data": [{"id": "pilcrow", "owned_by": "pilcrow"}]},  # another page
        {"data": [{"id": "bge-embedding"}]},
        {"data": []},
        {"data": [{"id": 7}, "x"]},
        {"data": [{"id": "a\x1b[31m"}]},
        [1],
        "no JSON",
        None,
    ],
)
def test_what_writes_no_answers_is_not_offered(
    models: object, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(models=models, other=failing(404)) as server, Assistant.open(index, Settings()) as opened:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address,))
        assert "pilcrow.toml" not in unescape(about(opened))
        assert server.asked


def test_page_shows_the_verifiers_grade(index: Path) -> None:
    with Assistant.open(index, Settings(), llm=judging(writing())) as opened:
        assert NO_GRADE in unescape(about(opened))
        opened.exam()
        assert "The verifier scripted passed the exam" in unescape(about(opened))
    with Assistant.open(index, Settings(verifier="none"), llm=writing()) as opened:
        assert NO_VERIFIER in unescape(about(opened))
