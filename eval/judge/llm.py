"""RAGAS' Faithfulness with an LLM as judge: a LlamaIndex LLM, or one at an OpenAI-compatible address."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import httpx
from openai import OpenAI, OpenAIError
from pydantic import BaseModel, Field, create_model
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import Faithfulness
from ragas.metrics.collections.faithfulness.util import (
    NLIStatementInput,
    NLIStatementOutput,
    StatementFaithfulnessAnswer,
    StatementGeneratorInput,
    StatementGeneratorOutput,
)

from eval.judge.words import statements as sentences_of
from rag import PilcrowError

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

TOKENS = 2048  # most tokens written in one call
LETTERS = 300  # most in one text of the output, if a grammar enforces it
SECONDS = 600.0  # timeout of one call

_FAILURES = (OpenAIError, httpx.HTTPError, ValueError, RuntimeError, OSError)
Text = Field(max_length=LETTERS)


class JudgeFailed(PilcrowError):
    """The LLM returned no usable verdict; the message says what came instead."""


class Verdict(StatementFaithfulnessAnswer):
    """RAGAS' verdict on a statement, limited to 0 or 1."""

    statement: str = Text
    reason: str = Text
    verdict: Literal[0, 1]


def judge(llm: LLM, cache: Path) -> Faithfulness:
    """Return Faithfulness by a LlamaIndex LLM; `cache` is the folder for its replies, one file per model."""

    def ask(prompt: str, model: type[BaseModel]) -> BaseModel:
        from llama_index.core.prompts import PromptTemplate

        found: BaseModel = llm.structured_predict(model, PromptTemplate("{asked}"), asked=prompt)
        return found

    return LLMFaithfulness(CachedLLM(ask, llm.metadata.model_name, cache))


def judge_at(url: str, model: str, cache: Path) -> Faithfulness:
    """Return Faithfulness by a model at an OpenAI-compatible address such as http://127.0.0.1:8080/v1.

    The server must enforce the JSON schema. The key is that of OPENAI_API_KEY, if set. PilcrowError if
    nothing answers there.
    """
    key = os.environ.get("OPENAI_API_KEY", "none")
    client = OpenAI(base_url=url, api_key=key, timeout=SECONDS, max_retries=1)
    try:
        client.models.list()
    except OpenAIError as error:
        raise PilcrowError(f"No LLM answers at {url} ({error}). Start it, or change --judge-url.") from None

    def ask(prompt: str, wanted: type[BaseModel]) -> BaseModel:
        form: Any = {
            "type": "json_schema",
            "json_schema": {"name": wanted.__name__, "schema": wanted.model_json_schema(), "strict": True},
        }
        reply = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            response_format=form,
            temperature=0.0,
            max_tokens=TOKENS,
        )
        return wanted.model_validate_json(reply.choices[0].message.content or "")

    return LLMFaithfulness(CachedLLM(ask, model, cache))


class CachedLLM(InstructorBaseRagasLLM):
    """An LLM for RAGAS: one call at a time, with replies cached as JSON lines in one file per model.

    Failures are not cached.
    """

    def __init__(self, ask: Callable[[str, type[BaseModel]], BaseModel], model: str, folder: Path) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()
        name = re.sub(r"\W+", "-", Path(model).name).strip("-")
        self._file = folder / f"{name}-{sha256(model.encode()).hexdigest()[:8]}.jsonl"
        self._replies = _read(self._file)

    def generate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
        """Return the LLM's reply as a value of that type; JudgeFailed if there is none."""
        schema = json.dumps(response_model.model_json_schema(), sort_keys=True)
        key = sha256(f"{schema}\n{prompt}".encode()).hexdigest()
        if key in self._replies:
            return response_model.model_validate(self._replies[key])
        try:
            answer = self._ask(prompt, response_model)
        except _FAILURES as error:
            raise JudgeFailed(f"{type(error).__name__}: {str(error).splitlines()[0][:200]}") from error
        self._replies[key] = answer.model_dump()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "said": self._replies[key]}, ensure_ascii=False) + "\n")
        return answer

    async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
        """Return what `generate` returns; calls wait for each other."""
        async with self._turn:
            return await asyncio.to_thread(self.generate, prompt, response_model)


def _read(file: Path) -> dict[str, Any]:
    """Return the cached replies, without a last line that a kill cut short."""
    replies: dict[str, Any] = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        replies[row["key"]] = row["said"]
    return replies


class LLMFaithfulness(Faithfulness):
    """RAGAS' Faithfulness with its prompts, but exactly one verdict per statement, 0 or 1.

    RAGAS itself takes whatever verdicts come back, and counts -1 as support.
    """

    llm: CachedLLM

    async def _create_statements(self, question: str, response: str) -> list[str]:
        plain = sentences_of(response)
        prompt = self.statement_generator_prompt.to_string(
            StatementGeneratorInput(question=question, answer=" ".join(plain))
        )
        wanted = _statements(most=4 * len(plain) or 1)
        found = wanted.model_validate((await self.llm.agenerate(prompt, wanted)).model_dump())
        return [text for text in found.statements if text.strip()]

    async def _create_verdicts(self, statements: Sequence[str], context: str) -> NLIStatementOutput:
        prompt = self.nli_statement_prompt.to_string(
            NLIStatementInput(context=context, statements=list(statements))
        )
        wanted = _verdicts(len(statements))
        return wanted.model_validate((await self.llm.agenerate(prompt, wanted)).model_dump())


def _statements(most: int) -> type[StatementGeneratorOutput]:
    texts = (list[Annotated[str, Text]], Field(min_length=1, max_length=most))
    return create_model("Statements", __base__=StatementGeneratorOutput, statements=texts)


def _verdicts(count: int) -> type[NLIStatementOutput]:
    verdicts = (list[Verdict], Field(min_length=count, max_length=count))
    return create_model("Verdicts", __base__=NLIStatementOutput, statements=verdicts)
