"""Try a language model with a question of ours, about no document."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.models.llm import complete, context_size, count_tokens

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

QUESTION = "Write the numbers from one to twenty in words, separated by commas."
TOKENS = 32


@dataclass(frozen=True, slots=True)
class Trial:
    """How a model answered: after `wait` seconds, with `speed` tokens a second, `context` tokens at once."""

    model: str
    wait: float
    speed: float
    context: int


def try_model(llm: LLM, where: str) -> Trial:
    """Return how the model answers. ModelError if it doesn't; `where` names it in there."""
    from llama_index.core.llms import ChatMessage

    size = context_size(llm)
    asked = monotonic()
    text, began = "", asked
    for piece in complete(llm, [ChatMessage(content=QUESTION)], TOKENS):
        began = began if text else monotonic()
        text += piece
    speed = count_tokens(llm, text) / max(monotonic() - began, 0.001)
    name = llm.metadata.model_name
    if not text.strip():
        raise ModelError(f"{name} at {where} returned an empty answer. Set llm_model to a chat model.")
    return Trial(name, began - asked, speed, size)
