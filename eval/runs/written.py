"""The same questions answered by a language model, measured beside the extractive answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from eval.metrics import Figure
from eval.runs.gate import Change, compare
from eval.scores.cases import Case
from eval.scores.measures import Scores


@dataclass(frozen=True, slots=True)
class ModelJudge:
    """RAGAS' faithfulness by an LLM, on a fixed sample of the answers; shown beside the local judge's.

    `scored`, `failed` and `abstained` count answers.
    """

    name: str
    faithfulness: Figure
    scored: int
    failed: int
    abstained: int


@dataclass(frozen=True, slots=True)
class Exam:
    """The verifier's grade: its name, whether it passed, its AUC, and the shares of sentences it supports.

    `words` has all of it with intervals.
    """

    verifier: str
    passed: bool
    auc: float
    true_passed: float
    false_passed: float
    words: str


@dataclass(frozen=True, slots=True)
class Written:
    """The answers of the model `name`, their scores, and the changes from the extractive ones.

    The changes are over the questions of both. `failed` has the questions that the model did not answer, with
    the errors. `exam` is None without a verifier; `no_exam` says why.
    """

    name: str
    cases: tuple[Case, ...]
    scores: Scores
    changes: tuple[Change, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    exam: Exam | None = None
    no_exam: str = ""
    judged: ModelJudge | None = None


@dataclass(frozen=True, slots=True)
class Statements:
    """How many statements the answers have by status, and how many sentences of a model were left out.

    `seconds` is the median time of an answer.
    """

    quoted: int
    supported: int
    unconfirmed: int
    left_out: int
    seconds: float

    @property
    def all(self) -> int:
        """The number of statements shown."""
        return self.quoted + self.supported + self.unconfirmed


def count_statements(cases: Sequence[Case]) -> Statements:
    """Return the counts over all answers; the seconds are the median."""
    counts = Counter(str(one.status) for case in cases if case.answered for one in case.answer.statements)
    left_out = sum(len(case.answer.dropped) for case in cases)
    seconds = median(case.seconds for case in cases) if cases else 0.0
    return Statements(counts["quoted"], counts["supported"], counts["unconfirmed"], left_out, seconds)


def beside(cases: Sequence[Case], scores: Scores, extractive: Scores) -> tuple[Change, ...]:
    """Compare the scores of a model's answers with those of the extractive answers to the same questions."""
    asked = {case.question.id: case.question.digest for case in cases}
    return compare(scores, asked, extractive, asked)


def written_as_json(written: Written) -> dict[str, object]:
    """Return everything but the comparison as JSON values."""
    return {
        "name": written.name,
        "failed": dict(written.failed),
        "verifier": written.exam and asdict(written.exam),
        "no verifier": written.no_exam,
        "statements": asdict(count_statements(written.cases)),
        "cases": [case.as_json() for case in written.cases],
    }
