"""The library of the page: files taken in one by one with their progress, the list with each file's state."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path

from rag import Assistant, DocumentInfo, IngestReport, PilcrowError
from ui.render import escape, place_of

FOLDER = "documents"  # below the index: copies of the files that were given to the page
_TICK = 0.2  # seconds between two looks at the progress


def keep(assistant: Assistant, uploaded: Sequence[str]) -> list[Path]:
    """Copies of uploaded files, under their own names; a new edition takes the place of the old."""
    folder = assistant.settings.index / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[Path] = []
    for file in map(Path, uploaded):
        name, count = file.name, 1
        while folder / name in kept:  # two of one name in one upload are two documents
            count += 1
            name = f"{file.stem} ({count}){file.suffix}"
        kept.append(Path(shutil.copyfile(file, folder / name)))
    return kept


def take_in(assistant: Assistant, files: Sequence[Path]) -> Iterator[str]:
    """Reads files one by one; yields a line for each: how far it is, what became of it, or why not."""
    told = {file: _line(file.name, "waiting") for file in files}
    with ThreadPoolExecutor(max_workers=1) as worker:
        for file in files:
            done = [0.0]

            def moved(_: str, now: float, total: int, done: list[float] = done) -> None:
                done[0] = now / max(total, 1)

            task = worker.submit(assistant.ingest, [file], False, moved)
            while True:
                told[file] = _line(file.name, "reading", done[0])
                yield _lines(told.values())
                try:
                    told[file] = _outcome(file.name, task.result(_TICK))
                except TimeoutError:
                    continue
                except PilcrowError as error:
                    told[file] = _line(file.name, str(error), failed=True)
                break
            yield _lines(told.values())


def remove(assistant: Assistant, source: str) -> str:
    """Takes a document out of the index, and the copy that the page kept of it; what was done, in words."""
    path = assistant.path(source)
    assistant.remove(source)
    if path.parent == (assistant.settings.index / FOLDER).resolve():
        path.unlink(missing_ok=True)
    return f"{source} is removed."


def table(assistant: Assistant) -> str:
    """Every document with its state, the number of its paragraphs and its date."""
    documents = assistant.documents()
    if not documents:
        return '<p class="pilcrow-quiet">No documents yet: add some above.</p>'
    rows = "".join(_row(assistant, document) for document in documents)
    return (
        '<div class="pilcrow-table" tabindex="0" role="region" aria-label="Documents"><table><thead><tr>'
        '<th scope="col">Document</th><th scope="col">State</th><th scope="col">Paragraphs</th>'
        f'<th scope="col">Date</th><th scope="col">Actions</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def state(assistant: Assistant, document: DocumentInfo) -> str:
    """Whether the file is still as it was read."""
    path = assistant.path(document.source)
    try:
        with path.open("rb") as file:
            same = file_digest(file, "sha256").hexdigest() == document.sha256
    except OSError:
        return "file is gone"
    return "up to date" if same else "file has changed"


def _row(assistant: Assistant, document: DocumentInfo) -> str:
    name, day = escape(document.source), document.date.isoformat() if document.date else ""
    return (
        f'<tr><th scope="row" dir="auto">{place_of(document)}</th><td>{state(assistant, document)}</td>'
        f"<td>{document.paragraphs:,}</td><td>{day}</td><td>"
        f'<button type="button" data-again="{name}" aria-label="Read {name} again">Read again</button> '
        f'<button type="button" data-remove="{name}" aria-label="Remove {name}">Remove</button></td></tr>'
    )


def _outcome(name: str, report: IngestReport) -> str:
    if report.failed:
        return "".join(_line(name, reason, failed=True) for _, reason in report.failed)
    done = (
        "already up to date"
        if report.unchanged
        else f"{report.paragraphs:,} paragraph{'s' * (report.paragraphs != 1)}"
    )
    return _line(name, done, 1.0)


def _line(name: str, told: str, done: float = 0.0, failed: bool = False) -> str:
    kind = ' class="pilcrow-problem"' if failed else ""
    bar = (
        f'<progress value="{done:.2f}" max="1" aria-label="{escape(name)}"></progress>' if not failed else ""
    )
    return f"<li{kind}><bdi>{escape(name)}</bdi>{bar}<span>{escape(told)}</span></li>"


def _lines(lines: Iterable[str]) -> str:
    return f'<ul class="pilcrow-progress" role="status">{"".join(lines)}</ul>'
