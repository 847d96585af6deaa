"""The results of one run, in memory and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from eval.metrics import Figure
from eval.questions.question import FILE as OWN
from eval.runs.gate import Change
from eval.runs.history import Accepted, Entry, read_scores, replace, write_accepted, written_scores
from eval.runs.written import ModelJudge, Written, count_statements, written_as_json
from eval.scores.cases import Case
from eval.scores.measures import FAITHFULNESS, Score, Scores
from rag import PilcrowError

FILE = "report.json"
BELOW_ONE = {  # the reason to report if a metric is below 1
    "citation recall": "a statement is not supported by its citations",
    "citation precision": "a citation does not support its statement, or is not needed for it",
    "quote exactness": "a quote differs from the paragraph cited",
    FAITHFULNESS: "the judge finds a statement that the cited paragraphs don't support",
}
HEADLINE = ("answer accuracy", "citation right", FAITHFULNESS, "abstention recall", "hit@1")


@dataclass(frozen=True, slots=True)
class Results:
    """Everything about one run. `total` is the number of questions in the file; `cases` are those asked.

    `resumed` counts the answers taken from an interrupted run; `seconds` is the time of this one.
    `agreement` says how reliable the local judge is; `judged` is the judgement of an LLM, if one is set.
    `earlier` are the runs of the same questions, oldest first, including this one. All of it is about the
    extractive answers; `written` has those of a language model, if one is set.
    """

    run: str
    started: datetime
    seconds: float
    questions: Path
    total: int
    resumed: int
    documents: int
    cases: tuple[Case, ...]
    scores: Scores
    changes: tuple[Change, ...]
    accepted: Accepted | None
    agreement: Mapping[str, Figure]
    earlier: tuple[Entry, ...] = ()
    judged: ModelJudge | None = None
    written: Written | None = None

    @property
    def whole(self) -> bool:
        """Whether every question of the file was asked."""
        return len(self.cases) == self.total

    @property
    def name(self) -> str:
        """The questions asked, in words."""
        part = "" if self.whole else f", the first {len(self.cases)} of {self.total}"
        return f"{self.questions.name}{part}"

    @property
    def worse(self) -> tuple[Change, ...]:
        """The metrics that fail the gate."""
        return tuple(change for change in self.changes if change.bad)

    @property
    def asked(self) -> dict[str, str]:
        """The digest of each question, by id."""
        return {case.question.id: case.question.digest for case in self.cases}

    @property
    def verdict(self) -> str:
        """The result of the gate, in a sentence."""
        if self.accepted is None:
            return "No run has been accepted yet, so there is nothing to compare with."
        compared = max((change.compared for change in self.changes), default=0)
        of = f"the run accepted on {self.accepted.accepted:%Y-%m-%d}, on {compared} questions"
        if not self.worse:
            return f"No metric got worse by more than noise, compared with {of}."
        worse = "; ".join(f"{change.measure.name} {change.verdict}" for change in self.worse)
        return f"Worse than {of}: {worse}."


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that went wrong, and the reasons."""

    case: Case
    reasons: tuple[str, ...]


def failures(cases: Sequence[Case], scores: Scores) -> tuple[Failure, ...]:
    """Return every question that went wrong, in the order asked."""
    found = (Failure(case, tuple(_reasons(case, scores))) for case in cases)
    return tuple(failure for failure in found if failure.reasons)


def _reasons(case: Case, scores: Scores) -> Iterator[str]:
    def value(name: str) -> float | None:
        score: Score | None = scores.get(name, {}).get(case.question.id)
        return score.value if score else None

    if case.question.answerable and not case.answered:
        yield "abstained, but the documents answer it"
    elif case.answered and not case.question.answerable:
        yield "answered, but the documents don't answer it"
    elif case.answered and value("answer accuracy") == 0:
        yield "the answer contains no accepted answer"
    if value("citation right") == 0:
        yield "no gold paragraph is cited"
    for name, reason in BELOW_ONE.items():
        if (found := value(name)) is not None and found < 1:
            yield reason
    if value("fabricated citations"):
        yield "a citation points to no paragraph"
    for name, by_id in scores.items():
        if case.question.id in by_id and by_id[case.question.id].value is None:
            yield f"{name} could not be scored: {by_id[case.question.id].reason}"


def by_kind(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Return the cases by kind of question, in order of first appearance."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.question.kind, []).append(case)
    return found


def by_document(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Return the cases that each document answers; a case may be under several documents."""
    sources = sorted({source for case in cases for source, _ in case.question.gold})
    return {
        source: [case for case in cases if any(source == gold for gold, _ in case.question.gold)]
        for source in sources
    }


def mean_of(cases: Sequence[Case], by_id: Mapping[str, Score]) -> float:
    """Return the mean of one metric over the cases that have a value; NaN if none has."""
    values = [
        score.value for case in cases if (score := by_id.get(case.question.id)) and score.value is not None
    ]
    return sum(values) / len(values) if values else math.nan


def write_json(path: Path, results: Results) -> None:
    """Write every figure, every score of every question, and every answer."""
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
        "agreement": {name: _figure(figure) for name, figure in results.agreement.items()},
        "judged": results.judged and _judged(results.judged),
        "statements": asdict(count_statements(results.cases)),
        "written": results.written and _written(results.written),
        "asked": results.asked,
        "scores": written_scores(results.scores),
        "failures": {
            failure.case.question.id: list(failure.reasons)
            for failure in failures(results.cases, results.scores)
        },
        "cases": [case.as_json() for case in results.cases],
    }
    replace(path, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


@dataclass(frozen=True, slots=True)
class Last:
    """The part of the last run that is needed to accept it."""

    run: str
    questions: Path
    whole: bool
    asked: Mapping[str, str]
    scores: Scores


def read(path: Path) -> Last:
    """Read the last run as `write_json` wrote it; PilcrowError if there is none."""
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
        raise PilcrowError(f"There is no run in {path.parent}. Run `pilcrow eval`.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PilcrowError(f"Can't read the run in {path} ({error}). Run `pilcrow eval`.") from error


def accept(output: Path, reason: str) -> Path:
    """Accept the last run for a reason, and return the file it is saved in."""
    if not reason.strip():
        raise PilcrowError('Say why you accept this run: --reason "…"')
    last = read(output / FILE)
    if not last.whole:
        raise PilcrowError("The last run asked only some of the questions. Run all of them, then accept.")
    path = accepted_file(last.questions, output)
    write_accepted(path, Accepted(last.run, reason.strip(), datetime.now(UTC), last.asked, last.scores))
    return path


def accepted_file(questions: Path, output: Path) -> Path:
    """Return the file of the accepted run: beside the built-in questions, else in the output folder."""
    return (OWN.parent if questions.resolve() == OWN else output) / "accepted.json"


def _change(change: Change) -> dict[str, object]:
    return {
        "now": _figure(change.now),
        "then": _number(change.then.value),
        "by": _figure(change.by),
        "rows compared": change.compared,
        "scored": change.scored,
        "failed": change.failed,
        "verdict": change.verdict.value,
    }


def _judged(model: ModelJudge) -> dict[str, object]:
    return {**asdict(model), "faithfulness": _figure(model.faithfulness)}


def _written(written: Written) -> dict[str, object]:
    return {
        **written_as_json(written),
        "metrics": {change.measure.name: _change(change) for change in written.changes},
        "judged": written.judged and _judged(written.judged),
        "scores": written_scores(written.scores),
    }


def _figure(figure: Figure) -> dict[str, float | None]:
    return {"value": _number(figure.value), "low": _number(figure.low), "high": _number(figure.high)}


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)
