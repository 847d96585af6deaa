"""Archives of XML of which some parts are damaged: what is left of them."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile

from lxml import etree

from rag.errors import LoadError
from rag.loaders.limits import Limits
from rag.loaders.paragraphs import Contents
from rag.loaders.unpacking import open_zip, parse_xml, read_member


def read_undamaged(
    data: bytes,
    source: str,
    remedy: str,
    limits: Limits,
    pattern: str,
    blank: bytes,
    read: Callable[[bytes], Contents],
) -> Contents:
    """Return the contents of an archive; members that match `pattern` and are damaged cost only themselves.

    `read` reads the archive, if need be with `blank` in place of these members; LoadError if it can't.
    """
    try:
        return read(data)
    except LoadError:
        repaired, damaged = _repaired(data, source, remedy, limits, pattern, blank)
        if not damaged:
            raise
    contents = read(repaired)
    left_out = tuple(f"{name} is damaged" for name in damaged)
    return Contents(contents.paragraphs, contents.title, contents.date, (*contents.left_out, *left_out))


def _repaired(
    data: bytes, source: str, remedy: str, limits: Limits, pattern: str, blank: bytes
) -> tuple[bytes, list[str]]:
    """Return an archive with `blank` in place of its damaged parts, and the names of these."""
    damaged = []
    written = BytesIO()
    with open_zip(data, source, remedy, limits) as archive, ZipFile(written, "w", ZIP_STORED) as copy:
        for name in archive.namelist():
            if fnmatchcase(name, pattern) and not _is_sound(archive, name, source, remedy):
                damaged.append(name.rpartition("/")[2].removesuffix(".xml"))
                copy.writestr(name, blank)
            else:
                copy.writestr(name, read_member(archive, name, source, remedy))
    return written.getvalue(), damaged


def _is_sound(archive: ZipFile, name: str, source: str, remedy: str) -> bool:
    """Return whether a member can be unpacked and is valid XML."""
    try:
        root: etree._Element | None = parse_xml(read_member(archive, name, source, remedy), source, remedy)
    except LoadError:
        return False
    return root is not None
