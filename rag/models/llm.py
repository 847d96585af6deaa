"""The optional language model that writes answers: loading, streaming, counting tokens."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from rag.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

    from llama_index.core.llms import LLM, ChatMessage, ChatResponse

# Our own models raise ModelError.
CALLER_MODEL_FAILURES = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
THINK_START, THINK_END = "<think>", "</think>"
MAX_EMPTY_PIECES = 8  # a stream may send its role, the reason for its end, and usage without any text
_TOKENS = re.compile(r"[a-zA-Z]+|[^\S ]|\S")


class LlmSettings(Protocol):
    """The settings of the language model."""

    @property
    def llm(self) -> str | None: ...
    @property
    def llm_model(self) -> str | None: ...
    @property
    def llm_key(self) -> SecretStr | None: ...
    @property
    def llm_key_file(self) -> Path | None: ...
    @property
    def llm_context(self) -> int | None: ...
    @property
    def llm_seconds(self) -> float: ...


def load_llm(settings: LlmSettings) -> LLM | None:
    """Return the language model in the settings, or None. An endpoint is not contacted yet.

    Raises ModelError if the .gguf file, the package that runs it, or the file with the key is missing.
    """
    if settings.llm is None:
        return None
    if not settings.llm.startswith(("http://", "https://")):
        from rag.models.gguf import open_gguf

        return open_gguf(settings.llm, settings.llm_context, settings.llm_seconds)
    from rag.models.endpoint import open_endpoint

    return open_endpoint(
        settings.llm, settings.llm_model, read_key(settings), settings.llm_context, settings.llm_seconds
    )


def read_key(settings: LlmSettings) -> SecretStr | None:
    """Return the API key of the settings, or the one in their file. Raises ModelError, without the key."""
    if settings.llm_key or not settings.llm_key_file:
        return settings.llm_key
    try:
        key = settings.llm_key_file.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise ModelError(f"Can't read {settings.llm_key_file} ({reason}). Correct llm_key_file.") from None
    if not key or not key.isprintable() or " " in key:
        raise ModelError(f"{settings.llm_key_file} should hold an API key and nothing else.")
    return SecretStr(key)


def complete(llm: LLM, messages: Sequence[ChatMessage], max_tokens: int, **options: object) -> Generator[str]:
    """Yield the pieces of the answer as they arrive, without the model's <think>…</think>.

    Closing it ends the generation. An answer ends at `max_tokens`, or where the context is full.
    Raises ModelError at any piece; it names the model and the remedy.
    """
    stream = llm.stream_chat(messages, max_tokens=max_tokens, **options)
    with closing(stream):
        yield from _without_thinking(islice(_deltas(llm, stream), max_tokens + MAX_EMPTY_PIECES))


def count_tokens(llm: LLM, text: str) -> int:
    """Return the tokens of a text by the model's own tokenizer if it has one, else a rather high estimate.

    The chat template adds a few per message. Raises ModelError if the endpoint is down.
    """
    from rag.models.endpoint import Endpoint

    counted = llm.count_tokens(text) if isinstance(llm, Endpoint) else None
    return estimate_tokens(text) if counted is None else counted


def context_size(llm: LLM) -> int:
    """Return the context window: tokens of prompt and answer. Raises ModelError if the endpoint is down."""
    from rag.models.endpoint import Endpoint

    return llm.context_size() if isinstance(llm, Endpoint) else llm.metadata.context_window


def estimate_tokens(text: str) -> int:
    """Return an estimate of a text's tokens, at least what common tokenizers need for English.

    One per four letters of a word, rounded up; one per digit or sign, and per byte of other scripts.
    """
    return sum(
        math.ceil(len(run) / 4) if run.isascii() and run.isalpha() else len(run.encode())
        for run in _TOKENS.findall(text)
    )


def _deltas(llm: LLM, stream: Iterator[ChatResponse]) -> Iterator[str]:
    """Yield the new text of each response; ModelError if a caller's own model fails."""
    try:
        for response in stream:
            yield response.delta or ""
    except CALLER_MODEL_FAILURES as error:
        raise ModelError(
            f"The language model {llm.metadata.model_name} failed ({error}). Check it, then ask again."
        ) from error


def _without_thinking(deltas: Iterator[str]) -> Iterator[str]:
    """Yield the non-empty pieces of the answer, without the thinking that it may begin with."""
    start = ""
    for delta in deltas:
        start += delta
        if THINK_END in start and start.lstrip().startswith(THINK_START):
            start = start.split(THINK_END, 1)[1].lstrip()
            break
        if not THINK_START.startswith(start.lstrip()[: len(THINK_START)]):
            break
    if start and not start.lstrip().startswith(THINK_START):
        yield start
    yield from filter(None, deltas)
