"""Whether the page answers, its figures, and the limit of questions per user."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from served_page import served
from test_completions import LEANS
from test_tools import through_mcp

from rag import Assistant
from ui.quota import Quota, TooMany
from ui.storage import Storage

ANN, REA = ("ann", "a b"), ("rea", "rea")
MOST = 4


@pytest.fixture(scope="module")
def limited(towers: Assistant) -> Iterator[str]:
    """The address of a page on which a user may ask four questions a minute."""
    opened = copy(towers)
    opened.settings = towers.settings.model_copy(update={"questions_a_minute": MOST})
    with served(opened, "ann:a b, bob:b", readers=["rea"]) as (_, address):
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def figures(client: httpx.Client) -> dict[str, float]:
    """Return the figures by name and labels, as Prometheus reads them."""
    answer = client.get("/metrics", auth=ANN)
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", answer.text, re.MULTILINE)
    }


def complete(client: httpx.Client, question: str, login: tuple[str, str] = ANN) -> httpx.Response:
    message = {"role": "user", "content": question}
    return client.post("/v1/chat/completions", json={"model": "pilcrow", "messages": [message]}, auth=login)


def test_health_is_open_to_all_and_says_little(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_figures_need_a_librarian(limited: str) -> None:
    with httpx.Client(base_url=limited) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", auth=REA).status_code == 403
        made = client.post("/pilcrow/tokens/add", json={"label": "prometheus"}, auth=ANN).json()["token"]
        answer = client.get("/metrics", headers={"authorization": f"Bearer {made}"})
        assert answer.status_code == 200


def test_figures_count_answers_steps_documents_and_requests(client: httpx.Client) -> None:
    before = figures(client)
    assert complete(client, LEANS).status_code == 200
    assert complete(client, "Who painted the ceiling of the Sistine Chapel?").status_code == 200
    assert client.get("/nowhere", auth=ANN).status_code == 404
    after = figures(client)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    outcomes = {name: grown(f'pilcrow_questions_total{{outcome="{name}"}}') for name in ("failed", "refused")}
    assert outcomes == {"failed": 0, "refused": 0}
    assert grown('pilcrow_questions_total{outcome="abstained"}') == 1
    answered = sum(grown(f'pilcrow_questions_total{{outcome="{one}"}}') for one in ("answered", "unsure"))
    assert answered == 1
    assert grown("pilcrow_answer_seconds_count") == grown('pilcrow_step_seconds_count{step="read"}') == 2
    assert grown('pilcrow_http_requests_total{status="404"}') == 1
    assert (after["pilcrow_documents"], after["pilcrow_chunks"]) == (2, 3)
    assert after["pilcrow_questions_running"] == after["pilcrow_questions_waiting"] == 0


def use_up(client: httpx.Client) -> None:
    """Ask on the page until no more questions are allowed this minute."""
    for _ in range(MOST + 1):
        refused = client.post("/pilcrow/ask", json={"question": " "}, auth=ANN)
    assert refused.status_code == 429


def again(refused: Callable[[], bool]) -> bool:
    """Return whether a question is refused; once more if the minute was over in between."""
    return refused() or refused()


def test_page_programs_and_tools_count_together(limited: str) -> None:
    login = {"authorization": "Bearer ann:a b"}
    program = Client(limited, headers=login, verbose=False)
    with httpx.Client(base_url=limited, timeout=60) as client:
        before = figures(client)

        def page() -> bool:
            use_up(client)
            german = {"accept-language": "de"}
            refused = client.post("/pilcrow/ask", json={"question": LEANS}, auth=ANN, headers=german)
            return refused.status_code == 429 and (
                0 < int(refused.headers["retry-after"]) <= 60
                and "Sie haben in einer Minute 4 Fragen gestellt" in refused.json()["message"]
            )

        def completions() -> bool:
            use_up(client)
            refused = complete(client, LEANS)
            code = refused.json().get("error", {}).get("code")
            return (code, "retry-after" in refused.headers) == ("rate_limit_exceeded", True)

        def mcp() -> bool:
            use_up(client)
            results = through_mcp(
                limited, [(name, {"question": LEANS}) for name in ("ask", "search")], login["authorization"]
            )
            return all("You have asked 4 questions" in str(one.content) for one in results[1])

        def gradio() -> bool:
            use_up(client)
            assert program.predict(api_name="/list_documents"), "only questions are counted"
            try:
                return not program.predict(LEANS, api_name="/ask")
            except AppError as error:
                return "You have asked 4 questions within a minute" in str(error)

        for way in (page, completions, mcp, gradio):
            assert again(way), way
        assert complete(client, LEANS, ("bob", "b")).status_code == 200
        refused = 'pilcrow_questions_total{outcome="refused"}'
        assert figures(client)[refused] - before[refused] >= 9


@pytest.mark.parametrize("kind", ["alone", "shared"])
def test_quota_is_each_users_and_counts_all_processes(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue("postgres_url") if kind == "shared" else tmp_path / "chat.sqlite3"

    def accepted(*quotas: Quota) -> int:
        count = 0
        for number in range(30):
            try:
                quotas[number % len(quotas)].take("ann")
                count += 1
            except TooMany as error:
                assert 0 < int(error.headers["retry-after"]) <= 60
        return count

    with Storage(place) as one, Storage(place) as two:
        quotas = [Quota(one, 10), Quota(two, 10)] if kind == "shared" else [Quota(one, 10)]
        assert accepted(*quotas) in {10, 20}, "20 if a minute begins"
        quotas[0].take("bob")
        for _ in range(30):
            quotas[0].take("")  # without a login there is no limit
