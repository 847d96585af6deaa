"""Two page processes over one PostgreSQL and one Chroma server, and no sticky proxy between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from chroma_server import free_port
from postgres_server import PostgresServer
from scripted_llm_server import Request, scripted
from shared_stores import ChromaServer

from rag import Assistant, Settings
from ui.accounts import FILE as USERS
from ui.accounts import Account, hash_password, write
from ui.board import DIED, STOPPED

pytestmark = pytest.mark.long

TOWER = "Which tower leans two degrees?"
BEGUN = "The tower of Brielle leans"
MOST = 40


def until(seen: Callable[[], Any]) -> Any:
    """Wait until something is so."""
    deadline = time.monotonic() + 300
    while not (found := seen()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
    return found


@dataclass
class Pages:
    """The clients of the page processes, and what lets their language model go on."""

    folder: Path
    environment: dict[str, str]
    goes_on: Event
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)

    def start(self) -> httpx.Client:
        """Start one more page, and return what speaks with it; all share the cookies, as through a proxy."""
        port = free_port()
        command = [sys.executable, "-m", "ui", "chat", "--index", str(self.folder), "--port", str(port)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.environment)
        self.processes.append(process)
        lines = iter(process.stderr or ())
        assert any("Pilcrow is at" in line for line in lines), "it didn't start"
        jar = self.clients[0].cookies.jar if self.clients else None
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, cookies=jar)
        self.clients.append(client)
        return client


def ask(client: httpx.Client, question: str = TOWER, conversation: str = "") -> str:
    """Ask on one page and return the conversation."""
    asked = client.post("/pilcrow/ask", json={"question": question, "conversation": conversation})
    assert asked.status_code == 200, asked.text
    return str(asked.json()["conversation"])


def events(client: httpx.Client, conversation: str, number: int = 1) -> Iterator[tuple[str, str]]:
    """Yield what becomes of a question, as a browser hears it: the kind and the HTML."""
    address = f"/pilcrow/events?conversation={conversation}&number={number}"
    with client.stream("GET", address) as stream:
        kind = ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, unescape(json.loads(value).get("html", ""))


def shown(client: httpx.Client, conversation: str) -> str:
    """Return a page's HTML of a conversation."""
    return unescape(client.get(f"/?c={conversation}").text)


def begun(client: httpx.Client, conversation: str, number: int = 1) -> None:
    """Wait until a page shows the beginning of an answer."""
    assert any(kind == "draft" and BEGUN in html for kind, html in events(client, conversation, number))


@pytest.fixture(scope="module")
def pages(
    postgres_of_session: PostgresServer,
    chroma_of_session: ChromaServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pages]:
    folder, goes_on = tmp_path_factory.mktemp("pages"), Event()
    if not postgres_of_session.running:
        postgres_of_session.start()
    chroma_of_session.start()
    (folder / "towers.txt").write_text("The tower of Brielle leans two degrees, says Ann.\n", "utf-8")
    (folder / "bells.txt").write_text("The bell of Delft is made of brass.\n", "utf-8")
    users = {name: Account(role="librarian", password=hash_password(name)) for name in ("ann", "bob")}
    (folder / "index").mkdir()
    write(folder / "index" / USERS, users)
    stores = {"catalog_url": postgres_of_session.new_database(), "chroma_url": chroma_of_session.url}
    with Assistant.open(settings=Settings.model_validate({"index": folder / "index", **stores})) as assistant:
        assistant.ingest([folder / "towers.txt", folder / "bells.txt"])

    def hesitating(request: Request) -> None:
        request.begin()
        request.piece(BEGUN)
        while not goes_on.wait(0.1):
            request.piece("")
        request.piece(" two degrees [1].", finish="stop")
        request.end()

    with ExitStack() as opened:
        server = opened.enter_context(scripted(hesitating))
        opened.callback(goes_on.set)
        wanted = {**stores, "llm": server.address, "verifier": "none", "questions_a_minute": MOST}
        given = {f"PILCROW_{name.upper()}": str(value) for name, value in wanted.items()}
        made = Pages(folder / "index", {**os.environ, **given}, goes_on)
        try:
            made.start()
            made.start()
            login = {"username": "ann", "password": "ann"}
            assert made.clients[0].post("/login", data=login).status_code == 200
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.wait()


@pytest.fixture
def two(pages: Pages) -> tuple[httpx.Client, httpx.Client]:
    pages.goes_on.clear()
    return pages.clients[0], pages.clients[1]


def test_session_holds_on_both_pages(two: tuple[httpx.Client, httpx.Client]) -> None:
    for client in two:
        assert client.get("/settings").status_code == 200
        assert httpx.get(f"{client.base_url}/settings").status_code == 401


def test_answer_is_followed_reloaded_and_read_on_the_other_page(
    pages: Pages, two: tuple[httpx.Client, httpx.Client]
) -> None:
    here, there = two
    key = ask(here)
    heard = events(there, key)
    assert any(BEGUN in html for kind, html in heard if kind == "draft")
    for client in two:
        html = shown(client, key)
        assert 'id="running"' in html
        assert f'data-conversation="{key}" class="busy"' in html
        refused = client.post("/pilcrow/ask", json={"question": "And?", "conversation": key})
        assert (refused.status_code, "still being answered" in refused.json()["message"]) == (409, True)
    pages.goes_on.set()
    assert [(kind, "two degrees" in html) for kind, html in heard if kind != "draft"] == [("done", True)]
    for client in two:
        html = shown(client, key)
        assert "two degrees" in html
        assert 'id="running"' not in html
        assert any(kind == "done" for kind, _ in events(client, key))


def test_answer_is_stopped_from_the_other_page(two: tuple[httpx.Client, httpx.Client]) -> None:
    here, there = two
    key = ask(here)
    heard = events(here, key)
    assert any(BEGUN in html for kind, html in heard if kind == "draft")
    assert there.post("/pilcrow/stop", json={"conversation": key}).json() == {"question": TOWER}
    assert [(kind, STOPPED in html) for kind, html in heard if kind != "draft"] == [("failed", True)]
    for client in two:
        assert STOPPED in shown(client, key)


def test_link_shows_a_conversation_on_both_pages(
    pages: Pages, two: tuple[httpx.Client, httpx.Client]
) -> None:
    pages.goes_on.set()
    key = ask(two[0])
    assert any(kind == "done" for kind, _ in events(two[1], key))
    address = two[0].post("/pilcrow/share", json={"conversation": key}).json()["address"]
    for client in two:
        assert "two degrees" in httpx.get(f"{client.base_url}{address}").text
    two[1].post("/pilcrow/unshare", json={"conversation": key})
    assert httpx.get(f"{two[0].base_url}{address}").status_code == 404


def test_removal_is_seen_and_undone_on_the_other_page(two: tuple[httpx.Client, httpx.Client]) -> None:
    here, there = two
    seen = there.get("/pilcrow/shelf").json()["seen"]
    assert "table" not in here.get("/pilcrow/shelf", params={"seen": seen}).json()["html"]
    key = here.post("/pilcrow/remove", json={"sources": ["bells.txt"]}).json()["key"]
    table = unescape(there.get("/pilcrow/shelf", params={"seen": seen}).json()["html"]["table"])
    assert ("towers.txt" in table, "bells.txt" in table) == (True, False)
    assert there.post("/pilcrow/restore-documents", json={"key": key}).status_code == 200
    until(lambda: "bells.txt" in unescape(here.get("/pilcrow/shelf").json()["html"]["table"]))
    assert here.post("/pilcrow/restore-documents", json={"key": key}).status_code == 410


def test_limit_counts_both_pages(two: tuple[httpx.Client, httpx.Client]) -> None:
    bob = httpx.BasicAuth("bob", "bob")
    blank = {"question": " "}  # counted, but not answered
    found = [
        httpx.post(f"{two[number % 2].base_url}/pilcrow/ask", json=blank, auth=bob).status_code
        for number in range(3 * MOST)
    ]
    assert set(found) == {400, 429}
    assert found.count(400) in {MOST, 2 * MOST}, "twice as many if a minute begins"


def test_health_says_which_store_is_away(
    two: tuple[httpx.Client, httpx.Client],
    postgres_of_session: PostgresServer,
    chroma_of_session: ChromaServer,
) -> None:
    for stop, start, name in (
        (postgres_of_session.stop, postgres_of_session.start, "catalog"),
        (chroma_of_session.kill, chroma_of_session.start, "vectors"),
    ):
        stop()
        for client in two:
            answer = httpx.get(f"{client.base_url}/health", timeout=60)
            assert (answer.status_code, answer.json()) == (503, {"status": "failed", "failed": name})
        start()
        for client in two:
            until(lambda client=client: httpx.get(f"{client.base_url}/health").status_code == 200)


def test_killed_page_ends_its_answer_and_the_other_goes_on(
    pages: Pages, two: tuple[httpx.Client, httpx.Client]
) -> None:
    here, there = two
    key = ask(here)
    heard = events(there, key)
    assert any(BEGUN in html for kind, html in heard if kind == "draft")
    pages.processes[0].kill()
    assert [(kind, DIED in html) for kind, html in heard if kind != "draft"] == [("failed", True)]
    assert DIED in shown(there, key)
    pages.goes_on.set()
    assert ask(there, TOWER, key) == key
    assert any(kind == "done" for kind, _ in events(there, key))
    third = pages.start()
    assert "two degrees" in shown(third, key)
