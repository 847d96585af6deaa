"""The settings page: which model writes and checks answers, choosing, testing and keeping another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from scripted_llm import judging
from scripted_llm import saying as writing
from scripted_llm_server import Request, failing, saying, scripted
from test_accounts import account
from whole_page import ask, browsing, served, visit

from rag import Assistant, Settings
from ui.accounts import FILE as USERS
from ui.accounts import User, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARMY = "Who commands Ukraine's army?"
TWO = {"data": [{"id": "nomic-embed-text"}, {"id": "parrot:7b"}, {"id": "small"}, {"id": 'odd "name"'}]}
AWAY = "https://models.invalid/v1"


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser for one test: while Playwright runs, its thread has an event loop, and no other may run."""
    with browsing() as chromium:
        yield chromium


@pytest.fixture
def index(seeds_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of the seeds, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rag.models.nearby.USUAL", ())
    return Path(shutil.copytree(seeds_index, tmp_path / "index"))


@contextmanager
def page(assistant: Assistant, login: str | None = None) -> Iterator[httpx.Client]:
    """Yield a client of the page; `login` is that of the setting `auth`."""
    with served(assistant, login) as (address, _):
        headers = {"authorization": f"Bearer {login}"} if login else {}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            yield client


def send(client: httpx.Client, what: str, **choice: Any) -> dict[str, Any]:
    """Send the form, and return the reply with its status."""
    reply = client.post(f"pilcrow/models/{what}", json=choice)
    return {"status": reply.status_code, **reply.json()}


def test_a_model_of_this_machine_is_found_tested_chosen_and_asked(
    browser: Browser, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pilcrow.toml").write_text("# mine\nevidence = 7  # seven\n", "utf-8")
    kind = saying("General Oleksandr Syrskyi commands the army [1].")
    with scripted(kind, models=TWO) as server, Assistant.open(index, Settings(verifier="none")) as opened:
        monkeypatch.setattr("rag.models.nearby.USUAL", ("http://127.0.0.1:9/v1", server.address))
        with served(opened) as (address, _):
            shown = visit(browser, address)
            shown.goto(f"{address}settings")
            offer = shown.locator("#found .option")
            offer.wait_for()
            assert offer.locator("option").all_inner_texts() == ["parrot:7b", "small", 'odd "name"']
            assert not server.bodies()
            offer.locator("label").click()
            shown.get_by_label("Model", exact=True).select_option("small")
            shown.get_by_role("button", name="Test the model").click()
            shown.get_by_text("small answers after").wait_for()
            assert not opened.uses_llm
            assert [ARMY in str(body) for body in server.bodies()] == [False]
            shown.get_by_role("button", name="Save").click()
            shown.get_by_text("Saved in pilcrow.toml.").wait_for()
            assert "small" in shown.locator("#state").inner_text()
            shown.goto(address)
            assert "Syrskyi" in ask(shown, ARMY).inner_text()
            shown.context.close()
        assert ARMY in str(server.bodies()[-1])
        assert server.bodies()[-1]["model"] == "small"
        lines = ["# mine", "evidence = 7  # seven", f'llm = "{server.address}"', 'llm_model = "small"']
        assert Path("pilcrow.toml").read_text("utf-8").splitlines() == lines


def test_theme_and_language_are_kept_and_applied_at_once(browser: Browser, index: Path) -> None:
    with Assistant.open(index, Settings()) as opened, served(opened) as (address, _):
        shown = visit(browser, address, color_scheme="light", locale="en-GB")
        shown.goto(f"{address}settings")
        shown.get_by_label("Dark").check()
        assert shown.locator("html").get_attribute("data-theme") == "dark"
        shown.get_by_label("Deutsch").check()
        shown.locator("html[lang=de]").wait_for()
        shown.goto(address)
        assert shown.locator("html[lang=de]").get_attribute("data-theme") == "dark"
        shown.context.close()


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
            shown = visit(browser, address)
            shown.goto(f"{address}settings")
            assert shown.get_by_text("No language model", exact=True).is_visible()
            shown.goto(address)
            assert "Syrskyi" in ask(shown, ARMY).inner_text()
            assert server.asked
            opened_first.set()
            shown.context.close()


@pytest.mark.parametrize("what", ["test", "save"])
def test_nothing_goes_to_another_machine_without_a_tick_for_that_host(what: str, index: Path) -> None:
    Path("key").write_text("sk-secret")
    with Assistant.open(index, Settings()) as opened, page(opened) as client:
        for agreed in ([], ["other.invalid"]):
            reply = send(client, what, llm=AWAY, llm_key_file="key", agreed=agreed)
            assert [one["host"] for one in reply["consent"]] == ["models.invalid"]
            assert "paragraphs found go to models.invalid" in reply["consent"][0]["text"]
            assert "key in key" in reply["consent"][0]["text"]
        verifying = send(client, what, llm="http://127.0.0.1:9/v1", verifier=AWAY)
        assert [one["host"] for one in verifying["consent"]] == ["models.invalid"]
        assert not opened.uses_llm
        assert not Path("pilcrow.toml").exists()
        assert "consent" not in send(client, what, llm=AWAY, verifier="none", agreed=["models.invalid"])


def test_the_page_tells_where_questions_go(index: Path) -> None:
    with Assistant.open(index, Settings(verifier="none")) as opened, page(opened) as client:
        assert "On this machine only" in client.get("settings").text
        reply = send(client, "save", llm=AWAY, verifier="none", agreed=["models.invalid"])
        assert "Leaves this machine" in reply["state"]
        shown = unescape(client.get("settings").text)
        assert "Leaves this machine" in shown
        assert "go to models.invalid." in shown


def test_what_is_wrong_with_a_model_is_told_and_nothing_changes(index: Path) -> None:
    with (
        scripted(failing(401, "no key")) as locked,
        Assistant.open(index, Settings()) as opened,
        page(opened) as client,
    ):
        for llm, told in (
            (locked.address, "refuses the key"),
            ("http://127.0.0.1:9/v1", "can't be reached"),
            ("ftp://x", "should be an address"),
            ("http://[x", "IPv6"),
            ("missing.gguf", "Can't read"),
        ):
            reply = send(client, "test", llm=llm)
            assert reply["status"] == 400
            assert told in reply["message"]
        for choice in (
            {"llm": "missing.gguf"},
            {"llm": "http://127.0.0.1:9/v1", "verifier": ""},
            {"llm": "http://127.0.0.1:9/v1", "verifier": "http://[x"},
            {"llm": "http://127.0.0.1:9/v1", "verifier": "no/such/folder"},
        ):
            assert send(client, "save", **choice)["status"] == 400
        assert not opened.uses_llm
        assert not Path("pilcrow.toml").exists()


def test_what_overrides_the_file_or_keeps_it_from_being_written_is_told(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(saying("one")) as server, Assistant.open(index, Settings()) as opened:
        monkeypatch.setenv("PILCROW_LLM", "http://127.0.0.1:9/v1")
        with page(opened) as client:
            assert "PILCROW_LLM in the environment" in unescape(
                client.get("settings").text.replace("&#95;", "_")
            )
            reply = send(client, "save", llm=server.address, verifier="none")
            assert "PILCROW_LLM in the environment overrides pilcrow.toml" in reply["message"]
            assert (
                send(client, "save", llm=server.address, verifier="none")["message"] == "Nothing has changed."
            )
            monkeypatch.setattr("rag.settings_file.FILE", "no/such/folder/pilcrow.toml")
            assert "couldn't be saved: " in send(client, "save", llm="", verifier="none")["message"]
            assert not opened.uses_llm


def test_a_key_never_reaches_the_browser(index: Path) -> None:
    settings = Settings.model_validate({"llm": AWAY, "llm_key": "sk-secret", "verifier": "none"})
    with Assistant.open(index, settings) as opened, page(opened) as client:
        shown = client.get("settings").text
        assert "llm&#95;key" in shown
        assert "secret" not in shown
        assert "secret" not in client.get("pilcrow/models").text


def test_with_logins_nobody_changes_models_or_sees_this_machine(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = (User("lib", True), User("reader", False))
    write(index / USERS, {one.name: account(one, "pw") for one in people})
    with scripted(saying("unasked")) as server, Assistant.open(index, Settings(llm=server.address)) as opened:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address,))
        with served(opened) as (address, _):
            for name in ("lib", "reader"):
                with httpx.Client(base_url=address, headers={"authorization": f"Bearer {name}:pw"}) as client:
                    assert client.get("pilcrow/models/found").status_code == 403
                    assert send(client, "test", llm="")["status"] == 403
                    assert send(client, "save", llm="")["status"] == 403
                    for where in ("settings", "pilcrow/models"):
                        shown = unescape(client.get(where).text)
                        assert "On this machine only" in shown
                        assert ("Writes the answers" in shown) is (name == "lib")
                        assert server.address not in shown
                        assert str(index) not in shown
        assert opened.uses_llm
        assert not server.asked


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
    with (
        scripted(models=models, other=failing(404)) as server,
        Assistant.open(index, Settings()) as opened,
        page(opened) as client,
    ):
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address,))
        assert "No model found at the usual addresses" in client.get("pilcrow/models/found").json()["html"]
        assert server.asked


def test_the_page_shows_the_verifiers_grade(index: Path) -> None:
    with Assistant.open(index, Settings(), llm=judging(writing())) as opened, page(opened) as client:
        assert "has no grade yet" in client.get("settings").text
        opened.exam()
        shown = unescape(client.get("pilcrow/models").json()["state"])
        assert "passed the exam" in shown
        assert "scripted" in shown
        assert "true sentences" in shown
        send(client, "save", verifier="none")
        assert "only quotations are shown" in client.get("settings").text


def test_the_embedder_for_other_languages_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hausordnung.md").write_text("# Hausordnung\n\nDie Ruhezeit beginnt um 22 Uhr.\n")
    with Assistant.open(tmp_path / "index", Settings()) as opened, page(opened) as client:
        assert "pilcrow[multilingual]" not in unescape(client.get("settings").text)
        opened.ingest([tmp_path / "hausordnung.md"])
        assert "pilcrow[multilingual]" in unescape(client.get("settings").text)
