"""OpenAI's chat completions API, so that existing chat programs can ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from secrets import token_urlsafe
from threading import BoundedSemaphore
from time import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag import Answer, Assistant, PilcrowError, Stream, Turn
from ui.runs import MAX_QUESTION

MODEL = "pilcrow"  # "pilcrow/contracts" asks the collection "contracts" only
MAX_CONCURRENT = 32  # questions; one more is refused


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class _ChatRequest(BaseModel):
    """The fields of a request that are used; others, such as temperature, are ignored."""

    model: str
    messages: Annotated[list[_Message], Field(min_length=1)]
    stream: bool | None = False
    n: Literal[1] | None = 1

    @property
    def sources(self) -> str | None:
        """The collection, folder or document that the model's name asks for, or None for all."""
        return self.model.partition("/")[2] or None

    @property
    def dialogue(self) -> list[_Message]:
        return [message for message in self.messages if message.role in {"user", "assistant"}]


def error_response(status: int, message: str, code: str, param: str | None = None) -> JSONResponse:
    """Return an error in the form that OpenAI's and Gradio's clients read."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error, "detail": message}, status)


def routes(assistant: Assistant) -> list[Route]:
    """Return `/v1/models` and `/v1/chat/completions`.

    Citations, statements and the verifier's grade are extra fields of the message; in a stream, of the last
    delta.
    """
    slots = BoundedSemaphore(MAX_CONCURRENT)

    async def models(_: Request) -> Response:
        names = [MODEL, *(f"{MODEL}/{name}" for name in await run_in_threadpool(assistant.collections))]
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": MODEL} for name in names]
        return JSONResponse({"object": "list", "data": listed})

    async def complete(http_request: Request) -> Response:
        try:
            request = _ChatRequest.model_validate_json(await http_request.body())
        except ValidationError as error:
            field, message = first_problem(error)
            return error_response(400, message, "invalid_value", field or None)
        if failure := await run_in_threadpool(_check, request, assistant):
            return failure
        if not slots.acquire(blocking=False):
            message = f"Too many questions: {MAX_CONCURRENT} are running. Try again in a moment."
            return error_response(429, message, "rate_limit_exceeded")
        *before, last = request.dialogue
        stream = assistant.stream(last.text, _turns(before), request.sources)
        try:  # an error before the first piece can still set the status
            await run_in_threadpool(lambda: next(iter(stream), "") if request.stream else stream.answer)
        except PilcrowError as error:
            slots.release()
            return error_response(503, str(error), "unavailable")
        if request.stream:
            return _streamed_completion(stream, slots, assistant)
        slots.release()
        return _completion(stream, assistant)

    return [
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/chat/completions", complete, methods=["POST"]),
    ]


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the field of the first problem ("" for the whole request), and a message that names it."""
    detail = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, detail["loc"]))
    return field, f"{field}: {detail['msg']}" if field else detail["msg"]


def _check(request: _ChatRequest, assistant: Assistant) -> Response | None:
    if request.model.partition("/")[0] != MODEL:
        message = f"There is no model {request.model!r}. Use {MODEL!r}."
        return error_response(404, message, "model_not_found", "model")
    last = request.dialogue[-1] if request.dialogue else None
    if last is None or last.role != "user" or not last.text.strip():
        return error_response(400, "The last message must be the user's question.", "no_question", "messages")
    if len(last.text) > MAX_QUESTION:
        message = f"The question has {len(last.text)} characters. Use at most {MAX_QUESTION}."
        return error_response(400, message, "string_above_max_length", "messages")
    try:
        if request.sources:
            assistant.documents(request.sources)
    except PilcrowError as error:
        return error_response(404, str(error), "model_not_found", "model")
    return None


def _turns(messages: Sequence[_Message]) -> tuple[Turn, ...]:
    """Return the answered questions, each with its answer."""
    return tuple(
        Turn(asked.text, answered.text)
        for asked, answered in pairwise(messages)
        if asked.role == "user" and answered.role == "assistant" and answered.text
    )


def _completion(stream: Stream, assistant: Assistant) -> Response:
    answer = stream.answer
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        **_checked(answer, assistant),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return JSONResponse(_envelope("chat.completion") | {"choices": [choice]})


def _checked(answer: Answer, assistant: Assistant) -> dict[str, object]:
    """Return the citations, the statements with their statuses, how they were chosen, and the grade."""
    written, grade = answer.as_json(), assistant.grade
    checked: dict[str, object] = {name: written[name] for name in ("citations", "statements", "computed")}
    return checked | {"verifier": asdict(grade) | {"passed": grade.passed} if grade else None}


def _streamed_completion(stream: Stream, slots: BoundedSemaphore, assistant: Assistant) -> Response:
    envelope = _envelope("chat.completion.chunk")

    def event(delta: Mapping[str, object], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return f"data: {json.dumps(envelope | {'choices': [choice]})}\n\n"

    async def events() -> AsyncIterator[str]:
        try:
            yield event({"role": "assistant", "content": ""})
            async for piece in iterate_in_threadpool(iter(stream)):
                if piece:
                    yield event({"content": piece})
            yield event(_checked(stream.answer, assistant), "stop")
        except PilcrowError as error:
            yield f"data: {json.dumps({'error': {'message': str(error), 'code': 'unavailable'}})}\n\n"
        finally:
            stream.close()
            slots.release()
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _envelope(kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{token_urlsafe(12)}", "object": kind, "created": int(time()), "model": MODEL}
