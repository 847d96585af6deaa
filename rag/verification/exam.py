"""The exam that every verifier sits before its word counts: half set its threshold, half its grade.

The claims are in `claims/*.jsonl`, written by hand: a line has paragraphs, sentences that they bear out, and
sentences with one subtle fault each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.verification.grade import LEAST_AUC, Grade, Progress, Shares
from rag.verification.literal import contradictions
from rag.verification.meaning import Pair, Verifier

FILE = "exams.json"  # in the index folder
FALSE = 0.1  # share of false sentences that a good writer is expected to write
PRECISION = 0.97  # share of true ones that is wanted among the sentences shown as supported
BATCH = 16
EARLY = 96  # claims after which a hopeless verifier need not go on


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, the paragraphs that it cites, and whether they bear it out. `half`: which half it is in."""

    text: str
    paragraphs: tuple[str, ...]
    is_true: bool
    half: int

    @property
    def pair(self) -> Pair:
        """The sentence and the text of its paragraphs."""
        return self.text, "\n\n".join(self.paragraphs)


Judged = tuple[Claim, float | None]  # a claim, and the probability that a verifier gives it


def sit(verifier: Verifier, progress: Progress | None = None) -> Grade:
    """Have a verifier judge all claims, and return its grade. ModelError if it judges none."""
    claims = load_claims()
    judged: list[Judged] = []
    for start in range(0, len(claims), BATCH):
        part = claims[start : start + BATCH]
        judged += zip(part, verifier.supports([claim.pair for claim in part]), strict=True)
        if all(probability is None for _, probability in judged):
            raise ModelError(f"{verifier.name} judges no sentence. Check it with `pilcrow doctor`.")
        if progress:
            progress(len(judged), len(claims))
        if len(judged) >= EARLY and _is_hopeless(judged):
            break
    threshold = find_threshold([one for one in judged if one[0].half == 0])
    shares = measure([one for one in judged if one[0].half == 1], threshold)
    return Grade(verifier.name, fingerprint(verifier), threshold, shares)


def _is_hopeless(judged: Sequence[Judged]) -> bool:
    """Return whether even the upper end of the AUC's interval (Hanley & McNeil 1982) is too low to pass."""
    found = measure(judged, None)
    auc, true, false = found.auc, found.true, found.false
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (true - 1) * (q1 - auc * auc) + (false - 1) * (q2 - auc * auc)
    return auc + 2.6 * math.sqrt(max(variance, 0) / max(true * false, 1)) < LEAST_AUC


def find_threshold(judged: Sequence[Judged]) -> float | None:
    """Return the least probability from which on the sentences that pass are precise enough, or None."""
    passing = [
        (probability, claim.is_true)
        for claim, probability in judged
        if probability is not None and not contradictions(*claim.pair)
    ]
    true, false = (sum(claim.is_true is wanted for claim, _ in judged) for wanted in (True, False))
    found = None
    for threshold in sorted({probability for probability, _ in passing}, reverse=True):
        kept = [is_true for probability, is_true in passing if probability >= threshold]
        right, wrong = (1 - FALSE) * sum(kept) / true, FALSE * (len(kept) - sum(kept)) / false
        if right >= PRECISION * (right + wrong):
            found = threshold
    return found


def measure(judged: Sequence[Judged], threshold: float | None) -> Shares:
    """Return the shares that pass the literal check and the threshold, and the AUC of the probabilities."""
    passed: dict[bool, list[bool]] = {True: [], False: []}
    known: dict[bool, list[float]] = {True: [], False: []}
    for claim, probability in judged:
        supported = threshold is not None and probability is not None and probability >= threshold
        passed[claim.is_true].append(supported and not contradictions(*claim.pair))
        known[claim.is_true] += [] if probability is None else [probability]
    return Shares(
        area(known[True], known[False]),
        share(passed[True]),
        share(passed[False]),
        len(passed[True]),
        len(passed[False]),
        sum(probability is None for _, probability in judged),
    )


def area(true: Sequence[float], false: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often a true claim has the higher probability."""
    wins = sum((one > other) + (one == other) / 2 for one in true for other in false)
    return wins / (len(true) * len(false)) if true and false else 0.5


def share(passed: Sequence[bool]) -> float:
    """Return the share of True; 0 for none."""
    return sum(passed) / len(passed) if passed else 0.0


@cache
def load_claims() -> tuple[Claim, ...]:
    """Return the claims; those of one line are in the same half."""
    written = sorted(files(__package__).joinpath("claims").iterdir(), key=lambda file: file.name)
    lines = [line for file in written for line in file.read_text("utf-8").splitlines()]
    return tuple(claim for at, line in enumerate(lines) for claim in read_line(line, at % 2))


def read_line(line: str, half: int = 0) -> Iterable[Claim]:
    """Yield the claims of a line: {"paragraphs": […], "true": […], "false": […]}, texts or {"text": …}."""
    row = json.loads(line)
    for label in ("true", "false"):
        for one in row[label]:
            text = one["text"] if isinstance(one, dict) else one
            yield Claim(text, tuple(row["paragraphs"]), label == "true", half)


def fingerprint(verifier: Verifier) -> str:
    """Return what a grade is kept by: the verifier's own fingerprint, and that of the claims."""
    written = json.dumps([verifier.fingerprint, [claim.pair for claim in load_claims()]])
    return blake2b(written.encode(), digest_size=16).hexdigest()


def known_grade(folder: Path, verifier: Verifier) -> Grade | None:
    """Return the grade that the index in this folder keeps for a verifier, or None."""
    kept = _grades(folder).get(fingerprint(verifier))
    return Grade(**{**kept, "shares": Shares(**kept["shares"])}) if kept else None


def keep_grade(folder: Path, grade: Grade) -> None:
    """Keep a grade in the index folder; a failed write loses neither it nor the others."""
    grades = _grades(folder) | {grade.fingerprint: asdict(grade)}
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(grades, indent=1), "utf-8")
    fresh.replace(folder / FILE)


def _grades(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        read: dict[str, dict[str, Any]] = json.loads((folder / FILE).read_text("utf-8"))
        return read
    except (OSError, ValueError):
        return {}
