"""The faithfulness of answers: the share of an answer's statements that the paragraphs it cites support."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from eval.judge.lexical import SUPPORTED, verdict
from eval.judge.words import statements

if TYPE_CHECKING:
    from eval.judge.llm import LLMFaithfulness


@dataclass(frozen=True, slots=True)
class AnswerToJudge:
    """An answer to judge: its text with citation marks, and the paragraphs that it cites."""

    id: str
    question: str
    answer: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The share of an answer's statements that its paragraphs support, 0 to 1; or None and the reason.

    `failed`: the reason is an error, not that there was nothing to judge.
    """

    id: str
    score: float | None
    reason: str = ""
    failed: bool = False


def faithfulness(rows: Sequence[AnswerToJudge], llm: LLMFaithfulness | None = None) -> tuple[Judgement, ...]:
    """Judge each answer in turn, by an LLM if one is given, else by the local judge."""

    async def judge() -> tuple[Judgement, ...]:
        return tuple([await _judge(row, llm) for row in rows])

    return asyncio.run(judge())


async def _judge(row: AnswerToJudge, llm: LLMFaithfulness | None) -> Judgement:
    texts = statements(row.answer)
    if not texts or not any(context.strip() for context in row.contexts):
        return Judgement(row.id, None, "no paragraph cited" if texts else "no statement to judge")
    if llm is None:
        return Judgement(row.id, mean(verdict(text, row.contexts) >= SUPPORTED for text in texts))
    score, reason = await llm.judge(row.question, row.answer, row.contexts)
    return Judgement(row.id, score, reason, failed=score is None)
