"""All that one run found, for whoever writes or reads it; and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eval.metrics import Figure
from eval.questions.rows import FILE as OWN
from eval.runs.gate import Change
from eval.runs.history import Accepted, Entry, read_scores, replace, write_accepted, written_scores
from eval.scores.cases import Case
from eval.scores.measures import FAITHFULNESS, Score, Scores
from rag import PilcrowError

if TYPE_CHECKING:
    from eval.judge.trials import Trial

FILE = "report.json"
PARTLY = {  # metrics that are 1 where all is well, and what is told where they are less
    "citation recall": "a statement is not borne out by what it cites",
    "citation precision": "a citation does not bear out its statement, or is not needed for it",
    "quote exactness": "a quote is not what stands in the paragraph cited",
    FAITHFULNESS: "the judge does not find every statement in the cited paragraphs",
}
HEADLINE = ("answer accuracy", "citation right", FAITHFULNESS, "abstention recall", "hit@1")


@dataclass(frozen=True, slots=True)
class ModelJudge:
    """Faithfulness by an LLM, of a fixed sample of the answers; it stands beside the local judge's, ungated.

    `scored`, `failed`, `abstained`: how many answers. `trials`: what this judge is itself worth.
    """

    name: str
    faithfulness: Figure
    scored: int
    failed: int
    abstained: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """One run, whole. `rows`: how many the file of questions has, of which those of `cases` were asked.

    `resumed`: how many answers were taken over from a run that was killed; `seconds` are those of this one.
    `trials`: what the local judge of faithfulness is worth; `model`: what an LLM says, where one is set;
    `earlier`: the runs of the same questions, oldest first, this one the last.
    """

    run: str
    started: datetime
    seconds: float
    questions: Path
    rows: int
    resumed: int
    documents: int
    cases: tuple[Case, ...]
    scores: Scores
    changes: tuple[Change, ...]
    accepted: Accepted | None
    trials: tuple[Trial, ...]
    earlier: tuple[Entry, ...] = ()
    model: ModelJudge | None = None

    @property
    def whole(self) -> bool:
        """Whether every row of the file was asked."""
        return len(self.cases) == self.rows

    @property
    def name(self) -> str:
        """The questions that were asked, in words."""
        part = "" if self.whole else f", the first {len(self.cases)} of {self.rows}"
        return f"{self.questions.name}{part}"

    @property
    def worse(self) -> tuple[Change, ...]:
        """The metrics that the gate fails for."""
        return tuple(change for change in self.changes if change.bad)

    @property
    def asked(self) -> dict[str, str]:
        """The digest of each question, by id."""
        return {case.row.id: case.row.digest for case in self.cases}

    @property
    def verdict(self) -> str:
        """What the gate says, in a sentence."""
        if self.accepted is None:
            return "No run was accepted yet, so nothing can have got worse."
        compared = max((change.rows for change in self.changes), default=0)
        of = f"the run accepted on {self.accepted.accepted:%Y-%m-%d}, on {compared} questions"
        if not self.worse:
            return f"Nothing got worse by more than its noise, against {of}."
        told = "; ".join(f"{change.measure.name} {change.verdict}" for change in self.worse)
        return f"Worse than {of}: {told}."


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that did not go well, and why, a line a reason."""

    case: Case
    reasons: tuple[str, ...]


def failures(cases: Sequence[Case], scores: Scores) -> tuple[Failure, ...]:
    """Every question that did not go well, in the order asked."""
    found = (Failure(case, tuple(_reasons(case, scores))) for case in cases)
    return tuple(failure for failure in found if failure.reasons)


def _reasons(case: Case, scores: Scores) -> Iterator[str]:
    def value(name: str) -> float | None:
        score: Score | None = scores.get(name, {}).get(case.row.id)
        return score.value if score else None

    if case.row.answerable and not case.answered:
        yield "abstained, though the documents answer it"
    elif case.answered and not case.row.answerable:
        yield "answered, though the documents do not answer it"
    elif case.answered and value("answer accuracy") == 0:
        yield "the answer does not hold what is accepted"
    if value("citation right") == 0:
        yield "no paragraph that answers is cited"
    for name, fault in PARTLY.items():
        if (found := value(name)) is not None and found < 1:
            yield fault
    if value("fabricated citations"):
        yield "a citation leads to no paragraph"
    for name, by_id in scores.items():
        if case.row.id in by_id and by_id[case.row.id].value is None:
            yield f"{name} could not be scored: {by_id[case.row.id].reason}"


def by_kind(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases of each kind, kinds as they first come."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.row.kind, []).append(case)
    return found


def by_document(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases that each document answers, by source; one that several answer stands with each of them."""
    sources = sorted({source for case in cases for source, _ in case.row.gold})
    return {
        source: [case for case in cases if any(source == gold for gold, _ in case.row.gold)]
        for source in sources
    }


def mean_of(cases: Sequence[Case], by_id: Mapping[str, Score]) -> tuple[float, int]:
    """The mean of one metric over some cases, and how many of them it has a value for; NaN for none."""
    values = [score.value for case in cases if (score := by_id.get(case.row.id)) and score.value is not None]
    return (sum(values) / len(values) if values else math.nan), len(values)


def write_json(path: Path, results: Results) -> None:
    """Every figure, every score of every question, and every answer."""
    whole = {
        "run": results.run,
        "started": results.started.isoformat(timespec="seconds"),
        "seconds": round(results.seconds, 1),
        "questions": str(results.questions.resolve()),
        "whole": results.whole,
        "documents": results.documents,
        "verdict": results.verdict,
        "worse": [change.measure.name for change in results.worse],
        "accepted": results.accepted and {"run": results.accepted.run, "reason": results.accepted.reason},
        "metrics": {change.measure.name: _change(change) for change in results.changes},
        "trials": [_trial(trial) for trial in results.trials],
        "model": results.model and _model(results.model),
        "asked": results.asked,
        "scores": written_scores(results.scores),
        "failures": {
            failure.case.row.id: list(failure.reasons) for failure in failures(results.cases, results.scores)
        },
        "cases": [case.as_json() for case in results.cases],
    }
    replace(path, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


@dataclass(frozen=True, slots=True)
class Last:
    """What must be known of the last run to accept it."""

    run: str
    questions: Path
    whole: bool
    asked: Mapping[str, str]
    scores: Scores


def read(path: Path) -> Last:
    """The last run, from what `write_json` wrote; PilcrowError where there is none."""
    try:
        written = json.loads(path.read_text("utf-8"))
        return Last(
            run=written["run"],
            questions=Path(written["questions"]),
            whole=written["whole"],
            asked=written["asked"],
            scores=read_scores(written["scores"]),
        )
    except FileNotFoundError as error:
        raise PilcrowError(f"there is no run in {path.parent}; run: pilcrow eval") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PilcrowError(f"the run in {path} cannot be read ({error}); run it again") from error


def accept(output: Path, reason: str) -> Path:
    """Makes the last run the accepted one, for a reason; the file that it is kept in."""
    if not reason.strip():
        raise PilcrowError('say why this run is accepted: --reason "…"')
    last = read(output / FILE)
    if not last.whole:
        raise PilcrowError("the last run asked some of the questions only; accept a whole run")
    path = accepted_file(last.questions, output)
    write_accepted(path, Accepted(last.run, reason.strip(), datetime.now(UTC), last.asked, last.scores))
    return path


def accepted_file(questions: Path, output: Path) -> Path:
    """Where the accepted run of some questions stands: beside our own, else in the folder of the output."""
    return (OWN.parent if questions.resolve() == OWN else output) / "accepted.json"


def _change(change: Change) -> dict[str, object]:
    return {
        "now": _figure(change.now),
        "then": _number(change.then.value),
        "by": _figure(change.by),
        "rows compared": change.rows,
        "scored": change.scored,
        "failed": change.failed,
        "verdict": change.verdict.value,
    }


def _model(model: ModelJudge) -> dict[str, object]:
    counts = {"scored": model.scored, "failed": model.failed, "abstained": model.abstained}
    trials = [_trial(trial) for trial in model.trials]
    return {"name": model.name, "faithfulness": _figure(model.faithfulness), **counts, "trials": trials}


def _trial(trial: Trial) -> dict[str, object]:
    figures = {name: {**_figure(figure), "count": figure.count} for name, figure in trial.figures.items()}
    counts = {"scored": trial.scored, "failed": trial.failed, "abstained": trial.abstained}
    return {"name": trial.name, "figures": figures, **counts, "note": trial.note}


def _figure(figure: Figure) -> dict[str, float | None]:
    return {"value": _number(figure.value), "low": _number(figure.low), "high": _number(figure.high)}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)
