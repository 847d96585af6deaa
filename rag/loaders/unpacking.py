"""Formats that are ZIP archives or XML: opened with limits, so that a small file can't fill the memory."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from lzma import LZMAError
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from lxml import etree

from rag.errors import LoadError
from rag.loaders.limits import Limits

DAMAGED = (
    BadZipFile,
    LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    OSError,
    ValueError,
    OverflowError,
    LZMAError,
    struct.error,
)


def open_zip(data: bytes, source: str, remedy: str, limits: Limits) -> ZipFile:
    """Open an archive; LoadError if it is damaged, or exceeds the limits once unpacked.

    Its members can't unpack to more than their stated size: `zipfile` stops there.
    """
    try:
        archive = ZipFile(BytesIO(data))
    except DAMAGED as error:
        raise LoadError(source, f"is damaged or of another format ({error}); {remedy}") from error
    check_members(archive, source, limits)
    return archive


def check_members(archive: ZipFile, source: str, limits: Limits) -> None:
    """Raise LoadError if an archive has too many members, or unpacks to too much."""
    members = archive.infolist()
    limits.check_count(len(members), "files", source)
    limits.check_unpacked(sum(member.file_size for member in members), source)


def read_member(archive: ZipFile, member: str | ZipInfo, source: str, remedy: str) -> bytes:
    """Return the bytes of one member; LoadError if it is missing, damaged or encrypted."""
    try:
        return archive.read(member)
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
