"""The exam: its claims, the threshold and grade of a verifier, and a real small model, which fails it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest
from llama_server import smollm2

from rag import Assistant, Settings
from rag.verification.exam import PRECISION, Claim, find_threshold, load_claims, measure, sit
from rag.verification.meaning import Remembering


class Knowing:
    """A verifier whose probabilities a test chooses."""

    name = fingerprint = "knowing"

    def __init__(self, known: dict[str, float | None]) -> None:
        self.known = known
        self.asked: list[str] = []

    def supports(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        self.asked += [text for text, _ in pairs]
        return [self.known.get(text) for text, _ in pairs]


def claims(true: int, false: int) -> list[Claim]:
    made = [Claim("yes" + "a" * at, ("a paragraph",), True, 0) for at in range(true)]
    return made + [Claim("no" + "a" * at, ("a paragraph",), False, 0) for at in range(false)]


def test_the_exam_has_many_claims_of_many_domains_and_kinds_of_fault() -> None:
    folder = files("rag.verification").joinpath("claims")
    rows = [json.loads(line) for one in folder.iterdir() for line in one.read_text("utf-8").splitlines()]
    assert len({row["domain"] for row in rows}) >= 6
    assert len(load_claims()) >= 400
    faults = Counter(one["fault"] for row in rows for one in row["false"])
    assert len(faults) >= 15
    assert min(faults.values()) >= 10
    halves = Counter((claim.half, claim.is_true) for claim in load_claims())
    assert min(halves.values()) >= 100


def test_the_threshold_keeps_nearly_all_false_sentences_out() -> None:
    made = claims(100, 100)
    sure = {claim.text: 0.9 - at / 1000 for at, claim in enumerate(made[:100])}
    tempted = {claim.text: 0.2 + at / 300 for at, claim in enumerate(made[100:])}
    judged = [(claim, (sure | tempted)[claim.text]) for claim in made]
    threshold = find_threshold(judged)
    assert threshold is not None
    found = measure(judged, threshold)
    assert found.true_passed == 1.0
    assert 0 < found.false_passed < 0.3
    right, wrong = 0.9 * found.true_passed, 0.1 * found.false_passed
    assert right / (right + wrong) >= PRECISION


def test_a_verifier_that_cannot_tell_has_no_threshold() -> None:
    judged = [(claim, 0.5) for claim in claims(100, 100)]
    assert find_threshold(judged) is None
    assert measure(judged, None).auc == 0.5


def test_a_verifier_that_turns_everything_round_is_stopped_early() -> None:
    verifier = Knowing({claim.text: float(not claim.is_true) for claim in load_claims()})
    grade = sit(verifier)
    assert not grade.passed
    assert len(verifier.asked) < len(load_claims()) / 3


def test_a_pair_is_judged_once_and_a_failed_one_again() -> None:
    verifier = Knowing({"a": 0.5, "b": None})
    remembering = Remembering(verifier)
    pairs = [("a", "x"), ("b", "x"), ("a", "x")]
    assert remembering.supports(pairs) == [0.5, None, 0.5]
    verifier.known["b"] = 0.25
    assert remembering.supports(pairs) == [0.5, 0.25, 0.5]
    assert verifier.asked == ["a", "b", "b"]


@pytest.mark.long
def test_a_model_of_135_million_parameters_fails_and_answers_all_the_same(
    seeds: Path, tmp_path: Path
) -> None:
    settings = Settings(llm=str(smollm2()), llm_context=2048)
    with Assistant.open(tmp_path / "index", settings) as assistant:
        assistant.ingest([seeds])
        assert not assistant.exam().passed
        answer = assistant.ask("How many people may the Russian embassy in Chișinău keep?")
    assert "25" in answer.text
    assert {statement.status for statement in answer.statements} == {"quoted"}
