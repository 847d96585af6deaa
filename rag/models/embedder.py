"""Embedders: the built-in one, the multilingual one, and any sentence-transformers model on this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from threading import Barrier, Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.models.calibration import BUILT_IN_SCALE, Calibration, calibrate
from rag.models.families import Prompts, prompts_of
from rag.models.local import (
    BUILT_IN,
    MULTILINGUAL,
    built_in_folder,
    expand_name,
    load_model,
    multilingual_weights,
    prepare_process,
    translated_damage,
)
from rag.types import Span, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from rag.models.minilm import MiniLM

BUILT_IN_DIMENSION = 384
LIMITS = {BUILT_IN: 256, MULTILINGUAL: 509}  # of those in packages, both of the same dimension
MULTILINGUAL_SCALE = Calibration(4.5, -3.2, across=True)  # as `calibrate` finds it
BATCH_TOKENS = 1024  # larger batches don't fit the processor's cache: 4,096 took 1.4 times as long


class Embedder:
    """A sentence-transformers model that returns unit vectors and reads `limit` tokens of a passage.

    Questions and passages get the prompts that the model was trained with, if any.
    """

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self.name = name
        default = model.prompts.get(model.default_prompt_name or "", "")
        self.prompts = prompts_of(f"{name} {_trained_as(model)}", model.prompts, default)
        self._model = model.eval()
        self._fast_model: SentenceTransformer | None = None
        self._lock = Lock()
        self._tokenizer = _counting(model.tokenizer)
        prompted = self.count_tokens(self.prompts.passage) - self.count_tokens("")
        self._longest = int(model.max_seq_length or 256)
        self.limit = self._longest - prompted
        self.dimension = int(model.get_embedding_dimension() or 0)

    @cached_property
    def calibration(self) -> Calibration:
        """What brings a question's cosines to the scale of the built-in embedder's."""
        if self.name == BUILT_IN:
            return BUILT_IN_SCALE
        return MULTILINGUAL_SCALE if self.name == MULTILINGUAL else calibrate(self.embed, self._passages)

    def embed(self, questions: Sequence[str]) -> Vectors:
        """Return the unit vectors of questions, float32, shape (questions, dimension), in their order."""
        if len(questions) == 1 and self._pools_mean:
            return self._forward(self._model, [self.prompts.query + questions[0]])[0]
        return self._encode(self._model, questions, self.prompts.query)

    def _passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self._model, texts, self.prompts.passage)

    def embed_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """Return the unit vectors of passages, (texts, dimension), and of their spans, (spans, dimension).

        A span is a start and end in its text. Its vector is the mean of its tokens, embedded as part of the
        whole text ("late chunking", Günther et al. 2024). A model that does not pool by the mean embeds each
        span on its own.
        """
        prompt = self.prompts.passage
        sizes = [min(self.count_tokens(prompt + text), self._longest) for text in texts]
        wholes = np.zeros((len(texts), self.dimension), dtype=np.float32)
        parts = [np.zeros((len(each), self.dimension), dtype=np.float32) for each in spans]
        model, pools_mean = self._model_for_many(), self._pools_mean

        def embed(batch: list[int]) -> None:
            chosen = [texts[at] for at in batch]
            if pools_mean:
                wholes[batch], tokens = self._forward(model, [prompt + text for text in chosen])
                for at, vectors in zip(batch, tokens, strict=True):
                    parts[at][:] = self._pool_spans(texts[at], spans[at], vectors[: sizes[at]])
            else:
                wholes[batch] = self._encode(model, chosen, prompt)
                for at in batch:
                    alone = [texts[at][start:end] for start, end in spans[at]]
                    parts[at][:] = self._encode(model, alone, prompt)

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
        """Whether a text's vector is the mean of its tokens' vectors, its prompt's included."""
        kinds = [type(module).__name__ for module in self._model]
        if kinds[1:] not in (["Pooling"], ["Pooling", "Normalize"]):
            return False
        return self._model[1].pooling_mode == "mean" and bool(self._model[1].include_prompt)

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
        prompt = self.prompts.passage
        encoding = self._tokenizer.encode(prompt + text)
        starts = np.array(encoding.offsets)[: len(tokens), 0] - len(prompt)
        is_word = np.array(encoding.special_tokens_mask)[: len(tokens)] == 0
        inside = [is_word & (starts >= start) & (starts < end) for start, end in spans]
        means = [tokens[chosen if chosen.any() else slice(None)].mean(axis=0) for chosen in inside]
        return _unit(np.array(means, dtype=np.float32).reshape(len(spans), self.dimension))

    def _encode(self, model: SentenceTransformer, texts: Sequence[str], prompt: str) -> Vectors:
        """Return the unit vectors of texts with the library's own pooling."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._lock:
            vectors = model.encode(
                list(texts),
                prompt=prompt,
                convert_to_numpy=False,
                convert_to_tensor=True,
                show_progress_bar=False,
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
        return len(self._tokenizer.encode(text))


class BuiltInEmbedder(Embedder):
    """Reads questions without sentence_transformers, which it loads when the first passages come."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.name, self.prompts, self.dimension = BUILT_IN, Prompts(), BUILT_IN_DIMENSION
        self.limit = self._longest = LIMITS[BUILT_IN]
        self._folder, self._fast_model, self._lock = folder, None, Lock()
        self._tokenizer = _unlimited(Tokenizer.from_file(str(folder / "tokenizer.json")))

    @cached_property
    def _model(self) -> SentenceTransformer:  # type: ignore[override]
        from sentence_transformers import SentenceTransformer

        def load() -> SentenceTransformer:
            return SentenceTransformer(str(self._folder), local_files_only=True, device="cpu").eval()

        return load_model(BUILT_IN, "embedder", load)

    @cached_property
    def _reader(self) -> MiniLM:
        from rag.models.minilm import MiniLM

        with translated_damage(BUILT_IN, "embedder"):
            return MiniLM(self._folder / "model.safetensors")

    def embed(self, questions: Sequence[str]) -> Vectors:
        """Return the unit vectors of questions, float32, shape (questions, dimension), in their order."""
        read = [self._tokenizer.encode(question).ids for question in questions]
        cut = [ids if len(ids) <= self.limit else [*ids[: self.limit - 1], ids[-1]] for ids in read]
        with self._lock:
            vectors = [self._reader.embed(ids) for ids in cut]
        return _unit(np.array(vectors, dtype=np.float32).reshape(len(questions), self.dimension))


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


def fingerprint(name: str, embedder: Embedder | None) -> str:
    """Return what a document's vectors depend on: the embedder, its prompt (fixed in a package), our code."""
    prompt = embedder.prompts.passage if embedder and name not in LIMITS else ""
    return f"{name}/4{prompt and f' {prompt!r}'}"


def _counting(tokenizer: Tokenizer | PreTrainedTokenizerFast) -> Tokenizer:
    """Return a tokenizer that neither pads nor cuts; a copy, so that counting never waits for the model."""
    from tokenizers import Tokenizer

    if isinstance(tokenizer, Tokenizer):  # the multilingual embedder's, which does neither
        return tokenizer
    return _unlimited(deepcopy(tokenizer.backend_tokenizer))


def _unlimited(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _trained_as(model: SentenceTransformer) -> str:
    """Return the name that a model's files give it, or ""."""
    return str(getattr(getattr(model.transformers_model, "config", None), "_name_or_path", ""))


def load_embedder(name: str) -> Embedder:
    """Load an embedder from its package, a folder, or the local Hugging Face cache; else ModelError."""
    prepare_process()
    if name == BUILT_IN:
        with translated_damage(name, "embedder"):
            return BuiltInEmbedder(Path(built_in_folder()))
    from sentence_transformers import SentenceTransformer

    def load() -> Embedder:
        if name == MULTILINGUAL:
            from rag.models.multilingual import load

            return Embedder(name, load(multilingual_weights()))
        return Embedder(name, SentenceTransformer(expand_name(name), local_files_only=True, device="cpu"))

    return load_model(name, "embedder", load)
