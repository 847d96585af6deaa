"""Known families of embedders: each gets the prompts that it was trained with, its own before all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,
    Gemma3TextConfig,
    Gemma3TextModel,
    ModernBertConfig,
    ModernBertModel,
    Qwen3Config,
    Qwen3Model,
)

from rag.models.embedder import load_embedder
from rag.models.families import Prompts, prompts_of
from rag.models.local import check_weights

SIZE = 16
SHAPE: dict[str, Any] = {"hidden_size": SIZE, "num_hidden_layers": 1, "intermediate_size": SIZE}
HEADS: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery"


def bert(words: int) -> BertModel:
    return BertModel(
        BertConfig(**SHAPE, num_attention_heads=2, vocab_size=words, max_position_embeddings=128)
    )


def modern_bert(words: int) -> ModernBertModel:
    ids = {
        "pad_token_id": 0,
        "cls_token_id": 101,
        "sep_token_id": 102,
        "bos_token_id": 101,
        "eos_token_id": 102,
    }
    return ModernBertModel(ModernBertConfig(**SHAPE, num_attention_heads=2, vocab_size=words, **ids))


def qwen(words: int) -> Qwen3Model:
    return Qwen3Model(Qwen3Config(**SHAPE, **HEADS, vocab_size=words))


def gemma(words: int) -> Gemma3TextModel:
    ids = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102}
    return Gemma3TextModel(Gemma3TextConfig(**SHAPE, **HEADS, vocab_size=words, **ids))


# Name, architecture, pooling, whether a layer follows, own prompts; the text before a question, a passage.
FAMILIES = {
    "e5": ("intfloat/multilingual-e5-small", bert, "mean", False, {}, "query: ", "passage: "),
    "e5-instruct": ("intfloat/multilingual-e5-large-instruct", bert, "mean", False, {}, f"{SEARCH}: ", ""),
    "bge": (
        "BAAI/bge-small-en-v1.5",
        bert,
        "cls",
        False,
        {},
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    "bge-m3": ("BAAI/bge-m3", bert, "cls", False, {}, "", ""),
    "gte": ("thenlper/gte-small", bert, "mean", False, {}, "", ""),
    "gte-modern": ("Alibaba-NLP/gte-modernbert-base", modern_bert, "cls", False, {}, "", ""),
    "qwen": ("Qwen/Qwen3-Embedding-0.6B", qwen, "lasttoken", False, {}, f"{SEARCH}:", ""),
    "gemma": (
        "google/embeddinggemma-300m",
        gemma,
        "mean",
        True,
        {},
        "task: search result | query: ",
        "title: none | text: ",
    ),
    "own": ("someone/e5-of-ours", bert, "mean", False, {"query": "Q: ", "document": "P: "}, "Q: ", "P: "),
}


def save(folder: Path, make: Callable[[int], Any], pooling: Any, more: bool, prompts: dict[str, str]) -> Path:
    """Save a model of one small layer with random weights."""
    torch.manual_seed(0)
    tokenizer = BertTokenizerFast.from_pretrained(check_weights().parent)
    make(len(tokenizer)).save_pretrained(folder / "bare")
    tokenizer.save_pretrained(folder / "bare")
    modules = [Transformer(str(folder / "bare"), max_seq_length=128), Pooling(SIZE, pooling)]
    modules += [Dense(SIZE, SIZE), Normalize()] if more else []
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_named_model_reads_the_prompts_of_its_family(family: str, tmp_path: Path) -> None:
    name, make, pooling, more, prompts, query, passage = FAMILIES[family]
    folder = save(tmp_path / name, make, pooling, more, prompts)
    embedder, bare = load_embedder(str(folder)), SentenceTransformer(str(folder), device="cpu")
    question, text = "Who was the skipper?", "The cutter left Urk. Her skipper was Jacob Hakvoort."

    def plain(prompt: str, *texts: str) -> Any:
        return bare.encode([prompt + each for each in texts], prompt="", normalize_embeddings=True)

    assert embedder.embed([question]) == pytest.approx(plain(query, question), abs=1e-4)
    assert embedder.embed([question, text]) == pytest.approx(plain(query, question, text), abs=1e-4)
    [whole], [parts] = embedder.embed_parts([text], [[(0, 20), (21, len(text))]])
    assert whole @ plain(passage, text)[0] > 0.999
    assert np.linalg.norm(parts, axis=1) == pytest.approx(1, abs=1e-4)
    assert embedder.limit == 128 - (len(bare.tokenizer(passage)["input_ids"]) - 2)
    if pooling != "mean" or more:
        assert parts @ plain(passage, text[:20])[0] == pytest.approx([1, parts[0] @ parts[1]], abs=0.01)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", ""),
        ("/models/e5-base-v2", "query: "),
        ("/home/me/gte5-small", ""),
        ("BAAI/bge-large-zh-v1.5", "为这个句子生成表示以用于检索相关文章："),
    ],
)
def test_family_is_read_from_the_name(name: str, query: str) -> None:
    assert prompts_of(name, {"query": "", "document": ""}).query == query


def test_prompt_for_all_texts_stays() -> None:
    assert prompts_of("some/model", {"sts": "Compare: "}, "Compare: ") == Prompts("Compare: ", "Compare: ")
