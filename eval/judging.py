"""The faithfulness of answers, by the judge of one's choice, and what that judge is itself worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eval.metrics import Figure

if TYPE_CHECKING:
    from ragas.metrics.collections import Faithfulness


@dataclass(frozen=True, slots=True)
class Said:
    """One answer to be judged: its text, marks such as [1] and all, and the paragraphs that it cites."""

    id: str
    question: str
    answer: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The share of an answer's statements that its paragraphs support, 0 to 1; else None and the reason.

    `failed`: a score should have come and did not; else None says that there was nothing to judge.
    `statements`: each with the probability that it is supported, where the judge tells it.
    """

    id: str
    score: float | None
    reason: str = ""
    failed: bool = False
    statements: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What the judge is worth on one set of claims of which it is known whether they are supported.

    `figures` by name: balanced accuracy and AUC on a public set; on planted faults detection, also of each
    kind, and false alarms. `scored`, `failed`, `abstained`: how many claims.
    """

    name: str
    figures: Mapping[str, Figure]
    scored: int
    failed: int
    abstained: int
    note: str = ""


def faithfulness(rows: Sequence[Said], judge: Faithfulness | None = None) -> tuple[Judged, ...]:
    """Judges each answer, one at a time, in order; without a judge by the local one.

    With an LLM it is `judge_llm.judge(...)`.
    """
    raise NotImplementedError


def mean(judged: Sequence[Judged]) -> tuple[Figure, int, int]:
    """The mean score of those scored, with its interval; how many failed; on how many it abstained."""
    raise NotImplementedError


def judge_the_judge(
    data: Path | None,
    answers: Mapping[str, Sequence[Said]],
    judge: Faithfulness | None = None,
    sample: int | None = None,
) -> tuple[Trial, ...]:
    """Tries the judge on the public sets below `data`, where there, and on faults planted in right answers.

    `answers`: under a name each, sets of right answers, such as those of the run and the reference answers.
    `sample`: so many claims of each set, always the same ones, for a judge that is slow.
    """
    raise NotImplementedError
