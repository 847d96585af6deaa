"""A language model as verifier: it is asked whether a passage says everything that a sentence says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.models.endpoint import Endpoint
from rag.models.llm import complete
from rag.verification.meaning import Pair
from rag.verification.question import SCHEMA, VERSION, support_messages

if TYPE_CHECKING:
    from llama_index.core.llms import LLM, ChatMessage

AT_ONCE = 4  # pairs sent to an endpoint at the same time
VERDICT_TOKENS = 400  # a reasoning model thinks before it answers


class LanguageModelVerifier:
    """A language model that is asked whether a passage says everything that a sentence says.

    Its probability is that of "Yes" against "No" as the next token where the endpoint tells it; else the
    certainty of a written verdict. The question and this reading of it follow Kadavath et al. 2022.
    """

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        known = llm.identity() if isinstance(llm, Endpoint) else None
        self.name, model = known or (llm.metadata.model_name, llm.metadata.model_name)
        self.fingerprint = f"{model} asked {VERSION}"

    def supports(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Return the probabilities; None where the model fails or gives no verdict."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._support, pairs))

    def _support(self, pair: Pair) -> float | None:
        messages = support_messages(*pair)
        try:
            tokens = self._llm.next_tokens(messages) if isinstance(self._llm, Endpoint) else {}
            if (probability := _yes(tokens)) is not None:
                return probability
            return _written(self._verdict(messages))
        except ModelError:
            return None

    def _verdict(self, messages: Sequence[ChatMessage]) -> str:
        """Return what the model writes, held to the schema of a verdict if its endpoint can do that."""
        ask = partial(complete, self._llm, messages, VERDICT_TOKENS)
        if isinstance(self._llm, Endpoint):
            try:
                return "".join(ask(response_format=SCHEMA))
            except ModelError:
                pass  # an endpoint without schemas; one that is down fails again
        return "".join(ask())


def _yes(tokens: Mapping[str, float]) -> float | None:
    """Return the probability of Yes against No, given log probabilities; None if both are improbable."""
    yes, no = (
        sum(math.exp(value) for token, value in tokens.items() if token.strip().casefold() == word)
        for word in ("yes", "no")
    )
    return yes / (yes + no) if yes + no > 0.01 else None


def _written(text: str) -> float | None:
    """Return the probability that a written verdict gives: a JSON object of the schema, or Yes or No."""
    try:
        verdict = json.loads(text)
        certainty = float(min(100, max(0, verdict["certainty"]))) / 100
        return 0.5 + certainty / 2 if verdict["supported"] else 0.5 - certainty / 2
    except (ValueError, TypeError, KeyError):
        answer = re.search(r"\b(yes|no)\b", text, re.IGNORECASE)
        return float(answer[1].casefold() == "yes") if answer else None
