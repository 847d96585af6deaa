"""The page's library: files added one by one with their progress, and the documents with their state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path, PurePath
from unicodedata import normalize

from rag import Assistant, IngestReport, PilcrowError
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
    """Copy uploaded files and return the copies, each once; no document or file is replaced.

    A file whose name is taken gets a number, unless the document or file of that name has its content.
    """
    folder = assistant.settings.index.resolve() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return list(dict.fromkeys(_save(assistant, Path(file), folder) for file in uploaded))


def _save(assistant: Assistant, file: Path, folder: Path) -> Path:
    written, number = PurePath(normalize("NFC", file.name)), 1
    name = written.name
    while True:
        target = _path(assistant, name) or folder / name
        if target.is_file():
            if cmp(file, target, shallow=False):
                return target
        elif target.parent == folder:
            return Path(shutil.copyfile(file, target))
        number += 1
        name = f"{written.stem} ({number}){written.suffix}"


def _path(assistant: Assistant, source: str) -> Path | None:
    try:
        return assistant.path(source)
    except PilcrowError:
        return None


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
    changed = assistant.changed()
    rows = [(one, changed.get(one.source, "up to date")) for one in assistant.documents()]
    return part("documents", rows)


def _outcome(name: str, report: IngestReport) -> Upload:
    if report.failed:
        return Upload(name, "; ".join(reason for _, reason in report.failed), failed=True)
    if report.unchanged:
        return Upload(name, "already up to date", 1.0)
    count = f"{report.paragraphs:,} paragraph{'s' * (report.paragraphs != 1)}"
    return Upload(name, "; ".join([count, *(reason for _, reason in report.partly)]), 1.0)
