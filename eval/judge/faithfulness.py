"""The local judge of faithfulness, without an LLM: do the paragraphs support a statement?

A logistic regression over plain features. It shares no code and no threshold with the verifier in `rag/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import exp
from zlib import crc32

from ragas.metrics.collections import Faithfulness
from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.collections.faithfulness.util import NLIStatementOutput, StatementFaithfulnessAnswer

from eval.judge.features import features
from eval.judge.weights import BIAS, FOLDED, WEIGHTS
from eval.judge.words import statements

FOLDS = 5
SUPPORTED = 0.5  # least probability of a supported statement


def verdict(statement: str, contexts: Sequence[str]) -> float:
    """Return the probability, 0 to 1, that the paragraphs together support the statement; 0 without any."""
    return _chance(statement, "\n".join(contexts))


def held_out_verdict(article: str, statement: str, contexts: Sequence[str]) -> float:
    """Return the `verdict` by weights trained without the WiCE fold of this article."""
    return probability(features(statement, contexts), *FOLDED[fold_of(article)])


def fold_of(article: str) -> int:
    """Return the fold whose weights were trained without this article."""
    return crc32(article.encode()) % FOLDS


def probability(values: Mapping[str, float], bias: float, weights: Sequence[float]) -> float:
    """Return the output of a logistic regression; `weights` are in the order of the features."""
    odds = bias + sum(weight * value for weight, value in zip(weights, values.values(), strict=True))
    return 1 / (1 + exp(-odds))


@lru_cache(maxsize=20_000)
def _chance(statement: str, context: str) -> float:
    if not context.strip():
        return 0.0
    return probability(features(statement, [context]), BIAS, WEIGHTS)


class LocalFaithfulness(Faithfulness):
    """RAGAS' Faithfulness without an LLM: the local judge does both of its steps.

    The statements are the sentences of the answer. The score is the share supported, NaN without statements.
    """

    def __init__(self, name: str = "faithfulness") -> None:
        BaseMetric.__init__(self, name=name)  # not Faithfulness.__init__, which requires an LLM

    async def _create_statements(self, question: str, response: str) -> list[str]:
        return list(statements(response))

    async def _create_verdicts(self, statements: list[str], context: str) -> NLIStatementOutput:
        chances = [(text, verdict(text, [context])) for text in statements]
        return NLIStatementOutput(
            statements=[
                StatementFaithfulnessAnswer(
                    statement=text, reason=f"probability {chance:.2f}", verdict=int(chance >= SUPPORTED)
                )
                for text, chance in chances
            ]
        )
