"""The page's library: files added one by one with their progress, and the documents with their state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from rag import Assistant, DocumentInfo, IngestReport, PilcrowError
from ui.render import part

FOLDER = "documents"  # in the index's folder: copies of the files added on the page
_TICK = 0.2  # seconds between two progress updates


@dataclass(frozen=True, slots=True)
class Upload:
    """The progress of one file: `done` is 0 to 1."""

    name: str
    message: str
    done: float = 0.0
    failed: bool = False


def save(assistant: Assistant, uploaded: Sequence[str]) -> list[Path]:
    """Copy uploaded files under their own names and return the copies; a newer file replaces an older one."""
    folder = assistant.settings.index / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    saved: list[Path] = []
    for file in map(Path, uploaded):
        name, count = file.name, 1
        while folder / name in saved:  # two files of one name in one upload are two documents
            count += 1
            name = f"{file.stem} ({count}){file.suffix}"
        saved.append(Path(shutil.copyfile(file, folder / name)))
    return saved


def ingest(assistant: Assistant, files: Sequence[Path]) -> Iterator[str]:
    """Ingest files one by one; at each change yield the progress of all of them as HTML."""
    uploads = {file: Upload(file.name, "waiting") for file in files}
    with ThreadPoolExecutor(max_workers=1) as worker:
        for file in files:
            for upload in _ingest_file(assistant, file, worker):
                uploads[file] = upload
                yield part("progress", list(uploads.values()))


def _ingest_file(assistant: Assistant, file: Path, worker: ThreadPoolExecutor) -> Iterator[Upload]:
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
    """Remove a document from the index, and the page's copy of its file; return what was done."""
    path = assistant.path(source)
    assistant.remove(source)
    if path.parent == (assistant.settings.index / FOLDER).resolve():
        path.unlink(missing_ok=True)
    return f"Removed {source}."


def table(assistant: Assistant) -> str:
    """Render every document with its state, number of paragraphs and date."""
    return part("documents", [(document, state(assistant, document)) for document in assistant.documents()])


def state(assistant: Assistant, document: DocumentInfo) -> str:
    """Return whether the file still has the content that was indexed."""
    try:
        with assistant.path(document.source).open("rb") as file:
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
