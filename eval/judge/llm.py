"""RAGAS' Faithfulness with an LLM at an OpenAI-compatible address."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Literal

import instructor
from instructor.core.exceptions import InstructorError
from openai import OpenAI, OpenAIError
from pydantic import Field, create_model
from ragas.llms.base import InstructorLLM
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

TOKENS = 2048  # most tokens written in one call
SECONDS = 600.0  # timeout of one call

Text = Annotated[str, Field(max_length=300)]  # a small model might never end


class Verdict(StatementFaithfulnessAnswer):
    """RAGAS' verdict on a statement, limited to 0 or 1."""

    statement: Text
    reason: Text
    verdict: Literal[0, 1]


class LLMFaithfulness(Faithfulness):
    """RAGAS' Faithfulness with its prompts, but exactly one verdict per statement, 0 or 1.

    RAGAS itself takes whatever verdicts come back, and counts -1 as support. One call at a time.
    """

    llm: InstructorLLM

    async def judge(self, question: str, answer: str, contexts: Sequence[str]) -> tuple[float | None, str]:
        """Return the share of supported statements, or None and why there is none."""
        try:
            result = await self.ascore(
                user_input=question, response=answer, retrieved_contexts=list(contexts)
            )
        except (InstructorError, OpenAIError, ValueError) as error:
            return None, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return float(result.value), ""

    async def _create_statements(self, question: str, response: str) -> list[str]:
        plain = sentences_of(response)
        asked = StatementGeneratorInput(question=question, answer=" ".join(plain))
        some = (list[Text], Field(min_length=1, max_length=4 * len(plain)))
        wanted = create_model("Statements", __base__=StatementGeneratorOutput, statements=some)
        prompt = self.statement_generator_prompt.to_string(asked)
        found: StatementGeneratorOutput = self.llm.generate(prompt, wanted)
        return list(found.statements)

    async def _create_verdicts(self, statements: list[str], context: str) -> NLIStatementOutput:
        asked = NLIStatementInput(context=context, statements=statements)
        each = (list[Verdict], Field(min_length=len(statements), max_length=len(statements)))
        wanted = create_model("Verdicts", __base__=NLIStatementOutput, statements=each)
        return self.llm.generate(self.nli_statement_prompt.to_string(asked), wanted)


def judge_at(url: str, model: str | None = None, key: str | None = None) -> LLMFaithfulness:
    """Return Faithfulness by a model at an OpenAI-compatible address, by default the first that it lists.

    The server must enforce the JSON schema. The default key is that of OPENAI_API_KEY, if set. PilcrowError
    if nothing answers there.
    """
    key = key or os.environ.get("OPENAI_API_KEY", "none")
    client = OpenAI(base_url=url, api_key=key, timeout=SECONDS, max_retries=1)
    try:
        listed = client.models.list().data
        model = model or listed[0].id
    except (OpenAIError, IndexError) as error:
        raise PilcrowError(f"No LLM answers at {url} ({error}). Start it, or change --judge-url.") from None
    patched = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
    llm = InstructorLLM(patched, model, "openai", temperature=0.0, max_tokens=TOKENS, max_retries=1)
    return LLMFaithfulness(llm)
