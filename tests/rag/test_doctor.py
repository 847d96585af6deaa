"""What doctor says of the embedder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from rag import Assistant
from rag.doctor import better_embedder, examine
from rag.models.local import BUILT_IN, MULTILINGUAL, MULTILINGUAL_PACKAGE


@pytest.mark.parametrize(
    ("languages", "embedder", "advised"),
    [
        (["en"], BUILT_IN, False),
        (["en"] * 19 + ["de"], BUILT_IN, False),
        (["ru"], BUILT_IN, True),
        (["ru"], MULTILINGUAL, False),
        ([], BUILT_IN, False),
    ],
)
def test_other_languages_are_a_reason_for_the_multilingual_embedder(
    languages: list[str], embedder: str, advised: bool
) -> None:
    advice = better_embedder(languages, embedder)
    assert bool(advice) is advised
    assert not advised or 'pip install "pilcrow[multilingual]"' in advice


def test_advice_names_the_languages_the_commonest_first() -> None:
    advice = better_embedder(["en", "en", "fr", "de", "de"], BUILT_IN)
    assert advice.startswith("embedder: 60% of the documents are not in English (de, fr);")


def test_the_languages_of_the_documents_are_told(tmp_path: Path) -> None:
    (tmp_path / "hausordnung.md").write_text("# Hausordnung\n\nDie Ruhezeit beginnt um 22 Uhr.\n")
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.ingest([tmp_path / "hausordnung.md"])
    assert any("not in English (de)" in line for line, _ in examine(tmp_path / "index"))


@pytest.mark.skipif(find_spec(MULTILINGUAL_PACKAGE) is None, reason="an optional package")
def test_weights_of_the_multilingual_embedder_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILCROW_EMBEDDER", MULTILINGUAL)
    assert ("embedder: multilingual, weights verified", True) in list(examine(tmp_path / "index"))
