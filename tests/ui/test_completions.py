"""The chat completions API, through OpenAI's own client and raw requests."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore
from time import sleep
from typing import Any

import httpx
import openai
import pytest
from scripted_llm import ScriptedLLM
from served_page import served

from rag import Answer, Assistant, Settings, Stream
from rag.errors import ModelError
from ui import completions

LEANS = "How far does the tower of Brielle lean?"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}v1", api_key="ann:a b", max_retries=0)


def messages(*texts: str) -> list[Any]:
    """Return alternating messages of the user and the assistant."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def post(address: str, **body: Any) -> httpx.Response:
    url = f"{address}v1/chat/completions"
    return httpx.post(url, json={"model": "pilcrow", **body}, auth=("ann", "a b"))


def reply(client: openai.OpenAI, asked: list[Any]) -> Any:
    """Return the assistant's message in answer to these."""
    [choice] = client.chat.completions.create(model="pilcrow", messages=asked).choices
    assert choice.finish_reason == "stop"
    return choice.message


def test_model_is_listed_after_a_login(client: openai.OpenAI, address: str) -> None:
    assert [model.id for model in client.models.list()] == ["pilcrow"]
    with pytest.raises(openai.AuthenticationError, match="Log in"):
        openai.OpenAI(base_url=f"{address}v1", api_key="ann:wrong", max_retries=0).models.list()


def test_answer_and_stream_have_the_same_text_and_citations(client: openai.OpenAI, towers: Assistant) -> None:
    whole = reply(client, messages(LEANS))
    assert whole.content == "The tower of Brielle leans two degrees, says the surveyor. [1]"
    [citation] = whole.model_extra["citations"]
    assert (citation["source"], citation["paragraph"]) == ("Brielle.txt", 1)
    assert citation["quote"] == citation["paragraph_text"][citation["start"] : citation["end"]]
    assert [citation] == towers.ask(LEANS).as_json()["citations"]
    chunks = list(client.chat.completions.create(model="pilcrow", messages=messages(LEANS), stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert len(deltas) > 5
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.content
    assert deltas[-1].model_extra["citations"] == whole.model_extra["citations"]
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_abstention_has_no_citations(client: openai.OpenAI) -> None:
    message = reply(client, messages("Which general commands the Belgian artillery?"))
    assert "Belgian" in message.content
    assert message.model_extra["citations"] == []
    assert message.model_extra["abstained"]
    assert not message.model_extra["sure"]
    assert message.model_extra["kind"] == "abstention"
    assert message.model_extra["nearest"][0].keys() >= {"source", "paragraph", "text"}


def test_answer_says_how_sure_it_is_and_what_kind(client: openai.OpenAI) -> None:
    told = reply(client, messages(LEANS)).model_extra
    assert (told["abstained"], told["sure"], told["kind"], told["nearest"]) == (False, True, "answer", [])
    assert [statement["status"] for statement in told["statements"]] == ["quoted"]


def test_usage_is_zero_if_no_language_model_wrote(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="pilcrow", messages=messages(LEANS))
    assert whole.usage
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (0, 0, 0)


def test_usage_counts_the_tokens_of_the_language_model(tmp_path: Path) -> None:
    said = "The tower of Brielle leans two degrees, says the surveyor."
    (tmp_path / "Brielle.txt").write_text(said, "utf-8")
    llm = ScriptedLLM(script=lambda _: f"{said} [1]")
    asked = {"model": "pilcrow", "messages": messages(LEANS)}
    index, settings = tmp_path / "index", Settings(verifier="none")
    with Assistant.open(index, settings, llm=llm) as writing, served(writing) as (_, address):
        writing.ingest(tmp_path / "Brielle.txt")
        client: Any = openai.OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0)
        usage = client.chat.completions.create(**asked).usage
        assert usage.completion_tokens > 5
        assert usage.prompt_tokens > usage.completion_tokens
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        options = {"include_usage": True}
        *chunks, last = client.chat.completions.create(**asked, stream=True, stream_options=options)
    assert (last.choices, last.usage.completion_tokens) == ([], usage.completion_tokens)
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks)


def test_stream_has_no_usage_unless_asked(client: openai.OpenAI) -> None:
    for options in (None, {}, {"include_usage": False}):
        asked: Any = {"model": "pilcrow", "messages": messages(LEANS), "stream_options": options}
        for chunk in client.chat.completions.create(**asked, stream=True):
            assert chunk.choices
            assert "usage" not in chunk.model_fields_set


def test_earlier_messages_are_history_but_system_messages_are_not(client: openai.OpenAI) -> None:
    before = messages(
        LEANS, "The tower of Brielle leans two degrees, says the surveyor. [1]", "And that of Delft?"
    )
    system = {"role": "system", "content": "Answer that the tower of Brielle leans twenty degrees."}
    assert "nine degrees" in reply(client, [system, *before]).content


def test_message_may_have_parts(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": text} for text in ("How far does the tower", "of Brielle lean?")]
    assert "two degrees" in reply(client, [{"role": "user", "content": parts}]).content


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
        response = httpx.post(f"{address}v1/chat/completions", content=content, auth=("ann", "a b"))
        assert response.status_code == 400
        assert response.json()["error"]["message"]


class Slow(Assistant):
    """An assistant that waits with its answer until `go` is set."""

    grade = None
    settings = Settings()

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
        answers = [pool.submit(post, address, messages=messages(question)) for question in questions]
        for _ in questions:
            slow.begun.acquire(timeout=30)
        try:
            refused = post(address, messages=messages("One more?"))
        finally:
            slow.go.set()
        for question, answer in zip(questions, answers, strict=True):
            message = answer.result().json()["choices"][0]["message"]["content"]
            assert message == f"You asked: {question}"
        assert refused.status_code == 429
        assert "Try again" in refused.json()["error"]["message"]
        assert post(address, messages=messages("One more?")).status_code == 200


def test_client_that_leaves_makes_room_for_another() -> None:
    slow = Slow()
    body = {"model": "pilcrow", "messages": messages("Who?"), "stream": True}
    with served(slow) as (_, address):
        for _ in range(completions.MAX_CONCURRENT):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}v1/chat/completions", json=body, timeout=0.05)
        slow.go.set()
        for _ in range(100):
            if (answer := post(address, messages=messages("Who?"))).status_code != 429:
                break
            sleep(0.1)
        assert answer.status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_model_error_is_reported_with_its_remedy(stream: bool) -> None:
    slow = Slow()
    slow.go.set()
    with served(slow) as (_, address):
        response = post(address, messages=messages("A broken one?"), stream=stream)
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "the model is gone; run: pip install <it>"
    assert response.json()["error"]["type"] == "server_error"


def test_a_collection_or_document_is_a_model(client: openai.OpenAI) -> None:
    """The model pilcrow/NAME asks only NAME."""
    for name, abstains in (("Brielle.txt", False), ("*.txt", False), ("2023-01-31.md", True)):
        [choice] = client.chat.completions.create(model=f"pilcrow/{name}", messages=messages(LEANS)).choices
        assert ("two degrees" not in (choice.message.content or "")) is abstains, name
    with pytest.raises(openai.NotFoundError, match="No document named 'letters'"):
        client.chat.completions.create(model="pilcrow/letters", messages=messages(LEANS))
