"""OpenAI's chat completions API, so that existing chat programs can ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from secrets import token_urlsafe
from threading import BoundedSemaphore
from time import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag import Answer, Assistant, PilcrowError, Stream, Turn
from rag.errors import first_problem
from ui.metrics import RUNNING, count_answer, count_refused
from ui.quota import Quota, TooMany
from ui.runs import MAX_QUESTION

MODEL = "pilcrow"  # "pilcrow/contracts" asks the collection "contracts" only
UNKNOWN = "model_not_found"
LIMITED = "rate_limit_exceeded"
EXTRA = ("citations", "statements", "computed", "abstained", "sure", "kind", "nearest")  # of `Answer`
MAX_CONCURRENT = 32  # calls of programs, here and of the tools; one more is refused
SLOTS = BoundedSemaphore(MAX_CONCURRENT)
TOO_MANY = f"Too many questions: {MAX_CONCURRENT} are running. Try again in a moment."


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        parts = self.content or ""
        return parts if isinstance(parts, str) else "\n".join(part.text for part in parts)


def _dialogue(messages: list[_Message]) -> list[_Message]:
    """Return the user's and the assistant's messages; an error if they don't end with a question."""
    dialogue = [message for message in messages if message.role in {"user", "assistant"}]
    if not dialogue or dialogue[-1].role != "user" or not dialogue[-1].text.strip():
        raise PydanticCustomError("no_question", "The last message must be the user's question.")
    if (length := len(dialogue[-1].text)) > MAX_QUESTION:
        problem = "The question has {length} characters. Use at most {most}."
        raise PydanticCustomError("too_long", problem, {"length": length, "most": MAX_QUESTION})
    return dialogue


def _known(model: str) -> str:
    if model.partition("/")[0] != MODEL:
        raise PydanticCustomError(UNKNOWN, "There is no model {name}. Use 'pilcrow'.", {"name": repr(model)})
    return model


class _ChatRequest(BaseModel):
    """The fields of a request that are used; others, such as temperature, are ignored."""

    model: Annotated[str, AfterValidator(_known)]
    messages: Annotated[list[_Message], Field(min_length=1), AfterValidator(_dialogue)]
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    n: Literal[1] | None = 1

    @property
    def source(self) -> str | None:
        return self.model.partition("/")[2] or None

    @property
    def turns(self) -> list[Turn]:
        pairs = [(a, b) for a, b in pairwise(self.messages[:-1]) if (a.role, b.role) == ("user", "assistant")]
        return [Turn(asked.text, answered.text) for asked, answered in pairs if answered.text]


def error_response(
    status: int, message: str, code: str, param: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error in the form that OpenAI's and Gradio's clients read."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error, "detail": message}, status, headers)


def routes(assistant: Assistant, quota: Quota) -> list[Route]:
    """Return `/v1/models` and `/v1/chat/completions`.

    The answer's fields `EXTRA` and the verifier's grade are extra fields of the message; in a stream, of the
    last delta. `usage` counts the language model's tokens: 0 if none wrote.
    """
    return [
        Route("/v1/models", partial(_models, assistant), methods=["GET"]),
        Route("/v1/chat/completions", partial(_complete, assistant, quota), methods=["POST"]),
    ]


def _models(assistant: Assistant, _: Request) -> Response:
    names = [MODEL, *(f"{MODEL}/{name}" for name in assistant.collections())]
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": MODEL} for name in names]
    return JSONResponse({"object": "list", "data": listed})


async def _complete(assistant: Assistant, quota: Quota, http_request: Request) -> Response:
    try:
        request = _ChatRequest.model_validate_json(await http_request.body())
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        code, field = problem["type"], ".".join(map(str, problem["loc"]))
        return error_response(404 if code == UNKNOWN else 400, first_problem(error), code, field or None)
    try:
        await run_in_threadpool(quota.take, http_request.state.user.name)
    except TooMany as error:
        return error_response(429, str(error), LIMITED, headers=error.headers)
    if not SLOTS.acquire(blocking=False):
        count_refused()
        return error_response(429, TOO_MANY, LIMITED)
    return await _answer(assistant, request)


async def _answer(assistant: Assistant, request: _ChatRequest) -> Response:
    with ExitStack() as held:
        held.callback(SLOTS.release)
        held.enter_context(RUNNING.track_inprogress())
        stream = assistant.stream(request.messages[-1].text, request.turns, request.source)
        held.callback(stream.close)
        try:  # an error before the first piece can still set the status
            await run_in_threadpool(lambda: next(iter(stream), "") if request.stream else stream.answer)
        except PilcrowError as error:
            count_answer(None)
            if request.source and not await run_in_threadpool(_holds, assistant, request.source):
                return error_response(404, str(error), UNKNOWN, "model")
            return error_response(503, str(error), "unavailable")
        if not request.stream:
            count_answer(stream.answer)
            reply = {"role": "assistant", "content": stream.answer.text, "refusal": None}
            whole = _chunk("message", reply | _extra(stream.answer, assistant), "stop")
            return JSONResponse(_envelope("chat.completion") | whole | {"usage": _usage(stream.answer)})
        with_usage = bool((request.stream_options or {}).get("include_usage"))
        events = _events(stream, assistant, with_usage, held.pop_all())
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-store"})


def _holds(assistant: Assistant, source: str) -> bool:
    """Return whether the index holds this collection, folder or document."""
    try:
        return bool(assistant.documents(source))
    except PilcrowError:
        return False


async def _events(
    stream: Stream, assistant: Assistant, with_usage: bool, held: ExitStack
) -> AsyncIterator[str]:
    """Yield the server-sent events; `held` is closed at their end, also if the client leaves."""
    envelope = _envelope("chat.completion.chunk") | ({"usage": None} if with_usage else {})

    def event(sent: dict[str, Any]) -> str:
        return f"data: {json.dumps(sent)}\n\n"

    with held:
        try:
            yield event(envelope | _chunk("delta", {"role": "assistant", "content": ""}))
            async for piece in iterate_in_threadpool(iter(stream)):
                if piece:
                    yield event(envelope | _chunk("delta", {"content": piece}))
            count_answer(stream.answer)
            yield event(envelope | _chunk("delta", _extra(stream.answer, assistant), "stop"))
            if with_usage:
                yield event(envelope | {"choices": [], "usage": _usage(stream.answer)})
        except PilcrowError as error:
            count_answer(None)
            yield event({"error": {"message": str(error), "code": "unavailable"}})
    yield "data: [DONE]\n\n"


def _extra(answer: Answer, assistant: Assistant) -> dict[str, Any]:
    written, grade = answer.as_json(), assistant.grade
    verifier = asdict(grade) | {"passed": grade.passed} if grade else None
    return {name: written[name] for name in EXTRA} | {"verifier": verifier}


def _usage(answer: Answer) -> dict[str, int]:
    read, wrote = (int(answer.timings.get(name, 0)) for name in ("prompt tokens", "tokens"))
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


def _chunk(kind: str, content: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, kind: content, "logprobs": None, "finish_reason": finish}]}


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{token_urlsafe(12)}", "object": kind, "created": int(time()), "model": MODEL}
