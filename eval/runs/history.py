"""Past runs: one line each for the trend, and the accepted run to compare with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eval.scores.measures import Score, Scores
from rag import PilcrowError
from rag.settings_file import replace_file

FILE = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """A past run: its start (UTC), its questions, its figures by metric, and the metrics that got worse.

    `questions` names the file and how many of its questions were asked. A figure is (value, low, high).
    """

    run: str
    started: datetime
    questions: str
    figures: Mapping[str, tuple[float, float, float]]
    worse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The run that a person accepted, with the reason, the questions and their scores."""

    run: str
    reason: str
    accepted: datetime
    asked: Mapping[str, str] = field(default_factory=dict)  # question digests by id
    scores: Scores = field(default_factory=dict)


def entries(folder: Path, questions: str) -> tuple[Entry, ...]:
    """Return the past runs of these questions, oldest first."""
    found = [_entry(line, folder / FILE) for line in _lines(folder / FILE)]
    return tuple(entry for entry in found if entry.questions == questions)


def remember(folder: Path, entry: Entry) -> None:
    """Add a run to the history if it isn't there yet; the line is on disk on return."""
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
    """Return the accepted run in a file, None if there is no file; PilcrowError if it cannot be read."""
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
        raise PilcrowError(
            f"Can't read the accepted run in {path} ({error}). Run `pilcrow eval accept`."
        ) from error


def write_accepted(path: Path, accepted: Accepted) -> None:
    """Replace the accepted run; one line per metric makes diffs readable."""
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
    """Return the values for JSON, null for a failed score."""
    return {name: {id_: score.value for id_, score in by_id.items()} for name, by_id in scores.items()}


def read_scores(written: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, Score]]:
    """Return the scores from `written_scores`; reasons of failures are lost."""
    return {
        name: {id_: Score(value if value is None else float(value)) for id_, value in by_id.items()}
        for name, by_id in written.items()
    }


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise PilcrowError(f"Can't write {path}: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise PilcrowError(f"Can't read the history in {path}: {error}") from error


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
            f"A line of {path} is not a run ({error}). Correct it or move the file."
        ) from error


def _figure(values: Iterable[float]) -> tuple[float, float, float]:
    value, low, high = values
    if not all(math.isfinite(number) for number in (value, low, high)):
        raise ValueError("a figure is not a number")
    return value, low, high
