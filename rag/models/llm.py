"""The language model that may write answers: loaded as set, asked in streams, its tokens counted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from rag.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

    from llama_index.core.llms import LLM, ChatMessage, ChatResponse

# What a model of the caller's own may fail with. Ours say ModelError themselves.
FAILURES = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
OPENING, CLOSING = "<think>", "</think>"
SILENT = 8  # pieces without words that a stream may have: who speaks, why it ends, what it cost
_TOKENS = re.compile(r"[a-zA-Z]+|[^\S ]|\S")


class Wanted(Protocol):
    """The settings that say which language model is meant, and how it is asked."""

    @property
    def llm(self) -> str | None: ...
    @property
    def llm_model(self) -> str | None: ...
    @property
    def llm_key(self) -> SecretStr | None: ...
    @property
    def llm_context(self) -> int | None: ...
    @property
    def llm_seconds(self) -> float: ...


def load_llm(wanted: Wanted) -> LLM | None:
    """The language model that is set, or None. Nothing is asked of an endpoint yet.

    Raises ModelError where the .gguf file, or the group that runs it, is missing.
    """
    if wanted.llm is None:
        return None
    if not wanted.llm.startswith(("http://", "https://")):
        from rag.models.gguf import open_gguf

        return open_gguf(wanted.llm, wanted.llm_context, wanted.llm_seconds)
    from rag.models.endpoint import open_endpoint

    return open_endpoint(wanted.llm, wanted.llm_model, wanted.llm_key, wanted.llm_context, wanted.llm_seconds)


def complete(llm: LLM, messages: Sequence[ChatMessage], max_tokens: int) -> Generator[str]:
    """The pieces of the answer as they come, without what a model thinks aloud in <think>…</think>.

    Closing it ends the generation. An answer that reaches `max_tokens` or fills the context just stops.
    Raises ModelError, at the first piece or any later one; it names the model and the remedy.
    """
    stream = llm.stream_chat(messages, max_tokens=max_tokens)
    with closing(stream):
        yield from _spoken(islice(_deltas(llm, stream), max_tokens + SILENT))


def count_tokens(llm: LLM, text: str) -> int:
    """Tokens of a text by the model's own tokenizer where it can be asked, else a rather high estimate.

    The chat template adds a few more a message. Raises ModelError where the endpoint is down.
    """
    from rag.models.endpoint import Endpoint

    counted = llm.count_tokens(text) if isinstance(llm, Endpoint) else None
    return estimate_tokens(text) if counted is None else counted


def context_size(llm: LLM) -> int:
    """Tokens that prompt and answer may have together. Raises ModelError where the endpoint is down."""
    from rag.models.endpoint import Endpoint

    return llm.context_size() if isinstance(llm, Endpoint) else llm.metadata.context_window


def estimate_tokens(text: str) -> int:
    """About as many tokens as the usual tokenizers make of English, or more.

    One for each four letters of a word or their rest, for each digit and sign, for each byte of others.
    """
    return sum(
        math.ceil(len(run) / 4) if run.isascii() and run.isalpha() else len(run.encode())
        for run in _TOKENS.findall(text)
    )


def _deltas(llm: LLM, stream: Iterator[ChatResponse]) -> Iterator[str]:
    try:
        for response in stream:
            yield response.delta or ""
    except FAILURES as error:
        raise ModelError(f"the language model {llm.metadata.model_name} failed ({error})") from error


def _spoken(deltas: Iterator[str]) -> Iterator[str]:
    """The answer without the thoughts that it may begin with; no piece is empty."""
    held = ""
    for delta in deltas:
        held += delta
        if CLOSING in held and held.lstrip().startswith(OPENING):
            held = held.split(CLOSING, 1)[1].lstrip()
            break
        if not OPENING.startswith(held.lstrip()[: len(OPENING)]):
            break
    if held and not held.lstrip().startswith(OPENING):
        yield held
    yield from filter(None, deltas)
