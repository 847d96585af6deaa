"""What a browser fetches before the first question, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from served_page import served

from rag import Assistant

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

MOST_BYTES, MOST_REQUESTS = 300_000, 25


@pytest.fixture(scope="module")
def opened(towers: Assistant) -> Iterator[str]:
    with served(towers) as (_, address):
        yield address


def fetched(context: BrowserContext, address: str, path: str = "") -> tuple[dict[str, dict[str, Any]], int]:
    """Return the responses that a new tab fetches over the network, by address, and their bytes."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    sent, responses, sizes = list[str](), dict[str, dict[str, Any]](), list[float]()
    devtools.on("Network.requestWillBeSent", lambda event: sent.append(event["request"]["url"]))
    devtools.on(
        "Network.responseReceived", lambda event: responses.update({event["requestId"]: event["response"]})
    )
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address + path, wait_until="networkidle")
    page.close()
    over_network = {
        one["url"]: one
        for one in responses.values()
        if not (one.get("fromDiskCache") or one["url"][:5] == "data:")
    }
    assert {url for url in sent if not url.startswith((address, "data:", "blob:"))} == set()
    return over_network, int(sum(sizes))


def test_first_visit_is_small_and_the_next_one_fetches_only_the_page(browser: Browser, opened: str) -> None:
    context = browser.new_context()
    first, size = fetched(context, opened)
    assert len(first) <= MOST_REQUESTS, sorted(first)
    assert size <= MOST_BYTES
    assert any(url.endswith(".woff2") for url in first)
    for page in ("", "library", "settings"):
        fetched(context, opened, page)
        again = fetched(context, opened, page)[0]
        assert not any("/room/" in url for url in again), sorted(again)
    context.close()


def test_static_files_are_versioned_and_kept(opened: str) -> None:
    start = httpx.get(opened).text
    files = {part.split('"')[0] for part in start.split('"/room/')[1:]}
    [version] = {file.split("/")[0] for file in files}
    for file in files:
        response = httpx.get(f"{opened}room/{file}")
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable", file
    assert "cache-control" not in httpx.get(f"{opened}room/{version}/none.js").headers
    assert httpx.get(f"{opened}room/older/main.js").status_code == 404
    for path in ("", "library", "pilcrow/listing"):
        assert "public" not in httpx.get(opened + path).headers.get("cache-control", "")
