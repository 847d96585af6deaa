"""The models that find paragraphs, each loaded on first use."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rag.models.embedder import Embedder
    from rag.models.reranker import CrossEncoderReranker


class ModelSettings(Protocol):
    """The settings of these models."""

    @property
    def embedder(self) -> str: ...
    @property
    def reranker(self) -> str | None: ...


class Models:
    """The embedder and the reranker, each loaded once, on first use."""

    def __init__(self, settings: ModelSettings, embedder: Embedder | None) -> None:
        self._chosen_models = settings
        self._embedder = embedder
        self._reranker: CrossEncoderReranker | None = None
        self._loading = Lock()

    def _load_embedder(self) -> Embedder:
        from rag.models.embedder import load_embedder

        with self._loading:
            if self._embedder is None:
                self._embedder = load_embedder(self._chosen_models.embedder)
            return self._embedder

    def _load_reranker(self) -> CrossEncoderReranker | None:
        from rag.models.reranker import load_reranker

        with self._loading:
            if self._reranker is None and self._chosen_models.reranker:
                self._reranker = load_reranker(self._chosen_models.reranker)
            return self._reranker
