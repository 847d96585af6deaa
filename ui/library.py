"""The library of the page: files taken in one by one with their progress, the list with each file's state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from rag import Assistant, DocumentInfo, IngestReport, PilcrowError
from ui.render import part

FOLDER = "documents"  # below the index: copies of the files that were given to the page
_TICK = 0.2  # seconds between two looks at the progress


@dataclass(frozen=True, slots=True)
class Upload:
    """How far the reading of a file is: `done` (0 to 1), and a message."""

    name: str
    message: str
    done: float = 0.0
    failed: bool = False


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


def ingest(assistant: Assistant, files: Sequence[Path]) -> Iterator[str]:
    """Read files one by one; yield the progress and the outcome of all of them, as HTML, at each change."""
    uploads = {file: Upload(file.name, "waiting") for file in files}
    with ThreadPoolExecutor(max_workers=1) as worker:
        for file in files:
            for upload in _ingest_one(assistant, file, worker):
                uploads[file] = upload
                yield part("progress", list(uploads.values()))


def _ingest_one(assistant: Assistant, file: Path, worker: ThreadPoolExecutor) -> Iterator[Upload]:
    done = 0.0

    def progress(_: str, documents: float, total: int) -> None:
        nonlocal done
        done = documents / max(total, 1)

    task = worker.submit(assistant.ingest, [file], False, progress)
    while True:
        yield Upload(file.name, "reading", done)
        try:
            yield _outcome(file.name, task.result(_TICK))
        except TimeoutError:
            continue
        except PilcrowError as error:
            yield Upload(file.name, str(error), failed=True)
        return


def remove(assistant: Assistant, source: str) -> str:
    """Takes a document out of the index, and the copy that the page kept of it; what was done, in words."""
    path = assistant.path(source)
    assistant.remove(source)
    if path.parent == (assistant.settings.index / FOLDER).resolve():
        path.unlink(missing_ok=True)
    return f"{source} is removed."


def table(assistant: Assistant) -> str:
    """Every document with its state, the number of its paragraphs and its date."""
    return part("documents", [(document, state(assistant, document)) for document in assistant.documents()])


def state(assistant: Assistant, document: DocumentInfo) -> str:
    """Whether the file is still as it was read."""
    path = assistant.path(document.source)
    try:
        with path.open("rb") as file:
            same = file_digest(file, "sha256").hexdigest() == document.sha256
    except OSError:
        return "file is gone"
    return "up to date" if same else "file has changed"


def _outcome(name: str, report: IngestReport) -> Upload:
    if report.failed:
        return Upload(name, "; ".join(reason for _, reason in report.failed), failed=True)
    if report.unchanged:
        return Upload(name, "already up to date", 1.0)
    return Upload(name, f"{report.paragraphs:,} paragraph{'s' * (report.paragraphs != 1)}", 1.0)
