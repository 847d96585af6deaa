"""The `pilcrow` command. Each subcommand opens an index, calls the public API once and prints the result."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from eval.cli import app as evaluation  # imports RAGAS only when it runs
from rag import Assistant, PilcrowError, Settings
from rag.errors import HolderGone
from rag.opening import reach
from ui import migrating, terminal, users
from ui.terminal import Index

app = typer.Typer(
    name="pilcrow",
    help="Ask your own documents. Every sentence of an answer cites its file and paragraph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(evaluation)
app.add_typer(users.app)
Collection = Annotated[
    list[str] | None,
    typer.Option("--collection", metavar="NAME", help="Only this collection, folder or pattern."),
]
ATTEMPTS = 4  # at a command, while the processes that hold the index end


def main() -> None:
    """Run the command. Exit codes: 0 done, 1 an error on standard error, 2 wrong usage, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            app(prog_name="pilcrow")
        except HolderGone as error:  # every command may be repeated
            if attempt == ATTEMPTS:
                _fail(error)
        except PilcrowError as error:
            _fail(error)


def _fail(error: PilcrowError) -> NoReturn:
    terminal.print_error(f"pilcrow: {error}")
    sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        terminal.print_text(f"pilcrow {version('pilcrow')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options before the subcommand."""


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Files or folders, including subfolders.")
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove documents whose files were deleted from these folders."),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--reembed", help="First embed the index again, if it was made with another embedder."),
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Load and embed on this Ray cluster: auto, HOST:PORT, or local to start one here.",
        ),
    ] = None,
    index: Index = None,
) -> None:
    """Add documents to the index. Skips unchanged files and reports those that can't be read."""
    if again:
        _reembed(index)
    elif not paths:
        raise typer.BadParameter("name a file or folder, or use --reembed", param_hint="PATH…")
    if not paths:
        return
    with _open(index) as assistant, terminal.progress_bar() as show:
        report = assistant.ingest(paths, prune=prune, progress=show, ray=ray)
    terminal.print_report(report)
    if report.failed and not (report.added or report.updated or report.unchanged):
        raise typer.Exit(1)


@app.command()
def watch(
    folders: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Folders, including subfolders.")],
    index: Index = None,
) -> None:
    """Keep the index up to date with folders until Ctrl-C. Deleted files leave it too.

    Other commands work meanwhile; `pilcrow chat --watch PATH` serves the page too.
    """
    with _open(index) as assistant, terminal.progress_bar() as show:
        assistant.watch(folders, terminal.print_changes, show)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="One question, in quotes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    collection: Collection = None,
    index: Index = None,
) -> None:
    """Answer a question from the documents in the index. Every sentence cites its paragraph."""
    with _open(index) as assistant:
        if assistant.has_verifier:
            with suppress(PilcrowError):  # without a grade only quotations count
                _sit_exam(assistant)
        answer = assistant.ask(question, sources=collection or None)
    if as_json:
        terminal.print_json(answer.as_json(), indent=2)
    else:
        terminal.print_answer(answer)


@app.command("list")
def list_documents(collection: Collection = None, index: Index = None) -> None:
    """List the documents in the index. Columns: paragraphs, date, source, title, and if the file changed."""
    with _open(index) as assistant:
        documents, changed = assistant.documents(collection or None), assistant.changed()
        collections = {} if collection else assistant.collections()
    if not documents:
        terminal.print_error("The index is empty. Add documents with `pilcrow ingest PATH`.")
    width = max((len(document.source) for document in documents), default=0)
    for document in documents:
        day = document.date.isoformat() if document.date else ""
        line = f"{document.paragraphs:5} ¶  {day:10}  {document.source:{width}}  {document.title}"
        note = changed.get(document.source)
        terminal.print_text(f"{line}  ({note})" if note else line)
    for name, sources in collections.items():
        terminal.print_text(f"collection {name}: {len(sources)} document{'s' * (len(sources) != 1)}")


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The document's name, as `list` shows it.")],
    number: Annotated[
        int, typer.Argument(metavar="PARAGRAPH", min=1, help="The paragraph's number, from 1.")
    ],
    index: Index = None,
) -> None:
    """Show one paragraph. The line above it gives its kind, heading, page or line, and date."""
    with _open(index) as assistant:
        terminal.print_paragraph(source, assistant.paragraph(source, number))


@app.command()
def remove(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help="The documents' names, as `list` shows them.")
    ],
    index: Index = None,
) -> None:
    """Remove documents from the index. Their files stay."""
    with _open(index) as assistant:
        removed = assistant.remove(*sources)
    for source in removed:
        terminal.print_text(f"removed {source}")


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file from `ask --json`, or a JSON export of the page.")
    ],
    index: Index = None,
) -> None:
    """Re-check saved answers. Exits with 1 if one no longer holds.

    Compares them with the index and, for documents that it lacks, with files in the current folder.
    """
    from ui.export import read_answers
    from ui.notes import standing

    answers = read_answers(file)
    with _open(index) as assistant:
        problems = [assistant.verify(answer, below=Path.cwd()) for answer in answers]
    for answer, found in zip(answers, problems, strict=True):
        question = " ".join(answer.question.split())
        held = f"{question}: verified" + (f" ({how})" if (how := standing(answer)) else "")
        terminal.print_text("\n  ".join([f"{question}:", *found]) if found else held)
    if any(problems):
        raise typer.Exit(1)


@app.command()
def exam(index: Index = None) -> None:
    """Examine what checks a language model's sentences. The index keeps the grade."""
    with _open(index) as assistant:
        terminal.print_text(_sit_exam(assistant))


@app.command()
def feedback(index: Index = None) -> None:
    """Print the answers that users rated. One line of JSON each, for `pilcrow eval draft`."""
    settings = Settings.load(index=index)
    from ui.conversations import Conversations
    from ui.storage import place

    kept = place(settings)
    if isinstance(kept, Path) and not kept.exists():
        terminal.print_error(f"No conversations in {settings.index} yet. Start one with `pilcrow chat`.")
        return
    with Conversations(kept) as conversations:
        for answer in conversations.judged_answers():
            terminal.print_json(answer)


@app.command()
def chat(
    host: Annotated[str | None, typer.Option("--host", help="Listen on this address.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Listen on this port.")] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option("--watch", metavar="PATH", help="Watch this folder meanwhile; may be repeated."),
    ] = None,
    index: Index = None,
) -> None:
    """Serve the chat page until Ctrl-C."""
    settings = Settings.load(index=index, host=host, port=port)
    from ui.running import run

    run(settings, watch or ())


@app.command()
def doctor(index: Index = None) -> None:
    """Check the settings, the models and the index."""
    from rag.doctor import examine

    healthy = True
    with terminal.progress_bar() as show:
        for line, good in examine(index, show):
            terminal.print_text(line)
            healthy &= good
    if not healthy:
        raise typer.Exit(1)


app.command("migrate")(migrating.command)


def _reembed(index: Path | None) -> None:
    """Embed the stored documents for the embedder that is set."""
    from rag.reembedding import reembed

    with terminal.progress_bar() as show:
        made = reembed(Settings.load(index=index), show)
    terminal.print_text(f"{made.documents} documents embedded again; the index uses {made.embedder}")


def _sit_exam(assistant: Assistant) -> str:
    """Return the verifier's grade in words; it sits the exam, with a progress bar, if it has none yet."""
    with terminal.progress_bar() as show:
        return str(assistant.exam(lambda done, total: show("exam of the verifier", done, total)))


def _open(index: Path | None) -> Assistant:
    return reach(Settings.load(index=index), lambda note: terminal.print_error(f"pilcrow: {note}"))
