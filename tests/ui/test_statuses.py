"""How far a statement is borne out, at every door: what a model wrote is quoted, supported or unconfirmed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from lxml import html as lxml_html
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from scripted_llm import ScriptedLLM, judging
from served_page import served
from shared_names import Run

from rag import Answer, Assistant, Settings
from ui.conversations import Entry
from ui.export import html, markdown
from ui.render import part
from ui.terminal import print_answer

CATCH = "How many kilograms of plaice did the Zeemeeuw bring home?"
SUPPORTED = "The catch that the Zeemeeuw landed came to 4,200 kilograms of plaice."
QUOTED = "Her skipper was Jacob Hakvoort."
UNCONFIRMED = "Plaice fetched the crew of the Zeemeeuw a good price."
STATUSES = ["supported", "quoted", "unconfirmed"]
STANDING = "Supported: statement 1. Quoted: statement 2. Unconfirmed: statement 3."


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant whose model passed the exam and writes one sentence of each status."""
    folder = tmp_path_factory.mktemp("harbour")
    (folder / "harbour.txt").write_text(
        "The cutter Zeemeeuw left Urk with five men. Her skipper was Jacob Hakvoort.\n\n"
        "The Zeemeeuw brought home 4,200 kilograms of plaice on 3 May 1962.\n",
        "utf-8",
    )
    llm = judging(ScriptedLLM(script=lambda _: f"{SUPPORTED} {QUOTED} {UNCONFIRMED}"), SUPPORTED)
    with Assistant.open(folder / "index", Settings(), llm=llm) as assistant:
        assistant.ingest([folder / "harbour.txt"])
        assert assistant.grade is None
        yield assistant


@pytest.fixture(scope="module")
def answer(harbour: Assistant) -> Answer:
    found = harbour.ask(CATCH)
    assert [one.text for one in found.statements] == [SUPPORTED, QUOTED, UNCONFIRMED]
    assert [one.status for one in found.statements] == STATUSES
    return found


@pytest.fixture(scope="module")
def address(harbour: Assistant) -> Iterator[str]:
    with served(harbour) as (_, at):
        yield at


@pytest.mark.parametrize("stream", [False, True])
def test_chat_completions_have_statuses_and_the_verifiers_grade(address: str, stream: bool) -> None:
    client = openai.OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0)
    reply: Any = client.chat.completions.create(
        model="pilcrow", messages=[{"role": "user", "content": CATCH}], stream=stream
    )
    extra = (list(reply)[-1].choices[0].delta if stream else reply.choices[0].message).model_extra
    assert [one["status"] for one in extra["statements"]] == STATUSES
    assert 0 < extra["statements"][0]["support"] <= 1
    assert extra["verifier"]["passed"] is True
    assert extra["verifier"]["verifier"] == "scripted"
    assert extra["verifier"]["shares"]["auc"] > 0.99


def test_mcp_tool_has_statuses(address: str) -> None:
    async def ask() -> str:
        async with (
            httpx.AsyncClient() as client,
            streamable_http_client(f"{address}gradio_api/mcp/", http_client=client) as (read, write, _),
            ClientSession(read, write) as opened,
        ):
            await opened.initialize()
            [content] = (await opened.call_tool("ask", {"question": CATCH})).content
            assert isinstance(content, TextContent)
            return content.text

    found = json.loads(asyncio.run(ask()))
    assert [one["status"] for one in found["statements"]] == STATUSES
    assert found["text"].endswith("(unconfirmed)")


def test_terminal_marks_the_unconfirmed_and_names_the_status_of_each(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    print_answer(answer)
    shown = capsys.readouterr().out
    assert f"{UNCONFIRMED} [" in shown
    assert shown.count("(unconfirmed)") == 1
    assert f"\n{STANDING}\n" in shown
    assert "Unconfirmed: nothing in the cited paragraphs contradicts it" in shown


def test_exports_mark_the_unconfirmed_and_name_the_status_of_each(answer: Answer) -> None:
    entries = [Entry(1, answer, datetime.now(UTC))]
    written = markdown("Urk", entries)
    assert written.count("(unconfirmed)") == 1
    assert STANDING in written
    page = lxml_html.fromstring(html("Urk", entries))
    assert STANDING in page.xpath("string(//article)")
    classes = page.xpath("//span[@class]/@class")
    assert [name for name in classes if name in STATUSES] == STATUSES
    assert page.xpath("string(//span[@class='unconfirmed'])") == UNCONFIRMED


@pytest.mark.parametrize("conflicting", [False, True])
def test_page_says_of_each_number_how_far_it_bears_the_statement_out(
    harbour: Assistant, answer: Answer, conflicting: bool
) -> None:
    entry = Entry(1, replace(answer, conflicting=conflicting), datetime.now(UTC))
    page = lxml_html.fromstring(part("answer.html", "turn", entry, "abc", harbour.grade))
    statements = page.xpath("//*[contains(@class, 'statement ')]")
    assert [one.get("class").split()[1] for one in statements] == STATUSES
    labels = [one.xpath(".//a[@class='mark']/@aria-label")[0] for one in statements]
    assert [re.search(r"\. (\w+)", label)[1].lower() for label in labels] == STATUSES  # type: ignore[index]
    assert page.xpath("//*[contains(@class, 'caveat')]/text()") == ["supported", "unconfirmed"]
    assert "scripted passed the exam" in page.xpath("string(//*[@class='checked'])")
    copied = " ".join(page.xpath("//*[contains(@class, 'statement ')]/@data-copy"))
    assert copied.count("(unconfirmed)") == 1


def test_verify_says_what_of_a_verified_answer_is_unconfirmed(
    harbour: Assistant, answer: Answer, run: Run, tmp_path: Path
) -> None:
    written = answer.as_json()
    assert harbour.verify(Answer.from_json(written)) == []
    assert isinstance(written["statements"], list)
    written["statements"][2]["status"] = "supported"  # its text would no longer say so
    assert harbour.verify(Answer.from_json(written)) == ["its text differs from its statements"]
    (tmp_path / "answer.json").write_text(json.dumps(answer.as_json()), "utf-8")
    harbour.close()  # the command opens the index
    code, out, _ = run("verify", tmp_path / "answer.json", "--index", harbour.settings.index)
    assert (code, out) == (0, f"{CATCH}: verified ({STANDING})\n")
