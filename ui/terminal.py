"""What the commands share: the option --index, and how they print answers, paragraphs, reports and progress.

What they print has no control characters.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from time import monotonic
from typing import Annotated

import typer

from rag import Answer, Citation, Evidence, IngestReport, Paragraph
from ui.notes import change, gone_note, notes, standing, unsure

Index = Annotated[Path | None, typer.Option("--index", metavar="DIR", help="Use the index in DIR.")]
PATIENCE = 1.0  # seconds before a progress bar is shown
# A terminal obeys control characters: a document could move the cursor or rename the window.
CONTROLS = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
LISTED = 10  # changes named one by one
JSON_CONTROLS = {code: f"\\u{code:04x}" for code in range(127, 160)}  # json itself escapes those below 32


def print_text(text: str) -> None:
    """Print to standard output."""
    typer.echo(text.translate(CONTROLS))


def print_error(text: str) -> None:
    """Print to standard error."""
    typer.echo(text.translate(CONTROLS), err=True)


def print_json(value: object, indent: int | None = None) -> None:
    """Print JSON, on one line unless it is indented."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent).translate(JSON_CONTROLS))


def print_answer(answer: Answer) -> None:
    """Print an answer, its highlights in bold on a terminal, then its citations or the nearest paragraphs."""
    text, styled, position = answer.text.translate(CONTROLS), "", 0
    for start, end in answer.highlights:
        styled += text[position:start] + typer.style(text[start:end], bold=True)
        position = end
    typer.echo(styled + text[position:])  # echo drops the styles where it doesn't write to a terminal
    for note in filter(None, [unsure(answer), *notes(answer), standing(answer)]):
        print_text(note)
    places = [f"[{cited.number}] {_placed(cited, f'“{cited.quote}”')}" for cited in answer.citations]
    if answer.abstained:
        places = [f"nearest: {_placed(evidence, evidence.text)}" for evidence in answer.nearest]
    if places:
        print_text("\n" + "\n".join(places))


def print_paragraph(source: str, paragraph: Paragraph) -> None:
    """Print a paragraph under a line with its place, kind and heading."""
    place = (
        f"{source} ¶{paragraph.number}",
        paragraph.kind.value,
        paragraph.heading,
        f"page {paragraph.page}" if paragraph.page else "",
        f"line {paragraph.line}" if paragraph.line else "",
        paragraph.date.isoformat() if paragraph.date else "",
        str(paragraph.recognised or ""),
    )
    print_text(" · ".join(filter(None, place)) + "\n\n" + paragraph.text)


def print_report(report: IngestReport) -> None:
    """Print how many documents were added, updated and so on, and which kinds of files were skipped.

    Failed files, and what was left out of others, are named on standard error.
    """
    for source, reason in report.failed:
        print_error(f"failed: {source}: {reason}")
    for source, reason in report.partly:
        print_error(f"left out: {source}: {reason}")
    outcomes = ("added", "updated", "renamed", "unchanged", "removed", "failed")
    counts = [f"{len(sources)} {name}" for name in outcomes if (sources := getattr(report, name))]
    done = ", ".join(counts) or "no documents found"
    print_text(f"{done}; {report.paragraphs} paragraphs written in {report.seconds:.1f} s")
    if report.skipped:
        kinds = Counter(PurePath(name).suffix.lower() or "without a suffix" for name, _ in report.skipped)
        files = f"{len(report.skipped)} file{'s' * (len(report.skipped) != 1)}"
        print_text(f"{files} skipped: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")
    for reason in sorted({reason for _, reason in report.skipped if reason.startswith("is an image")}):
        print_text(reason.replace("is an image; ", "To read the images, "))
    if report.ignored:
        print_text(f"{report.ignored} left out by .gitignore or .pilcrowignore")
    if gone := gone_note(report):
        print_text(f"{gone}; remove them with --prune")


def print_changes(report: IngestReport) -> None:
    """Print each change that a watch made; of many at once, how many there were."""
    changed = [*report.added, *report.updated, *report.removed, *report.renamed]
    if not changed or len(changed) > LISTED:
        print_report(report)
        return
    for source, reason in report.failed:
        print_error(f"failed: {source}: {reason}")
    for source, reason in report.partly:
        print_error(f"left out: {source}: {reason}")
    for outcome in ("added", "updated", "removed"):
        for source in getattr(report, outcome):
            print_text(f"{outcome} {source}")
    for old, new in report.renamed:
        print_text(f"renamed {old} to {new}")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float, int], None]]:
    """Yield a function that shows (source, documents done, documents in all), only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[source]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    task, started, terminal = bar.add_task("", source=""), monotonic(), sys.stderr.isatty()

    def show(source: str, done: float, total: int) -> None:
        if terminal and monotonic() - started >= PATIENCE:
            bar.start()
            bar.update(task, completed=done, total=total, source=source)
            if done >= total:
                bar.stop()  # so that what is printed next has a line of its own

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


def _placed(found: Citation | Evidence, text: str) -> str:
    """Return a place with its text and, on a second line, what happened to it since."""
    details = ", ".join(found.whereabouts)
    place = f"{found.source} ¶{found.paragraph}" + (f" ({details})" if details else "")
    return f"{place}: {text}" + (f"\n    {change(found)}" if change(found) else "")
