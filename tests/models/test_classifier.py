"""Verifiers by name: tiny models of the known architectures, with random weights, built here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertTokenizerFast,
)

from rag import Assistant, Settings
from rag.errors import ModelError
from rag.models.classifier import load_classifier

PAIRS = [
    ("the ferry carries 80 cars .", "the ferry to the island carries 80 cars . it sails at 7 ."),
    ("the ferry carries cows .", "the ferry to the island carries 80 cars . it sails at 7 . " * 60),
]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(" ".join(map(" ".join, PAIRS)).split()))]


def build(folder: Path, kind: type[Any] = BertForSequenceClassification, **options: Any) -> Path:
    """A tiny BERT with random weights, saved in a folder."""
    torch.manual_seed(3)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(WORDS), max_position_embeddings=128, **shape, **options)
    kind(config).save_pretrained(folder)
    return folder


def labels(*names: str) -> dict[str, Any]:
    return {"id2label": dict(enumerate(names)), "label2id": {name: at for at, name in enumerate(names)}}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("an-nli-model", labels("contradiction", "neutral", "entailment")),
        ("MiniCheck-tiny", {"num_labels": 2}),
        ("FactCG-tiny", {"num_labels": 2}),
        ("a-cross-encoder", {"num_labels": 1}),
    ],
)
def test_a_classifier_gives_each_pair_a_probability(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    verifier = load_classifier(str(build(tmp_path / name, **options)))
    found = verifier.supports(PAIRS)
    assert all(one is not None and 0 < one < 1 for one in found)
    alone = [verifier.supports([pair])[0] for pair in PAIRS]
    assert found == pytest.approx(alone, abs=1e-4)


def test_the_label_of_entailment_is_found_in_any_place(tmp_path: Path) -> None:
    first = load_classifier(str(build(tmp_path / "a", **labels("ENTAILMENT", "other"))))
    last = load_classifier(str(build(tmp_path / "b", **labels("other", "entailment"))))
    one, other = first.supports(PAIRS[:1])[0], last.supports(PAIRS[:1])[0]
    assert one is not None and other is not None
    assert one + other == pytest.approx(1, abs=1e-5)


def test_a_token_classifier_judges_by_the_worst_word_of_the_sentence(tmp_path: Path) -> None:
    verifier = load_classifier(str(build(tmp_path / "lettuce", BertForTokenClassification, num_labels=2)))
    whole, shorter = verifier.supports([PAIRS[0], ("the ferry carries", PAIRS[0][1])])
    assert whole is not None and shorter is not None
    assert 0 < whole < 1


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (labels("red", "green"), "None of the labels"),
        ({"num_labels": 2, "architectures": ["BertModel"]}, "not trained to judge"),
        ({"num_labels": 2, "auto_map": {"AutoConfig": "own.Config"}}, "verifier_code"),
    ],
)
def test_what_cannot_judge_is_refused_with_a_remedy(
    tmp_path: Path, options: dict[str, Any], remedy: str
) -> None:
    folder = build(tmp_path / "model", **labels("red", "green"))
    config = BertConfig.from_pretrained(folder)
    for name, value in options.items():
        setattr(config, name, value)
    config.save_pretrained(folder)
    with pytest.raises(ModelError, match=remedy):
        load_classifier(str(folder))


def test_a_missing_model_is_an_error() -> None:
    with pytest.raises(ModelError, match="verifier"):
        load_classifier("nobody/has-this-model")


def test_a_random_classifier_fails_the_exam(tmp_path: Path) -> None:
    folder = build(tmp_path / "nli", **labels("contradiction", "neutral", "entailment"))
    with Assistant.open(tmp_path / "index", Settings(verifier=str(folder))) as assistant:
        assert not assistant.exam().passed
