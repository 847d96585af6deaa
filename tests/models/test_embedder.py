"""Embedders and rerankers: the built-in weights, other models, and the errors of unsuitable ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Assistant, Settings
from rag.errors import ModelError
from rag.models.embedder import BUILT_IN_DIMENSION, LIMITS, Embedder, load_embedder
from rag.models.local import BUILT_IN, check_official, check_weights
from rag.models.reranker import load_reranker
from rag.types import Kind

REPORT = """The fishing fleet of Urk

The cutter Zeemeeuw brought home 4,200 kilograms of plaice on 3 May 1962.

Her skipper, Jacob Hakvoort, sold the catch in IJmuiden.

Fog kept the other boats in the harbour.
"""


def save_bert(folder: Path, labels: int | None) -> Path:
    """Save a BERT of one small layer with random weights and, if `labels`, a scoring head."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    tokenizer = BertTokenizerFast.from_pretrained(check_weights().parent)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    shape |= {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "num_labels": labels or 1}
    config = BertConfig(**shape)
    torch.manual_seed(0)
    (BertForSequenceClassification(config) if labels else BertModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def other_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sentence-transformers model with 16 dimensions that reads 64 tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = tmp_path_factory.mktemp("other")
    bert = Transformer(str(save_bert(folder / "bert", labels=None)))
    SentenceTransformer(modules=[bert, Pooling(16)], device="cpu").save(str(folder / "embedder"))
    return folder / "embedder"


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cross-encoder with one label."""
    return save_bert(tmp_path_factory.mktemp("reranker") / "reranker", labels=1)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.txt"
    path.write_text(REPORT, "utf-8")
    return path


def test_damaged_weights_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    damaged = Path(shutil.copyfile(check_weights(), tmp_path / "model.safetensors"))
    with damaged.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\xff")
    with pytest.raises(ModelError, match="pip install --force-reinstall"):
        check_official(damaged)


def test_vectors_have_length_one_and_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = ["A cutter came home.", "The price of plaice fell. " * 200, "", "A boat returned to port."]
    vectors = embedder.embed(texts)
    assert (embedder.dimension, embedder.limit) == (BUILT_IN_DIMENSION, LIMITS[BUILT_IN])
    assert (vectors.shape, vectors.dtype) == ((4, BUILT_IN_DIMENSION), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], embedder.embed(texts[:1])[0], atol=1e-5)
    assert vectors[0] @ vectors[3] > vectors[0] @ vectors[1]
    assert embedder.embed([]).shape == (0, BUILT_IN_DIMENSION)


def test_token_count_includes_special_tokens_and_is_not_truncated(embedder: Embedder) -> None:
    assert embedder.count_tokens("") == 2
    assert embedder.count_tokens("harbour") == 3
    assert embedder.count_tokens("harbour " * 1000) == 1002


def test_another_embedder_works_end_to_end(other_embedder: Path, report: Path, tmp_path: Path) -> None:
    settings = Settings(index=tmp_path / "index", embedder=str(other_embedder))
    with Assistant.open(settings=settings) as assistant:
        assert assistant.ingest(report).added == ("fleet.txt",)
        answer = assistant.ask("Who was the skipper of the cutter?", sources=["fleet.txt"])
        assert {evidence.source for evidence in answer.evidence} == {"fleet.txt"}
        assert assistant.check() == []


def test_question_embeds_only_itself(embedder: Embedder, report: Path, tmp_path: Path) -> None:
    remembering = RememberingEmbedder(embedder)
    with open_assistant(tmp_path / "index", remembering) as assistant:
        assistant.ingest(report)
        remembering.received.clear()
        answer = assistant.ask("Who was the skipper of the cutter Zeemeeuw?")
    assert "Jacob Hakvoort" in answer.text
    assert remembering.received == ["Who was the skipper of the cutter Zeemeeuw?"]


def test_reranker_scores_every_hit(reranker: Path, embedder: Embedder, report: Path, tmp_path: Path) -> None:
    question = "Who was the skipper of the cutter Zeemeeuw?"
    remembering = RememberingEmbedder(embedder)
    with open_assistant(tmp_path / "index", remembering, reranker=str(reranker)) as assistant:
        assistant.ingest(report)
        answer = assistant.ask(question)
    assert "Hakvoort" in answer.text
    hits = [item for item in answer.evidence if item.score > 0 and item.kind is not Kind.HEADING]
    chunks = [f"The fishing fleet of Urk\n{item.text}" for item in hits]
    scores = load_reranker(str(reranker)).scores(question, chunks)
    assert scores == sorted(scores, reverse=True)
    assert [item.score for item in hits] == pytest.approx(scores)


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no such", "./nowhere", "x" * 300])
@pytest.mark.parametrize(("load", "setting"), [(load_embedder, "embedder"), (load_reranker, "reranker")])
def test_missing_model_is_named_with_a_remedy(load: Callable[[str], object], setting: str, name: str) -> None:
    with pytest.raises(
        ModelError, match=f"Can't load the {setting} '{name}' .*Set {setting} to .*or unset it"
    ):
        load(name)


def test_missing_reranker_is_an_error_when_asking(embedder: Embedder, report: Path, tmp_path: Path) -> None:
    with open_assistant(tmp_path / "index", RememberingEmbedder(embedder), reranker="no/where") as assistant:
        assistant.ingest(report)
        with pytest.raises(ModelError, match="Can't load the reranker 'no/where'"):
            assistant.ask("Who was the skipper?")


def test_model_without_one_trained_score_is_not_a_reranker(other_embedder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not trained to score texts"):
        load_reranker(str(other_embedder))
    with pytest.raises(ModelError, match="several scores"):
        load_reranker(str(save_bert(tmp_path / "three", labels=3)))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"garbage" * 1000),
        ("config.json", b"{"),
        ("tokenizer_config.json", b"[]"),
        ("modules.json", b"{"),
        ("1_Pooling/config.json", b"{}"),
    ],
)
def test_damaged_model_is_an_error(other_embedder: Path, tmp_path: Path, file: str, content: bytes) -> None:
    damaged = Path(shutil.copytree(other_embedder, tmp_path / "damaged"))
    (damaged / file).write_bytes(content)
    with pytest.raises(ModelError, match="Can't load the"):
        load_embedder(str(damaged))


PARAGRAPH = "The cutter left Urk at dawn. She carried five men and a dog. Bread cost 40 cents in that year."
SPANS = [(0, 28), (29, 61), (62, 97)]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vector_of_a_sentence_in_its_paragraph_is_close_to_its_own(
    embedder: Embedder, other_embedder: Path, tmp_path: Path, pooling: str
) -> None:
    if pooling == "cls":  # the tokens of such a model mean nothing on their own
        folder = shutil.copytree(other_embedder, tmp_path / "model")
        [config] = folder.glob("*_Pooling/config.json")
        config.write_text(config.read_text().replace('"mean"', '"cls"'))
        embedder = load_embedder(str(folder))
    [whole, again], [parts, none] = embedder.embed_parts([PARAGRAPH, PARAGRAPH], [SPANS, []])
    assert parts.shape == (3, embedder.dimension)
    assert none.shape == (0, embedder.dimension)
    assert np.linalg.norm(parts, axis=1) == pytest.approx(1, abs=1e-5)
    alone = embedder.embed([PARAGRAPH[start:end] for start, end in SPANS])
    assert (parts @ alone.T).argmax(axis=1).tolist() == [0, 1, 2] or pooling == "cls"
    assert parts == pytest.approx(alone, abs=0.05) or pooling == "mean"
    assert whole @ embedder.embed([PARAGRAPH])[0] == pytest.approx(1, abs=2e-3)
    assert again == pytest.approx(whole, abs=1e-6)


def test_many_texts_are_embedded_by_threads_of_one_thread_each(embedder: Embedder) -> None:
    import torch

    texts = [f"Crane {number} lifts {'heavy ' * (number % 40)}crates." for number in range(200)]
    before = torch.get_num_threads()
    wholes, parts = embedder.embed_parts(texts, [[(0, 7)]] * len(texts))
    for at in (0, 39, 199):
        alone, [part] = embedder.embed_parts([texts[at]], [[(0, 7)]])
        assert alone[0] @ wholes[at] > 0.9999
        assert part[0] @ parts[at][0] > 0.9999
    with ThreadPoolExecutor(1) as other:
        counts = [torch.get_num_threads(), other.submit(torch.get_num_threads).result()]
    assert counts == [before, before]
