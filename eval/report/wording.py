"""The words of the reports: figures, intervals, changes, the judge, and a language model's answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from eval.metrics import Figure
from eval.runs.results import Results, mean_of
from eval.runs.written import ModelJudge, Written, count_statements
from eval.scores.cases import Case

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


def judging(results: Results) -> str:
    """Return who judges faithfulness, how reliable that is, and what an LLM says, if one judged too."""
    return f"Faithfulness is judged without a language model. {reliability(results)}{_by_llm(results.judged)}"


def reliability(results: Results) -> str:
    """Return how reliable the local judge is, in one sentence."""
    if not results.agreement:
        return "The local judge's reliability was not measured."
    figures = [
        f"{name} {number(figure.value)} ({interval(figure)})" for name, figure in results.agreement.items()
    ]
    count = max(figure.count for figure in results.agreement.values())
    return (
        f"The local judge and people on {count} claims of WiCE: {', '.join(figures)}. "
        "Its points were fitted to these claims."
    )


def _by_llm(judged: ModelJudge | None) -> str:
    if judged is None:
        return ""
    mean = f" By {judged.name} (RAGAS), on a fixed sample: {number(judged.faithfulness.value)}"
    mean += f" ({interval(judged.faithfulness)})" if judged.scored else ""
    return (
        f"{mean}; {judged.scored} scored, {judged.failed} failed, {judged.abstained} with nothing to judge."
    )


def statements(cases: Sequence[Case]) -> str:
    """Return how many statements the answers have, by status."""
    found = count_statements(cases)
    return (
        f"Statements: {found.all}, of which {found.quoted} quoted, {found.supported} supported, "
        f"{found.unconfirmed} unconfirmed; {found.left_out} sentences left out."
    )


def about_model(written: Written) -> list[str]:
    """Return the grade of the verifier, and what the model did not answer, a sentence each."""
    lines = [f"Verifier: {written.exam.words if written.exam else written.no_exam}."]
    if written.failed:
        why = next(iter(written.failed.values()))
        lines.append(f"{written.name} did not answer {len(written.failed)} of the questions: {why}")
    return [f"{line.rstrip('.')}." for line in lines]


def side_by_side(results: Results, written: Written) -> list[tuple[str, ...]]:
    """Return a row for each measure: extractive, by the model, the change, and the questions behind it."""
    rows: list[tuple[str, ...]] = [
        (
            change.measure.name,
            number(change.then.value),
            f"{number(change.now.value)} ({interval(change.now)})" if change.scored else NOTHING,
            difference(change.by),
            str(change.scored),
        )
        for change in written.changes
    ]
    if results.judged and written.judged:
        both = [results.judged, written.judged]
        cells = [f"{number(one.faithfulness.value)}, n {one.scored}" for one in both]
        rows.append((f"faithfulness, by {written.judged.name} (RAGAS)", *cells, "", ""))
    asked = {case.question.id for case in written.cases}
    before = count_statements([case for case in results.cases if case.question.id in asked])
    after = count_statements(written.cases)
    for name in ("quoted", "supported", "unconfirmed", "left_out"):
        label = "sentences left out" if name == "left_out" else f"statements {name}"
        rows.append((label, str(getattr(before, name)), str(getattr(after, name)), "", ""))
    rows.append(("seconds for an answer (median)", f"{before.seconds:.2f}", f"{after.seconds:.2f}", "", ""))
    return rows


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
