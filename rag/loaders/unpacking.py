"""Formats that are ZIP archives or XML: opened with limits, so that a small file can't fill the memory."""

from __future__ import annotations

import zlib
from io import BytesIO
from zipfile import BadZipFile, LargeZipFile, ZipFile

from lxml import etree

from rag.errors import LoadError

MAX_UNPACKED = 200 * 2**20  # bytes
MAX_MEMBERS = 10_000
DAMAGED = (
    BadZipFile,
    LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    OSError,
)


def open_zip(data: bytes, source: str, remedy: str) -> ZipFile:
    """Open an archive; LoadError if it is damaged, or exceeds the limits once unpacked.

    Its members can't unpack to more than their stated size: `zipfile` stops there.
    """
    try:
        archive = ZipFile(BytesIO(data))
    except DAMAGED as error:
        raise LoadError(source, f"is damaged or of another format ({error}); {remedy}") from error
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        reason = f"holds {len(members):,} files, more than {MAX_MEMBERS:,}"
        raise LoadError(source, f"{reason}; split it into smaller files")
    check_unpacked(archive, source)
    return archive


def check_unpacked(archive: ZipFile, source: str) -> None:
    """Raise LoadError if the members of an archive unpack to more than MAX_UNPACKED bytes."""
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_UNPACKED:
        reason = f"unpacks to {unpacked / 2**20:,.0f} MiB, more than {MAX_UNPACKED // 2**20}"
        raise LoadError(source, f"{reason}; split it into smaller files")


def read_member(archive: ZipFile, name: str, source: str, remedy: str) -> bytes:
    """Return the bytes of one member; LoadError if it is missing, damaged or encrypted."""
    try:
        return archive.read(name)
    except DAMAGED as error:
        raise LoadError(source, f"can't be unpacked ({error}); {remedy}") from error


def parse_xml(data: bytes, source: str, remedy: str) -> etree._Element:
    """Return the root element, with entities left as they are and nothing fetched; LoadError if invalid."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, etree.XMLSyntaxError) else error
        raise LoadError(source, f"is not valid XML ({reason}); {remedy}") from error


def local_name(element: etree._Element) -> str:
    """Return an element's name without its namespace; "" for an entity reference."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
