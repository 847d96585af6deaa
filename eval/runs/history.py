"""What past runs gave: a line a run for the trend, and the accepted run that the next is held against."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eval.scores.measures import Score, Scores
from rag import PilcrowError

FILE = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One past run: when it began (UTC), which questions it asked, its figures by metric, what got worse.

    `questions` names the file and how many of its rows were asked. A figure is the value with its interval.
    """

    run: str
    started: datetime
    questions: str
    figures: Mapping[str, tuple[float, float, float]]
    worse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The run that a person accepted, with the reason: the scores of each row and what was asked."""

    run: str
    reason: str
    accepted: datetime
    asked: Mapping[str, str] = field(default_factory=dict)  # by id, the digest of the question
    scores: Scores = field(default_factory=dict)


def entries(folder: Path, questions: str) -> tuple[Entry, ...]:
    """The past runs that asked these questions, oldest first."""
    found = [_entry(line, folder / FILE) for line in _lines(folder / FILE)]
    return tuple(entry for entry in found if entry.questions == questions)


def remember(folder: Path, entry: Entry) -> None:
    """Adds a run to the history, where it does not stand there yet; the line is on the disk on return."""
    path = folder / FILE
    known = _lines(path)
    if any(_entry(line, path).run == entry.run for line in known):
        return
    written = {
        "run": entry.run,
        "started": entry.started.isoformat(timespec="seconds"),
        "questions": entry.questions,
        "figures": {name: [round(value, 4) for value in values] for name, values in entry.figures.items()},
        "worse": list(entry.worse),
    }
    replace(path, "".join(f"{line}\n" for line in [*known, json.dumps(written, ensure_ascii=False)]))


def read_accepted(path: Path) -> Accepted | None:
    """The accepted run in a file, None where there is no file; PilcrowError where it cannot be read."""
    if not path.exists():
        return None
    try:
        written = json.loads(path.read_text("utf-8"))
        return Accepted(
            run=written["run"],
            reason=written["reason"],
            accepted=datetime.fromisoformat(written["accepted"]),
            asked=written["asked"],
            scores=read_scores(written["scores"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PilcrowError(f"the accepted run in {path} cannot be read ({error}); accept one anew") from error


def write_accepted(path: Path, accepted: Accepted) -> None:
    """Puts the accepted run in the place of the one before, a line a metric, so that changes read well."""
    lines = [
        f'"run": {json.dumps(accepted.run)}',
        f'"reason": {json.dumps(accepted.reason, ensure_ascii=False)}',
        f'"accepted": {json.dumps(accepted.accepted.astimezone(UTC).isoformat(timespec="seconds"))}',
        f'"asked": {json.dumps(dict(accepted.asked))}',
    ]
    scores = [
        f"{json.dumps(name)}: {json.dumps(by_id)}" for name, by_id in written_scores(accepted.scores).items()
    ]
    lines.append('"scores": {\n  ' + ",\n  ".join(scores) + "\n }")
    replace(path, "{\n " + ",\n ".join(lines) + "\n}\n")


def written_scores(scores: Scores) -> dict[str, dict[str, float | None]]:
    """The values as JSON has them, null for one that failed."""
    return {name: {id_: score.value for id_, score in by_id.items()} for name, by_id in scores.items()}


def read_scores(written: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, Score]]:
    """The scores that `written_scores` made; why one failed is not kept."""
    return {
        name: {id_: Score(value if value is None else float(value)) for id_, value in by_id.items()}
        for name, by_id in written.items()
    }


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all: beside it first, then in its place."""
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise PilcrowError(f"{path} cannot be written: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise PilcrowError(f"the history in {path} cannot be read: {error}") from error


def _entry(line: str, path: Path) -> Entry:
    try:
        written = json.loads(line)
        return Entry(
            run=written["run"],
            started=datetime.fromisoformat(written["started"]),
            questions=written["questions"],
            figures={name: _figure(values) for name, values in written["figures"].items()},
            worse=tuple(written["worse"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PilcrowError(
            f"a line of {path} is not one of a run ({error}); mend it or move the file away"
        ) from error


def _figure(values: Iterable[float]) -> tuple[float, float, float]:
    value, low, high = values
    if not all(math.isfinite(number) for number in (value, low, high)):
        raise ValueError("a figure that is no number")
    return value, low, high
