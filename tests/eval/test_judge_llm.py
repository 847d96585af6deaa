"""RAGAS' Faithfulness with an LLM: a real llama.cpp server, and a scripted one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from llama_server import llama_server
from scripted_llm_server import Request, Script, scripted

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.judge.faithfulness import AnswerToJudge, faithfulness
from eval.judge.llm import judge_at
from rag import PilcrowError

PARAGRAPH = "The bridge at Olmo was opened in 1931. It is 212 metres long."
ROWS = (
    AnswerToJudge("one", "How long is the bridge?", "It is 212 metres long. [1]", (PARAGRAPH,)),
    AnswerToJudge("two", "When was it opened?", "The bridge at Olmo was opened in 1877. [1]", (PARAGRAPH,)),
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a llama.cpp server with SmolLM2-135M, whose key is set for the judge."""
    with llama_server(4096, "key") as address, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", "key")
        yield address


@pytest.mark.long
def test_real_server_judges_every_answer_or_gives_a_reason(address: str) -> None:
    judged = faithfulness(ROWS, judge_at(address, "smollm2"))
    assert [item.id for item in judged] == ["one", "two"]
    for item in judged:
        if item.score is None:
            assert item.failed and item.reason
        else:
            assert 0 <= item.score <= 1
    assert any(item.score is not None for item in judged), "with a grammar, it can give verdicts"


def test_refusal_of_the_server_is_a_failure_without_a_score(address: str) -> None:
    too_long = AnswerToJudge("long", "How long is it?", "It is 212 metres long.", (f"{PARAGRAPH} " * 1000,))
    (judged,) = faithfulness([too_long], judge_at(address, "smollm2"))
    assert (judged.score, judged.failed) == (None, True)
    assert judged.reason


def test_missing_server_is_an_error_with_a_remedy() -> None:
    with pytest.raises(PilcrowError, match="--judge-url"):
        judge_at("http://127.0.0.1:9/v1", "any")


def says(*replies: object) -> Script:
    """A server script that gives these replies in turn, as JSON unless they are text."""
    left = list(replies)

    def reply(request: Request) -> None:
        said = left.pop(0)
        text = said if isinstance(said, str) else json.dumps(said)
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        request.whole(
            200, {"id": "1", "object": "chat.completion", "created": 0, "model": "any", "choices": choices}
        )

    return reply


def verdicts(*values: int) -> dict[str, object]:
    return {"statements": [{"statement": "So.", "reason": "So.", "verdict": value} for value in values]}


TWO = {"statements": ["The bridge is long.", "It was opened in 1877."]}


def test_model_that_the_server_lists_judges() -> None:
    with scripted(says(TWO, verdicts(1, 0))) as server:
        asked = judge_at(server.address)
        (judged,) = faithfulness(ROWS[1:], asked)
    assert judged.score == 0.5
    assert asked.llm.model == server.bodies()[0]["model"] == "parrot"
    assert PARAGRAPH in json.loads(json.dumps(server.bodies()[1]["messages"][-1]["content"]))


@pytest.mark.parametrize(
    "reply",
    [verdicts(1), verdicts(1, -1), verdicts(), "Sure, here you are!"],
    ids=["one of two is missing", "a verdict of -1", "none came", "prose"],
)
def test_wrong_or_missing_verdicts_are_failures(reply: object) -> None:
    with scripted(says(TWO, reply)) as server:
        (judged,) = faithfulness(ROWS[1:], judge_at(server.address, "any"))
    assert (judged.score, judged.failed) == (None, True)
    assert judged.reason
