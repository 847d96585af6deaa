"""Measure verifiers on labelled sentences: `python -m scripts.measure_check FILE [--verifier NAME]…`.

FILE has JSON lines {"paragraphs": […], "true": […], "false": […]}. A sentence passes if nothing literal
contradicts it and the verifier's probability reaches the threshold of its exam. Without --verifier, the
verifier of the settings is measured, and what passes as a quotation. The last lines are JSON, one a verifier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import track

from rag import PilcrowError, Settings
from rag.examining import WRITER, examine, load_verifier
from rag.models.llm import load_llm
from rag.verification.exam import BATCH, Claim, Judged, measure, read_line
from rag.verification.grade import Shares, interval
from rag.verification.literal import contradictions
from rag.verification.verifier import Examined, is_quoted

QUOTED = "quoted"


def main(
    file: Annotated[Path, typer.Argument(help="JSON lines of paragraphs and sentences.")],
    verifier: Annotated[
        list[str] | None, typer.Option(help="llm, a classifier's folder or name, or an address.")
    ] = None,
    exams: Annotated[Path | None, typer.Option(help="Folder that keeps the grades.")] = None,
) -> None:
    """Judge the sentences and print the shares that pass, by verifier."""
    claims = [claim for line in file.read_text("utf-8").splitlines() if line for claim in read_line(line)]
    wrong = [bool(contradictions(*claim.pair)) for claim in claims]
    for label in (True, False):
        mine = [one for claim, one in zip(claims, wrong, strict=True) if claim.is_true is label]
        print(f"literal: {sum(mine)} of {len(mine)} {str(label).lower()} sentences contradicted")
    settings = Settings.load()
    names = verifier or ([settings.verifier] if settings.llm or settings.verifier != WRITER else [])
    results = {QUOTED: measure(quoted(claims), 0.5)}
    with TemporaryDirectory() as scratch:
        for name in names:
            chosen = settings.model_copy(update={"verifier": name})
            try:
                judge = load_verifier(chosen, load_llm(settings))
                examined, grade = examine(chosen, judge, exams or Path(scratch))
            except PilcrowError as error:
                raise SystemExit(f"{name}: {error}") from error
            print(f"{grade}; threshold {grade.threshold}")
            results[name] = measure(judged(claims, examined), grade.threshold)
    for name, found in results.items():
        print(f"{name}: {describe(found)}")
    for name, found in results.items():
        print(json.dumps(as_row(name, found)))


def quoted(claims: Sequence[Claim]) -> list[Judged]:
    """Return the claims with 1 for those that stand in their paragraphs letter for letter, else 0."""
    return [
        (claim, float(any(is_quoted(claim.text, paragraph) for paragraph in claim.paragraphs)))
        for claim in claims
    ]


def judged(claims: Sequence[Claim], examined: Examined) -> list[Judged]:
    """Return the claims with the verifier's probabilities."""
    found: list[Judged] = []
    for start in track(range(0, len(claims), BATCH), examined.verifier.name):
        part = claims[start : start + BATCH]
        found += zip(part, examined.verifier.supports([claim.pair for claim in part]), strict=True)
    return found


def describe(found: Shares) -> str:
    """Return the figures with their intervals."""
    return (
        f"passes {interval(found.true_passed, found.true)} of {found.true} true and "
        f"{interval(found.false_passed, found.false)} of {found.false} false sentences, AUC {found.auc:.3f}, "
        f"{found.unjudged} not judged"
    )


def as_row(name: str, found: Shares) -> dict[str, object]:
    """Return the figures as the last lines print them."""
    return {
        "verifier": name,
        "auc": round(found.auc, 4),
        "true_passed": round(found.true_passed, 4),
        "false_passed": round(found.false_passed, 4),
        "true": found.true,
        "false": found.false,
    }


if __name__ == "__main__":
    typer.run(main)
