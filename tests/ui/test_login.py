"""Logging in and out on the page and by program, API tokens and links, over HTTP and in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from test_accounts import account
from test_conversations import answered
from whole_page import browsing, served

from rag import Assistant, Settings
from ui import accounts as logins
from ui.accounts import FILE, User, write
from ui.conversations import Conversations
from ui.login import COOKIE

HTML = {"accept": "text/html"}
NAMES = {"anna": True, "bob": False}


@pytest.fixture(scope="module", autouse=True)
def at_once() -> Iterator[None]:
    """Refuse wrong passwords without their delay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "WRONG_PASSWORD_DELAY", 0)
        yield


def set_users(index: Path, *names: str) -> None:
    accounts = {name: account(User(name, NAMES[name]), f"{name}: ö") for name in names}
    write(index / FILE, accounts)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over one document, with an index of its own."""
    folder = tmp_path_factory.mktemp("ferry")
    (folder / "ferry.txt").write_text("The ferry of Kampen sank in 1911.\n", "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder / "ferry.txt"])
        yield assistant


@pytest.fixture(scope="module")
def page(ours: Assistant) -> Iterator[tuple[str, Conversations]]:
    """The address of a page with users, without its last slash, and its conversations."""
    set_users(ours.settings.index, *NAMES)
    with served(ours) as (address, conversations):
        yield address.rstrip("/"), conversations


@pytest.fixture(scope="module")
def address(page: tuple[str, Conversations]) -> str:
    return page[0]


@contextmanager
def logged_in(address: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        form = {"username": name, "password": f"{name}: ö"}
        assert client.post("/login", data=form).json() == {"success": True}
        yield client


def test_stranger_is_sent_to_the_login_and_back(address: str) -> None:
    with httpx.Client(base_url=address, headers=HTML) as client:
        asked = client.get("/?c=one&x=2")
        assert asked.status_code == 303
        login = client.get(asked.headers["location"])
        assert (login.status_code, "ferry" in login.text) == (200, False)
        assert 'name="next" value="&#47;&#63;c&#61;one&#38;x&#61;2"' in login.text
        form = {"username": "anna", "password": "anna: ö", "next": "/?c=one&x=2"}
        entered = client.post("/login", data=form)
        assert (entered.status_code, entered.headers["location"]) == (303, "/?c=one&x=2")
        cookie = entered.headers["set-cookie"].lower()
        assert cookie.startswith(f"{COOKIE}=")
        assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
        assert "secure" not in cookie
        assert client.get("/").status_code == 200
        assert client.get("/login?next=/library").headers["location"] == "/library"
        left = client.post("/logout")
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        client.cookies.set(COOKIE, entered.cookies[COOKIE])
        assert client.get("/").status_code == 303, "the session is closed, not only forgotten"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:x",
        "",
        "x",
        "/login",
    ],
)
def test_login_leads_only_to_our_own_addresses(elsewhere: str, address: str) -> None:
    form = {"username": "anna", "password": "anna: ö", "next": elsewhere}
    assert httpx.post(f"{address}/login", data=form, headers=HTML).headers["location"] == "/"


def test_wrong_password_does_not_say_which_half_was_wrong(address: str) -> None:
    shown = []
    for name in ("bob", "nobody"):
        form = {"username": name, "password": "x", "next": "/library"}
        refused = httpx.post(f"{address}/login", data=form, headers=HTML)
        assert (refused.status_code, COOKIE in refused.cookies) == (401, False)
        assert 'value="&#47;library"' in refused.text
        shown.append(refused.text.replace(name, "…"))
        assert httpx.post(f"{address}/login", data=form).status_code == 401
    assert shown[0] == shown[1]
    assert "Wrong name or password" in shown[0]


def test_programs_get_in_by_password_token_and_gradio_login(address: str) -> None:
    with logged_in(address, "anna") as client:
        made = client.post("/pilcrow/tokens/add", json={"label": "backup"}).json()
        assert made["token"] in unescape(made["html"])
        basic = httpx.BasicAuth("anna", "anna: ö")._auth_header
        for header in (basic, "Bearer anna:anna: ö", f"bearer {made['token']}"):
            headers = {b"authorization": header.encode()}
            assert httpx.get(f"{address}/v1/models", headers=headers).status_code == 200, header
        program = Client(address, auth=("anna", "anna: ö"), verbose=False)
        assert program.predict("When did the ferry sink?", api_name="/ask")["citations"]
        by_token = {"Authorization": f"Bearer {made['token']}"}
        again = Client(address, headers=by_token, verbose=False)
        assert again.predict("When did the ferry sink?", api_name="/ask")["citations"]
        [key] = [part.split('"')[1] for part in made["html"].split("data-token=")[1:]]
        listed = client.post("/pilcrow/tokens/remove", json={"id": int(key)}).json()["html"]
        assert "backup" not in listed.split("<form")[0]
    assert httpx.get(f"{address}/v1/models", headers=by_token).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Basic !",
        "Basic YW5uYQ==",
        "Bearer anna",
        "Bearer anna:",
        "Bearer bob:anna: ö",
        "Digest a:b",
        "Bearer pilcrow_x",
        "",
    ],
)
def test_wrong_credentials_are_refused(header: str, address: str) -> None:
    refused = httpx.get(f"{address}/v1/models", headers={b"authorization": header.encode()})
    assert refused.status_code == 401


def test_conversation_is_shared_and_taken_back(page: tuple[str, Conversations]) -> None:
    address, conversations = page
    key = conversations.add("anna", None, answered("One?"))
    with logged_in(address, "anna") as anna, logged_in(address, "bob") as bob:
        shared = anna.post("/pilcrow/share", json={"conversation": key}).json()["address"]
        assert shared.startswith("/shared/")
        assert anna.post("/pilcrow/share", json={"conversation": key}).json()["address"] == shared
        for client, path in ((bob, "share"), (bob, "unshare")):
            refused = client.post(f"/pilcrow/{path}", json={"conversation": key})
            assert (refused.status_code, "no such conversation" in refused.json()["message"]) == (400, True)
        read = httpx.get(address + shared)
        assert (read.status_code, "The lamp is green" in read.text) == (200, True)
        assert not any(word in read.text for word in ("/pilcrow/", "composer", "Log out"))
        source = httpx.get(f"{address}{shared}/source?answer=1&citation=1")
        assert (source.status_code, "<mark>The lamp is green" in source.text) == (200, True)
        for missing in ("answer=2&citation=1", "answer=1&citation=2"):
            assert httpx.get(f"{address}{shared}/source?{missing}").status_code == 404
        assert anna.post("/pilcrow/unshare", json={"conversation": key}).json() == {}
        for gone in (shared, f"{shared}/source?answer=1&citation=1", "/shared/x"):
            refused = httpx.get(address + gone)
            assert (refused.status_code, "This link shows nothing any more" in unescape(refused.text)) == (
                404,
                True,
            )
        assert anna.post("/pilcrow/share", json={"conversation": key}).json()["address"] != shared


def test_stranger_reads_a_shared_conversation_with_its_sources(page: tuple[str, Conversations]) -> None:
    address, conversations = page
    key = conversations.add("anna", None, answered("Which colour has the lamp?"))
    with logged_in(address, "anna") as anna:
        shared = anna.post("/pilcrow/share", json={"conversation": key}).json()["address"]
    with browsing() as browser:
        opened, problems = browser.new_page(), []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("response", lambda found: problems.append(found.url) if found.status >= 400 else None)
        opened.goto(address + shared)
        opened.locator("a.mark").first.click()
        opened.locator("#pane mark").get_by_text("The lamp is green").wait_for()
        opened.goto(f"{address}/login")
        opened.get_by_label("Name").wait_for()
        assert not problems


def test_removed_user_is_out_at_once(address: str, ours: Assistant) -> None:
    with logged_in(address, "bob") as bob:
        assert bob.get("/v1/models").status_code == 200
        set_users(ours.settings.index, "anna")
        assert bob.get("/v1/models").status_code == 401
        (ours.settings.index / FILE).write_text("[anna", "utf-8")
        assert bob.get("/v1/models").status_code == 401
        refused = bob.post("/login", data={"username": "anna", "password": "anna: ö"}, headers=HTML)
        assert (refused.status_code, "users&#46;toml" in refused.text) == (400, True)
    set_users(ours.settings.index, *NAMES)


def test_request_from_another_site_is_refused(address: str) -> None:
    form = {"username": "anna", "password": "anna: ö"}
    for path in ("/login", "/logout"):
        refused = httpx.post(address + path, data=form, headers={"origin": "http://evil.example"})
        assert (refused.status_code, COOKIE in refused.cookies) == (403, False)


def test_login_works_without_javascript_under_another_name_over_http(address: str) -> None:
    port = address.rpartition(":")[2]
    with browsing("--host-resolver-rules=MAP docs.example 127.0.0.1") as browser:
        opened = browser.new_context(java_script_enabled=False).new_page()
        opened.goto(f"http://docs.example:{port}/library")
        for typed in ("wrong", "anna: ö"):
            opened.get_by_label("Name").fill("anna")
            opened.get_by_label("Password").fill(typed)
            opened.get_by_role("button", name="Log in").click()
            if typed == "wrong":
                opened.get_by_role("alert").wait_for()
                assert opened.get_by_label("Name").input_value() == "anna"
        opened.wait_for_url(f"http://docs.example:{port}/library")


def test_token_is_made_and_removed_on_the_settings_page(address: str) -> None:
    with browsing() as browser:
        opened, problems = browser.new_page(), []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.goto(f"{address}/login?next=/settings")
        opened.get_by_label("Name").fill("bob")
        opened.get_by_label("Password").fill("bob: ö")
        opened.get_by_role("button", name="Log in").click()
        opened.get_by_role("textbox", name="Program").fill("my <b>notebook</b>")
        opened.get_by_role("button", name="Create a token").click()
        token = opened.locator("#made").inner_text()
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}/v1/models", headers=headers).status_code == 200
        opened.reload()
        assert opened.get_by_text("my <b>notebook</b>").count() == 1
        assert token not in opened.content()
        opened.get_by_role("button", name="Remove the token").click()
        opened.get_by_text("my <b>notebook</b>").wait_for(state="detached")
        assert httpx.get(f"{address}/v1/models", headers=headers).status_code == 401
        assert not problems


def test_without_users_nobody_logs_in(towers: Assistant) -> None:
    with served(towers) as (opened, _):
        assert httpx.get(f"{opened}login", headers=HTML).headers["location"] == "/"
        assert httpx.get(f"{opened}v1/models", headers={"authorization": "Bearer x"}).status_code == 200
        assert httpx.post(f"{opened}login", data={"username": "a", "password": "b"}).status_code == 401
