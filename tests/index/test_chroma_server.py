"""Vectors on a real Chroma server behind a proxy with TLS and a token; its limits, failures and restarts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from chroma_server import chroma_server, free_port
from tls_proxy import Rules, tls_proxy

from rag import Settings
from rag.errors import SettingsError, StoreError
from rag.index.access import Access
from rag.index.folder import Index
from rag.index.vectors import VectorStore

COUNT = 1300
VECTORS = list(np.random.default_rng(0).normal(size=(COUNT, 8)).astype(np.float32))
IDS = [f"{n:05}" for n in range(COUNT)]
SOURCES = [f"s{n % 20}" for n in range(COUNT)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("chroma")) as url:
        yield url


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def proxy(server: str, rules: Rules, tmp_path: Path) -> Iterator[tuple[str, Access]]:
    """The address of a proxy, and what it asks for."""
    with tls_proxy(server, tmp_path, rules) as (url, authority):
        yield url, Access(rules.token, authority)


@pytest.fixture
def store(proxy: tuple[str, Access]) -> Iterator[VectorStore]:
    with closing(VectorStore.open(proxy[0], "pilcrow-test", proxy[1])) as opened:
        yield opened
        opened.drop()


def test_token_and_authority_open_the_store(store: VectorStore) -> None:
    store.upsert(IDS, VECTORS, SOURCES)
    assert store.query(VECTORS[7].tolist(), 1)[0][0] == IDS[7]
    assert store.unreachable(dict(zip(IDS, VECTORS, strict=True))) == []


def test_settings_reach_the_server(proxy: tuple[str, Access], tmp_path: Path) -> None:
    url, access = proxy
    settings = Settings(chroma_url=url, chroma_token=access.token, chroma_ca=access.authority)
    with closing(Index.open(tmp_path / "index", "hash", 8, settings.stores)) as index:
        assert index.vectors.count() == 0
    wrong = settings.model_copy(update={"chroma_token": None})
    with pytest.raises(StoreError, match="chroma_token"):
        Index.open(tmp_path / "index", "hash", 8, wrong.stores)


@pytest.mark.parametrize(
    ("token", "message"),
    [(None, "wants a token. Set chroma_token"), ("wrong", "refuses the token. Set chroma_token")],
)
def test_missing_or_wrong_token_is_named(proxy: tuple[str, Access], token: str | None, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        VectorStore.open(proxy[0], "pilcrow-test", Access(token, proxy[1].authority))


def test_certificate_is_always_verified(proxy: tuple[str, Access]) -> None:
    url, access = proxy
    with pytest.raises(StoreError, match="isn't trusted .*Set chroma_ca"):
        VectorStore.open(url, "pilcrow-test", Access(access.token))
    with pytest.raises(StoreError, match="isn't trusted .*a name in the certificate"):
        VectorStore.open(url.replace("127.0.0.1", "localhost"), "pilcrow-test", access)


def test_unreadable_authority_names_the_setting(proxy: tuple[str, Access], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("none.pem", "empty.pem"):
        with pytest.raises(SettingsError, match="chroma_ca"):
            VectorStore.open(proxy[0], "pilcrow-test", Access(proxy[1].token, tmp_path / name))


def test_tls_is_not_spoken_where_the_address_says_so(server: str) -> None:
    with pytest.raises(StoreError, match="doesn't speak TLS"):
        VectorStore.open(server.replace("http:", "https:"), "pilcrow-test")


def test_another_server_is_no_chroma() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"hi")

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        with pytest.raises(StoreError, match="no Chroma server. Correct chroma_url"):
            VectorStore.open(f"http://127.0.0.1:{other.server_address[1]}", "pilcrow-test")


def test_server_that_takes_300_records_and_8_predicates_gets_a_whole_index(
    store: VectorStore, rules: Rules
) -> None:
    rules.most_records, rules.most_predicates = 300, 8
    store.upsert(IDS, VECTORS, SOURCES)
    assert store.count() == COUNT
    assert store.ids() == set(IDS)
    assert store.unreachable(dict(zip(IDS, VECTORS, strict=True))) == []
    expected = [i for i, source in zip(IDS, SOURCES, strict=True) if source != "s3"]
    others = [f"s{n}" for n in range(20) if n != 3]
    assert sorted(i for i, _ in store.query(VECTORS[3].tolist(), COUNT, others)) == expected
    best = store.query(VECTORS[3].tolist(), 1000, others)
    assert best[:5] == store.query(VECTORS[3].tolist(), 5, others)
    assert rules.refused == 3  # a write, a page of ids, a filter: each learnt from one refusal
    store.delete(IDS[10:])
    assert store.ids() == set(IDS[:10])


def test_server_that_takes_few_bytes_gets_them_in_small_requests(store: VectorStore, rules: Rules) -> None:
    rules.most_bytes = 20_000
    store.upsert(IDS, VECTORS, SOURCES)
    assert store.ids() == set(IDS)
    rules.most_bytes = 100
    with pytest.raises(StoreError, match="takes no more .*Raise its limit"):
        store.upsert(IDS, VECTORS, SOURCES)


def test_short_failures_are_hidden_and_long_ones_named(store: VectorStore, rules: Rules) -> None:
    store.upsert(IDS, VECTORS, SOURCES)
    for rules.failure in (429, 500, 503):
        rules.failures = 2
        assert store.query(VECTORS[7].tolist(), 1)[0][0] == IDS[7]
    rules.failures = 100
    with pytest.raises(StoreError, match="failed .503: .*Try again later"):
        store.count()
    rules.failures = 0
    assert store.count() == COUNT
    rules.token = "another"  # noqa: S105
    with pytest.raises(StoreError, match="refuses the token"):
        store.count()
    rules.token = Rules().token


def test_client_works_again_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    with chroma_server(tmp_path, port) as url:
        store = VectorStore.open(url, "pilcrow-test")
        store.upsert(IDS, VECTORS, SOURCES)
    with pytest.raises(StoreError, match=r"can't be reached .*chroma run.*unset chroma_url"):
        store.count()
    with chroma_server(tmp_path, port), closing(store):
        assert store.query(VECTORS[7].tolist(), 1)[0][0] == IDS[7]


def test_filter_of_more_sources_than_sqlite_takes(store: VectorStore) -> None:
    store.upsert(IDS, VECTORS, SOURCES)
    many = [f"none{n}" for n in range(40_000)] + ["s7"]
    assert store.query(VECTORS[7].tolist(), 1, many)[0][0] == IDS[7]
