"""Pilcrow in a plain LlamaIndex program, as its retriever and as its query engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.query_engine import RetrieverQueryEngine, RouterQueryEngine
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool
from scripted_llm import ScriptedLLM

from rag import Assistant

QUESTION = "What did Blinken announce on 25 July 2023?"
UNKNOWN = "How many howitzers did Norway promise?"


def run_async(method: Callable[[str], Any], question: str) -> Any:
    return asyncio.run(method(question))


def test_another_query_engine_reads_what_the_retriever_finds(assistant: Assistant) -> None:
    llm = ScriptedLLM(script=lambda _: "400 million dollars")
    retriever = assistant.as_retriever(limit=3)
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm)
    response = engine.query(QUESTION)
    assert str(response) == "400 million dollars"
    found = assistant.search(QUESTION, limit=3)
    assert [node.text for node in response.source_nodes] == [item.text for item in found]
    assert all(item.text in llm.seen[0] for item in found)
    for node, item in zip(response.source_nodes, found, strict=True):
        assert node.score == item.score
        assert node.metadata == {
            "source": item.source,
            "paragraph": item.paragraph,
            "page": item.page,
            "line": item.line,
            "date": item.date.isoformat() if item.date else None,
            "changed": "",
            "heading": item.heading,
        }
    assert run_async(retriever.aretrieve, QUESTION) == response.source_nodes
    (only,) = {
        node.metadata["source"] for node in assistant.as_retriever(sources=["glossary.md"]).retrieve(QUESTION)
    }
    assert only == "glossary.md"


def test_a_router_passes_on_the_query_engines_answer_with_its_citations(assistant: Assistant) -> None:
    engine = assistant.as_query_engine()
    choice = ScriptedLLM(script=lambda _: '[{"choice": 1, "reason": "It has the documents."}]')
    tool = QueryEngineTool.from_defaults(engine, name="pilcrow", description="Answers from my documents.")
    router = RouterQueryEngine(LLMSingleSelector.from_defaults(llm=choice), [tool], llm=choice)
    response, answer = router.query(QUESTION), assistant.ask(QUESTION)
    assert response.response == answer.text
    assert len(response.source_nodes) == len(answer.citations) > 0
    for node, cited in zip(response.source_nodes, answer.citations, strict=True):
        place = node.metadata
        assert node.text == cited.paragraph_text
        assert (place["source"], place["paragraph"], place["date"]) == (
            cited.source,
            cited.paragraph,
            cited.date and cited.date.isoformat(),
        )
        assert place["quote"] == node.text[place["start"] : place["end"]] == cited.quote
        assert node.score == 1
    assert tool(QUESTION).content == answer.text


@pytest.mark.parametrize("question", [QUESTION, UNKNOWN])
def test_the_response_carries_the_answer_and_an_abstention_has_no_sources(
    assistant: Assistant, question: str
) -> None:
    engine, answer = assistant.as_query_engine(sources=["aid-and-weapons.csv"]), assistant.ask(question)
    for response in (engine.query(question), run_async(engine.aquery, question)):
        assert isinstance(response, Response)
        assert response.metadata
        assert response.metadata["abstained"] == answer.abstained
        assert bool(response.source_nodes) is not answer.abstained
        assert str(response) == response.metadata["text"]
