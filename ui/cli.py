"""The `pilcrow` command: each one opens an index, does one thing through the public API, and prints."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from eval.cli import app as evaluation  # RAGAS is imported when it runs
from rag import Answer, Assistant, Citation, Evidence, IngestReport, Paragraph, PilcrowError, Settings
from ui.progress import ProgressBar

app = typer.Typer(
    name="pilcrow",
    help="Ask your own documents; every sentence of the answer cites its file and paragraph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(evaluation)
Index = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="Folder of the index, in place of the one set.")
]
# What a terminal obeys instead of showing; a document must not get to move the cursor or rename the window.
CONTROLS = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
JSON_CONTROLS = {code: f"\\u{code:04x}" for code in range(127, 160)}  # json escapes those below 32 on its own


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a PilcrowError (told on stderr), 2 usage, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        app(prog_name="pilcrow")
    except PilcrowError as error:
        _complain(f"pilcrow: {error}")
        sys.exit(1)


def _show_version(asked: bool) -> None:
    if asked:
        _print(f"pilcrow {version('pilcrow')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, or folders to read whole.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget documents below these folders whose files are gone.")
    ] = False,
    index: Index = None,
) -> None:
    """Read documents into the index. Unchanged files are skipped, unreadable ones are named."""
    with _open(index) as assistant, ProgressBar() as progress:
        report = assistant.ingest(paths, prune=prune, progress=progress.show)
    for source, reason in report.failed:
        _complain(f"failed: {source}: {reason}")
    _print(_summary(report))
    if report.failed and not (report.added or report.updated or report.unchanged):
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In quotes: one question.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    index: Index = None,
) -> None:
    """Answer a question from the documents, with the source of each sentence."""
    with _open(index) as assistant:
        answer = assistant.ask(question)
    if as_json:
        typer.echo(json.dumps(answer.as_json(), ensure_ascii=False, indent=2).translate(JSON_CONTROLS))
        return
    _print_answer(answer)
    places = [_cited(citation) for citation in answer.citations]
    if answer.abstained:
        places = [f"nearest: {_place(evidence)}: {evidence.text}" for evidence in answer.nearest]
    if places:
        _print("\n" + "\n".join(places))


@app.command("list")
def list_documents(index: Index = None) -> None:
    """List the documents of the index: paragraphs, date, source, title."""
    with _open(index) as assistant:
        documents = assistant.documents()
    if not documents:
        _complain("the index holds no documents; run: pilcrow ingest PATH")
    width = max((len(document.source) for document in documents), default=0)
    for document in documents:
        day = document.date.isoformat() if document.date else ""
        _print(f"{document.paragraphs:5} ¶  {day:10}  {document.source:{width}}  {document.title}")


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A document, as `list` names it.")],
    number: Annotated[
        int, typer.Argument(metavar="PARAGRAPH", min=1, help="Its paragraph's number, from 1.")
    ],
    index: Index = None,
) -> None:
    """Print one paragraph as an editor shows it, below a line that says where it stands."""
    with _open(index) as assistant:
        paragraph = assistant.paragraph(source, number)
    _print(_head(source, paragraph) + "\n\n" + paragraph.text)


@app.command()
def remove(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="Documents, as `list` names them.")],
    index: Index = None,
) -> None:
    """Forget documents. Their files stay."""
    with _open(index) as assistant:
        removed = assistant.remove(*sources)
    for source in removed:
        _print(f"removed {source}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="From `ask --json`, or exported by the page.")],
    index: Index = None,
) -> None:
    """Check recorded answers again, against the index or else the files below this folder."""
    answers = _recorded(file)
    with _open(index) as assistant:
        found = [assistant.verify(answer, below=Path.cwd()) for answer in answers]
    for answer, faults in zip(answers, found, strict=True):
        question = " ".join(answer.question.split())
        _print("\n  ".join([f"{question}:", *faults]) if faults else f"{question}: all stands")
    if any(found):
        raise typer.Exit(1)


@app.command()
def feedback(index: Index = None) -> None:
    """Print the answers that users of the page judged, a line of JSON each, for the evaluation set."""
    settings = Settings.load(index=index)
    from ui.conversations import FILE, Conversations

    path = settings.index / FILE
    if not path.exists():
        _complain(f"there are no conversations in {settings.index}; they are begun with: pilcrow chat")
        return
    with Conversations(path) as conversations:
        for candidate in conversations.candidates():
            typer.echo(json.dumps(candidate, ensure_ascii=False).translate(JSON_CONTROLS))


@app.command()
def chat(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on.")] = None,
    index: Index = None,
) -> None:
    """Open the chat page, until Ctrl-C."""
    settings = Settings.load(index=index, host=host, port=port)
    from ui.page import run

    run(settings)


@app.command()
def doctor(index: Index = None) -> None:
    """Check the settings, the model and the index. Nothing is sent anywhere."""
    from rag.doctor import examine

    healthy = True
    for line, good in examine(index):
        _print(line)
        healthy &= good
    if not healthy:
        raise typer.Exit(1)


@contextmanager
def _open(index: Path | None) -> Iterator[Assistant]:
    settings = Settings.load(index=index)
    with Assistant.open(settings=settings) as assistant:
        yield assistant


def _recorded(file: Path) -> list[Answer]:
    """The answers in an exported conversation, or the one in the file."""
    try:
        written = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PilcrowError(f"{file} cannot be read as JSON: {error}") from error
    if isinstance(written, dict) and "pilcrow" in written:
        answers = written.get("answers")
        if written["pilcrow"] != 1 or not isinstance(answers, list):
            raise PilcrowError(f"{file} is not of a form that this Pilcrow knows; export it again, or update")
    else:
        answers = [written]
    try:
        return [Answer.from_json(answer) for answer in answers]
    except PilcrowError as error:
        raise PilcrowError(f"{file}: {error}") from error


def _summary(report: IngestReport) -> str:
    counts = {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": report.failed,
    }
    parts = [f"{len(sources)} {word}" for word, sources in counts.items() if sources]
    done = ", ".join(parts) or "nothing found to read"
    return f"{done}; {report.paragraphs} paragraphs written in {report.seconds:.1f} s"


def _cited(citation: Citation) -> str:
    return f"[{citation.number}] {_place(citation)}: “{citation.quote}”"


def _place(found: Citation | Evidence) -> str:
    known = ", ".join(found.whereabouts)
    return f"{found.source} ¶{found.paragraph}" + (f" ({known})" if known else "")


def _head(source: str, paragraph: Paragraph) -> str:
    parts = [f"{source} ¶{paragraph.number}", paragraph.kind.value, paragraph.heading]
    parts += [
        f"page {paragraph.page}" if paragraph.page else "",
        f"line {paragraph.line}" if paragraph.line else "",
    ]
    parts.append(paragraph.date.isoformat() if paragraph.date else "")
    return " · ".join(part for part in parts if part)


def _print_answer(answer: Answer) -> None:
    """The text, on a terminal with the words that answer in bold."""
    text, done, at = answer.text.translate(CONTROLS), "", 0
    for start, end in answer.highlights:
        done += text[at:start] + typer.style(text[start:end], bold=True)
        at = end
    typer.echo(done + text[at:])  # which leaves the bold out where it does not write to a terminal


def _print(text: str) -> None:
    typer.echo(text.translate(CONTROLS))


def _complain(text: str) -> None:
    typer.echo(text.translate(CONTROLS), err=True)
