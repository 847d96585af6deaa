"""A language model behind an OpenAI-compatible server, through LlamaIndex's OpenAILike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import openai
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.llms.openai.utils import to_openai_message_dicts
from llama_index.llms.openai_like import OpenAILike
from openai.types.chat import ChatCompletionChunk
from pydantic import SecretStr

from rag.errors import ModelError
from rag.models.http_client import FAILURES, explain, is_transient, one_line, open_client, retry_after

DEFAULT_CONTEXT = 4096  # tokens, if neither the settings nor the server say; Ollama's own default
RETRY_WAITS = (0.5, 2.0)  # seconds before the second and the third try
TOKENIZING_OWNERS = frozenset({"llamacpp", "vllm"})  # `owned_by` of the models of servers with /tokenize
CONTEXT_FIELDS = ("n_ctx", "max_model_len", "context_length", "max_context_length")  # llama.cpp, vLLM, others

IDENTITY_FIELDS = ("root", "n_params", "size", "digest")  # of a model, as far as its server tells them
TOP_TOKENS = 20

Result = TypeVar("Result")


class Endpoint(OpenAILike):
    """A LlamaIndex LLM that learns model and context from its server; a cut-off answer is a ModelError."""

    _name: str = PrivateAttr()
    _seconds: float = PrivateAttr()
    _secret: SecretStr | None = PrivateAttr()
    _context: int | None = PrivateAttr()
    _discovered: bool = PrivateAttr(default=False)
    _tokenizes: bool = PrivateAttr(default=False)
    _identity: str = PrivateAttr(default="")
    _engine: object = PrivateAttr(default=None)

    def __init__(
        self,
        name: str,
        http: httpx.Client,
        model: str | None,
        key: SecretStr | None,
        context: int | None,
        seconds: float,
        engine: object = None,
    ) -> None:
        """`name` is its name in error messages; `engine` is kept alive as long as this object."""
        client = openai.OpenAI(
            api_key=key.get_secret_value() if key else "-",  # never the OPENAI_API_KEY of the environment
            base_url=str(http.base_url),
            timeout=http.timeout,
            max_retries=0,
            http_client=http,
        )
        super().__init__(
            model=model or "",
            api_key="-",  # keeps the key out of what LlamaIndex records about a model
            api_base=str(http.base_url),
            is_chat_model=True,
            context_window=context or DEFAULT_CONTEXT,
            temperature=0.0,
            max_retries=0,
            timeout=seconds,
        )
        self._client = client
        self._name, self._seconds, self._secret, self._context = name, seconds, key, context
        self._engine = engine

    def context_size(self) -> int:
        """Return the context window in tokens: from the settings, else the server. Raises ModelError."""
        self._discover()
        return self.context_window

    def count_tokens(self, text: str) -> int | None:
        """Return the tokens by the server's own tokenizer, or None if it has none. Raises ModelError."""
        self._discover()
        if not self._tokenizes:
            return None
        root = str(self._get_client().base_url).rstrip("/").removesuffix("/v1")
        # llama.cpp reads the content, vLLM the others.
        body = {"content": text, "prompt": text, "model": self.model}
        reply = self._optional(lambda: self._get_client().post(f"{root}/tokenize", cast_to=object, body=body))
        tokens = reply.get("tokens") if isinstance(reply, Mapping) else None
        if not isinstance(tokens, list):
            self._tokenizes = False
            return None
        return len(tokens)

    def identity(self) -> tuple[str, str]:
        """Return the model's name, and what tells it from another of that name. Raises ModelError."""
        self._discover()
        return self.model, self._identity

    def next_tokens(self, messages: Sequence[ChatMessage]) -> dict[str, float]:
        """Return the log probabilities of the likeliest first tokens of a reply; {} if the server tells none.

        Raises ModelError.
        """
        self._discover()
        request = {"messages": to_openai_message_dicts(messages, model=self.model), "stream": False}
        options = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_TOKENS}
        create: Any = self._get_client().chat.completions.create
        reply = self._optional(lambda: create(**self._get_model_kwargs(**request, **options)))
        choices = getattr(reply, "choices", None) or [None]
        first = getattr(getattr(choices[0], "logprobs", None), "content", None) or [None]
        return {one.token: one.logprob for one in getattr(first[0], "top_logprobs", None) or ()}

    def _discover(self) -> None:
        """Ask the server, once, which model it has and the size of its context. Raises ModelError."""
        if self._discovered:
            return
        served = _models(self._optional(lambda: self._get_client().get("/models", cast_to=object)))
        if not self.model:
            self.model = self._only_model(sorted(served))
        entry = served.get(self.model, {})
        meta = entry.get("meta")
        fields = {**entry, **(meta if isinstance(meta, Mapping) else {})}
        sizes = (size for field in CONTEXT_FIELDS if type(size := fields.get(field)) is int and size > 0)
        self.context_window = self._context or next(sizes, DEFAULT_CONTEXT)
        self._tokenizes = entry.get("owned_by") in TOKENIZING_OWNERS
        self._identity = json.dumps([self.model, *(fields.get(name) for name in IDENTITY_FIELDS)])
        self._discovered = True

    def _only_model(self, names: Sequence[str]) -> str:
        """Return the server's model; ModelError unless there is exactly one."""
        if not names:
            raise ModelError(f"{self._name} lists no model. Set llm_model.")
        if len(names) > 1:
            listed = one_line(", ".join(names))
            raise ModelError(f"{self._name} has several models. Set llm_model to one of: {listed}")
        return names[0]

    def _optional(self, call: Callable[[], object]) -> object:
        """Return the reply, or None if the server does not support the call or its reply is unreadable."""
        try:
            return self._retry(call)
        except ModelError as error:
            status = getattr(error.__cause__, "status_code", None)
            if isinstance(error.__cause__, ValueError | TypeError) or status in {400, 404, 405, 501}:
                return None
            raise

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse]:
        """Yield the pieces of the answer; ModelError if the stream ends without a reason.

        Closing it closes the connection at once; LlamaIndex's own leaves that to the garbage collector.
        """
        self._discover()
        stream, first = self._retry(lambda: self._open_stream(messages, kwargs))
        chunk: ChatCompletionChunk | None = first
        text, complete, last = "", False, time.monotonic()
        try:
            while chunk is not None:
                piece, thought, ends = _parse(chunk)
                complete, text = complete or ends, text + piece
                if piece or thought:
                    last = time.monotonic()
                elif time.monotonic() - last > self._seconds:
                    raise httpx.ReadTimeout("only empty pieces")
                message = ChatMessage(content=text, role=MessageRole.ASSISTANT)
                yield ChatResponse(message=message, delta=piece, raw=chunk)
                chunk = next(stream, None)
        except FAILURES as error:
            raise self._error(error, begun=True) from error
        finally:
            stream.close()
        if not complete:
            raise ModelError(f"{self._name} broke off in mid-answer. Ask again, or check its log.")

    def _open_stream(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> tuple[openai.Stream[ChatCompletionChunk], ChatCompletionChunk]:
        """Return a stream and its first chunk. A failure until then may be retried."""
        request = {"messages": to_openai_message_dicts(messages, model=self.model), "stream": True}
        create: Any = self._get_client().chat.completions.create
        stream: openai.Stream[ChatCompletionChunk] = create(**self._get_model_kwargs(**request, **kwargs))
        try:
            first = next(stream)
            _parse(first)
        except StopIteration:
            raise ValueError("an empty stream") from None
        except FAILURES:
            stream.close()
            raise
        return stream, first

    def _retry(self, call: Callable[[], Result]) -> Result:
        """Return what the call returns, with retries of transient failures. Raises ModelError."""
        for wait in (*RETRY_WAITS, None):
            try:
                return call()
            except FAILURES as error:
                if wait is None or not is_transient(error):
                    raise self._error(error, begun=False) from error
                time.sleep(max(wait, retry_after(error)))
        raise AssertionError("the last try returns or raises")

    def _error(self, error: Exception, *, begun: bool) -> ModelError:
        """Return the error for the user, without the key."""
        reason = one_line(error)
        if self._secret:
            reason = reason.replace(self._secret.get_secret_value(), "…")
        explained = explain(error, reason, model=self.model, seconds=self._seconds, begun=begun)
        return ModelError(f"{self._name} {explained}")


def open_endpoint(
    address: str, model: str | None, key: SecretStr | None, context: int | None, seconds: float
) -> Endpoint:
    """Return the endpoint, without contacting it yet. Raises ModelError if LlamaIndex refuses the model."""
    try:
        return Endpoint(address, open_client(address, seconds), model, key, context, seconds)
    except ValueError as error:
        raise ModelError(f"{address}: {one_line(error)}. Set llm_model to another model.") from error


def _parse(chunk: ChatCompletionChunk) -> tuple[str, str, bool]:
    """Return a chunk's text, its thinking, and whether it ends the answer. An invalid chunk raises."""
    if not chunk.choices:  # usage
        return "", "", False
    choice = chunk.choices[0]
    extra = (choice.delta.model_extra or {}) if choice.delta else {}
    thought = extra.get("reasoning_content") or extra.get("reasoning")
    piece = (choice.delta.content or "") if choice.delta else ""
    if not isinstance(piece, str):
        raise TypeError("the content is not text")
    return piece, str(thought or ""), bool(choice.finish_reason)


def _models(reply: object) -> dict[str, Mapping[str, Any]]:
    """Return what the server says about each of its models, by name."""
    listed = reply.get("data") if isinstance(reply, Mapping) else None
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    return {entry["id"]: entry for entry in entries if isinstance(entry.get("id"), str)}
