"""Programs at the door: their logins, and many of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic
from typing import Any

import httpx
import openai
import pytest
from gradio_client import Client
from served_page import served
from test_completions import LEANS, Slow
from test_tools import through_mcp

from rag import Assistant, Settings
from ui.runs import MAX_WAITING

ANN, BOB = ("ann", "a b"), ("bob", "β")
RUNNING = 4  # calls that Gradio's queue lets run at once


@pytest.fixture(scope="module")
def closed(towers: Assistant) -> Iterator[str]:
    """The address of a server that needs a login."""
    with served(towers, "ann:a b, bob:β") as (_, address):
        yield address


@pytest.mark.parametrize("account", [ANN, BOB], ids=["ann", "bob"])
def test_gradio_client_logs_in(account: tuple[str, str], closed: str) -> None:
    answer = Client(closed, auth=account, verbose=False).predict(question=LEANS, api_name="/ask")
    assert "two degrees" in answer["text"]
    with pytest.raises(ValueError, match="[Cc]redentials"):
        Client(closed, auth=(account[0], "wrong"), verbose=False)


@pytest.mark.parametrize("account", [ANN, BOB], ids=["ann", "bob"])
def test_programs_may_send_name_and_password_with_each_request(account: tuple[str, str], closed: str) -> None:
    bearer = f"Bearer {':'.join(account)}".encode()
    for header in (httpx.BasicAuth(*account)._auth_header.encode(), bearer):
        headers = {b"authorization": header}
        assert httpx.get(closed + "gradio_api/user", headers=headers).json() == account[0]
        assert httpx.get(closed + "v1/models", headers=headers).json()["data"][0]["id"] == "pilcrow"
        run = httpx.post(f"{closed}gradio_api/run/list_documents", json={"data": []}, headers=headers)
        assert len(run.json()["data"][0]) == 2


@pytest.mark.parametrize("path", ["config", "gradio_api/info", "gradio_api/run/ask", "gradio_api/call/ask"])
def test_stranger_asks_nothing(path: str, closed: str) -> None:
    for header in ({}, {"authorization": "Bearer ann:wrong"}, {"authorization": "Basic !"}):
        refused = httpx.post(closed + path, json={"data": [LEANS, None]}, headers=header)
        assert refused.status_code == 401
        assert "Brielle" not in refused.text


def test_full_queue_refuses_at_once() -> None:
    slow = Slow()
    with served(slow) as (_, address):
        join, [ask] = f"{address}gradio_api/queue/join", _numbers(address, "ask")
        body = {"fn_index": ask, "session_hash": "s"}
        try:
            answers = [
                httpx.post(join, json=body | {"data": [f"Question {number}?", None]})
                for number in range(RUNNING + MAX_WAITING)
            ]
            for _ in range(RUNNING):
                slow.begun.acquire(timeout=30)
            full = [httpx.post(join, json=body | {"data": ["One more?", None]}) for _ in range(RUNNING + 1)][-1]
        finally:
            slow.go.set()
    assert {answer.status_code for answer in answers[:MAX_WAITING]} == {200}
    assert full.status_code == 503
    assert "full" in full.json()["detail"]


def _numbers(address: str, name: str) -> list[int]:
    events = httpx.get(f"{address}config").json()["dependencies"]
    return [event["id"] for event in events if event["api_name"] == name]


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


def test_twenty_streaming_clients_get_their_own_answers(mills: Assistant) -> None:
    """Each asks nine questions through Gradio's client, one through OpenAI's, and one through MCP."""
    accounts = ",".join(f"user{n}:word{n}" for n in range(20))
    right, refusals, waited = [], [], []

    def check(answer: dict[str, Any], client: int, number: int, parts: list[str]) -> None:
        assert str(fact(client, number)) in answer["text"], (client, number, answer["text"])
        [citation] = answer["citations"]
        assert (citation["source"], citation["paragraph"]) == (f"mills{client}.txt", number + 1)
        assert all(after.startswith(before) for before, after in pairwise([*parts, answer["text"]]))
        right.append(answer)

    def ask_eleven(client: int) -> None:
        key, questions = f"user{client}:word{client}", [_question(client, number) for number in range(10)]
        program = Client(address, headers={"Authorization": f"Bearer {key}"}, verbose=False)
        begun = monotonic()
        jobs = [program.submit(question=each, api_name="/ask") for each in questions[:9]]
        check(*_streamed(f"{address}v1", key, questions[9]), client, 9)
        for number, job in enumerate(jobs):
            values = list(job)
            if error := job.exception(timeout=120):
                refusals.append(str(error))
                waited.append(monotonic() - begun)
                continue
            check(values[-1], client, number, [value["text"] for value in values[:-1]])

    with served(mills, accounts) as (_, address), ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(ask_eleven, client) for client in range(20)]:
            done.result()
    assert all("full" in message for message in refusals), set(refusals)
    assert len(right) + len(refusals) == 200
    assert len(right) >= MAX_WAITING + 20


def _question(client: int, number: int) -> str:
    return f"How many sacks of rye has the mill number {client * 10 + number} of the polder?"
