"""Answers in the form of OpenAI's chat completions, so that existing chat programs can ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
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

from rag import Assistant, PilcrowError, Stream, Turn
from ui.chat import LONGEST

MODEL = "pilcrow"
AT_ONCE = 32  # questions that are being answered; one more is refused


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


class _Asked(BaseModel):
    """What is read of a request; the rest (temperature and the like) has no meaning here."""

    model: str
    messages: Annotated[list[_Message], Field(min_length=1)]
    stream: bool | None = False
    n: Literal[1] | None = 1

    @property
    def spoken(self) -> list[_Message]:
        return [message for message in self.messages if message.role in {"user", "assistant"}]


def refusal(status: int, message: str, code: str, param: str | None = None) -> JSONResponse:
    """An error as OpenAI's clients and as Gradio's read it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error, "detail": message}, status)


def routes(assistant: Assistant) -> list[Route]:
    """`/v1/models` and `/v1/chat/completions`; the citations are an extra field of the message.

    In a stream they are in the delta of the last piece.
    """
    places = BoundedSemaphore(AT_ONCE)

    async def models(_: Request) -> Response:
        listed = {"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}
        return JSONResponse({"object": "list", "data": [listed]})

    async def complete(request: Request) -> Response:
        try:
            asked = _Asked.model_validate_json(await request.body())
        except ValidationError as error:
            return _unreadable(error)
        if refused := _refuse(asked):
            return refused
        if not places.acquire(blocking=False):
            told = f"{AT_ONCE} questions are being answered; ask again in a moment"
            return refusal(429, told, "rate_limit_exceeded")
        *before, last = asked.spoken
        stream = assistant.stream(last.text, _turns(before))
        try:  # an error that comes before the first piece has a status of its own
            await run_in_threadpool(lambda: next(iter(stream), "") if asked.stream else stream.answer)
        except PilcrowError as error:
            places.release()
            return refusal(503, str(error), "unavailable")
        if asked.stream:
            return _streamed(stream, places)
        places.release()
        return _whole(stream)

    return [
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/chat/completions", complete, methods=["POST"]),
    ]


def _unreadable(error: ValidationError) -> Response:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in detail["loc"])
    return refusal(
        400, f"{place}: {detail['msg']}" if place else detail["msg"], "invalid_value", place or None
    )


def _refuse(asked: _Asked) -> Response | None:
    if asked.model != MODEL:
        return refusal(404, f"there is no model {asked.model!r}; use {MODEL}", "model_not_found", "model")
    last = asked.spoken[-1] if asked.spoken else None
    if last is None or last.role != "user" or not last.text.strip():
        return refusal(400, "the last message should be the user's question", "no_question", "messages")
    if len(last.text) > LONGEST:
        told = f"the question has {len(last.text)} characters; at most {LONGEST} are read"
        return refusal(400, told, "string_above_max_length", "messages")
    return None


def _turns(messages: Sequence[_Message]) -> tuple[Turn, ...]:
    """The questions that were answered, each with its answer."""
    return tuple(
        Turn(asked.text, answered.text)
        for asked, answered in pairwise(messages)
        if asked.role == "user" and answered.role == "assistant" and answered.text
    )


def _whole(stream: Stream) -> Response:
    answer = stream.answer
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "citations": answer.as_json()["citations"],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return JSONResponse(_named("chat.completion") | {"choices": [choice]})


def _streamed(stream: Stream, places: BoundedSemaphore) -> Response:
    named = _named("chat.completion.chunk")

    def event(delta: Mapping[str, object], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return f"data: {json.dumps(named | {'choices': [choice]})}\n\n"

    async def events() -> AsyncIterator[str]:
        try:
            yield event({"role": "assistant", "content": ""})
            async for piece in iterate_in_threadpool(iter(stream)):
                if piece:
                    yield event({"content": piece})
            yield event({"citations": stream.answer.as_json()["citations"]}, "stop")
        except PilcrowError as error:
            yield f"data: {json.dumps({'error': {'message': str(error), 'code': 'unavailable'}})}\n\n"
        finally:
            stream.close()
            places.release()
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _named(kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{token_urlsafe(12)}", "object": kind, "created": int(time()), "model": MODEL}
