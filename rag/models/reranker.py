"""The optional reranker: a local cross-encoder."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import ModelError
from rag.models.local import load_model, local_name, prepare_process

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_RERANKER_REMEDY = "give a cross-encoder that gives each text one score, or unset reranker"


class CrossEncoderReranker:
    """Scores (question, text) pairs with any sentence-transformers `CrossEncoder`."""

    def __init__(self, name: str, model: CrossEncoder) -> None:
        self._model = model
        self._one_at_a_time = Lock()
        made_as = (model.config and model.config.architectures) or ()
        if any(kind.endswith("Model") for kind in made_as):  # the library would put random weights on top
            raise ModelError(f"the reranker {name!r} has no trained scores; {_RERANKER_REMEDY}")
        if np.size(model.predict([("", "")], show_progress_bar=False)) != 1:
            raise ModelError(f"the reranker {name!r} gives several scores a text; {_RERANKER_REMEDY}")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One score a text, higher is better."""
        pairs = [(question, text) for text in texts]
        with self._one_at_a_time:  # as for the embedder
            scores = self._model.predict(pairs, show_progress_bar=False)
        return [float(score) for score in np.ravel(scores)]


def load_reranker(name: str) -> CrossEncoderReranker:
    """A cross-encoder from a folder or from this machine's Hugging Face cache; else ModelError."""
    prepare_process()
    from sentence_transformers import CrossEncoder

    def make() -> CrossEncoderReranker:
        return CrossEncoderReranker(name, CrossEncoder(local_name(name), local_files_only=True, device="cpu"))

    return load_model(name, "reranker", make)
