"""The local judge of faithfulness, without an LLM: do the paragraphs say what a statement says?

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
SUPPORTED = 0.5  # the probability from which a statement counts as supported


def verdict(statement: str, contexts: Sequence[str]) -> float:
    """The probability, 0 to 1, that the paragraphs together support the statement; 0 without paragraphs."""
    return _chance(statement, "\n".join(contexts))


def apart(group: str, statement: str, contexts: Sequence[str]) -> float:
    """As `verdict`, by weights that were fitted without any claim of that group's fold of the WiCE set."""
    return probability(features(statement, contexts), *FOLDED[fold_of(group)])


def fold_of(group: str) -> int:
    """In which of the folds an article is left out of the fit."""
    return crc32(group.encode()) % FOLDS


def probability(found: Mapping[str, float], bias: float, weights: Sequence[float]) -> float:
    """What a logistic regression makes of the features, in the order of their names' list."""
    odds = bias + sum(weight * value for weight, value in zip(weights, found.values(), strict=True))
    return 1 / (1 + exp(-odds))


@lru_cache(maxsize=20_000)
def _chance(statement: str, context: str) -> float:
    if not context.strip():
        return 0.0
    return probability(features(statement, [context]), BIAS, WEIGHTS)


class LocalFaithfulness(Faithfulness):
    """RAGAS' Faithfulness with both of its steps done here: no LLM is asked, and none is set.

    The statements are the sentences of the answer without their marks; the score is RAGAS' own, the share of
    them that is supported, NaN where there is none.
    """

    def __init__(self, name: str = "faithfulness") -> None:
        BaseMetric.__init__(self, name=name)  # past Faithfulness, which wants an LLM

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
