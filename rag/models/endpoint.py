"""A language model behind an OpenAI-compatible address, through LlamaIndex's OpenAILike."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

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
from rag.models.wire import FAILURES, asked_wait, explain, line, may_pass, open_client

DEFAULT_CONTEXT = (
    4096  # tokens, where neither the settings nor the server tell: what Ollama reads unless told
)
WAITS = (0.5, 2.0)  # seconds before the second and the third try
TOKENIZING = frozenset({"llamacpp", "vllm"})  # servers that have /tokenize, by what /v1/models says of them
SIZES = ("n_ctx", "max_model_len", "context_length", "max_context_length")  # llama.cpp, vLLM, others

Got = TypeVar("Got")


class Endpoint(OpenAILike):
    """An LLM of LlamaIndex that asks its server what it is; its streams end whole or with a ModelError."""

    _where: str = PrivateAttr()
    _seconds: float = PrivateAttr()
    _secret: SecretStr | None = PrivateAttr()
    _context: int | None = PrivateAttr()
    _asked: bool = PrivateAttr(default=False)
    _tokenizes: bool = PrivateAttr(default=False)
    _engine: object = PrivateAttr(default=None)

    def __init__(
        self,
        where: str,
        http: httpx.Client,
        model: str | None,
        key: SecretStr | None,
        context: int | None,
        seconds: float,
        engine: object = None,
    ) -> None:
        """`where` is what messages call it, `http` reaches it, `engine` lives as long as this does."""
        client = openai.OpenAI(
            api_key=key.get_secret_value() if key else "-",  # never the OPENAI_API_KEY of the environment
            base_url=str(http.base_url),
            timeout=http.timeout,
            max_retries=0,
            http_client=http,
        )
        super().__init__(
            model=model or "",
            api_key="-",  # the key stays out of what LlamaIndex records of a model
            api_base=str(http.base_url),
            is_chat_model=True,
            context_window=context or DEFAULT_CONTEXT,
            temperature=0.0,
            max_retries=0,
            timeout=seconds,
        )
        self._client = client
        self._where, self._seconds, self._secret, self._context = where, seconds, key, context
        self._engine = engine

    def context_size(self) -> int:
        """Tokens of prompt and answer together: as set, or as the server says. Raises ModelError."""
        self.ask()
        return self.context_window

    def count_tokens(self, text: str) -> int | None:
        """Tokens by the server's own tokenizer; None where there is none to ask. Raises ModelError."""
        self.ask()
        if not self._tokenizes:
            return None
        root = str(self._get_client().base_url).rstrip("/").removesuffix("/v1")
        body = {
            "content": text,
            "prompt": text,
            "model": self.model,
        }  # llama.cpp reads the first, vLLM the others
        reply = self._optional(lambda: self._get_client().post(f"{root}/tokenize", cast_to=object, body=body))
        tokens = reply.get("tokens") if isinstance(reply, Mapping) else None
        if not isinstance(tokens, list):
            self._tokenizes = False
            return None
        return len(tokens)

    def ask(self) -> None:
        """Learns from the server, once, which model it has and how much that reads. Raises ModelError."""
        if self._asked:
            return
        served = _models(self._optional(lambda: self._get_client().get("/models", cast_to=object)))
        if not self.model:
            self.model = self._only(sorted(served))
        said = served.get(self.model, {})
        meta = said.get("meta")
        sizes = {**said, **(meta if isinstance(meta, Mapping) else {})}
        told = [sizes[name] for name in SIZES if type(sizes.get(name)) is int and sizes[name] > 0]
        self.context_window = self._context or next(iter(told), DEFAULT_CONTEXT)
        self._tokenizes = said.get("owned_by") in TOKENIZING
        self._asked = True

    def _only(self, names: Sequence[str]) -> str:
        if len(names) == 1:
            return names[0]
        listed = line(", ".join(names))
        said = (
            f"has several models; set llm_model to one of: {listed}"
            if names
            else "names no model; set llm_model"
        )
        raise ModelError(f"{self._where} {said}")

    def _optional(self, call: Callable[[], object]) -> object:
        """What a server may have or not: None where it has it not, or answers with rubbish."""
        try:
            return self._tried(call)
        except ModelError as error:
            status = getattr(error.__cause__, "status_code", None)
            if isinstance(error.__cause__, ValueError | TypeError) or status in {400, 404, 405, 501}:
                return None
            raise

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse]:
        """The answer's pieces. A stream that ends without saying why is a failure.

        Closing it closes the connection at once; LlamaIndex's own leaves that to the garbage collector.
        """
        self.ask()
        stream, first = self._tried(lambda: self._begun(messages, kwargs))
        chunk: ChatCompletionChunk | None = first
        text, whole, spoke = "", False, time.monotonic()
        try:
            while chunk is not None:
                piece, thought, ends = _read(chunk)
                whole, text = whole or ends, text + piece
                if piece or thought:
                    spoke = time.monotonic()
                elif time.monotonic() - spoke > self._seconds:
                    raise httpx.ReadTimeout("nothing but empty pieces")
                message = ChatMessage(content=text, role=MessageRole.ASSISTANT)
                yield ChatResponse(message=message, delta=piece, raw=chunk)
                chunk = next(stream, None)
        except FAILURES as error:
            self._fail(error, begun=True)
        finally:
            stream.close()
        if not whole:
            raise ModelError(f"{self._where} broke off in mid-answer; ask again, or look at its log")

    def _begun(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> tuple[openai.Stream[ChatCompletionChunk], ChatCompletionChunk]:
        """A stream and its first chunk, by which it is known whether it may be tried again."""
        asked = {"messages": to_openai_message_dicts(messages, model=self.model), "stream": True}
        create: Any = self._get_client().chat.completions.create
        stream: openai.Stream[ChatCompletionChunk] = create(**self._get_model_kwargs(**asked, **kwargs))
        try:
            first = next(stream)
            _read(first)
        except StopIteration:
            raise ValueError("an empty stream") from None
        except FAILURES:
            stream.close()
            raise
        return stream, first

    def _tried(self, call: Callable[[], Got]) -> Got:
        """What the call returns, tried again where a failure may pass. Raises ModelError."""
        for wait in (*WAITS, None):
            try:
                return call()
            except FAILURES as error:
                if wait is None or not may_pass(error):
                    self._fail(error, begun=False)
                time.sleep(max(wait, asked_wait(error)))
        raise AssertionError("the last try returns or fails")

    def _fail(self, error: Exception, *, begun: bool) -> NoReturn:
        words = line(error)
        if self._secret:
            words = words.replace(self._secret.get_secret_value(), "…")
        said = explain(error, words, model=self.model, seconds=self._seconds, begun=begun)
        raise ModelError(f"{self._where} {said}") from error


def open_endpoint(
    where: str, model: str | None, key: SecretStr | None, context: int | None, seconds: float
) -> Endpoint:
    """The endpoint at this address, not asked yet. Raises ModelError where LlamaIndex refuses the model."""
    try:
        return Endpoint(where, open_client(where, seconds), model, key, context, seconds)
    except ValueError as error:
        raise ModelError(f"{where}: {line(error)}; set llm_model to another model") from error


def _read(chunk: ChatCompletionChunk) -> tuple[str, str, bool]:
    """What a chunk says, what it thinks, and whether the answer ends with it. Rubbish fails."""
    if not chunk.choices:  # what the answer cost
        return "", "", False
    choice = chunk.choices[0]
    extra = (choice.delta.model_extra or {}) if choice.delta else {}
    thought = extra.get("reasoning_content") or extra.get("reasoning")
    piece = (choice.delta.content or "") if choice.delta else ""
    if not isinstance(piece, str):
        raise TypeError("an answer that is no text")
    return piece, str(thought or ""), bool(choice.finish_reason)


def _models(reply: object) -> dict[str, Mapping[str, Any]]:
    """What a server says of each of its models, by name."""
    listed = reply.get("data") if isinstance(reply, Mapping) else None
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    return {entry["id"]: entry for entry in entries if isinstance(entry.get("id"), str)}
