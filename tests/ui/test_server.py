"""Logins, limits on requests, and security headers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from served_page import served

from rag import Assistant, PilcrowError, Settings
from ui import server

ANN = ("ann", "a:b c")
AUTH = "ann:a:b c, bob:β"
TOWN = "Brielle"  # only in a document and its name


@pytest.fixture(scope="module")
def closed_server(towers: Assistant) -> Iterator[tuple[gr.Server, str]]:
    """A server with a login, and its address."""
    with served(towers, AUTH) as opened:
        yield opened


@pytest.fixture(scope="module")
def closed(closed_server: tuple[gr.Server, str]) -> str:
    """The address of the server with a login."""
    return closed_server[1]


@pytest.fixture(scope="module")
def opened(towers: Assistant) -> Iterator[str]:
    """The address of a server without a login."""
    with served(towers) as (_, address):
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


def is_free(path: str) -> bool:
    """Return whether a path is public. Everything else that is served, now or later, needs a login."""
    alone = {"/login", "/logout", "/favicon.ico", "/gradio_api/startup-events"}
    return path in alone or path.startswith(("/room", "/shared/"))


def test_stranger_gets_401_on_every_data_endpoint(closed_server: tuple[gr.Server, str]) -> None:
    gradio, address = closed_server
    known = set(addresses(gradio.routes))
    ours = {"/gradio_api/mcp/", "/v1/models", "/v1/chat/completions", "/pilcrow/ask", "/library", "/"}
    assert known | {"/gradio_api/mcp/"} > ours | {"/config", "/gradio_api/queue/join"}
    with httpx.Client() as client:
        for path in sorted(each for each in known | ours if not is_free(each)):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
                url = address.rstrip("/") + path.replace("{", "").replace("}", "")
                assert client.request(method, url).status_code == 401, f"{method} {path}"


def test_public_pages_show_nothing_of_the_documents(closed: str) -> None:
    for path in ("", "login", "favicon.ico", "gradio_api/startup-events", "room/main.js"):
        response = httpx.get(closed + path, headers={"accept": "text/html"}, follow_redirects=True)
        assert response.status_code == 200, path
        assert TOWN not in response.text


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
    assert httpx.get(opened + "gradio_api/user").json() == ""


def test_every_response_has_the_security_headers(closed: str) -> None:
    for path, account in [("", None), ("config", None), ("config", ANN), ("", ANN), ("v1/models", ANN)]:
        headers = httpx.get(closed + path, auth=account).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "http" not in policy
        assert "unsafe" not in policy
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
    assert httpx.get(closed + "gradio_api/user", headers=behind_a_proxy, auth=ANN).json() == "ann"


def test_long_request_and_wrong_method_are_refused(opened: str) -> None:
    long = b'{"data": "' + b"x" * server.MAX_BODY + b'"}'
    response = httpx.post(opened + "gradio_api/queue/join", content=long)
    assert response.status_code == 413
    assert "larger than" in response.json()["detail"]
    assert httpx.post(opened + "v1/chat/completions", content=iter([b"{}"])).status_code == 411
    assert httpx.post(opened + "v1/models").status_code == 405


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
        assert httpx.get(address + "config").status_code == 200


def test_port_in_use_is_an_error(towers: Assistant) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(PilcrowError, match="Set another host or port"),
            served(towers, port=taken.getsockname()[1]),
        ):
            pass
