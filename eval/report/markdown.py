"""The report as Markdown, for a terminal, a message, or the summary of a CI job."""

from __future__ import annotations

from collections.abc import Sequence

from eval.report.wording import NOTHING, by_model, counts, difference, interval, number, worth
from eval.runs.gate import Change
from eval.runs.results import HEADLINE, Failure, Results, by_document, by_kind, failures, mean_of
from eval.scores.cases import Case
from eval.scores.measures import FAITHFULNESS


def written(results: Results) -> str:
    """The whole report; what comes from documents stands in code, so that nothing in it is markup."""
    failed = failures(results.cases, results.scores)
    parts = [
        f"# Pilcrow, nightly evaluation of {results.started:%Y-%m-%d %H:%M} UTC",
        f"**{'Failed' if results.worse else 'Passed'}.** {results.verdict}",
        f"{len(results.cases)} questions ({_cell(results.name)}) on {results.documents} documents, "
        f"in {results.seconds:.0f} s.",
        _metrics(results.changes, len(results.cases)),
        f"Faithfulness is judged by the local judge. {worth(results.trials)}",
        *([_flat(by_model(results.model))] if results.model else []),
        "## By kind",
        _breakdown("Kind", by_kind(results.cases), results),
        "## By document",
        _breakdown("Document", by_document(results.cases), results),
        f"## What did not go well: {len(failed)}",
        *(_failure(failure) for failure in failed),
    ]
    return "\n\n".join(parts) + "\n"


def _metrics(changes: Sequence[Change], asked: int) -> str:
    rows = [
        [
            f"**{change.measure.name}**" if change.measure.name in HEADLINE else change.measure.name,
            number(change.now.value),
            interval(change.now) or NOTHING,
            number(change.then.value),
            difference(change.by),
            f"**{change.verdict}**" if change.bad else change.verdict,
            counts(change, asked),
        ]
        for change in changes
    ]
    return _table(["Metric", "Now", "95 %", "Accepted", "Change (95 %)", "Verdict", "Questions"], rows)


def _breakdown(head: str, groups: dict[str, list[Case]], results: Results) -> str:
    names = ("answer accuracy", "citation right", FAITHFULNESS, "hit@1")
    rows = [
        [
            _cell(name),
            str(len(cases)),
            str(sum(not case.answered for case in cases)),
            *(number(mean_of(cases, results.scores.get(metric, {}))[0]) for metric in names),
        ]
        for name, cases in groups.items()
    ]
    return _table([head, "Questions", "Abstained", *names], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _failure(failure: Failure) -> str:
    row, answer = failure.case.row, failure.case.answer
    lines = [f"### {_cell(row.id)}: {_cell('; '.join(failure.reasons))}", f"> {_cell(row.question)}"]
    lines.append(f"{'Abstained' if answer.abstained else 'Answer'}: {_cell(answer.text)}")
    if row.answerable:
        lines.append(f"Reference: {_cell(row.reference)}")
    lines += [f"- [{item.number}] {_cell(f'{item.source} ¶{item.paragraph}')}" for item in answer.citations]
    return "\n\n".join(lines)


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "¦")


def _cell(text: str) -> str:
    """A text of a question, answer or document as code on one line, so that nothing in it is markup."""
    flat = _flat(text)
    fence = "``" if "`" in flat else "`"
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"
