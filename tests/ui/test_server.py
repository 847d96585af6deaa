"""Logins, limits on requests, security headers, and many clients at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from served_page import served
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from whole_page import browsing

from rag import Assistant, PilcrowError, Settings
from ui import server

ANN, BOB = ("ann", "a:b c"), ("bob", "β")
AUTH = "ann:a:b c, bob:β"
TOWN = "Brielle"  # only in a document and its name
# Public paths. Everything else that Gradio serves, now or later, needs a login.
FREE = {"/", "/login", "/login/", "/logout", "/favicon.ico", "/robots.txt", "/theme.css"}
FREE |= {"/gradio_api/theme.css", "/gradio_api/startup-events"}
FREE |= {"/static/{path:path}", "/assets/{path:path}", "/svelte/{path:path}"}


async def name_of(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"you are {request.state.user!r}")


def people() -> None:
    """Add to the page: the user's name, a file input and a chat."""
    gr.api(who_am_i, api_name="whoami", api_visibility="undocumented")
    box, files, chat = gr.Textbox(), gr.File(), gr.Chatbot()
    box.submit(lambda text, file, history: text, [box, files, chat], box, api_visibility="private")


def who_am_i(request: gr.Request) -> str:
    return f"you are {request.username!r}"


@pytest.fixture(scope="module")
def closed_page(towers: Assistant) -> Iterator[tuple[gr.Blocks, str]]:
    """A page with a login, and its address."""
    with served(towers, AUTH, routes=[Route("/ours", name_of)], more=people) as page:
        yield page


@pytest.fixture(scope="module")
def closed(closed_page: tuple[gr.Blocks, str]) -> str:
    """The address of the page with a login."""
    return closed_page[1]


@pytest.fixture(scope="module")
def opened(towers: Assistant) -> Iterator[str]:
    """The address of a page without a login."""
    with served(towers, routes=[Route("/ours", name_of)], more=people) as (_, address):
        yield address


def addresses(routes: Any, above: str = "") -> Iterator[str]:
    """Yield the path of every route, mounted and included ones too."""
    for route in routes:
        inner = getattr(route, "original_router", route)
        path = above + getattr(route, "path", "")
        if getattr(inner, "routes", None):
            yield from addresses(inner.routes, path)
        else:
            yield path


def test_stranger_gets_401_on_every_data_endpoint(closed_page: tuple[gr.Blocks, str]) -> None:
    page, address = closed_page
    known = set(addresses(page.app.routes))
    assert known > {"/config", "/gradio_api/queue/join", "/gradio_api/file={path_or_url:path}"}
    ours = {"/gradio_api/mcp/", "/v1/models", "/v1/chat/completions", "/ours"}
    with httpx.Client() as client:
        for path in sorted(known - FREE | ours):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
                url = address.rstrip("/") + path.replace("{", "").replace("}", "")
                assert client.request(method, url).status_code == 401, f"{method} {path}"


def test_public_pages_show_nothing_of_the_documents(closed: str) -> None:
    for path in ("", "theme.css", "favicon.ico", "robots.txt", "gradio_api/startup-events", "logout"):
        response = httpx.get(closed + path, follow_redirects=True)
        assert response.status_code == 200
        assert TOWN not in response.text
    assert '"auth_required":true' in httpx.get(closed).text.replace(" ", "")


@pytest.mark.parametrize("account", [ANN, BOB], ids=["ann", "bob"])
def test_gradio_and_our_routes_see_the_same_user(account: tuple[str, str], closed: str) -> None:
    expected = f"you are {account[0]!r}"
    logged_in = Client(closed, auth=account, verbose=False)
    assert logged_in.predict(api_name="/whoami") == expected
    assert httpx.get(closed + "ours", cookies=logged_in.cookies).text == expected
    assert httpx.get(closed + "ours", auth=account).text == expected
    basic = httpx.BasicAuth(*account)._auth_header
    for header in (basic, f"bearer {':'.join(account)}"):
        headers = {b"authorization": header.encode()}
        assert httpx.get(closed + "gradio_api/user", headers=headers).json() == account[0]
    program = Client(closed, headers={"Authorization": basic}, verbose=False)
    assert program.predict(api_name="/whoami") == expected
    httpx.get(closed + "logout", auth=account)
    assert httpx.get(closed + "gradio_api/user", auth=account).json() == account[0]


def test_user_can_log_in_on_the_page(closed: str) -> None:
    with browsing() as browser:
        page = browser.new_page()
        answers: list[tuple[int, str]] = []
        page.on("response", lambda response: answers.append((response.status, response.url)))
        page.goto(closed)
        for password, shown in ((BOB[1], "Incorrect Credentials"), ("a:b c", "A page")):
            page.get_by_label("username").fill("ann")
            page.get_by_label("password").fill(password)
            page.get_by_role("button", name="Login").click()
            page.get_by_text(shown).wait_for()
        assert page.request.get(closed + "ours").text() == "you are 'ann'"
    assert [url for status, url in answers if status >= 400] == [closed + "login"]
    assert all(url.startswith((closed, "data:", "blob:")) for _, url in answers)


@pytest.mark.parametrize(
    "header",
    [
        "Basic !",
        "Basic YW5u",
        "Bearer ann",
        "Bearer ann:",
        "Bearer ann:β",
        "Bearer bob:a:b c",
        "Digest a:b",
        "",
    ],
)
def test_wrong_credentials_are_refused(header: str, closed: str) -> None:
    response = httpx.get(closed + "config", headers={b"authorization": header.encode()})
    assert response.status_code == 401
    assert "Log in" in response.json()["detail"]


def test_without_a_login_the_user_has_no_name(opened: str) -> None:
    assert httpx.get(opened + "ours").text == "you are ''"
    assert Client(opened, verbose=False).predict(api_name="/whoami") == "you are None"


def test_every_response_has_the_security_headers(closed: str) -> None:
    for path, account in [("", None), ("config", None), ("config", ANN), ("ours", ANN), ("v1/models", ANN)]:
        headers = httpx.get(closed + path, auth=account).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", ""])
def test_other_host_name_is_refused(host: str, opened: str) -> None:
    response = httpx.get(opened + "config", headers={"host": host})
    assert response.status_code in {400, 403}
    assert "components" not in response.text


def test_request_from_another_site_is_refused_but_not_its_link(opened: str, closed: str) -> None:
    own = opened.rstrip("/")
    assert httpx.get(own + "/config", headers={"origin": own}).status_code == 200
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        assert httpx.get(own + "/config", headers={"origin": origin}).status_code == 403
        assert httpx.get(closed + "config", headers={"origin": origin}, auth=ANN).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert httpx.get(opened, headers=link).status_code == 200


def asked_from(site: str, mode: str = "cors") -> dict[str, str]:
    """Return the headers a browser sends for a request from a page at evil.example."""
    return {"origin": "https://evil.example", "sec-fetch-site": site, "sec-fetch-mode": mode}


def test_browsers_fetch_metadata_decides_over_the_origin(closed: str) -> None:
    forged = {"x-forwarded-host": "evil.example"}
    for site in ("cross-site", "same-site"):
        headers = asked_from(site) | forged
        assert httpx.get(closed + "config", headers=headers, auth=ANN).status_code == 403
        posted = httpx.post(closed + "gradio_api/queue/join", headers=asked_from(site, "navigate"), auth=ANN)
        assert posted.status_code == 403
    behind_a_proxy = {"origin": "https://docs.example", "sec-fetch-site": "same-origin"}
    assert httpx.get(closed + "ours", headers=behind_a_proxy, auth=ANN).text == "you are 'ann'"


def test_long_request_and_wrong_method_are_refused(opened: str) -> None:
    long = b'{"data": "' + b"x" * server.MAX_BODY + b'"}'
    response = httpx.post(opened + "gradio_api/queue/join", content=long)
    assert response.status_code == 413
    assert "larger than" in response.json()["detail"]
    assert httpx.post(opened + "v1/chat/completions", content=iter([b"{}"])).status_code == 411
    assert httpx.post(opened + "ours").status_code == 405


def test_large_file_can_be_uploaded(opened: str) -> None:
    large = b"x" * (server.MAX_BODY + 1)
    uploaded = httpx.post(opened + "gradio_api/upload", files={"files": ("large.txt", large)})
    assert Path(uploaded.json()[0]).stat().st_size == len(large)
    assert httpx.get(opened + "config").json()["max_file_size"] == 200 * 2**20


def test_no_file_of_the_machine_or_of_another_host_is_served(
    opened: str, closed: str, towers: Assistant
) -> None:
    for path in ("/etc/passwd", str(Path(__file__)), str(towers.settings.index.resolve())):
        for address in (opened, closed):
            assert httpx.get(f"{address}gradio_api/file={path}", auth=ANN).status_code in {403, 404}
            assert httpx.get(f"{address}gradio_api/file/{path}", auth=ANN).status_code in {403, 404}
    for url in (
        "file=http://other.example/a.png",
        "file=%20https://other.example/",
        "proxy=https://x.hf.space/",
    ):
        assert httpx.get(f"{opened}gradio_api/{url}").status_code == 404


def test_event_cannot_read_a_file_of_the_machine(opened: str) -> None:
    config = httpx.get(opened + "config").json()
    kinds = {part["id"]: part["type"] for part in config["components"]}
    [event] = [each for each in config["dependencies"] if "chatbot" in {kinds[i] for i in each["inputs"]}]
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    history = [{"role": "user", "content": [{"type": "file", "file": file}]}]
    for data in (["x", file, []], ["x", None, history]):
        outcome = call(opened, event["id"], data)
        assert outcome["success"] is False
        assert "root:" not in json.dumps(outcome)


def call(address: str, event: int, data: list[Any]) -> dict[str, Any]:
    body = {"data": data, "fn_index": event, "session_hash": "one"}
    httpx.post(address + "gradio_api/queue/join", json=body).raise_for_status()
    with httpx.stream("GET", f"{address}gradio_api/queue/data?session_hash=one", timeout=30) as lines:
        for line in lines.iter_lines():
            message = json.loads(line.removeprefix("data:")) if line else {}
            if message.get("msg") == "process_completed":
                return dict(message)
    raise AssertionError("the event never completed")


@pytest.mark.parametrize(
    "host",
    ["::", "0.0.0.0", "192.168.1.7", "pilcrow.example", "localhost.evil.example"],  # noqa: S104
)
def test_host_open_to_others_needs_a_login(host: str) -> None:
    with pytest.raises(PilcrowError, match="Set PILCROW_AUTH=name:password"):
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
        assert httpx.get(address + "config").status_code == 200


def test_port_in_use_is_an_error(towers: Assistant) -> None:
    with socket.socket() as taken, gr.Blocks() as page:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PilcrowError, match="Set another host or port"):
            server.launch(page, towers, Settings(port=taken.getsockname()[1]))


def test_full_queue_refuses_at_once(towers: Assistant) -> None:
    go = Event()

    def wait(number: int) -> int:
        go.wait(60)
        return number

    with served(towers, more=lambda: gr.api(wait)) as (_, address):
        events = httpx.get(address + "config").json()["dependencies"]
        [wait_id] = [event["id"] for event in events if event["api_name"] == "wait"]
        queue = address + "gradio_api/queue/join"
        try:
            answers = [
                httpx.post(queue, json={"data": [i], "fn_index": wait_id, "session_hash": f"s{i}"})
                for i in range(server.MAX_QUEUE + 20)
            ]
        finally:
            go.set()
    assert [answer.status_code for answer in answers[: server.MAX_QUEUE]] == [200] * server.MAX_QUEUE
    assert answers[-1].status_code == 503
    assert "full" in answers[-1].json()["detail"]


@pytest.fixture(scope="module")
def mills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """One short document for each of twenty clients, ten facts in each."""
    folder = tmp_path_factory.mktemp("mills")
    for client in range(20):
        facts = [
            f"The mill number {client * 10 + n} of the polder has {fact(client, n)} sacks of rye."
            for n in range(10)
        ]
        (folder / f"mills{client}.txt").write_text("\n\n".join(facts), "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder])
        yield assistant


def fact(client: int, number: int) -> int:
    return 1000 + client * 37 + number * 401


def test_twenty_concurrent_clients_get_their_own_answers(mills: Assistant) -> None:
    accounts = ",".join(f"user{n}:word{n}" for n in range(20))
    right, refusals = [], []

    def ask_ten(client: int) -> None:
        account = (f"user{client}", f"word{client}")
        program = Client(address, auth=account, verbose=False)
        jobs = [
            program.submit(
                f"How many sacks of rye has the mill number {client * 10 + n} of the polder?", api_name="/ask"
            )
            for n in range(10)
        ]
        seen = httpx.get(address + "ours", cookies=program.cookies)
        assert seen.text == f"you are {account[0]!r}"
        for number, job in enumerate(jobs):
            if error := job.exception(timeout=120):
                refusals.append(str(error))
                continue
            answer = job.result()
            assert str(fact(client, number)) in answer["text"], (answer["question"], answer["text"])
            [citation] = answer["citations"]
            assert (citation["source"], citation["paragraph"]) == (f"mills{client}.txt", number + 1)
            right.append(answer)

    with (
        served(mills, accounts, routes=[Route("/ours", name_of)]) as (_, address),
        ThreadPoolExecutor(20) as pool,
    ):
        for done in [pool.submit(ask_ten, client) for client in range(20)]:
            done.result()
    assert all("full" in message for message in refusals), set(refusals)
    assert len(right) + len(refusals) == 200
    assert len(right) >= server.MAX_QUEUE
