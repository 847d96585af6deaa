"""The report as one HTML page that loads nothing else; the template escapes every text."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.report import wording
from eval.report.plots import ruler, trend
from eval.runs.gate import Change, Verdict
from eval.runs.results import HEADLINE, Results, by_document, by_kind, failures
from eval.scores.citing import is_exact
from eval.scores.measures import FAITHFULNESS

FOLDER = Path(__file__).parent
BROKEN_DOWN = ("answer accuracy", "citation right", "citation precision", FAITHFULNESS, "hit@1", "MRR")


def page(results: Results) -> str:
    """Return the whole report as HTML."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "interval": wording.interval}
    changes = results.changes
    return environment.get_template("page.html").render(
        results=results,
        title=f"Pilcrow, nightly evaluation of {results.started:%Y-%m-%d}",
        failed=failures(results.cases, results.scores),
        tiles=[change for change in changes if change.measure.name in HEADLINE],
        groups=[(name, list(each)) for name, each in groupby(changes, key=lambda item: item.measure.group)],
        trends=[
            (item.measure.name, trend(item.measure.name, results.earlier, item.then.value))
            for item in changes
        ],
        breakdowns={
            head: wording.breakdown(by_group, results, BROKEN_DOWN)
            for head, by_group in (("Kind", by_kind(results.cases)), ("Document", by_document(results.cases)))
        },
        broken_down=BROKEN_DOWN,
        faithfulness=FAITHFULNESS,
        reliability=wording.reliability(results),
        judging=wording.judging(results),
        statements=wording.statements(results.cases),
        both_modes=wording.side_by_side(results, results.written) if results.written else [],
        about_model=wording.about_model(results.written) if results.written else [],
        change_in_words=_change_in_words,
        css_class=_css_class,
        ruler=ruler,
        is_exact=is_exact,
    )


def _change_in_words(change: Change) -> str:
    if change.verdict is Verdict.NEW:
        return "not compared"
    return f"change {wording.difference(change.by)}" if change.by.value else "unchanged"


def _css_class(change: Change) -> str:
    plain = {Verdict.SAME: "same", Verdict.NEW: "new"}
    return plain.get(change.verdict, "bad" if change.bad else "rose")
