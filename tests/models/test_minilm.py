"""The built-in embedder's own forward pass for questions, against that of sentence_transformers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models.embedder import BuiltInEmbedder, Embedder
from rag.models.local import built_in_folder

SENTENCES = (
    "Who was the skipper of the cutter Zeemeeuw in the spring of 1962?",
    "Wie heißt der Kapitän? Überraschung: die Straße ist gesperrt.",
    "Où est la clé de l'église, déjà vérifiée à Saint-Étienne ?",
    "Wat kostte een kilo schol op 3 mei?",
    "Кто был капитаном корабля?",
    "東京の港はどこですか。",
    "선장은 누구였습니까?",
    "من كان القبطان؟",
    "नाव का कप्तान कौन था?",
    "Ποιος ήταν ο καπετάνιος;",
    "emoji 🚢, 1,234.56 € — «quoted» E-1042 a\u0000b\u200bc",
    "[CLS] a mark of the model's own [PAD] [MASK]",
    "x" * 300,
)
LENGTHS = (1, 2, 3, 5, 8, 13, 40, 200)


def test_question_has_the_vector_that_sentence_transformers_gives_it(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["", " ", "harbour", *(" ".join([text] * times) for text in SENTENCES for times in LENGTHS)]
    model = SentenceTransformer(built_in_folder(), local_files_only=True, device="cpu")
    expected = np.concatenate([model.encode([text], show_progress_bar=False) for text in texts])
    found = embedder.embed(texts)
    assert len(texts) > 100
    assert isinstance(embedder, BuiltInEmbedder)
    assert embedder.limit == model.max_seq_length
    assert min(one @ other for one, other in zip(found, expected, strict=True)) > 0.99999
    assert found == pytest.approx(expected, abs=1e-5)


def test_cut_weights_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(built_in_folder(), tmp_path / "model"))
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(ModelError, match="pip install --force-reinstall"):
        BuiltInEmbedder(folder).embed(["Who was the skipper?"])
