"""EPUB books: the chapters in reading order, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote
from zipfile import ZipFile

from lxml import etree

from rag.errors import LoadError
from rag.loaders import html
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.unpacking import open_zip, parse_xml, read_member
from rag.text.dates import find_date
from rag.types import Kind

_REMEDY = "save it again as .epub without protection, or as .html"
_CONTAINER = "META-INF/container.xml"
_PAGES = {"application/xhtml+xml", "text/html", "application/xml", "text/xml"}
_DC = "{http://purl.org/dc/elements/1.1/}"


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the chapters of a book, with its title and date."""
    archive = open_zip(data, source, _REMEDY, limits)
    if "META-INF/rights.xml" in archive.namelist():
        raise LoadError(source, f"is protected against copying; {_REMEDY}")
    container = parse_xml(read_member(archive, _CONTAINER, source, _REMEDY), source, _REMEDY)
    root = container.find(".//{*}rootfile")
    path = root.get("full-path", "") if root is not None else ""
    package = parse_xml(read_member(archive, path, source, _REMEDY), source, _REMEDY)
    title = " ".join((package.findtext(f".//{_DC}title") or "").split())
    pages = [posixpath.normpath(posixpath.join(posixpath.dirname(path), page)) for page in _spine(package)]
    paragraphs: list[RawParagraph] = []
    left_out = []
    for page in pages:
        try:
            paragraphs += _chapter(archive, page, source, title)
        except LoadError as error:
            left_out.append(f"{page} {error.problem}")
    day = find_date(package.findtext(f".//{_DC}date") or "")
    return Contents(tuple(paragraphs), title, day, tuple(left_out))


def _spine(package: etree._Element) -> Iterator[str]:
    """Yield the paths of the pages in reading order, without the table of contents."""
    items = {item.get("id"): item for item in package.iter("{*}item")}
    for each in package.iter("{*}itemref"):
        item = items.get(each.get("idref"))
        if item is None or item.get("media-type") not in _PAGES:
            continue
        if "nav" not in item.get("properties", "").split():
            yield unquote(item.get("href", ""))


def _chapter(archive: ZipFile, page: str, source: str, title: str) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a page; its title is their heading if they have none."""
    chapter = html.read(read_member(archive, page, source, _REMEDY), source)
    has_heading = any(each.kind is Kind.HEADING for each in chapter.paragraphs)
    if chapter.paragraphs and not has_heading and chapter.title not in {"", title}:
        yield RawParagraph(chapter.title, Kind.HEADING)
    for each in chapter.paragraphs:
        yield RawParagraph(each.text, each.kind, each.level, date=each.date)
