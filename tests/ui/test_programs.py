"""Programs at the door: their logins, and many of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic
from typing import Any

import httpx
import openai
import pytest
from gradio_client import Client
from gradio_client.utils import QueueError
from mills import question, sacks
from served_page import served
from test_completions import LEANS, Slow
from test_tools import text, through_mcp

from rag import Assistant
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


def test_programs_may_send_a_token(towers: Assistant) -> None:
    with served(towers, "ann:a b") as (server, address):
        token = server.state.desk.access.add_token("ann", "notebook")
        program = Client(address, headers={"Authorization": f"Bearer {token}"}, verbose=False)
        assert "two degrees" in program.predict(question=LEANS, api_name="/ask")["text"]
        offered, [answer] = through_mcp(address, [("ask", {"question": LEANS})], f"Bearer {token}")
        assert len(offered) == 4
        assert "two degrees" in text(answer)
        assert openai.OpenAI(base_url=f"{address}v1", api_key=token).models.list().data


@pytest.mark.parametrize("path", ["config", "gradio_api/info", "gradio_api/run/ask", "gradio_api/call/ask"])
def test_stranger_asks_nothing(path: str, closed: str) -> None:
    for header in ({}, {"authorization": "Bearer ann:wrong"}, {"authorization": "Basic !"}):
        refused = httpx.post(closed + path, json={"data": [LEANS, None]}, headers=header)
        assert refused.status_code == 401
        assert "Brielle" not in refused.text


def test_full_queue_refuses_at_once() -> None:
    slow = Slow()
    with served(slow) as (_, address):
        body = {"data": ["Who?", None]}
        try:
            answers = [httpx.post(f"{address}gradio_api/call/ask", json=body) for _ in range(MAX_WAITING)]
            for _ in range(RUNNING):
                assert slow.begun.acquire(timeout=30)
            answers += [httpx.post(f"{address}gradio_api/call/ask", json=body) for _ in range(RUNNING)]
            begun = monotonic()
            refused = httpx.post(f"{address}gradio_api/call/ask", json=body)
            with pytest.raises(QueueError, match="full"):
                Client(address, verbose=False).predict(question="Who?", api_name="/ask")
            assert monotonic() - begun < 5
        finally:
            slow.go.set()
    assert {answer.status_code for answer in answers} == {200}
    assert refused.status_code == 503
    assert "full" in refused.json()["detail"]


def test_twenty_streaming_clients_get_their_own_answers(mills: Assistant) -> None:
    """Each asks four questions through Gradio's client at once, and one through OpenAI's meanwhile."""
    accounts = ",".join(f"user{n}:word{n}" for n in range(20))
    right, refusals = list[str](), list[str]()

    def check(client: int, number: int, answer: dict[str, Any], parts: list[str]) -> None:
        assert str(sacks(client, number)) in answer["text"], (client, number, answer["text"])
        [citation] = answer["citations"]
        assert (citation["source"], citation["paragraph"]) == (f"mills{client}.txt", number + 1)
        assert all(after.startswith(before) for before, after in pairwise([*parts, answer["text"]]))
        right.append(answer["text"])

    def ask_five(client: int) -> None:
        key = f"user{client}:word{client}"
        questions = [question(client, number) for number in range(5)]
        program = Client(address, headers={"Authorization": f"Bearer {key}"}, verbose=False)
        jobs = [program.submit(question=each, api_name="/ask") for each in questions[:4]]
        chat = openai.OpenAI(base_url=f"{address}v1", api_key=key, max_retries=0).chat.completions
        asked: Any = [{"role": "user", "content": questions[4]}]
        deltas = [c.choices[0].delta for c in chat.create(model="pilcrow", messages=asked, stream=True)]
        text = "".join(delta.content or "" for delta in deltas)
        check(client, 4, {"text": text, **(deltas[-1].model_extra or {})}, [])
        for number, job in enumerate(jobs):
            if error := job.exception(timeout=120):
                refusals.append(str(error))
                continue
            *parts, answer = job.outputs()
            assert parts
            check(client, number, answer, [part["text"] for part in parts])

    with served(mills, accounts) as (_, address), ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(ask_five, client) for client in range(20)]:
            done.result()
    assert all("full" in message for message in refusals), set(refusals)
    assert len(right) + len(refusals) == 100
    assert len(right) >= MAX_WAITING + 20
