"""The answers of one run, saved one by one, so that an interrupted run can resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from eval.questions.question import Question
from eval.scores.cases import Case, ask
from rag import Assistant, PilcrowError

FAILURES = 5  # of a language model, after which it is asked no more
Track = Callable[[Sequence[Question]], Iterable[Question]]  # passes questions on, and may show progress


class Record:
    """A file with one answer per line, after a first line with the run's name and start (UTC).

    Each line is on disk before the next question is asked. A line that a kill left incomplete is removed when
    the file is opened again. Raises PilcrowError.
    """

    def __init__(self, path: Path, questions: Sequence[Question]) -> None:
        self.path = path
        self.cases: dict[str, Case] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
            self._file.seek(0)
            whole = self._file.read()
            whole = whole[: whole.rfind(b"\n") + 1]
            self._file.truncate(len(whole))
        except OSError as error:
            raise PilcrowError(f"Can't record the answers in {path}: {error}") from error
        self._read(whole.decode("utf-8").splitlines(), questions)
        self.resumed = len(self.cases)

    def _read(self, lines: Sequence[str], questions: Sequence[Question]) -> None:
        if not lines:
            now = datetime.now(UTC)
            run = f"{now:%Y%m%dT%H%M%S}-{token_hex(3)}"  # two runs may start in one second
            lines = [json.dumps({"run": run, "started": now.isoformat(timespec="seconds")})]
            self._write(lines[0])
        by_id = {question.id: question for question in questions}
        try:
            head, *answers = map(json.loads, lines)
            self.run, self.started = head["run"], datetime.fromisoformat(head["started"])
            self.cases = {case["id"]: Case.from_json(case, by_id[case["id"]]) for case in answers}
        except (ValueError, TypeError, KeyError) as error:
            raise PilcrowError(f"{self.path} is not a record of this run ({error}). Delete it.") from error

    def add(self, case: Case) -> None:
        """Record one answer."""
        self._write(json.dumps(case.as_json(), ensure_ascii=False))
        self.cases[case.question.id] = case

    def _write(self, line: str) -> None:
        try:
            self._file.write(line.encode("utf-8", "replace") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise PilcrowError(f"Can't record the answers in {self.path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def run(
    questions: Sequence[Question], assistant: Assistant, record: Record, track: Track
) -> tuple[Case, ...]:
    """Ask every question that the record lacks, and return the cases of all, in order."""
    for question in track([question for question in questions if question.id not in record.cases]):
        record.add(ask(question, assistant))
    return tuple(record.cases[question.id] for question in questions)


def run_model(
    questions: Sequence[Question], assistant: Assistant, record: Record, track: Track
) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Ask the language model what the record lacks; return the cases, and the errors of the other questions.

    After FAILURES errors it asks no more.
    """
    failed: dict[str, str] = {}
    for question in track([question for question in questions if question.id not in record.cases]):
        if len(failed) >= FAILURES:
            failed[question.id] = "not asked, after other questions failed"
            continue
        try:
            record.add(ask(question, assistant, extractive=False))
        except PilcrowError as error:
            failed[question.id] = str(error)
    return tuple(record.cases[each.id] for each in questions if each.id in record.cases), failed
