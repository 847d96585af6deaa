"""The report as Markdown, for a terminal, a message or the summary of a CI job."""

from __future__ import annotations

from collections.abc import Sequence

from eval.report.wording import (
    NOTHING,
    about_model,
    breakdown,
    difference,
    interval,
    judging,
    number,
    side_by_side,
    statements,
)
from eval.runs.results import HEADLINE, Failure, Results, by_document, by_kind, failures
from eval.runs.written import Written
from eval.scores.measures import FAITHFULNESS

BROKEN_DOWN = ("answer accuracy", "citation right", FAITHFULNESS, "hit@1")


def markdown(results: Results) -> str:
    """Return the whole report; text from questions and documents is shown as code, so none is markup."""
    failed = failures(results.cases, results.scores)
    parts = [
        f"# Pilcrow, nightly evaluation of {results.started:%Y-%m-%d %H:%M} UTC",
        f"**{'Failed' if results.worse else 'Passed'}.** {results.verdict}",
        f"{len(results.cases)} questions ({_code(results.name)}) on {results.documents} documents, "
        f"in {results.seconds:.0f} s.",
        _metrics(results),
        _flat(judging(results)),
        *(_both_modes(results, results.written) if results.written else [statements(results.cases)]),
    ]
    for title, groups in (("Kind", by_kind(results.cases)), ("Document", by_document(results.cases))):
        rows = [[_code(name), *cells] for name, *cells in breakdown(groups, results, BROKEN_DOWN)]
        parts += [f"## By {title.lower()}", _table([title, "Questions", "Abstained", *BROKEN_DOWN], rows)]
    parts += [f"## What went wrong: {len(failed)}", *(_failure(failure) for failure in failed)]
    return "\n\n".join(parts) + "\n"


def _metrics(results: Results) -> str:
    rows = []
    for change in results.changes:
        others = len(results.cases) - change.scored - change.failed
        rows.append(
            [
                f"**{change.measure.name}**" if change.measure.name in HEADLINE else change.measure.name,
                number(change.now.value),
                interval(change.now) or NOTHING,
                number(change.then.value),
                difference(change.by),
                f"**{change.verdict}**" if change.bad else change.verdict,
                f"{change.scored} scored, {change.failed} failed, {others} not applicable",
            ]
        )
    return _table(["Metric", "Now", "95 %", "Accepted", "Change (95 %)", "Verdict", "Questions"], rows)


def _both_modes(results: Results, written: Written) -> list[str]:
    head = ["", "Extractive", _code(written.name), "Change (95 %)", "Questions"]
    rows = [[_flat(name), *cells] for name, *cells in side_by_side(results, written)]
    return [
        "## With the language model",
        "The table above is about extractive answers, which the gate compares. Here are both.",
        _table(head, rows),
        *map(_code, about_model(written)),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _failure(failure: Failure) -> str:
    question, answer = failure.case.question, failure.case.answer
    lines = [f"### {_code(question.id)}: {_code('; '.join(failure.reasons))}", f"> {_code(question.text)}"]
    lines.append(f"{'Abstained' if answer.abstained else 'Answer'}: {_code(answer.text)}")
    if question.answerable:
        lines.append(f"Reference: {_code(question.reference)}")
    lines += [f"- [{item.number}] {_code(f'{item.source} ¶{item.paragraph}')}" for item in answer.citations]
    return "\n\n".join(lines)


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "¦")


def _code(text: str) -> str:
    """Return a text as code on one line, so that nothing in it is markup."""
    flat = _flat(text)
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"
