"""The report as one page of HTML that needs nothing beside it; every text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from eval.metrics import Place
from eval.report.plots import ruler, trend
from eval.report.wording import NOTHING, by_model, difference, interval, number, worth
from eval.runs.gate import Change, Verdict
from eval.runs.results import HEADLINE, Failure, Results, by_document, by_kind, failures, mean_of
from eval.scores.cases import Case, Passage
from eval.scores.citing import stands
from eval.scores.measures import FAITHFULNESS

if TYPE_CHECKING:
    from eval.judge.trials import Trial

STYLE = Path(__file__).with_name("page.css")
TRIED = ("Set", "Figure", "Value", "95 %", "Of", "Scored", "Failed", "Abstained")
BROKEN_DOWN = ("answer accuracy", "citation right", "citation precision", FAITHFULNESS, "hit@1", "MRR")


def page(results: Results) -> str:
    """The whole report."""
    title = f"Pilcrow, nightly evaluation of {results.started:%Y-%m-%d}"
    failed = failures(results.cases, results.scores)
    body = [
        f"<h1>{escape(title)}</h1>",
        _about(results),
        _verdict(results),
        _tiles(results),
        "<h2>Every metric</h2>",
        _metrics(results),
        "<h2>What the judge is worth</h2>",
        _trials(results),
        "<h2>Trend</h2>",
        _trends(results),
        "<h2>By kind of question</h2>",
        _breakdown("Kind", by_kind(results.cases), results),
        "<h2>By document</h2>",
        _breakdown("Document", by_document(results.cases), results),
        f"<h2>What did not go well ({len(failed)} of {len(results.cases)})</h2>",
        *(_failure(failure) for failure in failed),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text('utf-8')}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _about(results: Results) -> str:
    taken = f", {results.resumed} of them before it was stopped and went on" if results.resumed else ""
    return (
        f'<p class="quiet">{len(results.cases)} questions ({escape(results.name)}) on {results.documents} '
        f"documents, asked, scored and judged in {results.seconds:.0f} s{taken}. "
        f"Run {escape(results.run)}, begun {results.started:%Y-%m-%d %H:%M} UTC.</p>"
    )


def _verdict(results: Results) -> str:
    bad = bool(results.worse)
    reason = ""
    if results.accepted:
        reason = f"<small>Accepted because: {escape(results.accepted.reason)}</small>"
    return (
        f'<div class="verdict{" bad" if bad else ""}"><b>{"Failed" if bad else "Passed"}.</b> '
        f"{escape(results.verdict)}{reason}</div>"
    )


def _tiles(results: Results) -> str:
    tiles = []
    for change in results.changes:
        name = change.measure.name
        if name not in HEADLINE:
            continue
        value = (
            f'<span class="quiet">{escape(name)}</span><strong>{number(change.now.value)}</strong>'
            f"<small>{interval(change.now)}</small><small>{_moved(change)}</small>"
        )
        bad = " bad" if change.bad else ""
        if name == FAITHFULNESS:
            beside = f"<small>{escape(worth(results.trials))}</small>"
            tiles.append(f'<li class="judged{bad}"><div>{value}</div>{beside}</li>')
        else:
            tiles.append(f'<li class="{bad.strip()}">{value}</li>')
    return f'<ul class="tiles">{"".join(tiles)}</ul>'


def _moved(change: Change) -> str:
    """How a metric stands to the accepted run, in a few words."""
    if change.verdict is Verdict.NEW:
        return "not compared"
    return f"change {difference(change.by)}" if change.by.value else "unchanged"


def _metrics(results: Results) -> str:
    head = ("Metric", "Now (95 %)", "From 0 to 1", "Accepted", "Change (95 %)", "Verdict", "Questions")
    rows = []
    for group, changes in groupby(results.changes, key=lambda change: change.measure.group):
        rows.append(f'<tr class="group"><th colspan="{len(head)}" scope="rowgroup">{escape(group)}</th></tr>')
        rows += [_metric(change, results) for change in changes]
    note = "Tick: the accepted run. A metric fell if the 95 % of its change (paired bootstrap) lies below 0."
    return f'{_table(head, rows)}<p class="quiet">{note}</p>'


def _metric(change: Change, results: Results) -> str:
    measure = change.measure
    less = " Less is better." if measure.lower else ""
    beside = f"<small>{escape(worth(results.trials))}</small>" if measure.name == FAITHFULNESS else ""
    word = {Verdict.SAME: "same", Verdict.NEW: "new"}.get(change.verdict, "bad" if change.bad else "rose")
    return (
        f'<tr{" class=bad" if change.bad else ""}><th scope="row">{escape(measure.name)}'
        f"<small>{escape(measure.meaning)}.{less}</small>{beside}</th>"
        f"<td><b>{number(change.now.value)}</b><small>{interval(change.now)}</small></td>"
        f"<td>{ruler(change.now, change.then.value)}</td><td>{number(change.then.value)}</td>"
        f"<td><b>{number(change.by.value, signed=True)}</b>"
        f"<small>{interval(change.by, signed=True)}</small></td>"
        f'<td><span class="word {word}">{escape(change.verdict)}</span></td>'
        f"<td>{change.scored}{_left_out(change, len(results.cases))}</td></tr>"
    )


def _left_out(change: Change, asked: int) -> str:
    """How many questions failed, which no mean counts, and how many the metric is not of."""
    other = asked - change.scored - change.failed
    return f"<small>{change.failed} failed</small>" + (
        f"<small>{other} of other kinds</small>" if other else ""
    )


def _trials(results: Results) -> str:
    said = "The local judge says how faithful an answer is, and whether a citation bears out its statement."
    parts = [f"<p>{said}</p>", _table(TRIED, [row for trial in results.trials for row in _trial(trial)])]
    if results.model:
        parts.append(f"<p>{escape(by_model(results.model))}</p>")
        parts.append(_table(TRIED, [row for trial in results.model.trials for row in _trial(trial)]))
    return "".join(parts)


def _trial(trial: Trial) -> Iterator[str]:
    note = f"<small>{escape(trial.note)}</small>" if trial.note else ""
    for at, (name, figure) in enumerate(trial.figures.items()):
        first = f"{escape(trial.name)}{note}" if at == 0 else ""
        cells = (escape(name), number(figure.value), interval(figure) or NOTHING, str(figure.count))
        tail = (trial.scored, trial.failed, trial.abstained) if at == 0 else ("", "", "")
        yield f"<tr><td>{first}</td>{''.join(f'<td>{cell}</td>' for cell in (*cells, *tail))}</tr>"


def _trends(results: Results) -> str:
    then = {change.measure.name: change.then.value for change in results.changes}
    drawn = [(name, trend(name, results.earlier, then[name])) for name in then]
    figures = "".join(
        f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>" for name, svg in drawn if svg
    )
    runs = "1 run" if len(results.earlier) == 1 else f"{len(results.earlier)} runs"
    note = f"{runs} of these questions. Dashed: the accepted run. Shaded: 95 %. Axes do not all begin at 0."
    return f'<p class="quiet">{note}</p><div class="trends">{figures}</div>'


def _breakdown(head: str, groups: Mapping[str, Sequence[Case]], results: Results) -> str:
    rows = []
    for name, cases in groups.items():
        abstained = sum(not case.answered for case in cases)
        cells = [number(mean_of(cases, results.scores.get(metric, {}))[0]) for metric in BROKEN_DOWN]
        told = "".join(f"<td>{cell}</td>" for cell in (len(cases), abstained, *cells))
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{told}</tr>')
    return _table((head, "Questions", "Abstained", *BROKEN_DOWN), rows)


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    whole = f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" tabindex="0">{whole}</div>'


def _failure(failure: Failure) -> str:
    case, row = failure.case, failure.case.row
    before = "".join(f"<dd><q>{escape(turn.question)}</q> {escape(turn.answer)}</dd>" for turn in row.history)
    parts = [f"<dt>Asked before</dt>{before}"] if before else []
    parts.append(
        f"<dt>{'Abstained' if not case.answered else 'Answer'}</dt><dd>{escape(case.answer.text)}</dd>"
    )
    if row.answerable:
        accepted = " · ".join(row.accepted) or " and ".join(row.accepted_all)
        parts.append(
            f"<dt>Reference</dt><dd>{escape(row.reference)}<small>accepted: {escape(accepted)}</small></dd>"
        )
    if case.answer.citations:
        parts.append("<dt>Citations</dt>" + "".join(_citations(case)))
    if row.gold:
        gold = "".join(f"<dd>{_paragraph(place, case.passages.get(place))}</dd>" for place in row.gold)
        parts.append(f"<dt>Where it stands</dt>{gold}")
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in failure.reasons)
    return (
        f'<article id="{escape(row.id)}"><header><h3>{escape(row.question)}</h3>'
        f'<span class="quiet">{escape(row.id)}, {escape(row.kind)}</span></header>'
        f'<ul class="why">{reasons}</ul><dl>{"".join(parts)}</dl></article>'
    )


def _citations(case: Case) -> Iterator[str]:
    for cited in case.answer.citations:
        place, passage = (cited.source, cited.paragraph), case.passage(cited)
        if passage and stands(case, cited):
            text = passage.text
            told = (
                f"{escape(text[: cited.start])}<mark>{escape(cited.quote)}</mark>{escape(text[cited.end :])}"
            )
            yield f"<dd>[{cited.number}] {_name(place)}{told}</dd>"
        else:
            claimed = f"<q>{escape(cited.quote)}</q>, said to stand in {_paragraph(place, passage)}"
            yield f"<dd>[{cited.number}] {claimed}</dd>"


def _paragraph(place: Place, passage: Passage | None) -> str:
    if passage is None:
        return f"{_name(place)}There is no such paragraph."
    return f"{_name(place)}{escape(passage.text)}"


def _name(place: Place) -> str:
    source, paragraph = place
    return f'<span class="quiet">{escape(source)} ¶{paragraph}</span>\n'
