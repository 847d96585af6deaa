"""The embedder and the optional reranker: local sentence-transformers models, never fetched from a hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.models.local import BUILT_IN, built_in_folder, load_model, local_name, prepare_process
from rag.types import Span, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


BUILT_IN_DIMENSION = 384
BUILT_IN_LIMIT = 256
TOKENS_AT_ONCE = 1024  # more fall out of the processor's cache: 4,096 took 1.4 times as long


class Embedder:
    """A sentence-transformers model that gives unit vectors and reads `limit` tokens of a text."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self.name = name
        self._model = model.eval()
        self._quick: SentenceTransformer | None = None
        self._one_at_a_time = Lock()
        # Under its own name, so that counting never waits on, or changes, the model's padding and truncation.
        self._tokenizer = model.tokenizer.backend_tokenizer.from_str(
            model.tokenizer.backend_tokenizer.to_str()
        )
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.limit = int(model.max_seq_length or 256)
        self.dimension = int(model.get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (texts, dimension), in the order of the texts."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        if len(texts) == 1 and self._late:
            return self._read(self._model, texts)[0]
        with self._one_at_a_time:  # the fast tokenizer refuses to be used by two threads at once
            vectors = self._model.encode(
                list(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Unit vectors of texts, (texts, dimension), and of the spans of each, (spans, dimension).

        A span is start and end in its text. Its vector is the mean of its tokens as read within the whole
        text ("late chunking", Günther et al. 2024), or where the model makes a text's vector in another way,
        that of its words alone.
        """
        sizes = [min(self.count_tokens(text), self.limit) for text in texts]
        wholes = np.zeros((len(texts), self.dimension), dtype=np.float32)
        parts = [np.zeros((len(each), self.dimension), dtype=np.float32) for each in spans]
        for batch in _batches(sizes):
            chosen = [texts[at] for at in batch]
            if self._late:
                wholes[batch], tokens = self._read(self._quickest(), chosen)
                for at, read in zip(batch, tokens, strict=True):
                    parts[at][:] = self._pooled(texts[at], spans[at], read[: sizes[at]])
            else:
                wholes[batch] = self._encoded(chosen)
                for at in batch:
                    parts[at][:] = self._encoded([texts[at][start:end] for start, end in spans[at]])
        return wholes, parts

    @property
    def _late(self) -> bool:
        """Whether the vector of a text is the mean of its tokens', and nothing is put before the text."""
        kinds = [type(module).__name__ for module in self._model]
        averaged = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        return averaged and self._model[1].pooling_mode == "mean" and not self._model.default_prompt_name

    def _read(self, model: SentenceTransformer, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """The unit vectors of texts, and for each text those of its tokens, padding included.

        As `encode` does, without what that looks up again at each call.
        """
        import torch

        with self._one_at_a_time, torch.inference_mode():
            read = model.forward(model.preprocess(list(texts)))
        wholes, tokens = (read[key].float().numpy() for key in ("sentence_embedding", "token_embeddings"))
        return _unit(wholes), list(tokens)

    def _pooled(self, text: str, spans: Sequence[Span], tokens: Vectors) -> Vectors:
        """The mean of the tokens that begin in each span; of all where none does."""
        encoding = self._tokenizer.encode(text)
        begins = np.array(encoding.offsets)[: len(tokens), 0]
        real = np.array(encoding.special_tokens_mask)[: len(tokens)] == 0
        held = [real & (begins >= start) & (begins < end) for start, end in spans]
        means = [tokens[chosen if chosen.any() else slice(None)].mean(axis=0) for chosen in held]
        return _unit(np.array(means, dtype=np.float32).reshape(len(spans), self.dimension))

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._one_at_a_time:
            vectors = self._quickest().encode(
                list(texts), convert_to_numpy=False, convert_to_tensor=True, show_progress_bar=False
            )
        return _unit(vectors.float().numpy())

    def _quickest(self) -> SentenceTransformer:
        """The model for many texts: in bfloat16 where the processor counts in it, three times as fast.

        The cosine of the two models' vectors is above .9999; one short text alone is no faster.
        """
        import torch

        if self._quick is None:
            able = torch.cpu.get_capabilities()
            counts = able.get("avx512_bf16") or able.get("amx_bf16")
            self._quick = deepcopy(self._model).bfloat16() if counts else self._model
        return self._quick

    def count_tokens(self, text: str) -> int:
        """Tokens of a text as the model would read it, special tokens included."""
        return len(self._tokenizer.encode(text).ids)


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of texts of so many tokens, in batches of like length, the longest first."""
    batch: list[int] = []
    for at in sorted(range(len(sizes)), key=lambda at: -sizes[at]):
        if batch and sizes[batch[0]] * (len(batch) + 1) > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _unit(vectors: Vectors) -> Vectors:
    """The vectors, each of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def load_embedder(name: str) -> Embedder:
    """The built-in embedder, a folder, or a model in this machine's Hugging Face cache; else ModelError."""
    prepare_process()
    from sentence_transformers import SentenceTransformer

    def make() -> Embedder:
        folder = built_in_folder() if name == BUILT_IN else local_name(name)
        return Embedder(name, SentenceTransformer(folder, local_files_only=True, device="cpu"))

    return load_model(name, "embedder", make)
