"""The words of the reports: figures, intervals, changes, and how reliable the judge is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from eval.metrics import Figure
from eval.runs.results import ModelJudge, Results, mean_of
from eval.scores.cases import Case

if TYPE_CHECKING:
    from eval.judge.trials import Trial

NOTHING = "–"


def number(value: float | None, *, signed: bool = False) -> str:
    """Return a share or a signed change with three decimals; a dash for none."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def interval(figure: Figure, *, signed: bool = False) -> str:
    """Return the 95 % interval of a figure; empty if it has none."""
    if figure.low is None or figure.high is None or math.isnan(figure.value):
        return ""
    return f"{number(figure.low, signed=signed)} to {number(figure.high, signed=signed)}"


def difference(figure: Figure) -> str:
    """Return a signed change with its interval."""
    between = interval(figure, signed=True)
    return number(figure.value, signed=True) + (f" ({between})" if between else "")


def by_model(model: ModelJudge) -> str:
    """Return the faithfulness by an LLM, with its counts and reliability."""
    mean = f"By {model.name}, on a fixed sample: {number(model.faithfulness.value)}"
    mean += f" ({interval(model.faithfulness)})" if model.scored else ""
    counts = f"{model.scored} scored, {model.failed} failed, {model.abstained} with nothing to judge"
    return f"{mean}; {counts}. {reliability(model.trials)}"


def reliability(trials: Sequence[Trial]) -> str:
    """Return how reliable the judge is, in one sentence."""
    shown = [f"on {trial.name}, {figures}" for trial in trials if (figures := _main_figures(trial))]
    return (
        f"Reliability of the judge: {'; '.join(shown)}."
        if shown
        else "The judge's reliability was not measured."
    )


def _main_figures(trial: Trial) -> str:
    names = [name for name in ("balanced accuracy", "detection", "false alarms") if name in trial.figures]
    shown = [
        f"{name} {number(trial.figures[name].value)} ({interval(trial.figures[name])})" for name in names
    ]
    return f"{', '.join(shown)}, n {trial.figures[names[0]].count}" if shown else ""


def breakdown(
    groups: Mapping[str, Sequence[Case]], results: Results, metrics: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return a row for each group of cases: its name, questions, abstentions, and the mean of each metric."""
    return [
        (
            name,
            str(len(cases)),
            str(sum(not case.answered for case in cases)),
            *(number(mean_of(cases, results.scores.get(metric, {}))) for metric in metrics),
        )
        for name, cases in groups.items()
    ]
