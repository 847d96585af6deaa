"""ZIP archives: the files inside, each below a heading with its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.members import Member, read_members
from rag.loaders.paragraphs import Contents
from rag.loaders.unpacking import open_zip, read_member
from rag.types import Kind

_REMEDY = "unpack it and ingest its files"


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the paragraphs of the files in an archive."""
    contents = read_members(_members(data, source, limits), 1, limits.within(source))
    if all(each.kind is not Kind.HEADING for each in contents.paragraphs):
        names = contents.paragraphs[0].text if contents.paragraphs else "it is empty"
        raise LoadError(source, f"holds no file that can be read ({names}); {_REMEDY}")
    return replace(contents, title=PurePosixPath(source).stem)


def _members(data: bytes, source: str, limits: Limits) -> Iterator[Member]:
    """Yield the files of an archive, without hidden ones."""
    archive = open_zip(data, source, _REMEDY, limits)
    for member in archive.infolist():
        parts = PurePosixPath(member.filename).parts
        if not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts):
            yield member.filename, partial(read_member, archive, member, source, _REMEDY)
