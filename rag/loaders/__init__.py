"""File formats: one module each turns bytes into paragraphs; `load` picks it by the file's suffix."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import TYPE_CHECKING

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import ocr
from rag.loaders.advice import advice
from rag.loaders.left_out import shortened
from rag.loaders.limits import DEFAULT, MIB, Limits
from rag.loaders.paragraphs import Contents, to_document
from rag.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable

# fmt: off
_CODE_SUFFIXES = (
    ".bash", ".bat", ".c", ".cc", ".cfg", ".conf", ".cpp", ".cs", ".css", ".go", ".h", ".hpp",
    ".ini", ".java", ".js", ".jsx", ".kt", ".lua", ".mjs", ".php", ".pl", ".properties", ".ps1",
    ".py", ".pyi", ".r", ".rb", ".rs", ".scala", ".scss", ".sh", ".sql", ".swift", ".toml", ".ts",
    ".tsx", ".yaml", ".yml", ".zsh",
)
_IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# fmt: on
_MODULES = {
    ".txt": "text",
    ".log": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".org": "org",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".odt": "odt",
    ".rtf": "rtf",
    ".epub": "epub",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xml": "xml",
    ".ipynb": "ipynb",
    ".eml": "eml",
    ".mbox": "mbox",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".zip": "zip",
    **dict.fromkeys(_IMAGE_SUFFIXES, "image"),
    **dict.fromkeys(_CODE_SUFFIXES, "code"),
}
# Modules whose files hold other files.
_HOLDERS = frozenset({"docx", "eml", "epub", "mbox", "odt", "pptx", "xlsx", "zip"})
SUFFIXES = frozenset(_MODULES)
# For messages, which would be long with every suffix of source code in them.
FORMATS = f"{', '.join(sorted(SUFFIXES.difference(_CODE_SUFFIXES)))} or source code"


def load(
    path: Path, source: str, data: bytes | None = None, digest: str | None = None, limits: Limits = DEFAULT
) -> Document:
    """Return the document in the file at `path`, named `source`.

    `data` and `digest` are the file's bytes and their SHA-256, if the caller has them already.
    Raises LoadError, or UnsupportedFormat for a suffix that no loader reads.
    """
    check_suffix(path.name, source)
    data = read_bytes(path, source, limits) if data is None else data
    limits.check_size(len(data), source)
    if not data.strip():
        raise LoadError(source, "is empty; remove it, or add text and ingest it again")
    contents = read(path.suffix, data, source, limits)
    limits.check_count(len(contents.paragraphs), "paragraphs", source)
    limits.check_unpacked(sum(len(each.text) for each in contents.paragraphs), source)
    contents = replace(contents, left_out=shortened(contents.left_out))
    return to_document(contents, source, digest or sha256(data).hexdigest())


def read(suffix: str, data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the contents of a file of a supported format."""
    module = _MODULES[suffix.lower()]
    # Imported at its first file, so that importing this package stays fast.
    reader: Callable[..., Contents] = import_module(f"{__name__}.{module}").read
    return reader(data, source, limits) if module in _HOLDERS else reader(data, source)


def check_suffix(name: str, source: str) -> None:
    """Raise UnsupportedFormat if no loader reads files with the suffix of `name`."""
    if not is_read(name):
        raise UnsupportedFormat(source, unsupported(name))


def is_read(name: str) -> bool:
    """Return whether there is a loader for the file `name`; images have one if OCR is installed."""
    suffix = PurePath(name).suffix.lower()
    return suffix in SUFFIXES and (suffix not in _IMAGE_SUFFIXES or ocr.is_installed())


def unsupported(name: str) -> str:
    """Return the reason why no loader reads the file `name`."""
    kind = PurePath(name).suffix.lower() or "a file without a suffix"
    if kind in _IMAGE_SUFFIXES:
        return f"is an image; {ocr.advice()}"
    return advice(kind) or f"{kind} is not supported; save it as one of {FORMATS}"


def read_bytes(path: Path, source: str, limits: Limits = DEFAULT) -> bytes:
    """Return the file's bytes; LoadError, with the system's reason, if it cannot be read or is too large."""
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise LoadError(source, "is not a regular file; give a file or the folder that holds it")
        limits.check_size(status.st_size, source)
        # The file may grow meanwhile, or become a pipe, which is not waited for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(limits.file_mib * MIB + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LoadError(source, f"can't be read ({reason}); check the path and its permissions") from error
