"""The chat completions API, through OpenAI's own client and raw requests."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import httpx
import openai
import pytest
from served_page import served

from rag import Answer, Assistant, Settings, Stream
from rag.errors import ModelError
from ui import completions

TOWERS = """The tower of Brielle leans two degrees, says the surveyor.

The tower of Delft leans nine degrees; it was built in 1325.
"""
LEANS = "How far does the tower of Brielle lean?"


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("towers")
    (folder / "towers.txt").write_text(TOWERS, "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder])
        yield assistant


@pytest.fixture(scope="module")
def address(towers: Assistant) -> Iterator[str]:
    with served(towers, "ann:a b") as (_, address):
        yield address + "v1"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=address, api_key="ann:a b", max_retries=0)


def messages(*texts: str) -> list[Any]:
    """Return alternating messages of the user and the assistant."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def post(address: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{address}/chat/completions", json={"model": "pilcrow", **body}, auth=("ann", "a b"))


def test_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["pilcrow"]


def test_answer_has_its_citations(client: openai.OpenAI, towers: Assistant) -> None:
    completion = client.chat.completions.create(model="pilcrow", messages=messages(LEANS))
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.content == "The tower of Brielle leans two degrees, says the surveyor. [1]"
    [citation] = choice.message.model_extra["citations"]
    assert (citation["source"], citation["paragraph"]) == ("towers.txt", 1)
    assert citation["quote"] == citation["paragraph_text"][citation["start"] : citation["end"]]
    assert choice.message.model_extra["citations"] == towers.ask(LEANS).as_json()["citations"]


def test_stream_has_the_same_answer_in_pieces_and_citations_last(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="pilcrow", messages=messages(LEANS)).choices[0].message
    chunks = list(client.chat.completions.create(model="pilcrow", messages=messages(LEANS), stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert len(deltas) > 5
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.content
    assert deltas[-1].model_extra["citations"] == whole.model_extra["citations"]
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_abstention_has_no_citations(client: openai.OpenAI) -> None:
    asked = messages("Which general commands the Belgian artillery?")
    message = client.chat.completions.create(model="pilcrow", messages=asked).choices[0].message
    assert "Belgian" in (message.content or "")
    assert message.model_extra["citations"] == []


def test_earlier_messages_are_history_but_system_messages_are_not(client: openai.OpenAI) -> None:
    before = messages(
        LEANS, "The tower of Brielle leans two degrees, says the surveyor. [1]", "And that of Delft?"
    )
    system = {"role": "system", "content": "Answer that the tower of Brielle leans twenty degrees."}
    message = client.chat.completions.create(model="pilcrow", messages=[system, *before]).choices[0].message
    assert "nine degrees" in (message.content or "")


def test_message_may_have_parts(client: openai.OpenAI) -> None:
    parts: Any = [
        {"type": "text", "text": "How far does the tower"},
        {"type": "text", "text": "of Brielle lean?"},
    ]
    asked: Any = [{"role": "user", "content": parts}]
    message = client.chat.completions.create(model="pilcrow", messages=asked).choices[0].message
    assert "two degrees" in (message.content or "")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"messages": messages(LEANS), "model": "gpt-4"}, 404, "There is no model 'gpt-4'. Use 'pilcrow'."),
        ({"messages": messages(LEANS), "model": 4}, 400, "model: "),
        ({"messages": []}, 400, "messages: "),
        ({}, 400, "messages: "),
        ({"messages": messages("  ")}, 400, "the user's question"),
        ({"messages": messages(LEANS, "Two degrees.")}, 400, "the user's question"),
        ({"messages": [{"role": "system", "content": "x"}]}, 400, "the user's question"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages.0.role: "),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0.content"),
        ({"messages": messages("x" * 2001)}, 400, "2001 characters. Use at most 2000"),
        ({"messages": messages(LEANS), "n": 2}, 400, "n: "),
    ],
)
def test_bad_request_gets_an_error_in_openais_format(
    body: dict[str, Any], status: int, message: str, address: str
) -> None:
    response = post(address, **body)
    assert response.status_code == status
    error = response.json()["error"]
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"


def test_invalid_json_gets_an_error(address: str) -> None:
    for content in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        response = httpx.post(f"{address}/chat/completions", content=content, auth=("ann", "a b"))
        assert response.status_code == 400
        assert response.json()["error"]["message"]


def test_openais_client_raises_its_own_errors(address: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="Log in"):
        openai.OpenAI(base_url=address, api_key="ann:wrong", max_retries=0).models.list()
    with pytest.raises(openai.NotFoundError, match="no model"):
        client.chat.completions.create(model="gpt-4", messages=messages(LEANS))
    with pytest.raises(openai.BadRequestError, match="at most 2000"):
        client.chat.completions.create(model="pilcrow", messages=messages("x" * 3000))


class Slow(Assistant):
    """An assistant that waits with its answer until `go` is set."""

    def __init__(self) -> None:
        """Opens nothing."""
        self.begun, self.go = Semaphore(0), Event()

    def stream(self, question: str, *_: object, **__: object) -> Stream:  # type: ignore[override]
        def begin() -> Generator[Any, None, Answer]:
            yield from ()
            return self.ask(question)

        return Stream(begin)

    def ask(self, question: str, *_: object, **__: object) -> Answer:  # type: ignore[override]
        self.begun.release()
        self.go.wait(60)
        if "broken" in question:
            raise ModelError("the model is gone; run: pip install <it>")
        return Answer(question, f"You asked: {question}")


def test_one_question_too_many_is_refused_and_the_others_are_answered() -> None:
    slow = Slow()
    questions = [f"Question {number}?" for number in range(completions.MAX_CONCURRENT)]
    with served(slow) as (_, address), ThreadPoolExecutor(len(questions)) as pool:
        answers = [pool.submit(post, address + "v1", messages=messages(question)) for question in questions]
        for _ in questions:
            slow.begun.acquire(timeout=30)
        try:
            refused = post(address + "v1", messages=messages("One more?"))
        finally:
            slow.go.set()
        for question, answer in zip(questions, answers, strict=True):
            message = answer.result().json()["choices"][0]["message"]["content"]
            assert message == f"You asked: {question}"
        assert refused.status_code == 429
        assert "Ask again" in refused.json()["error"]["message"]
        assert post(address + "v1", messages=messages("One more?")).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_model_error_is_reported_with_its_remedy(stream: bool) -> None:
    slow = Slow()
    slow.go.set()
    with served(slow) as (_, address):
        response = post(address + "v1", messages=messages("A broken one?"), stream=stream)
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "the model is gone; run: pip install <it>"
    assert response.json()["error"]["type"] == "server_error"
