"""The models of the settings, each loaded on first use."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

from rag.models.llm import LlmSettings

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.models.embedder import Embedder
    from rag.models.reranker import CrossEncoderReranker


class ModelSettings(LlmSettings, Protocol):
    """The settings of the models."""

    @property
    def embedder(self) -> str: ...
    @property
    def reranker(self) -> str | None: ...
    @property
    def verifier(self) -> str: ...


class Models:
    """The embedder, the reranker and the language model, each loaded once, on first use."""

    def __init__(self, settings: ModelSettings, embedder: Embedder | None, llm: LLM | None) -> None:
        self._settings = settings
        self._embedder = embedder
        self._llm = llm
        self._reranker: CrossEncoderReranker | None = None
        self._loading = Lock()

    @property
    def uses_llm(self) -> bool:
        """Whether a language model writes the answers."""
        return bool(self._llm or self._settings.llm)

    @property
    def has_verifier(self) -> bool:
        """Whether a model checks the sentences that a language model writes."""
        return self.uses_llm and self._settings.verifier != "none"

    def _load_embedder(self) -> Embedder:
        from rag.models.embedder import load_embedder

        with self._loading:
            if self._embedder is None:
                self._embedder = load_embedder(self._settings.embedder)
            return self._embedder

    def _load_llm(self) -> LLM | None:
        from rag.models.llm import load_llm

        with self._loading:
            if self._llm is None and self._settings.llm:
                self._llm = load_llm(self._settings)
            return self._llm

    def _load_reranker(self) -> CrossEncoderReranker | None:
        from rag.models.reranker import load_reranker

        with self._loading:
            if self._reranker is None and self._settings.reranker:
                self._reranker = load_reranker(self._settings.reranker)
            return self._reranker
