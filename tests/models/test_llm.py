"""A real language model, in process and behind a llama.cpp server; a caller's own model."""

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


def test_model_answers_in_pieces(llm: Any) -> None:
    pieces = list(complete(llm, STORY, 12))
    assert 6 <= len(pieces) <= 12
    assert all(pieces)
    assert "ship" in "".join(complete(llm, [ChatMessage(content="Repeat: a ship, a ship, a ship")], 20))


def test_model_answers_the_same_in_process_and_behind_a_server(in_process: Any, behind_a_server: Any) -> None:
    answers = {"".join(complete(llm, STORY, 12)) for llm in (in_process, behind_a_server)}
    assert len(answers) == 1


def test_tokens_and_context_are_the_models_own(llm: Any) -> None:
    assert count_tokens(llm, "Hello there world") == 3
    assert count_tokens(llm, "") == 0
    assert count_tokens(llm, "<|im_start|> ½ ℃ 敖德萨") > 5
    assert context_size(llm) == CONTEXT


def test_full_context_ends_the_answer(llm: Any) -> None:
    filling = "The ship sailed on, and the sea was calm. " * 88
    left = CONTEXT - count_tokens(llm, filling)
    pieces = list(complete(llm, [ChatMessage(content=filling + "Tell a long story of a ship.")], 400))
    assert 0 < len(pieces) < left < 100


def test_question_beyond_the_context_is_an_error_with_a_remedy(llm: Any) -> None:
    with pytest.raises(ModelError, match=r"can't read that much text .*\. Set llm_context"):
        list(complete(llm, [ChatMessage(content="ship sea " * 1000)], 10))
    assert "".join(complete(llm, STORY, 3))


def slot(address: str) -> dict[str, Any]:
    reply = httpx.get(address.removesuffix("/v1") + "/slots", headers={"authorization": f"Bearer {KEY}"})
    (found,) = reply.json()
    return dict(found)


def test_closing_an_answer_stops_the_generation(address: str, behind_a_server: Any) -> None:
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


def test_wrong_key_is_an_error_that_hides_the_key(address: str) -> None:
    for settings in (Settings(llm=address), Settings(llm=address, llm_key="open-me")):  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=r"refuses the key \(401: .*Set llm_key") as caught:
            list(complete(load_llm(settings), STORY, 5))  # type: ignore[arg-type]
        assert "open-me" not in str(caught.value)


def test_only_this_user_can_open_the_socket(in_process: Any) -> None:
    folder = Path(in_process._engine[1].name)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.is_socket() for path in folder.iterdir()] == [True]


def test_program_that_exits_in_mid_answer_does_not_hang() -> None:
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


def test_doctor_reports_model_context_and_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PILCROW_LLM", str(smollm2()))
    printed = [line for line, good in examine(None) if good and line.startswith("llm: ")]
    assert len(printed) == 2
    assert "SmolLM2-135M-Instruct.Q4_1 answers after " in printed[0]
    assert "tokens a second" in printed[0]
    assert "8192 tokens" in printed[1]


def test_file_that_is_not_a_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "zip.gguf").write_bytes(b"PK\3\4" * 99)
    (tmp_path / "folder.gguf").mkdir()
    reasons = [("missing", "No such file"), ("folder", "Is a directory")]
    for name, reason in [*reasons, ("empty", "not a GGUF"), ("zip", "not a GGUF")]:
        file = tmp_path / f"{name}.gguf"
        with pytest.raises(ModelError, match=f"{file}.*{reason}.*llm to a"):
            load_llm(Settings(llm=str(file)))


def test_damaged_model_is_an_error(tmp_path: Path) -> None:
    whole = smollm2().read_bytes()
    for damaged in (whole[:40_000_000], whole[:5000], b"GGUF" + bytes(range(256)) * 20):
        (tmp_path / "model.gguf").write_bytes(damaged)
        with pytest.raises(ModelError, match=r"llama\.cpp can't load .*model\.gguf\. Download it again"):
            load_llm(Settings(llm=str(tmp_path / "model.gguf")))


def test_missing_package_is_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # makes the import fail
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r'pip install "pilcrow\[local\]"'):
        load_llm(Settings(llm=str(tmp_path / "model.gguf")))


def test_no_model_is_loaded_by_default() -> None:
    assert load_llm(Settings()) is None


def test_estimated_tokens_are_never_fewer_than_the_real_count(in_process: Any, seeds: Path) -> None:
    guessing = CustomModel(failure=None)
    for path in sorted(seeds.rglob("*")):
        if path.suffix in {".txt", ".md", ".html", ".csv"}:
            text = path.read_text("utf-8")
            assert count_tokens(in_process, text) <= count_tokens(guessing, text) < len(text)


class CustomModel(CustomLLM):
    """A caller's own model, which may fail after its first word."""

    failure: Any

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=2000, model_name="own")

    def complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponse:
        raise AssertionError("only streams are expected")

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponseGen:
        yield CompletionResponse(text="Some", delta="Some")
        if self.failure:
            raise self.failure


@pytest.mark.parametrize("failure", [RuntimeError("CUDA"), ConnectionError("CUDA"), KeyError("CUDA")])
def test_callers_own_model_works_and_its_failure_is_an_error(failure: Exception) -> None:
    assert context_size(CustomModel(failure=None)) == 2000
    assert list(complete(CustomModel(failure=None), STORY, 10)) == ["Some"]
    pieces = complete(CustomModel(failure=failure), STORY, 10)
    assert next(pieces) == "Some"
    with pytest.raises(ModelError, match="own failed .*CUDA"):
        next(pieces)
