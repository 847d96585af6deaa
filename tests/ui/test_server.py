"""The guard at the door: strangers, readers, other sites, limits, headers; and twenty browsers at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from mills import question, sacks
from served_page import served
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from test_completions import LEANS, Slow

from rag import Assistant, PilcrowError, Settings
from ui import server
from ui.render import VERSION
from ui.runs import MAX_RUNNING, MAX_WAITING

ANN, BOB, REA = ("ann", "a:b c"), ("bob", "β"), ("rea", "rea")
AUTH = "ann:a:b c, bob:β"
TOWN = "Brielle"  # only in a document and its name
HTML = {"accept": "text/html,*/*"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
# Needed before the login. Everything else that is served, now or later, needs one.
FREE = {
    f"/room/{VERSION}",
    "/login",
    "/logout",
    "/favicon.ico",
    "/health",
    "/gradio_api/startup-events",
    "/shared/{link}",
    "/shared/{link}/source",
}
# What a reader may send. Everything else changes the library or the settings.
PERSONAL = {
    "/login",
    "/logout",
    *(
        f"/pilcrow/{name}"
        for name in ("ask", "stop", "judge", "rename", "delete", "restore", "share", "unshare")
    ),
    "/pilcrow/tokens/add",
    "/pilcrow/tokens/remove",
}


async def name_of(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"you are {request.state.user.name!r}")


async def broken(_: Request) -> PlainTextResponse:
    raise ZeroDivisionError


@pytest.fixture(scope="module")
def closed_page(towers: Assistant) -> Iterator[tuple[gr.Server, str]]:
    """A page with a login, and its address."""
    with served(towers, AUTH, readers=["rea"]) as page:
        page[0].add_route("/ours", name_of)
        page[0].add_route("/broken", broken)
        yield page


@pytest.fixture(scope="module")
def closed(closed_page: tuple[gr.Server, str]) -> Iterator[httpx.Client]:
    """A client of the page with a login."""
    with httpx.Client(base_url=closed_page[1], timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def opened(towers: Assistant) -> Iterator[httpx.Client]:
    """A client of a page without a login."""
    with served(towers) as (_, address), httpx.Client(base_url=address, timeout=30) as client:
        yield client


def addresses(routes: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
    """Yield path and methods of every route, mounted and included ones too."""
    for route in routes:
        inner = getattr(route, "original_router", route)
        path = above + getattr(route, "path", "")
        if getattr(inner, "routes", None):
            yield from addresses(inner.routes, path)
        else:
            yield path, set(getattr(route, "methods", None) or METHODS)


def test_stranger_gets_nothing_from_any_route(
    closed_page: tuple[gr.Server, str], closed: httpx.Client
) -> None:
    known = {path for path, _ in addresses(closed_page[0].routes)}
    assert known > {"/", "/library", "/pilcrow/events", "/v1/models", "/config", "/gradio_api/queue/join"}
    mounted = {"/gradio_api/mcp/", "/gradio_api/mcp/messages/", "/nowhere", "/room"}
    for path in sorted(known - FREE | mounted):
        if path.startswith("/gradio_api/upload"):  # nobody may put files into Gradio's own folder
            assert {closed.request(method, path).status_code for method in METHODS} == {404}
            continue
        url = path.replace("{", "").replace("}", "")
        for method in METHODS:
            assert closed.request(method, url).status_code == 401, f"{method} {path}"
        sent = closed.get(f"{url}?a=b&c", headers=HTML)
        assert (sent.status_code, sent.headers["location"][:12]) == (303, "/login?next="), path
    assert closed.get(sent.headers["location"]).status_code == 200


def test_public_pages_show_nothing_of_the_documents(closed: httpx.Client) -> None:
    paths = [
        "/login",
        "/logout",
        "/favicon.ico",
        "/gradio_api/startup-events",
        "/shared/none",
        f"/room/{VERSION}/page.css",
    ]
    paths += [
        "/room/..%2fapp.py",
        "/room%2f..%2flibrary",
        "/room/%2e%2e/library",
        f"/room/{VERSION}/../../app.py",
        "/login/../library",
    ]
    for path in paths:
        for headers in (HTML, {}):
            response = closed.get(path, headers=headers)
            assert TOWN not in response.text
            assert "__future__" not in response.text


def test_reader_changes_neither_library_nor_settings(
    closed_page: tuple[gr.Server, str], closed: httpx.Client, towers: Assistant
) -> None:
    changing = {
        path
        for path, methods in addresses(closed_page[0].routes)
        if methods - {"GET", "HEAD"} and not path.startswith(("/gradio_api", "/v1", "/room", "/login/"))
    }
    assert changing > PERSONAL
    with httpx.Client(base_url=closed.base_url) as reader:
        assert reader.post("/login", data={"username": "rea", "password": "rea"}).status_code == 200
        for path in sorted(changing - PERSONAL):
            for body in ({}, {"sources": ["Brielle.txt"], "key": "x", "keys": [], "files": [], "path": "/"}):
                refused = reader.post(path, json=body)
                assert refused.status_code == 403, path
                assert refused.json()["message"]
        assert reader.get("/library").status_code == reader.get("/settings").status_code == 200
        assert reader.post("/gradio_api/vibe-edit/", json={"prompt": "x"}).status_code >= 400
    assert len(towers.documents()) == 2


def test_one_users_conversation_is_closed_to_another(
    closed_page: tuple[gr.Server, str], closed: httpx.Client, towers: Assistant
) -> None:
    conversations = closed_page[0].state.desk.conversations
    own = conversations.add("ann", None, towers.ask(LEANS))
    named: dict[str, Any] = {"conversation": own}
    read = [
        f"/?c={own}",
        f"/pilcrow/source?conversation={own}&answer=1&citation=1",
        "/pilcrow/listing?q=tower",
    ]
    read += [f"/pilcrow/export?conversation={own}&as={kind}" for kind in ("markdown", "html", "json")]
    read += [f"/pilcrow/events?conversation={own}&number=1"]
    changes: dict[str, dict[str, Any]] = {
        "ask": {"question": "And Delft?"},
        "stop": {},
        "judge": {"number": 1, "verdict": "wrong"},
        "rename": {"title": "Mine"},
        **{name: {} for name in ("delete", "restore", "share", "unshare")},
    }
    for path in read:
        assert closed.get(path, auth=ANN).text.count("leans two degrees") + path.count("listing"), path
        for other in (BOB, REA):
            response = closed.get(path, auth=other)
            assert "tower" not in response.text.replace("q=tower", "").replace("“tower”", ""), path
    for path, more in changes.items():
        refused = closed.post(f"/pilcrow/{path}", json=named | more, auth=BOB)
        assert refused.status_code == 400, path
        assert refused.json()["message"]
    assert conversations.title("ann", own) == LEANS
    assert conversations.entries("ann", own)[0].verdict is None


def test_running_question_and_token_are_closed_to_another() -> None:
    slow = Busy()
    with served(slow, AUTH) as (server_, address), httpx.Client(base_url=address, timeout=30) as client:
        try:
            begun = client.post("/pilcrow/ask", json={"question": "Where is the key?"}, auth=ANN).json()
            named = {"conversation": begun["conversation"]}
            events = client.get("/pilcrow/events", params={**named, "number": 1}, auth=BOB)
            assert events.text.removeprefix("retry: 1000\n\n") == "event: lost\ndata: {}\n\n"
            assert "key" not in client.get("/pilcrow/listing", auth=BOB).text
            assert client.get("/", params={"c": begun["conversation"]}, auth=BOB).status_code == 400
            for path in ("stop", "ask"):
                refused = client.post(f"/pilcrow/{path}", json={**named, "question": "Who?"}, auth=BOB)
                assert refused.status_code == 400, path
            made = client.post("/pilcrow/tokens/add", json={"label": "backup"}, auth=ANN).json()["token"]
            [kept] = server_.state.desk.access.tokens("ann")
            assert (
                ">backup<" not in client.post("/pilcrow/tokens/remove", json={"id": kept.id}, auth=BOB).text
            )
            bearer = {"authorization": f"Bearer {made}"}
            assert client.get("/pilcrow/listing", headers=bearer).status_code == 200
            assert (
                client.post("/pilcrow/stop", json=named, auth=ANN).json()["question"] == "Where is the key?"
            )
        finally:
            slow.go.set()


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil.example"],
)
def test_login_never_leads_to_another_site(elsewhere: str, closed: httpx.Client) -> None:
    form = closed.get("/login", params={"next": elsewhere}, headers=HTML)
    assert 'name="next" value="&#47;"' in form.text
    given = closed.get("/login", params={"next": elsewhere}, headers=HTML, auth=ANN)
    assert given.headers["location"] == "/"


def test_every_response_has_the_security_headers(closed: httpx.Client) -> None:
    asked = [
        "/",
        "/?c=none",
        "/library",
        "/settings",
        "/document?source=none",
        "/document",
        "/login",
        "/none",
    ]
    asked += [
        f"/room/{VERSION}/page.css",
        f"/room/{VERSION}/none.css",
        "/shared/none",
        "/pilcrow/export",
        "/pilcrow/source?document=x",
    ]
    asked += [
        "/config",
        "/theme.css",
        "/static/x",
        "/assets/x",
        "/gradio_api/info",
        "/gradio_api/none",
    ]
    asked += ["/v1/models", "/v1/none", "/favicon.ico", "/robots.txt", "/manifest.json", "/gradio_api/mcp/"]
    responses = [
        closed.request(method, path, auth=auth, headers=headers)
        for path in asked
        for method, auth, headers in [
            ("GET", None, {}),
            ("GET", ANN, HTML),
            ("POST", ANN, {}),
            ("GET", ANN, {"origin": "https://evil.example"}),
        ]
    ]
    responses.append(closed.post("/pilcrow/ask", content=iter([b"{}"]), auth=ANN))
    # After such an error the server closes its connection.
    responses += [httpx.get(f"{closed.base_url}broken", auth=ANN, headers=one) for one in (HTML, {})]
    assert {response.status_code for response in responses} > {200, 303, 401, 403, 404, 405, 411, 422, 500}
    for response in responses:
        [policy] = response.headers.get_list("content-security-policy") or ["none"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy, response
        assert not any(word in policy for word in ("unsafe", "http", "*"))
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/none", "/document", "/document?source=none", "/library?at=0", "/broken", "/?c=x"]
)
def test_browser_is_shown_an_error_as_a_page(path: str, closed: httpx.Client) -> None:
    response = httpx.get(f"{closed.base_url}{path[1:]}", headers=HTML, auth=ANN)
    assert response.status_code in {400, 404, 422, 500}
    assert 'role="alert"' in response.text
    assert 'href="/"' in response.text


def test_script_is_told_an_error_in_a_sentence(closed: httpx.Client) -> None:
    for body in (
        {},
        {"question": 3},
        {"question": "  "},
        {"question": "x" * 2001},
        {"question": LEANS, "sources": ["x"]},
    ):
        refused = closed.post("/pilcrow/ask", json=body, auth=ANN)
        assert 400 <= refused.status_code < 500
        assert " " in refused.json()["message"], body
    assert closed.get("/pilcrow/none", auth=ANN).json()["message"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", ""])
def test_other_host_name_is_refused(host: str, opened: httpx.Client) -> None:
    for path in ("/", "/config", "/library", f"/room/{VERSION}/page.css"):
        response = opened.get(path, headers={"host": host})
        assert response.status_code in {400, 403}
        assert TOWN not in response.text


def test_request_from_another_site_is_refused_but_not_its_link(
    opened: httpx.Client, closed: httpx.Client
) -> None:
    assert (
        opened.get("/config", headers={"origin": f"http://127.0.0.1:{opened.base_url.port}"}).status_code
        == 200
    )
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        assert opened.get("/config", headers={"origin": origin}).status_code == 403
        for path in ("/pilcrow/ask", "/pilcrow/upload", "/logout", "/gradio_api/queue/join"):
            assert closed.post(path, headers={"origin": origin}, auth=ANN).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert opened.get("/", headers=link).status_code == 200


def asked_from(site: str, mode: str = "cors") -> dict[str, str]:
    """Return the headers a browser sends for a request from a page at evil.example."""
    return {"origin": "https://evil.example", "sec-fetch-site": site, "sec-fetch-mode": mode}


def test_browsers_fetch_metadata_decides_over_the_origin(closed: httpx.Client) -> None:
    forged = {"x-forwarded-host": "evil.example"}
    for site in ("cross-site", "same-site"):
        headers = asked_from(site) | forged
        assert closed.get("/library", headers=headers, auth=ANN).status_code == 403
        for path in ("/pilcrow/ask", "/login", "/gradio_api/queue/join"):
            posted = closed.post(path, headers=asked_from(site, "navigate"), auth=ANN)
            assert posted.status_code == 403
    behind_a_proxy = {"origin": "https://docs.example", "sec-fetch-site": "same-origin"}
    assert closed.get("/ours", headers=behind_a_proxy, auth=ANN).text == "you are 'ann'"


def test_long_request_and_wrong_method_are_refused(opened: httpx.Client) -> None:
    long = b'{"question": "' + b"x" * server.MAX_BODY + b'"}'
    for path in ("/pilcrow/ask", "/gradio_api/queue/join"):
        response = opened.post(path, content=long)
        assert response.status_code == 413
        assert "larger than" in response.json()["detail"]
        assert opened.post(path, content=iter([b"{}"])).status_code == 411
    assert opened.post("/library").status_code == 405


def test_no_file_of_the_machine_or_of_another_host_is_served(
    opened: httpx.Client, closed: httpx.Client, towers: Assistant
) -> None:
    for path in ("/etc/passwd", str(Path(__file__)), str(towers.settings.index.resolve())):
        for address in (opened, closed):
            assert address.get(f"/gradio_api/file={path}", auth=ANN).status_code in {403, 404}
            assert address.get(f"/gradio_api/file/{path}", auth=ANN).status_code in {403, 404}
            assert address.get(f"/pilcrow/page?source={path}&page=1", auth=ANN).status_code in {
                400,
                404,
            }
            assert address.get(f"/document?source={path}", auth=ANN).status_code in {400, 404}
    for url in (
        "file=http://other.example/a.png",
        "file=%20https://other.example/",
        "proxy=https://x.hf.space/",
    ):
        assert opened.get(f"/gradio_api/{url}").status_code == 404


@pytest.mark.parametrize(
    "host",
    ["::", "0.0.0.0", "192.168.1.7", "pilcrow.example", "localhost.evil.example"],  # noqa: S104
)
def test_host_open_to_others_needs_a_login(host: str) -> None:
    with pytest.raises(PilcrowError, match="pilcrow user add NAME"):
        server.require_login(Settings(host=host))
    server.require_login(Settings.model_validate({"host": host, "auth": AUTH}))


def test_launch_refuses_an_open_host_without_a_login(towers: Assistant) -> None:
    with pytest.raises(PilcrowError, match="could read your documents"), served(towers, host="0.0.0.0"):  # noqa: S104
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_no_login(host: str) -> None:
    assert server.is_loopback(host)
    server.require_login(Settings(host=host))


def test_ipv6_loopback_works(towers: Assistant) -> None:
    try:
        with socket.socket(socket.AF_INET6) as free:
            free.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")
    with served(towers, host="::1") as (_, address):
        assert httpx.get(address).status_code == 200


def test_port_in_use_is_an_error(towers: Assistant) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PilcrowError, match="Set another host or port"), served(towers, port=port):
            pass


class Busy(Slow):
    """An assistant that seems to hold a document."""

    uses_llm = False

    def documents(self, sources: object = None) -> list[Any]:
        return [None]

    def count(self, sources: object = None) -> int:
        return 1

    def suggestions(self) -> list[str]:  # type: ignore[override]
        return []


def test_one_question_too_many_is_refused_at_once_with_a_sentence() -> None:
    slow = Busy()
    with served(slow) as (_, address), httpx.Client(base_url=address, timeout=30) as client:
        try:
            asked = [
                client.post("/pilcrow/ask", json={"question": f"Question {number}?"})
                for number in range(MAX_RUNNING + MAX_WAITING + 1)
            ]
            waits = asked[-2].json()["html"]
            assert f"{MAX_WAITING - 1} other questions" in waits
            named = {"conversation": asked[0].json()["conversation"], "question": "And?"}
            assert client.post("/pilcrow/ask", json=named).status_code == 409
        finally:
            slow.go.set()
    assert {one.status_code for one in asked[:-1]} == {200}
    assert asked[-1].status_code == 429
    assert "Try again" in asked[-1].json()["message"]


def events_of(client: httpx.Client, begun: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """Return the events of a new conversation's question, as the page's script reads them."""
    found = []
    asked = {"conversation": begun["conversation"], "number": "1"}
    with client.stream("GET", "/pilcrow/events", params=asked, timeout=120) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


def test_twenty_browsers_get_their_own_answers(mills: Assistant) -> None:
    """Each asks in three conversations at once and follows all of them."""
    accounts = ",".join(f"user{n}:word{n}" for n in range(20))

    def ask_three(client: int) -> None:
        with httpx.Client(base_url=address, timeout=30) as browser, ThreadPoolExecutor(3) as tabs:
            account = {"username": f"user{client}", "password": f"word{client}"}
            assert browser.post("/login", data=account).json() == {"success": True}
            begun = [
                browser.post("/pilcrow/ask", json={"question": question(client, number)}).json()
                for number in range(3)
            ]
            for number, events in enumerate(tabs.map(lambda one: events_of(browser, one), begun)):
                check(client, number, events)
            listed = unescape(browser.get("/pilcrow/listing").text)
            assert listed.count("<li data-conversation") == 3
            assert all(one["conversation"] in listed for one in begun)

    def check(client: int, number: int, events: list[tuple[str, dict[str, str]]]) -> None:
        *drafts, (last, data) = events
        assert {kind for kind, _ in drafts} <= {"draft"}
        assert last == "done", events
        assert f"{sacks(client, number)}" in data["html"]
        assert f"mills{client}&#46;txt" in data["html"]
        own = {str(client * 5 + n) for n in range(3)}
        for _, shown in events:
            asked = shown["html"].split("mill number ")[1].split(" ")[0]
            assert asked == str(client * 5 + number)
            for listed in shown.get("listing", "").split('class="title">')[1:]:
                assert listed.split("mill number ")[1].split(" ")[0] in own

    with served(mills, accounts) as (_, address), ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(ask_three, client) for client in range(20)]:
            done.result()
