"""A real language model, in process and behind a real llama.cpp server; and a caller's own that fails."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_index.core.llms import (
    ChatMessage,
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
)
from llama_server import llama_server, smollm2

from rag import Settings
from rag.doctor import examine
from rag.errors import ModelError
from rag.models.llm import complete, context_size, count_tokens, load_llm

CONTEXT = 1024
KEY = "sesame"
STORY = [ChatMessage(role="user", content="Tell a long story of a ship.")]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with llama_server(CONTEXT, KEY) as started:
        yield started


@pytest.fixture(scope="session")
def in_process() -> Any:
    return load_llm(Settings(llm=str(smollm2()), llm_context=CONTEXT))


@pytest.fixture(scope="session")
def behind_a_server(address: str) -> Any:
    return load_llm(Settings(llm=address, llm_key=KEY))  # type: ignore[arg-type]


@pytest.fixture(params=["in_process", "behind_a_server"])
def llm(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_it_answers_in_pieces(llm: Any) -> None:
    pieces = list(complete(llm, STORY, 12))
    assert 6 <= len(pieces) <= 12
    assert all(pieces)
    assert "ship" in "".join(complete(llm, [ChatMessage(content="Repeat: a ship, a ship, a ship")], 20))


def test_it_says_the_same_both_ways(in_process: Any, behind_a_server: Any) -> None:
    said = ["".join(complete(llm, STORY, 12)) for llm in (in_process, behind_a_server)]
    assert said[0] == said[1]


def test_its_own_tokenizer_counts(llm: Any) -> None:
    assert count_tokens(llm, "Hello there world") == 3
    assert count_tokens(llm, "") == 0
    assert count_tokens(llm, "<|im_start|> ½ ℃ 敖德萨") > 5


def test_it_tells_how_much_it_reads(llm: Any) -> None:
    assert context_size(llm) == CONTEXT


def test_a_full_context_ends_the_answer(llm: Any) -> None:
    filling = "The ship sailed on, and the sea was calm. " * 88
    left = CONTEXT - count_tokens(llm, filling)
    pieces = list(complete(llm, [ChatMessage(content=filling + "Tell a long story of a ship.")], 400))
    assert 0 < len(pieces) < left < 100


def test_more_than_the_context_is_refused_with_the_remedy(llm: Any) -> None:
    with pytest.raises(ModelError, match=r"cannot read so much at once .*; lower evidence"):
        list(complete(llm, [ChatMessage(content="ship sea " * 1000)], 10))
    assert "".join(complete(llm, STORY, 3))


def slot(address: str) -> dict[str, Any]:
    reply = httpx.get(address.removesuffix("/v1") + "/slots", headers={"authorization": f"Bearer {KEY}"})
    (found,) = reply.json()
    return dict(found)


def test_a_closed_answer_is_generated_no_further(address: str, behind_a_server: Any) -> None:
    pieces = complete(behind_a_server, STORY, 900)
    next(pieces)
    assert slot(address)["is_processing"]
    pieces.close()
    until = time.monotonic() + 60
    while slot(address)["is_processing"] and time.monotonic() < until:
        time.sleep(0.02)
    left = slot(address)
    assert not left["is_processing"]
    assert left["next_token"][0]["n_decoded"] < 200


def test_a_wrong_key_is_told_without_it(address: str) -> None:
    for settings in (Settings(llm=address), Settings(llm=address, llm_key="open-me")):  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=r"refuses the key \(401: .*set llm_key") as caught:
            list(complete(load_llm(settings), STORY, 5))  # type: ignore[arg-type]
        assert "open-me" not in str(caught.value)


def test_its_socket_is_for_this_user_alone(in_process: Any) -> None:
    folder = Path(in_process._engine[1].name)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.is_socket() for path in folder.iterdir()] == [True]


def test_it_reads_no_more_than_is_wise_unless_it_is_told() -> None:
    assert context_size(load_llm(Settings(llm=str(smollm2())))) == 8192  # type: ignore[arg-type]


def test_a_program_that_leaves_in_mid_answer_does_not_hang() -> None:
    program = f"""
from llama_index.core.llms import ChatMessage
from rag import Settings
from rag.models.llm import complete, load_llm
load_llm(Settings(llm={str(smollm2())!r}, llm_context=1024))
llm = load_llm(Settings(llm={str(smollm2())!r}, llm_context=1024))
pieces = complete(llm, [ChatMessage(content="Tell a story.")], 900)
print(next(pieces))
"""
    left = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=True
    )
    assert left.stdout.strip()
    assert not left.stderr


def test_the_doctor_tells_model_context_and_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PILCROW_LLM", str(smollm2()))
    printed = [line for line, good in examine(None) if good and line.startswith("llm: ")]
    assert len(printed) == 2
    assert "SmolLM2-135M-Instruct.Q4_1 answers after " in printed[0]
    assert "tokens a second" in printed[0]
    assert "8192 tokens" in printed[1]


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    for content, said in (
        (None, "No such file"),
        (b"", "not a GGUF file"),
        (b"PK\3\4" * 99, "not a GGUF file"),
    ):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ModelError, match=f"{file}.*{said}.*correct llm"):
            load_llm(Settings(llm=str(file)))
    file.unlink()
    file.mkdir()
    with pytest.raises(ModelError, match="Is a directory"):
        load_llm(Settings(llm=str(file)))


def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    whole = smollm2().read_bytes()
    for damaged in (whole[:40_000_000], whole[:5000], b"GGUF" + bytes(range(256)) * 20):
        (tmp_path / "model.gguf").write_bytes(damaged)
        with pytest.raises(ModelError, match=r"model\.gguf: llama\.cpp cannot load it; download it again"):
            load_llm(Settings(llm=str(tmp_path / "model.gguf")))


def test_a_missing_group_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as Python has it where an import must fail
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r'pip install "pilcrow\[local\]"'):
        load_llm(Settings(llm=str(tmp_path / "model.gguf")))


def test_none_is_set_by_default() -> None:
    assert load_llm(Settings()) is None


def test_the_estimate_is_no_less_than_a_real_count(in_process: Any, seeds: Path) -> None:
    guessing = Own(failure=None)
    for path in sorted(seeds.rglob("*")):
        if path.suffix in {".txt", ".md", ".html", ".csv"}:
            text = path.read_text("utf-8")
            assert count_tokens(in_process, text) <= count_tokens(guessing, text) < len(text)


class Own(CustomLLM):
    """A caller's own model, which fails after its first words."""

    failure: Any

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=2000, model_name="own")

    def complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponse:
        raise AssertionError("it is asked in streams")

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponseGen:
        yield CompletionResponse(text="Some", delta="Some")
        if self.failure:
            raise self.failure


@pytest.mark.parametrize("failure", [RuntimeError("CUDA"), ConnectionError("CUDA"), KeyError("CUDA")])
def test_a_model_of_the_callers_own_serves_too_and_may_fail(failure: Exception) -> None:
    assert context_size(Own(failure=None)) == 2000
    assert list(complete(Own(failure=None), STORY, 10)) == ["Some"]
    pieces = complete(Own(failure=failure), STORY, 10)
    assert next(pieces) == "Some"
    with pytest.raises(ModelError, match="own failed .*CUDA"):
        next(pieces)
