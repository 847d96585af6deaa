"""The optional reranker: a local cross-encoder, never downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import ModelError
from rag.models.local import expand_name, load_model, prepare_process

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_REMEDY = "Set reranker to a cross-encoder with one score per text, or unset it."


class CrossEncoderReranker:
    """A sentence-transformers `CrossEncoder` that scores pairs of a question and a text."""

    def __init__(self, name: str, model: CrossEncoder) -> None:
        self._model = model
        self._lock = Lock()
        architectures = (model.config and model.config.architectures) or ()
        if any(kind.endswith("Model") for kind in architectures):  # the library would add random weights
            raise ModelError(f"The reranker {name!r} is not trained to score texts. {_REMEDY}")
        if np.size(model.predict([("", "")], show_progress_bar=False)) != 1:
            raise ModelError(f"The reranker {name!r} returns several scores per text. {_REMEDY}")

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return one score per text; higher is better."""
        pairs = [(question, text) for text in texts]
        with self._lock:  # two threads cannot use the fast tokenizer at once
            scores = self._model.predict(pairs, show_progress_bar=False)
        return [float(score) for score in np.ravel(scores)]


def load_reranker(name: str) -> CrossEncoderReranker:
    """Load a cross-encoder from a folder or from the local Hugging Face cache; else ModelError."""
    prepare_process()
    from sentence_transformers import CrossEncoder

    def load() -> CrossEncoderReranker:
        return CrossEncoderReranker(
            name, CrossEncoder(expand_name(name), local_files_only=True, device="cpu")
        )

    return load_model(name, "reranker", load)
