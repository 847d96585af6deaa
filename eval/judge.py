"""The local judge of faithfulness, without an LLM: do the paragraphs say what a statement says?"""

from __future__ import annotations

from collections.abc import Sequence


def verdict(statement: str, contexts: Sequence[str]) -> float:
    """The probability, 0 to 1, that the paragraphs support the statement."""
    raise NotImplementedError


# To come: `LocalFaithfulness`, RAGAS' `Faithfulness` with both of its steps done here:
# `await LocalFaithfulness().ascore(user_input=…, response=…, retrieved_contexts=[…])` -> MetricResult
