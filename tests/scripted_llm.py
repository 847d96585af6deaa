"""A language model that says what a test tells it to, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import Field

from rag.verification.exam import load_claims

ASKED_TO_JUDGE = "Is everything that the sentence says stated in the passage"


class ScriptedLLM(CustomLLM):
    """Answers each prompt by `script` in pieces; `seen` are the prompts, `given` the pieces."""

    script: Callable[[str], str]
    context: int = 4096
    name: str = "scripted"
    seen: list[str] = Field(default_factory=list)
    given: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.context, num_output=512, model_name=self.name)

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


def written(llm: ScriptedLLM) -> list[str]:
    """The prompts that asked the model to write something, not to judge a sentence."""
    return [prompt for prompt in llm.seen if ASKED_TO_JUDGE not in prompt]


def judging(llm: ScriptedLLM, *true: str) -> ScriptedLLM:
    """The same model; asked to judge, it knows the exam's claims, and that these sentences are true."""
    known = {claim.text for claim in load_claims() if claim.is_true} | set(true)
    write = llm.script

    def script(prompt: str) -> str:
        if ASKED_TO_JUDGE not in prompt:
            return write(prompt)
        sentence = prompt.split("\nSentence: ", 1)[1].split("\n", 1)[0]
        return "Yes" if sentence in known else "No"

    llm.script = script
    return llm


def numbers_of(prompt: str, words: Sequence[str]) -> list[int]:
    """The numbers under which a prompt gives the paragraphs that hold these words."""
    paragraphs = re.findall(r"^\[(\d+)\] (.*)$", prompt, re.MULTILINE)
    return [int(number) for number, text in paragraphs if all(word in text for word in words)]
