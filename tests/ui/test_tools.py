"""The tools, called by Gradio's client and by an MCP client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool
from served_page import served
from test_completions import LEANS, Slow

from rag import Answer, Assistant, Stream
from rag.types import Step
from ui.completions import MAX_CONCURRENT

LOGIN = {"Authorization": "Bearer ann:a b"}
NAMES = {"ask", "search", "show_paragraph", "list_documents"}


@pytest.fixture(scope="module")
def program(address: str) -> Client:
    return Client(address, headers=LOGIN, verbose=False)


def through_mcp(
    address: str, calls: list[tuple[str, dict[str, Any]]], login: str = LOGIN["Authorization"]
) -> tuple[list[Tool], list[CallToolResult]]:
    """Return the offered tools and the results of the calls."""

    async def session() -> tuple[list[Tool], list[CallToolResult]]:
        async with (
            httpx.AsyncClient(headers={"Authorization": login}) as client,
            streamable_http_client(f"{address}gradio_api/mcp/", http_client=client) as (read, write, _),
            ClientSession(read, write) as opened,
        ):
            assert (await opened.initialize()).serverInfo.name == "Pilcrow"
            offered = (await opened.list_tools()).tools
            return offered, [await opened.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(session())


class Growing(Slow):
    """An assistant that waits until `go` is set, after the first words of its answer."""

    def stream(self, question: str, *_: object, **__: object) -> Stream:  # type: ignore[override]
        def begin() -> Generator[Step, None, Answer]:
            yield Step("It leans ", unchecked="They say")
            answer = self.ask(question)
            yield Step("nine degrees, ")
            return replace(answer, text="It leans nine degrees, they say.")

        return Stream(begin)


def text(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_gradio_and_mcp_offer_the_same_described_tools(program: Client, address: str) -> None:
    endpoints: Any = program.view_api(return_format="dict", print_info=False)
    assert set(endpoints["named_endpoints"]) == {f"/{name}" for name in NAMES}
    assert not endpoints["unnamed_endpoints"]
    offered, _ = through_mcp(address, [])
    assert {tool.name for tool in offered} == NAMES
    for tool in offered:
        assert "document" in (tool.description or "")
        for described in tool.inputSchema["properties"].values():
            assert described["description"]
    [ask] = [tool for tool in offered if tool.name == "ask"]
    assert ask.inputSchema["required"] == ["question"]


def test_mcp_clients_are_told_that_tools_only_read(address: str) -> None:
    offered, _ = through_mcp(address, [])
    for tool in offered:
        hints = tool.annotations
        assert hints
        assert (hints.readOnlyHint, hints.openWorldHint) == (True, False)
        assert tool.title == hints.title
    assert [tool.title for tool in offered][:2] == ["Ask", "Search"]


def test_gradio_client_sees_the_answer_grow() -> None:
    growing = Growing()
    with served(growing) as (_, address):
        program = Client(address, verbose=False)
        job = program.submit(question=LEANS, api_name="/ask")
        values = iter(job)
        assert next(values) == {"text": "It leans ", "unchecked": "They say"}
        growing.go.set()
        *_, last = values
        assert last["text"] == "It leans nine degrees, they say."
        assert last.keys() == Answer(LEANS, "").as_json().keys()
        assert job.result() == last == program.predict(question=LEANS, api_name="/ask")
        broken = program.submit(question="A broken one?", api_name="/ask")
        with pytest.raises(AppError, match="run: pip install <it>"):
            broken.result()


def test_plain_requests_get_the_whole_answer(address: str, towers: Assistant) -> None:
    body = {"data": [LEANS, None]}
    at_once = httpx.post(f"{address}gradio_api/run/ask", json=body, headers=LOGIN).json()["data"]
    called = f"{address}gradio_api/call/ask"
    event = httpx.post(called, json=body, headers=LOGIN).json()["event_id"]
    sent = httpx.get(f"{called}/{event}", headers=LOGIN).text
    [complete] = re.findall("event: complete\ndata: (.*)", sent)
    for [answer] in (at_once, json.loads(complete)):
        assert answer["text"] == towers.ask(LEANS).text
        assert answer["citations"]


def test_mcp_client_is_told_the_text_so_far() -> None:
    growing, told = Growing(), list[tuple[float, str | None]]()

    async def hear(progress: float, _: float | None, message: str | None) -> None:
        told.append((progress, message))
        growing.go.set()

    async def ask(address: str) -> CallToolResult:
        async with (
            httpx.AsyncClient(headers=LOGIN) as client,
            streamable_http_client(f"{address}gradio_api/mcp/", http_client=client) as (read, write, _),
            ClientSession(read, write) as opened,
        ):
            await opened.initialize()
            return await opened.call_tool("ask", {"question": LEANS}, progress_callback=hear)

    with served(growing, "ann:a b") as (_, address):
        result = asyncio.run(ask(address))
    answer = "It leans nine degrees, they say."
    assert json.loads(text(result))["text"] == answer
    assert told[0] == (1, "It leans ")
    assert told[-1] == (len(told), answer)
    assert [progress for progress, _ in told] == list(range(1, len(told) + 1))


def test_gradio_client_gets_a_cited_answer(program: Client, towers: Assistant) -> None:
    answer = program.predict(question=LEANS, api_name="/ask")
    assert answer["text"] == "The tower of Brielle leans two degrees, says the surveyor. [1]"
    assert answer["citations"] == towers.ask(LEANS).as_json()["citations"]


def test_mcp_client_gets_the_same_as_json_and_the_error(program: Client, address: str) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("ask", {"question": LEANS}),
        ("search", {"question": "ferry", "limit": 1}),
        ("show_paragraph", {"source": "Brielle.txt", "paragraph": 2}),
        ("list_documents", {}),
    ]
    unknown = ("show_paragraph", {"source": "gone.txt", "paragraph": 1})
    _, [*results, refused] = through_mcp(address, [*calls, unknown])
    assert refused.isError
    assert "No document named" in text(refused)
    for (name, arguments), result in zip(calls, results, strict=True):
        assert not result.isError
        same = program.predict(**arguments, api_name=f"/{name}")
        found = json.loads(text(result))
        if name == "ask":
            assert found.pop("timings").keys() == same.pop("timings").keys()
        assert found == same


def test_search_returns_the_best_paragraphs_first(program: Client) -> None:
    found = program.predict(question="Which tower leans nine degrees?", limit=2, api_name="/search")
    assert len(found) == 2
    assert (found[0]["source"], found[0]["paragraph"]) == ("Brielle.txt", 2)
    [only] = program.predict(question="tower", sources=["2023-01-31.md"], limit=1, api_name="/search")
    assert only["source"] == "2023-01-31.md"


def test_show_paragraph_and_list_documents(program: Client) -> None:
    shown = program.predict(source="Brielle.txt", paragraph=2, api_name="/show_paragraph")
    assert shown["text"] == "The tower of Delft leans nine degrees; it was built in 1325."
    assert (shown["source"], shown["number"], shown["line"], shown["kind"]) == ("Brielle.txt", 2, 3, "body")
    listed = program.predict(api_name="/list_documents")
    assert [(each["source"], each["paragraphs"]) for each in listed] == [
        ("2023-01-31.md", 2),
        ("Brielle.txt", 2),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ask", {"question": "x" * 2001}, "question: .*at most 2000 characters"),
        ("ask", {"question": ""}, "question: .*at least 1 character"),
        ("ask", {"question": 5}, "question: .*string"),
        ("ask", {"question": "Who?", "sources": ["gone.txt"]}, "No document named 'gone.txt'"),
        ("search", {"question": "Who?", "limit": 51}, "limit: .*50"),
        (
            "show_paragraph",
            {"source": "Brielle.txt", "paragraph": 9},
            "has no paragraph 9. It has 1 to 2.",
        ),
        ("show_paragraph", {"source": "Brielle.txt", "paragraph": "x"}, "paragraph: .*integer"),
    ],
)
def test_bad_arguments_are_reported(
    name: str, arguments: dict[str, Any], message: str, program: Client
) -> None:
    with pytest.raises(AppError, match=message):
        program.predict(**arguments, api_name=f"/{name}")


def test_mcp_needs_the_login(address: str) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for path in ("mcp/", "mcp", "mcp/http/", "mcp/schema", "mcp/messages/"):
        assert httpx.post(f"{address}gradio_api/{path}", json=hello).status_code == 401


def test_one_call_too_many_is_refused_and_the_others_are_answered() -> None:
    slow = Slow()
    numbers = range(MAX_CONCURRENT)

    def ask(address: str, number: int) -> httpx.Response:
        body = {"data": [f"Question {number}?", None]}
        return httpx.post(f"{address}gradio_api/run/ask", json=body, timeout=60)

    with served(slow) as (_, address), ThreadPoolExecutor(len(numbers)) as pool:
        answers = [pool.submit(ask, address, number) for number in numbers]
        for _ in numbers:
            slow.begun.acquire(timeout=30)
        try:
            refused = ask(address, -1)
        finally:
            slow.go.set()
        for number, answer in zip(numbers, answers, strict=True):
            assert answer.result().json()["data"][0]["text"] == f"You asked: Question {number}?"
    assert refused.status_code == 500
    assert "Try again in a moment" in refused.json()["error"]
