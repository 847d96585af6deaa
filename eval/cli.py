"""`pilcrow eval`: measure the answers, accept a run, draft questions. Imports nothing slow until it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag import PilcrowError

if TYPE_CHECKING:
    from eval.questions.rows import Row
    from eval.runs.results import Results

app = typer.Typer(
    name="eval",
    help="Ask questions with known answers and tell whether the answers are still right, cited and faithful.",
    no_args_is_help=False,
    rich_markup_mode=None,
)
Output = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="Folder of the reports and the history.")
]
NIGHTLY = Path("nightly")


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Ask the first 30 questions only.")] = False,
    questions: Annotated[
        Path | None, typer.Option("--questions", metavar="FILE", help="Your own questions, with --index.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="The index that they are asked of.")
    ] = None,
    judge_url: Annotated[
        str | None,
        typer.Option(
            "--judge-url", metavar="URL", help="OpenAI-compatible address of an LLM that judges too."
        ),
    ] = None,
    judge_model: Annotated[str | None, typer.Option("--judge-model", help="The model to ask there.")] = None,
    output: Output = NIGHTLY,
) -> None:
    """Ask the questions, score the answers, write a report. Exit code 1: something got worse."""
    if context.invoked_subcommand:
        return
    if (questions is None) != (index is None):
        raise typer.BadParameter("--questions and --index go together: what to ask, and what to ask it of")
    if (judge_url is None) != (judge_model is None):
        raise typer.BadParameter("--judge-url and --judge-model go together")
    _want_ragas()
    from eval import DATA, SEEDS, nightly
    from eval.questions.rows import FILE

    if questions and index:
        plan = nightly.Plan(questions, output, index=index)
    else:  # our own questions; the sets that people labelled lie beside some checkouts
        plan = nightly.Plan(FILE, output, documents=SEEDS, public=DATA if DATA.is_dir() else None)
    plan = replace(plan, quick=quick, judge_url=judge_url, judge_model=judge_model or "")
    found = nightly.evaluate(plan, _tracked, lambda said: typer.echo(said, err=True))
    _summarise(found, output)
    if found.worse:
        raise typer.Exit(1)


@app.command()
def accept(
    reason: Annotated[str, typer.Option("--reason", help="Why it is good enough to be held against.")],
    output: Output = NIGHTLY,
) -> None:
    """Make the last run the one that the next is held against."""
    from eval.runs import results

    typer.echo(f"accepted, in {results.accept(output, reason)}")


@app.command()
def draft(
    index: Annotated[
        Path | None, typer.Option("--index", metavar="DIR", help="The index to draft questions for.")
    ] = None,
    questions: Annotated[
        Path, typer.Option("--questions", metavar="FILE", help="The file that accepted ones are added to.")
    ] = Path("questions.jsonl"),
) -> None:
    """Propose questions from the users' feedback and the documents; you accept, edit or skip each."""
    from eval.questions.draft import from_documents, from_feedback, review
    from eval.questions.rows import load
    from rag import Assistant, Settings

    settings = Settings.load(index=index)
    known = load(questions) if questions.exists() else ()
    with Assistant.open(settings=settings) as assistant:
        drafts = chain(from_feedback(_judged(settings.index), known), from_documents(assistant, known))
        kept = review(drafts, assistant, questions, known, _prompt, _tell)
    _tell(f"{kept} added to {questions}; ask them with: pilcrow eval --questions {questions} --index …")


def _judged(index: Path) -> list[dict[str, object]]:
    """The answers that users of the page judged; none where there is no page's file."""
    from ui.conversations import FILE, Conversations

    if not (index / FILE).exists():
        return []
    with Conversations(index / FILE) as conversations:
        return list(conversations.candidates())


def _prompt(asked: str, default: str) -> str:
    return str(typer.prompt(asked, default=default))


def _tell(text: str) -> None:
    """Prints what may come from a document, without what a terminal obeys instead of showing."""
    typer.echo(
        "".join(
            sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text
        )
    )


def _want_ragas() -> None:
    """PilcrowError with the remedy, where the group that evaluates is not installed."""
    if find_spec("ragas") is None:
        raise PilcrowError(
            "the evaluation needs RAGAS, which is not installed; run: pip install 'pilcrow[eval]' "
            "(in a checkout, make nightly does it)"
        )


def _tracked(rows: Sequence[Row]) -> Iterable[Row]:
    from rich.console import Console
    from rich.progress import track

    return track(
        rows, "asking", console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )


def _summarise(found: Results, output: Path) -> None:
    from eval.report.wording import by_model, difference, interval, number, worth

    width = max(len(change.measure.name) for change in found.changes)
    for change in found.changes:
        between = f"({interval(change.now)})" if change.scored else ""
        failed = f", {change.failed} failed" if change.failed else ""
        told = f"{change.measure.name:{width}}  {number(change.now.value)} {between:18} n {change.scored:<4}"
        typer.echo(f"{told} {difference(change.by)} {change.verdict}{failed}")
    typer.echo(f"Faithfulness is judged by the local judge. {worth(found.trials)}")
    if found.model:
        typer.echo(by_model(found.model))
    typer.echo(f"{'FAILED' if found.worse else 'passed'}: {found.verdict}")
    typer.echo(f"The report is in {output / 'report.html'}; {found.seconds:.0f} s")
