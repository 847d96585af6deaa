"""Lies that a language model tells are caught; honest paraphrases pass."""

import pytest

from rag.grounding import grounded
from rag.models import Embedder
from rag.types import Evidence

PARAGRAPH = (
    "More than 9,000 men were sent home from Rostov. The prosecutor, Igor Krasnov, said so on Tuesday. "
    "He did not give their names."
)
EVIDENCE = Evidence(3, "a.txt", 7, PARAGRAPH)


def test_what_the_paragraph_says_is_supported_by_it(embedder: Embedder) -> None:
    checked = grounded("More than 9,000 men were sent home from Rostov.", [EVIDENCE], embedder.embed)
    assert checked.supported
    assert checked.by == (3,)
    assert checked.faults == ()


@pytest.mark.parametrize(
    "lie",
    ["More than 8,000 men were sent home from Rostov.", "More than 9,000 men were sent home from Kursk."],
)
def test_a_lie_is_caught_and_named(lie: str, embedder: Embedder) -> None:
    checked = grounded(lie, [EVIDENCE], embedder.embed)
    assert not checked.supported
    assert checked.faults
