"""The language model that may write answers: loaded from the settings, asked in streams, its tokens counted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Protocol, cast

from pydantic import SecretStr

from rag.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

    from llama_index.core.llms import LLM, ChatMessage, ChatResponse

# What a model of the caller's own may fail with, and what rubbish leads to. Endpoints say ModelError themselves.
FAILURES = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
_TOKENS = re.compile(r"[^\W\d_]+|[^\S ]|\S")


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
    """The language model that is set, or None. An endpoint is not asked yet: that it is down shows at the first use.

    Raises ModelError where the .gguf file or the group that runs it is missing.
    """
    if wanted.llm is None:
        return None
    if not wanted.llm.startswith(("http://", "https://")):
        from rag.gguf import open_gguf

        return open_gguf(wanted.llm, wanted.llm_context, wanted.llm_seconds)
    from rag.endpoint import open_endpoint

    return open_endpoint(
        wanted.llm, wanted.llm_model, wanted.llm_key, wanted.llm_context, wanted.llm_seconds
    )


def complete(llm: LLM, messages: Sequence[ChatMessage], max_tokens: int) -> Iterator[str]:
    """The pieces of the answer as they come, without what a model thinks aloud in <think>…</think>.

    Closing the iterator ends the generation. An answer that reaches `max_tokens` or fills the context just stops.
    Raises ModelError, at the first piece or any later one; it names the model and the remedy.
    """
    stream = cast("Generator[ChatResponse]", llm.stream_chat(messages, max_tokens=max_tokens))
    raise NotImplementedError(stream)


def count_tokens(llm: LLM, text: str) -> int:
    """Tokens of a text, by the model's own tokenizer where it can be asked, else an estimate that is rather too high.

    The chat template adds a few more a message. Raises ModelError where the endpoint is down.
    """
    raise NotImplementedError


def context_size(llm: LLM) -> int:
    """Tokens that prompt and answer may have together. Raises ModelError where the endpoint is down."""
    raise NotImplementedError
