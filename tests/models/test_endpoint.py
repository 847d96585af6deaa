"""Language model servers that work, fail or hang: the answers, and the errors."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chroma_server import free_port
from llama_index.core.llms import ChatMessage
from scripted_llm_server import ONE_MODEL, Request, Script, Scripted, endless, failing, saying, scripted

from rag import Settings
from rag.doctor import examine
from rag.errors import ModelError
from rag.models.llm import complete, context_size, count_tokens, load_llm

QUESTION = [ChatMessage(role="system", content="Be short."), ChatMessage(role="user", content="Which port?")]


def load(server: Scripted | str, **settings: Any) -> Any:
    address = server if isinstance(server, str) else server.address
    return load_llm(Settings(llm=address, **{"llm_seconds": 20, **settings}))


def ask(server: Scripted | str, max_tokens: int = 100, **settings: Any) -> str:
    return "".join(complete(load(server, **settings), QUESTION, max_tokens))


def failure(pieces: Iterator[str]) -> tuple[str, str]:
    """Return the text before the failure, and its message."""
    text = []
    with pytest.raises(ModelError) as caught:
        text.extend(pieces)
    return "".join(text), str(caught.value)


def test_answer_comes_in_pieces_for_a_correct_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "somebody-elses")
    with scripted(saying("The ", "port ", "of Odesa.")) as server:
        assert list(complete(load(server), QUESTION, 7)) == ["The ", "port ", "of Odesa."]
    (body,) = server.bodies()
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Which port?"},
    ]
    options = {"model": "parrot", "max_tokens": 7, "temperature": 0.0, "stream": True}
    assert body == {**body, **options}
    assert "somebody-elses" not in str(server.asked)


def test_key_is_read_from_a_file_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("sesame\n")
    with scripted(saying("Yes.")) as server:
        monkeypatch.setenv("PILCROW_LLM", server.address)
        monkeypatch.setenv("PILCROW_LLM_KEY_FILE", str(file))
        settings = Settings.load()
        llm = load_llm(settings)
        assert llm
        assert "".join(complete(llm, QUESTION, 9)) == "Yes."
        assert server.asked[-1][1]["Authorization"] == "Bearer sesame"
        shown = [
            repr(settings),
            settings.model_dump_json(),
            repr(llm),
            str(llm.to_dict()),
            *map(str, examine(None)),
        ]
        assert "sesame" not in "".join(shown)
        assert str(file) in "".join(shown)
        assert "".join(complete(load(server, llm_key="open", llm_key_file=file), QUESTION, 9)) == "Yes."
        assert server.asked[-1][1]["Authorization"] == "Bearer open"


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (None, "No such file or directory"),
        (b"", "should hold an API key and nothing else"),
        (b"LLM_KEY = sesame", "should hold an API key and nothing else"),
        (b"sesame\nsesame", "should hold an API key and nothing else"),
        ("sésame".encode(), "it is not plain text"),
    ],
)
def test_file_without_a_key_is_an_error_that_hides_it(
    tmp_path: Path, held: bytes | None, message: str
) -> None:
    file = tmp_path / "key"
    if held is not None:
        file.write_bytes(held)
    with pytest.raises(ModelError, match=f"{file}.*{message}") as caught:
        load("http://127.0.0.1:9/v1", llm_key_file=file)
    assert "same" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_key_is_sent_but_never_shown() -> None:
    def echo(request: Request) -> None:
        request.whole(401, {"error": {"message": f"no such key: {request.headers['authorization']}"}})

    with scripted(saying("Yes."), echo) as server:
        llm = load(server, llm_key="sesame")
        assert "".join(complete(llm, QUESTION, 9)) == "Yes."
        assert server.asked[-1][1]["Authorization"] == "Bearer sesame"
        _, message = failure(complete(llm, QUESTION, 9))
    assert "Set llm_key" in message
    for shown in (message, repr(llm), str(llm), str(llm.to_dict())):
        assert "sesame" not in shown


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_transient_error_is_retried(status: int) -> None:
    with scripted(failing(status, "busy", retry_after="0"), saying("Now.")) as server:
        assert ask(server) == "Now."
    assert len(server.bodies()) == 2


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "refused the question (400: it is broken)"),
        (401, "refuses the key (401: it is broken). Set llm_key"),
        (403, "refuses the key (403: it is broken). Set llm_key"),
        (404, "has no parrot (404: it is broken). Set llm_model"),
        (429, "is overloaded or over its limit (429: it is broken). Wait"),
        (500, "failed (500: it is broken)"),
    ],
)
def test_error_status_is_explained_with_a_remedy(status: int, message: str) -> None:
    with scripted(failing(status, "it is\n\x07 broken")) as server:
        assert f"{server.address} {message}" in failure(complete(load(server), QUESTION, 9))[1]
    assert len(server.bodies()) == (3 if status in {429, 500} else 1)


def test_too_long_a_question_says_what_to_set() -> None:
    with scripted(failing(400, "request (9031 tokens) exceeds the available context size")) as server:
        assert "Set llm_context" in failure(complete(load(server), QUESTION, 9))[1]


def test_redirect_is_an_error_and_not_followed() -> None:
    with scripted(saying("No.")) as elsewhere:
        with scripted(failing(307, location=f"{elsewhere.address}/chat/completions")) as server:
            assert f"redirects to {elsewhere.address}" in failure(complete(load(server), QUESTION, 9))[1]
        assert not elsewhere.asked


def test_server_that_is_down_is_an_error_with_a_remedy() -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    calls = (lambda llm: list(complete(llm, QUESTION, 9)), context_size, lambda llm: count_tokens(llm, "a"))
    for call in calls:
        with pytest.raises(
            ModelError, match=f"{address} can't be reached .*. Start the server, .* or unset llm"
        ):
            call(load(address))


def test_no_proxy_is_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with scripted(saying("Here.")) as server:
        assert ask(server) == "Here."


def cut_off(request: Request) -> None:
    request.begin()
    request.piece("Half of ")


def ended_without_a_reason(request: Request) -> None:
    cut_off(request)
    request.end()


def hung_up_between_two(request: Request) -> None:
    cut_off(request)
    request.wfile.write(b"ff\r\ndata: {")


@pytest.mark.parametrize("script", [cut_off, ended_without_a_reason, hung_up_between_two])
def test_answer_that_breaks_off_is_an_error(script: Script) -> None:
    with scripted(script) as server:
        text, message = failure(complete(load(server), QUESTION, 9))
    assert text == "Half of "
    assert f"{server.address} broke off in mid-answer" in message


def sending(*parts: str | bytes) -> Script:
    def answer(request: Request) -> None:
        request.begin()
        for part in parts:
            request.send(part)
        request.send("")

    return answer


def chunk(choice: str) -> str:
    return f'data: {{"id": "1", "choices": [{choice}]}}\n\n'


WHOLE = {
    "a page": "<html><title>Router login</title></html>",
    "no stream": {"choices": [{"message": {"content": "Whole."}}]},
    "nothing": "",
    "bytes": bytes(range(256)) * 4,
}
EVENTS: dict[str, str | bytes] = {
    "the end": "data: [DONE]\n\n",
    "no JSON": "data: {'a'\n\n",
    "bytes": b"data: \xff\xfe\x00\n\n",
    "a text": 'data: "choices"\n\n',
    "a list": "data: [1, 2]\n\n",
    "a number": "data: 7\n\n",
    "null": "data: null\n\n",
    "choices that are none": 'data: {"choices": 5}\n\n',
    "a choice that is none": chunk('"a"'),
    "a number for a text": chunk('{"delta": {"content": 5}, "finish_reason": "stop"}'),
    "an error": 'data: {"error": {"message": "CUDA out of memory"}}\n\n',
    "an error that is a text": 'data: {"error": "CUDA out of memory"}\n\n',
}


@pytest.mark.parametrize(
    "script",
    [*(lambda request, body=body: request.whole(200, body) for body in WHOLE.values())]
    + [sending(event) for event in EVENTS.values()],
    ids=[*(f"{name} whole" for name in WHOLE), *EVENTS],
)
def test_invalid_answer_is_an_error(script: Script) -> None:
    with scripted(script) as server:
        text, message = failure(complete(load(server), QUESTION, 9))
    assert not text
    assert message.startswith(server.address)
    assert "failed (" in message or "sent an unreadable answer (" in message
    assert "\n" not in message
    assert len(message) < 450


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_invalid_data_in_mid_answer_are_an_error(event: str | bytes) -> None:
    half = chunk('{"delta": {"content": "Half of "}}')
    with scripted(sending(half, event)) as server:
        text, message = failure(complete(load(server), QUESTION, 9))
    assert text == "Half of "
    assert message.startswith(server.address)


def silent(request: Request) -> None:
    threading.Event().wait(5)


def silent_after_a_while(request: Request) -> None:
    cut_off(request)
    silent(request)


def pinging(request: Request) -> None:
    request.begin()
    for _ in range(500):
        request.send(": still at it\n\n")
        threading.Event().wait(0.01)


def empty_pieces(request: Request) -> None:
    request.begin()
    for _ in range(500):
        request.piece("")
        threading.Event().wait(0.01)


@pytest.mark.parametrize("script", [silent, silent_after_a_while, pinging, empty_pieces])
def test_silent_server_times_out_without_a_retry(script: Script) -> None:
    with scripted(script) as server:
        text, message = failure(complete(load(server, llm_seconds=0.5), QUESTION, 1000))
    assert text == ("Half of " if script is silent_after_a_while else "")
    assert f"{server.address} sent nothing for 0.5 seconds. Raise llm_seconds" in message
    assert len(server.bodies()) == 1


@pytest.mark.parametrize(
    ("thought", "text", "shown"), [(None, "a", "aaaaaaaaOdesa."), ("hm", None, "Odesa.")]
)
def test_slow_answer_is_not_cut_by_the_time_limit(thought: str | None, text: str | None, shown: str) -> None:
    """Whether the model writes or thinks, in the separate field that some servers have."""

    def slow(request: Request) -> None:
        request.begin()
        for _ in range(8):
            request.piece(text, reasoning_content=thought)
            threading.Event().wait(0.15)
        request.piece("Odesa.", finish="stop")
        request.end()

    with scripted(slow) as server:
        assert ask(server, llm_seconds=0.5) == shown


def test_closing_the_answer_closes_the_connection_at_once() -> None:
    with scripted(endless) as server:
        pieces = complete(load(server), QUESTION, 10**6)
        assert next(pieces) == "on "
        gc.disable()  # otherwise the garbage collector might close the connection
        try:
            pieces.close()
            assert server.hung_up.wait(20)
        finally:
            gc.enable()


def test_endless_answer_is_stopped() -> None:
    with scripted(endless) as server:
        assert len(ask(server, max_tokens=50).split()) < 60
        assert server.hung_up.wait(20)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["<think>", "It may be ", "Odesa</th", "ink>\n\n", "Odesa."], "Odesa."),
        (["\n<thi", "nk>Hm</think>Odesa", "."], "Odesa."),
        (["<think>never done"], ""),
        (["<", "b> is no thought"], "<b> is no thought"),
        (["<"], "<"),
        (["A <think>b</think>"], "A <think>b</think>"),
    ],
)
def test_thinking_is_not_part_of_the_answer(pieces: Sequence[str], shown: str) -> None:
    with scripted(saying(*pieces)) as server:
        assert ask(server).strip() == shown


def test_questions_can_be_asked_at_once() -> None:
    questions = [[ChatMessage(content="a" * length)] for length in range(8)]
    with scripted(saying("a", "b", "c")) as server, ThreadPoolExecutor(8) as pool:
        llm = load(server, llm_seconds=30)
        answers = pool.map(lambda question: "".join(complete(llm, question, 100)), questions)
        assert list(answers) == ["abc"] * 8


def test_one_of_several_models_must_be_chosen() -> None:
    two = {"data": [{"id": "parrot"}, {"id": "crow"}]}
    with scripted(saying("Yes."), models=two) as server:
        message = failure(complete(load(server), QUESTION, 9))[1]
        assert f"{server.address} has several models. Set llm_model to one of: crow, parrot" in message
        assert ask(server, llm_model="crow") == "Yes."
    assert server.bodies()[-1]["model"] == "crow"


@pytest.mark.parametrize("models", [None, {}, {"data": []}, {"data": [{"name": "x"}, 3]}, [], "parrot", 7])
def test_server_without_a_model_list_needs_llm_model(models: object) -> None:
    with scripted(saying("Yes."), models=models) as server:
        assert "lists no model. Set llm_model" in failure(complete(load(server), QUESTION, 9))[1]
        assert ask(server, llm_model="crow") == "Yes."
        assert context_size(load(server, llm_model="crow")) == 4096


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 8192}}, 2048),  # llama.cpp
        ({"max_model_len": 32768}, 32768),  # vLLM
        ({"context_length": 131072}, 131072),
        ({"max_context_length": 16384}, 16384),
        ({}, 4096),
        ({"max_model_len": "many", "meta": [1]}, 4096),
        ({"max_model_len": -1}, 4096),
    ],
)
def test_context_size_comes_from_the_settings_or_the_server(fields: dict[str, object], size: int) -> None:
    with scripted(saying("Yes."), models={"data": [{"id": "parrot", **fields}]}) as server:
        assert context_size(load(server)) == size
        assert context_size(load(server, llm_context=1000)) == 1000


def test_server_counts_tokens_if_it_can() -> None:
    def tokenize(request: Request) -> None:
        request.whole(200, {"tokens": [1, 2, 3], "count": 3})

    for owner in ("llamacpp", "vllm"):
        models = {"data": [{"id": "parrot", "owned_by": owner}]}
        with scripted(saying("Yes."), models=models, other=tokenize) as server:
            assert count_tokens(load(server), "a port struck in the night") == 3
            assert server.asked[-1][0] == "/tokenize"
            assert server.asked[-1][2]["content"] == "a port struck in the night"


def test_tokens_are_estimated_if_the_server_cannot_count() -> None:
    with scripted(saying("Yes."), models=ONE_MODEL) as server:
        assert count_tokens(load(server), "a port struck") >= 3
        assert all(path != "/tokenize" for path, _, _ in server.asked)
    owned = {"data": [{"id": "parrot", "owned_by": "llamacpp"}]}
    for reply in ({"tokens": "?"}, WHOLE["a page"], None):
        other = failing(404) if reply is None else lambda request, reply=reply: request.whole(200, reply)
        with scripted(saying("Yes."), models=owned, other=other) as server:
            llm = load(server)
            assert count_tokens(llm, "a port struck") == count_tokens(llm, "a port struck") >= 3
            assert len([path for path, _, _ in server.asked if path == "/tokenize"]) == 1


def test_model_that_llamaindex_refuses_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"gpt-5.2-pro.*Set llm_model"):
        load("https://api.example.com/v1", llm_model="gpt-5.2-pro")
