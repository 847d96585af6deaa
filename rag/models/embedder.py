"""The embedder: a local sentence-transformers model, never downloaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cached_property
from threading import Barrier, Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.models.local import BUILT_IN, built_in_folder, expand_name, load_model, prepare_process
from rag.types import Span, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


BUILT_IN_DIMENSION = 384
BUILT_IN_LIMIT = 256
BATCH_TOKENS = 1024  # larger batches don't fit the processor's cache: 4,096 took 1.4 times as long


class Embedder:
    """A sentence-transformers model that returns unit vectors and reads `limit` tokens of a text."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self.name = name
        self._model = model.eval()
        self._fast_model: SentenceTransformer | None = None
        self._lock = Lock()
        # A copy: counting never waits for the model, nor changes its padding and truncation.
        self._tokenizer = deepcopy(model.tokenizer.backend_tokenizer)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.limit = int(model.max_seq_length or 256)
        self.dimension = int(model.get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, float32, shape (texts, dimension), in the order of the texts."""
        if len(texts) == 1 and self._pools_mean:
            return self._forward(self._model, texts)[0]
        return self._encode(self._model, texts)

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Return the unit vectors of texts, (texts, dimension), and of each text's spans, (spans, dimension).

        A span is a start and end in its text. Its vector is the mean of its tokens, embedded as part of the
        whole text ("late chunking", Günther et al. 2024). A model that does not pool by the mean embeds each
        span on its own.
        """
        sizes = [min(self.count_tokens(text), self.limit) for text in texts]
        wholes = np.zeros((len(texts), self.dimension), dtype=np.float32)
        parts = [np.zeros((len(each), self.dimension), dtype=np.float32) for each in spans]
        model, pools_mean = self._model_for_many(), self._pools_mean

        def embed(batch: list[int]) -> None:
            chosen = [texts[at] for at in batch]
            if pools_mean:
                wholes[batch], tokens = self._forward(model, chosen)
                for at, vectors in zip(batch, tokens, strict=True):
                    parts[at][:] = self._pool_spans(texts[at], spans[at], vectors[: sizes[at]])
            else:
                wholes[batch] = self._encode(model, chosen)
                for at in batch:
                    parts[at][:] = self._encode(model, [texts[at][start:end] for start, end in spans[at]])

        deque(self._workers.map(embed, _batches(sizes)), maxlen=0)
        return wholes, parts

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        """As many threads as torch would use for one batch: each embeds a batch of its own, none waits."""
        import torch

        count = torch.get_num_threads()
        started = Barrier(count + 1)
        workers = ThreadPoolExecutor(count, "embed", torch.set_num_threads, (1,))
        for _ in range(count):
            workers.submit(started.wait)
        started.wait()
        torch.set_num_threads(count)  # for threads to come, which take over what was set last
        return workers

    @property
    def _pools_mean(self) -> bool:
        """Whether a text's vector is the mean of its tokens' vectors, and the text gets no prefix."""
        kinds = [type(module).__name__ for module in self._model]
        averaged = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        return averaged and self._model[1].pooling_mode == "mean" and not self._model.default_prompt_name

    def _forward(self, model: SentenceTransformer, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Return the unit vectors of texts, and the vectors of each text's tokens, padding included.

        Faster than `encode`, which repeats its set-up at each call.
        """
        import torch

        with self._lock:  # two threads cannot use the fast tokenizer at once
            features = model.preprocess(list(texts))
        with torch.inference_mode():
            output = model.forward(features)
        wholes, tokens = (output[key].float().numpy() for key in ("sentence_embedding", "token_embeddings"))
        return _unit(wholes), list(tokens)

    def _pool_spans(self, text: str, spans: Sequence[Span], tokens: Vectors) -> Vectors:
        """Return for each span the mean of the tokens that start in it, or of all tokens if none do."""
        encoding = self._tokenizer.encode(text)
        starts = np.array(encoding.offsets)[: len(tokens), 0]
        is_word = np.array(encoding.special_tokens_mask)[: len(tokens)] == 0
        inside = [is_word & (starts >= start) & (starts < end) for start, end in spans]
        means = [tokens[chosen if chosen.any() else slice(None)].mean(axis=0) for chosen in inside]
        return _unit(np.array(means, dtype=np.float32).reshape(len(spans), self.dimension))

    def _encode(self, model: SentenceTransformer, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of texts with the library's own pooling."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._lock:
            vectors = model.encode(
                list(texts), convert_to_numpy=False, convert_to_tensor=True, show_progress_bar=False
            )
        return _unit(vectors.float().numpy())

    def _model_for_many(self) -> SentenceTransformer:
        """Return the model for many texts: bfloat16 if the processor supports it, three times as fast.

        The cosine between the vectors of the two models is above .9999. A single short text is no faster.
        """
        import torch

        if self._fast_model is None:
            capabilities = torch.cpu.get_capabilities()
            supported = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
            self._fast_model = deepcopy(self._model).bfloat16() if supported else self._model
        return self._fast_model

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens that the model would read, special tokens included."""
        return len(self._tokenizer.encode(text).ids)


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Yield batches of indices of texts with similar token counts, the longest first."""
    batch: list[int] = []
    for at in sorted(range(len(sizes)), key=lambda at: -sizes[at]):
        if batch and sizes[batch[0]] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _unit(vectors: Vectors) -> Vectors:
    """Return the vectors scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def load_embedder(name: str) -> Embedder:
    """Load the built-in embedder, a folder, or a model in the local Hugging Face cache; else ModelError."""
    prepare_process()
    from sentence_transformers import SentenceTransformer

    def load() -> Embedder:
        folder = built_in_folder() if name == BUILT_IN else expand_name(name)
        return Embedder(name, SentenceTransformer(folder, local_files_only=True, device="cpu"))

    return load_model(name, "embedder", load)
