"""The answers of one run as they are kept while it goes, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from eval.questions.rows import Row
from eval.scores.cases import Case, ask
from rag import Assistant, PilcrowError

Track = Callable[[Sequence[Row]], Iterable[Row]]  # hands the rows on, and may show how far it is


class Record:
    """A file of answers, a line each, behind a first line that names the run and says when it began (UTC).

    Each line is on the disk before the next question is asked, so a kill loses at most the one being asked;
    what it left of a line is cut off when the file is opened again. Errors: PilcrowError.
    """

    def __init__(self, path: Path, rows: Sequence[Row]) -> None:
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
            raise PilcrowError(f"the answers cannot be recorded in {path}: {error}") from error
        self._read(whole.decode("utf-8").splitlines(), rows)
        self.resumed = len(self.cases)

    def _read(self, lines: Sequence[str], rows: Sequence[Row]) -> None:
        if not lines:
            now = datetime.now(UTC)
            run = f"{now:%Y%m%dT%H%M%S}-{token_hex(3)}"  # two runs may begin in one second
            lines = [json.dumps({"run": run, "started": now.isoformat(timespec="seconds")})]
            self._write(lines[0])
        by_id = {row.id: row for row in rows}
        try:
            head, *answers = map(json.loads, lines)
            self.run, self.started = head["run"], datetime.fromisoformat(head["started"])
            self.cases = {case["id"]: Case.from_json(case, by_id[case["id"]]) for case in answers}
        except (ValueError, TypeError, KeyError) as error:
            raise PilcrowError(f"{self.path} is not a record of this run ({error}); delete it") from error

    def add(self, case: Case) -> None:
        """Records one answer."""
        self._write(json.dumps(case.as_json(), ensure_ascii=False))
        self.cases[case.row.id] = case

    def _write(self, line: str) -> None:
        try:
            self._file.write(line.encode("utf-8", "replace") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise PilcrowError(f"the answers cannot be recorded in {self.path}: {error}") from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def run(rows: Sequence[Row], assistant: Assistant, record: Record, track: Track) -> tuple[Case, ...]:
    """Asks every row that the record lacks; the cases of all rows, in order."""
    for row in track([row for row in rows if row.id not in record.cases]):
        record.add(ask(row, assistant))
    return tuple(record.cases[row.id] for row in rows)
