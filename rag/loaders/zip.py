"""ZIP archives: the files inside, each below a heading with its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.members import Member, read_members
from rag.loaders.paragraphs import Contents
from rag.loaders.unpacking import open_zip, read_member
from rag.types import Kind

MAX_DEPTH = 1  # an archive within an archive is read, one within that is not
_REMEDY = "unpack it and ingest its files"


def read(data: bytes, source: str, depth: int = 0) -> Contents:
    """Return the paragraphs of the files in an archive that lies within `depth` other files."""
    if depth > MAX_DEPTH:
        raise LoadError(source, f"lies within {depth} other files; {_REMEDY}")
    contents = read_members(_members(data, source), 1, depth + 1)
    if all(each.kind is not Kind.HEADING for each in contents.paragraphs):
        names = contents.paragraphs[0].text if contents.paragraphs else "it is empty"
        raise LoadError(source, f"holds no file that can be read ({names}); {_REMEDY}")
    return replace(contents, title=PurePosixPath(source).stem)


def _members(data: bytes, source: str) -> Iterator[Member]:
    """Yield the files of an archive, without hidden ones."""
    archive = open_zip(data, source, _REMEDY)
    for member in archive.infolist():
        parts = PurePosixPath(member.filename).parts
        if not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts):
            yield member.filename, partial(read_member, archive, member.filename, source, _REMEDY)
