"""The parts of a Word file: a zip archive of XML files that name each other by relationships."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from zipfile import ZipFile

from lxml import etree

from rag.errors import LoadError
from rag.loaders.limits import Limits
from rag.loaders.unpacking import DAMAGED, check_members

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
VAL = f"{W}val"
_PARTS = ("styles", "numbering", "footnotes", "endnotes")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # start of old .doc files, and of .docx files with a password
_STRICT = "http://purl.oclc.org/ooxml/"
_TRANSITIONAL = {  # Strict files hold the same elements in namespaces of their own
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": W[1:-1].encode(),
    **{
        f"{_STRICT}officeDocument/{name}".encode(): (
            f"http://schemas.openxmlformats.org/officeDocument/2006/{name}".encode()
        )
        for name in ("math", "relationships")
    },
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file of another format inside a document (altChunk)."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """The parts that hold text, the title in the properties, and the files inside by relationship."""

    body: etree._Element
    parts: Mapping[str, etree._Element]  # by the last word of the relationship: styles, numbering, …
    title: str
    chunks: Mapping[str, Chunk]


def open_package(data: bytes, source: str, limits: Limits) -> Package:
    """Open a Word file; LoadError if it is damaged, locked, or too large once unpacked."""
    if data.startswith(_OLE):
        raise LoadError(
            source, "is password-protected or an old .doc file; save it as .docx without a password"
        )
    try:
        with ZipFile(BytesIO(data)) as archive:
            check_members(archive, source, limits)
            return _package(_Archive(archive))
    except (*DAMAGED, etree.LxmlError) as error:
        reason = f"is damaged or not a Word document ({error})"
        raise LoadError(
            source, f"{reason}; open it in a word processor and save it again as .docx"
        ) from error


def is_on(element: etree._Element | None) -> bool:
    """Return whether a property that is on or off is on; one without a value is."""
    return element is not None and element.get(VAL) not in {"0", "false", "off"}


def value(parent: etree._Element | None, path: str) -> str | None:
    """Return the value of a property below `parent`; `path` has names without a namespace, "pPr/pStyle"."""
    element = None if parent is None else child(parent, path)
    return None if element is None else element.get(VAL)


def child(parent: etree._Element, path: str) -> etree._Element | None:
    """Return the first element at a path of names without a namespace."""
    return parent.find(_qualified(path))


@cache
def _qualified(path: str) -> str:
    return "/".join(W + name for name in path.split("/"))


class _Archive:
    """A zip archive whose members are found in any case and with either slash, as Word finds them."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._members = {member.filename.replace("\\", "/").lower(): member for member in archive.infolist()}

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a member, or None if there is no such member."""
        member = self._members.get(name.lstrip("/").lower())
        return None if member is None else self._archive.read(member)

    def parse(self, name: str, *, recover: bool = True) -> etree._Element | None:
        """Return the root of an XML part in the usual namespaces, or None if there is no such part.

        `recover` what can be read of a damaged part.
        """
        data = self.read(name)
        root = etree.fromstring(data, _parser(recover=recover)) if data else None
        if root is not None and any(uri.startswith(_STRICT) for uri in root.nsmap.values()):
            data = etree.tostring(root, encoding="utf-8")
            for strict, usual in _TRANSITIONAL.items():
                data = data.replace(strict, usual)
            root = etree.fromstring(data, _parser(recover=recover))
        return root

    def relationships(self, part: str) -> list[tuple[str, str, str]]:
        """Return the id, the last word of the type, and the target of a part's relationships."""
        folder, name = posixpath.split(part)
        root = self.parse(posixpath.join(folder, "_rels", f"{name}.rels"))
        return [
            (
                each.get("Id", ""),
                each.get("Type", "").rsplit("/", 1)[-1],
                posixpath.normpath(posixpath.join("/", folder, each.get("Target", "").replace("\\", "/"))),
            )
            for each in ([] if root is None else root.iterchildren("{*}Relationship"))
            if each.get("TargetMode") != "External"
        ]


def _parser(*, recover: bool) -> etree.XMLParser:
    """Return a parser that resolves no entities and accepts deeply nested frames."""
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, recover=recover)


def _package(archive: _Archive) -> Package:
    """Return the parts of a Word file; ValueError if its main part is missing or of another kind."""
    top = archive.relationships("")
    main = next((target for _, kind, target in top if kind == "officeDocument"), "")
    root = archive.parse(main, recover=False)
    body = None if root is None else child(root, "body")
    if body is None:
        raise ValueError("there is no Word document in it")
    related = archive.relationships(main)
    parts = {kind: target for _, kind, target in related}
    read = {name: archive.parse(parts.get(name, "")) for name in _PARTS}
    core = next((archive.parse(target) for _, kind, target in top if kind == "core-properties"), None)
    return Package(
        body,
        {name: part for name, part in read.items() if part is not None},
        "" if core is None else core.findtext("{http://purl.org/dc/elements/1.1/}title") or "",
        {
            key: Chunk(target, archive.read(target) or b"")
            for key, kind, target in related
            if kind == "aFChunk"
        },
    )
