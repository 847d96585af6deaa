"""A language model that says what a test tells it to, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import Field


class ScriptedLLM(CustomLLM):
    """Answers each prompt by `script` in pieces; `seen` are the prompts, `given` the pieces."""

    script: Callable[[str], str]
    context: int = 4096
    seen: list[str] = Field(default_factory=list)
    given: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.context, num_output=512, model_name="scripted")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        self.seen.append(prompt)
        return CompletionResponse(text=self.script(prompt))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponseGen:
        self.seen.append(prompt)
        text = self.script(prompt)

        def pieces() -> CompletionResponseGen:
            for start in range(0, max(len(text), 1), 5):
                self.given.append(text[start : start + 5])
                yield CompletionResponse(text=text[: start + 5], delta=text[start : start + 5])

        return pieces()


def saying(*answers: str) -> ScriptedLLM:
    """One that gives these answers in turn, and NOT FOUND when they are used up."""
    left: list[str] = list(answers)
    return ScriptedLLM(script=lambda _: left.pop(0) if left else "NOT FOUND")


def numbers_of(prompt: str, words: Sequence[str]) -> list[int]:
    """The numbers under which a prompt gives the paragraphs that hold these words."""
    paragraphs = re.findall(r"^\[(\d+)\] (.*)$", prompt, re.MULTILINE)
    return [int(number) for number, text in paragraphs if all(word in text for word in words)]
