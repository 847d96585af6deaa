"""`pilcrow eval`: measure the answers, accept a run, draft questions. Imports nothing slow until it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag import PilcrowError

if TYPE_CHECKING:
    from eval.nightly import Plan
    from eval.questions.question import Question
    from eval.runs.results import Results

app = typer.Typer(
    name="eval",
    help="Ask questions with known answers and score the results. Exits with 1 if a score got worse.",
    no_args_is_help=False,
    rich_markup_mode=None,
)
Output = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="Folder for the reports and the history.")
]
NIGHTLY = Path("nightly")


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Ask only the first 30 questions.")] = False,
    questions: Annotated[
        Path | None,
        typer.Option("--questions", metavar="FILE", help="File of your own questions; requires --index."),
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="The index to ask; requires --questions.")
    ] = None,
    judge_url: Annotated[
        str | None,
        typer.Option(
            "--judge-url",
            metavar="URL",
            help="OpenAI-compatible address of an LLM that also judges; by default, the setting llm.",
        ),
    ] = None,
    judge_model: Annotated[str | None, typer.Option("--judge-model", help="Model at --judge-url.")] = None,
    output: Output = NIGHTLY,
) -> None:
    """Ask the questions, score the answers, write a report. Exit with code 1 if something got worse.

    If a language model is set, it answers them too, and the report has both side by side.
    """
    if context.invoked_subcommand:
        return
    if (questions is None) != (index is None):
        raise typer.BadParameter("--questions and --index go together")
    if (judge_url is None) != (judge_model is None):
        raise typer.BadParameter("--judge-url and --judge-model go together")
    _require_ragas()
    from eval import nightly

    plan = replace(_plan(questions, index, output), quick=quick, judge_url=judge_url, judge_model=judge_model)
    found = nightly.evaluate(plan, _track, lambda text: typer.echo(text, err=True))
    _summarise(found, output)
    if found.worse:
        raise typer.Exit(1)


def _plan(questions: Path | None, index: Path | None, output: Path) -> Plan:
    """Return what to ask: the user's questions, else the built-in ones about seeds/."""
    from eval import DATA, SEEDS
    from eval.nightly import Plan
    from eval.questions.question import FILE
    from rag import Settings

    settings = Settings.load(index=index)
    if questions and index:
        return Plan(questions, output, settings)
    if not SEEDS.is_dir():
        raise PilcrowError(
            "The built-in questions are about seeds/, which is not installed. "
            "Pass your own: `pilcrow eval --questions FILE --index DIR`."
        )
    # The public sets are beside some checkouts.
    return Plan(FILE, output, settings, documents=SEEDS, public=DATA if DATA.is_dir() else None)


@app.command()
def accept(
    reason: Annotated[str, typer.Option("--reason", help="Why this run is a good baseline.")],
    output: Output = NIGHTLY,
) -> None:
    """Make the last run the baseline. Later runs are compared with it."""
    from eval.runs import results

    typer.echo(f"Accepted. The baseline is in {results.accept(output, reason)}")


@app.command()
def draft(
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="The index to draft questions for.")
    ] = None,
    questions: Annotated[
        Path, typer.Option("--questions", metavar="FILE", help="File to append accepted questions to.")
    ] = Path("questions.jsonl"),
    feedback: Annotated[
        Path | None,
        typer.Option(
            "--feedback", metavar="FILE", help="Output of `pilcrow feedback`; - for standard input."
        ),
    ] = None,
) -> None:
    """Propose questions to accept, edit or skip. They come from users' feedback and the documents."""
    from eval.questions.draft import from_documents, from_feedback, review
    from eval.questions.question import load
    from rag import Settings
    from rag.opening import reach

    known = load(questions) if questions.exists() else ()
    judged = _read_feedback(feedback) if feedback else []
    with reach(Settings.load(index=index), _note) as assistant:
        drafts = chain(from_feedback(judged, known), from_documents(assistant, known))
        kept = review(drafts, assistant, questions, known, _prompt, _show)
    _show(f"{kept} added to {questions}. Ask them with `pilcrow eval --questions {questions} --index DIR`.")


def _note(text: str) -> None:
    typer.echo(f"pilcrow: {text}", err=True)


@cache  # a command may be repeated, but not its standard input
def _read_feedback(file: Path) -> list[dict[str, Any]]:
    from eval.questions.draft import read_feedback

    try:
        if file != Path("-"):
            return read_feedback(file.read_text("utf-8").splitlines())
        found = read_feedback(sys.stdin)
        sys.stdin = Path("/dev/tty").open(encoding="utf-8")  # noqa: SIM115 -- the pipe ended; choices come here
    except (OSError, UnicodeDecodeError) as error:
        raise PilcrowError(
            f"Can't read the feedback or your choices ({error}). "
            "Run `pilcrow feedback > FILE`, then `pilcrow eval draft --feedback FILE`."
        ) from error
    return found


def _prompt(asked: str, default: str) -> str:
    return str(typer.prompt(asked, default=default))


def _show(text: str) -> None:
    """Print a text that may come from a document, without control characters that a terminal obeys."""
    plain = (sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
    typer.echo("".join(plain))


def _require_ragas() -> None:
    if find_spec("ragas") is None:
        raise PilcrowError(
            "The evaluation requires RAGAS, which is not installed. Run `pip install 'pilcrow[eval]'`, "
            "or `make nightly` in a checkout."
        )


def _track(questions: Sequence[Question]) -> Iterable[Question]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(questions, "asking", console=console, transient=True, disable=not sys.stderr.isatty())


def _summarise(found: Results, output: Path) -> None:
    from eval.report.wording import (
        about_model,
        difference,
        interval,
        judging,
        number,
        side_by_side,
        statements,
    )

    width = max(len(change.measure.name) for change in found.changes)
    for change in found.changes:
        between = f"({interval(change.now)})" if change.scored else ""
        failed = f", {change.failed} failed" if change.failed else ""
        now = f"{change.measure.name:{width}}  {number(change.now.value)} {between:18} n {change.scored:<4}"
        typer.echo(f"{now} {difference(change.by)} {change.verdict}{failed}")
    typer.echo(judging(found))
    if found.written is None:
        typer.echo(statements(found.cases))
    else:
        head = ("", "extractive", found.written.name, "change (95 %)", "questions")
        rows = [head, *side_by_side(found, found.written)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for line in about_model(found.written):
            typer.echo(line)
    typer.echo(f"{'FAILED' if found.worse else 'passed'}: {found.verdict}")
    typer.echo(f"The report is in {output / 'report.html'}; {found.seconds:.0f} s")
