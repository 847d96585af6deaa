"""RAGAS' Faithfulness with an LLM: a real llama.cpp server, and a scripted LLM."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from llama_server import llama_server
from scripted_llm import ScriptedLLM, saying

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.judge.llm import judge, judge_at
from eval.judge.trials import AnswerToJudge, faithfulness, mean
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


def test_real_server_judges_every_answer_or_gives_a_reason(address: str, tmp_path: Path) -> None:
    asked = judge_at(address, "smollm2", tmp_path)
    judged = faithfulness(ROWS, asked)
    assert [item.id for item in judged] == ["one", "two"]
    for item in judged:
        if item.score is None:
            assert item.failed and item.reason
        else:
            assert 0 <= item.score <= 1
    assert any(item.score is not None for item in judged), "with a grammar, it can give verdicts"
    figure, failed, abstained = mean(judged)
    assert (figure.count, failed, abstained) == (2 - failed, failed, 0)
    assert not math.isnan(figure.value)

    (kept,) = tmp_path.glob("*.jsonl")
    lines = kept.read_text("utf-8").splitlines()
    with kept.open("a", encoding="utf-8") as file:
        file.write('{"key": "cut sho')  # by a kill
    answered = [row for row, item in zip(ROWS, judged, strict=True) if not item.failed]
    again = faithfulness(answered, judge_at(address, "smollm2", tmp_path))
    assert again == tuple(item for item in judged if not item.failed)
    assert kept.read_text("utf-8").splitlines()[: len(lines)] == lines, "cached replies are kept"
    assert len(kept.read_text("utf-8").splitlines()) == len(lines) + 1


def test_refusal_of_the_server_is_a_failure_without_a_score(address: str, tmp_path: Path) -> None:
    too_long = AnswerToJudge("long", "How long is it?", "It is 212 metres long.", (f"{PARAGRAPH} " * 1000,))
    (judged,) = faithfulness([too_long], judge_at(address, "smollm2", tmp_path))
    assert (judged.score, judged.failed) == (None, True)
    assert judged.reason
    figure, failed, _ = mean([judged])
    assert math.isnan(figure.value)
    assert (figure.count, failed) == (0, 1)


def test_missing_server_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(PilcrowError, match="--judge-url"):
        judge_at("http://127.0.0.1:9/v1", "any", tmp_path)


def scripted(statements: Sequence[str], verdicts: Sequence[int]) -> ScriptedLLM:
    judged = [
        {"statement": text, "reason": "so it is", "verdict": verdict}
        for text, verdict in zip(statements, verdicts, strict=False)
    ]
    return saying(json.dumps({"statements": statements}), json.dumps({"statements": judged}))


TWO = ("The bridge is long.", "It was opened in 1877.")


def test_llamaindex_llm_judges(tmp_path: Path) -> None:
    (judged,) = faithfulness(ROWS[1:], judge(scripted(TWO, [1, 0]), tmp_path))
    assert judged.score == 0.5


@pytest.mark.parametrize(
    "verdicts", [[1], [1, -1], []], ids=["one of two is missing", "a verdict of -1", "none came"]
)
def test_wrong_or_missing_verdicts_are_failures(verdicts: list[int], tmp_path: Path) -> None:
    (judged,) = faithfulness(ROWS[1:], judge(scripted(TWO, verdicts), tmp_path))
    assert (judged.score, judged.failed) == (None, True)
    assert judged.reason


def test_prose_instead_of_verdicts_is_a_failure_and_is_not_cached(tmp_path: Path) -> None:
    llm = saying("Sure, here you are!")
    (judged,) = faithfulness(ROWS[:1], judge(llm, tmp_path))
    assert judged.failed
    again = scripted(["It is 212 metres long."], [1])
    assert faithfulness(ROWS[:1], judge(again, tmp_path))[0].score == 1
