"""What doctor says of the embedder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from rag.doctor import better_embedder, examine
from rag.models.local import BUILT_IN, MULTILINGUAL, MULTILINGUAL_PACKAGE


@pytest.mark.parametrize(
    ("shares", "embedder", "advised"),
    [
        ({"en": 1.0}, BUILT_IN, False),
        ({"en": 0.95, "de": 0.05}, BUILT_IN, False),
        ({"en": 0.8, "de": 0.1, "fr": 0.1}, BUILT_IN, True),
        ({"ru": 1.0}, BUILT_IN, True),
        ({"ru": 1.0}, MULTILINGUAL, False),
        ({}, BUILT_IN, False),
    ],
)
def test_other_languages_are_a_reason_for_the_multilingual_embedder(
    shares: dict[str, float], embedder: str, advised: bool
) -> None:
    advice = better_embedder(shares, embedder)
    assert bool(advice) is advised
    assert not advised or 'pip install "pilcrow[multilingual]"' in advice


def test_advice_names_the_languages_the_commonest_first() -> None:
    advice = better_embedder({"en": 0.5, "fr": 0.2, "de": 0.3}, BUILT_IN)
    assert advice.startswith("embedder: 50% of the documents are not in English (de, fr);")


@pytest.mark.skipif(find_spec(MULTILINGUAL_PACKAGE) is None, reason="an optional package")
def test_weights_of_the_multilingual_embedder_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILCROW_EMBEDDER", MULTILINGUAL)
    assert ("embedder: multilingual, weights verified", True) in list(examine(tmp_path / "index"))
