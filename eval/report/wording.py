"""How the reports of the evaluation say things: figures, intervals, counts, and what the judge is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eval.metrics import Figure
from eval.runs.gate import Change

if TYPE_CHECKING:
    from eval.judge.trials import Trial
    from eval.runs.results import ModelJudge

NOTHING = "–"


def number(value: float | None, *, signed: bool = False) -> str:
    """A share, or a change with its sign, with three decimals; a dash for none."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def interval(figure: Figure, *, signed: bool = False) -> str:
    """The middle 95 % of a figure; empty where it has none."""
    if figure.low is None or figure.high is None or math.isnan(figure.value):
        return ""
    return f"{number(figure.low, signed=signed)} to {number(figure.high, signed=signed)}"


def difference(figure: Figure) -> str:
    """A change with its sign and its interval."""
    between = interval(figure, signed=True)
    return number(figure.value, signed=True) + (f" ({between})" if between else "")


def counts(change: Change, asked: int) -> str:
    """How many questions a metric is of, how many of them failed, and to how many it does not apply."""
    left = asked - change.scored - change.failed
    return f"{change.scored} scored, {change.failed} failed, {left} not of this kind"


def by_model(model: ModelJudge) -> str:
    """What an LLM says of faithfulness, with its counts and its worth, in a few sentences."""
    said = f"By {model.name}, of a fixed sample: {number(model.faithfulness.value)}"
    said += f" ({interval(model.faithfulness)})" if model.scored else ""
    said += f"; {model.scored} scored, {model.failed} failed, {model.abstained} with nothing to judge"
    return f"{said}. {worth(model.trials)}"


def worth(trials: Sequence[Trial]) -> str:
    """What the judge is worth, in a sentence that stands beside each of its figures."""
    told = [f"on {trial.name}, {figures}" for trial in trials if (figures := _shown(trial))]
    return f"The judge itself: {'; '.join(told)}." if told else "Nothing is known of what the judge is worth."


def _shown(trial: Trial) -> str:
    """The figures of a trial that tell most, with their intervals."""
    names = [name for name in ("balanced accuracy", "detection", "false alarms") if name in trial.figures]
    told = [f"{name} {number(trial.figures[name].value)} ({interval(trial.figures[name])})" for name in names]
    return f"{', '.join(told)}, n {trial.figures[names[0]].count}" if told else ""
