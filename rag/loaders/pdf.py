"""PDF: paragraphs, rebuilt from the lines of each page."""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from rag.errors import LoadError
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.pdf_lines import Line, blocks, join, page_lines, vocabulary, without_bullet
from rag.loaders.tables import is_header, table_row
from rag.types import Kind

# pypdf's own errors, and those that its issues report for damaged files.
_DAMAGED = (
    PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError,
    ValueError, zlib.error, struct.error,
)  # fmt: skip
_MARGIN = 0.1  # of the page's height, at the top and at the bottom
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|p\.|seite)\s*\d+(?:\s*(?:of|/|von)\s*\d+)?\W*|\W*\d+\s*(?:of|/)\s*\d+\W*", re.IGNORECASE
)
_LONE_NUMBER = re.compile(r"\W*(?:\d+|[ivxl]+)\W*")
_NO_HEADING = re.compile(r"[.,;]$|(?:\.\s?){4}")  # a sentence, or an entry in a table of contents
_NO_TITLE = re.compile(r"\.\w{2,4}$|^\(?(?:untitled|anonymous|unspecified)\)?$", re.IGNORECASE)
_MAX_HEADING = 200  # characters
_NO_TEXT = "has no text, perhaps only scanned pages; run OCR (for example ocrmypdf) and ingest the result"


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a PDF with their pages; LoadError if it is locked, damaged or without text."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise LoadError(source, "is password-protected; save a copy without the password and ingest that")
        pages = [page_lines(page, number) for number, page in enumerate(reader.pages, start=1)]
        heights = [float(page.mediabox.height) for page in reader.pages]
        title = (reader.metadata.title if reader.metadata else None) or ""
    except DependencyError as error:
        reason = f"uses an encryption that is not supported here ({error})"
        raise LoadError(source, f"{reason}; save a copy without encryption and ingest that") from error
    except _DAMAGED as error:
        reason = f"is damaged or not a PDF ({error})"
        raise LoadError(source, f"{reason}; open it in a PDF program and save it again") from error
    if not any(pages):
        raise LoadError(source, _NO_TEXT)
    paragraphs = tuple(_paragraphs(_without_running_lines(pages, heights)))
    has_heading = any(each.kind is Kind.HEADING for each in paragraphs)
    return Contents(paragraphs, "" if has_heading or _NO_TITLE.search(title.strip()) else title)


def _without_running_lines(pages: list[list[Line]], heights: Sequence[float]) -> list[list[Line]]:
    """Return the pages without the headers, footers and page numbers in their margins.

    A header or footer is a line at the same height on several pages, with the same text except for figures.
    """
    seen = Counter(
        key
        for lines, height in zip(pages, heights, strict=True)
        for key in {_running_key(line) for line in lines if _in_margin(line, height)}
    )
    min_pages = 2 if len(pages) < 5 else 3

    def is_running(line: Line, height: float) -> bool:
        numbered = line.text == str(line.page) or _PAGE_NUMBER.fullmatch(line.cells[-1]) is not None
        repeated = seen[_running_key(line)] >= (2 if _LONE_NUMBER.fullmatch(line.text) else min_pages)
        return _in_margin(line, height) and (numbered or repeated)

    kept = [
        [line for line in lines if not is_running(line, height)]
        for lines, height in zip(pages, heights, strict=True)
    ]
    return kept if any(kept) else pages


def _running_key(line: Line) -> tuple[int, str]:
    """Return what a running line has in common on all pages: its height, and its text without figures."""
    return round(line.y / 4), re.sub(r"\d+|^[ivxl]+$", "#", line.text)


def _in_margin(line: Line, height: float) -> bool:
    """Return whether a line is at the very top or bottom of its page."""
    return not _MARGIN * height < line.y < (1 - _MARGIN) * height


def _paragraphs(pages: Sequence[Sequence[Line]]) -> Iterator[RawParagraph]:
    """Yield the paragraphs of all pages."""
    all_lines = [line for lines in pages for line in lines]
    words = vocabulary(all_lines)
    levels = _heading_levels(all_lines)
    table: list[Line] = []
    on_top = True  # until the first paragraph
    for lines in pages:
        for block in blocks(lines):
            if block[0].is_row:
                if table and abs(table[-1].y - block[0].y) > 5 * block[0].size:
                    yield from _rows(table)
                    table = []
                table += block
                continue
            yield from _rows(table)
            table = []
            paragraph = _paragraph(block, words, levels)
            is_title = on_top and paragraph.kind is Kind.HEADING and paragraph.level == 1
            yield replace(paragraph, level=0) if is_title else paragraph
            on_top = False
        yield from _rows(table)
        table = []


def _paragraph(block: Sequence[Line], words: set[str], levels: dict[tuple[float, bool], int]) -> RawParagraph:
    """Return the paragraph of a block of lines."""
    first = block[0]
    level = levels.get((first.size, first.bold))
    text = join(block, words)
    if level and len(text) <= _MAX_HEADING and not _NO_HEADING.search(text):
        return RawParagraph(text, Kind.HEADING, level, page=first.page)
    kind = Kind.LIST_ITEM if first.bullet else Kind.BODY
    return RawParagraph(join([without_bullet(first), *block[1:]], words), kind, page=first.page)


def _heading_levels(lines: Sequence[Line]) -> dict[tuple[float, bool], int]:
    """Return the heading level of each font larger than the body's, or bold; level 1 is the largest."""
    letters: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        letters[line.size, line.bold] += len(line.text)
    body, body_is_bold = letters.most_common(1)[0][0]
    fonts = [
        (size, bold)
        for size, bold in letters
        if size >= 1.15 * body or (bold and not body_is_bold and size >= 0.99 * body)
    ]
    return {font: level for level, font in enumerate(sorted(fonts, reverse=True), start=1)}


def _rows(lines: Sequence[Line]) -> Iterator[RawParagraph]:
    """Yield the rows of a table; the first may name the columns, in bold if there are only two."""
    columns = max((len(line.cells) for line in lines), default=0)
    header: Line | None = None
    if len(lines) > 1 and is_header(lines[0].cells, columns) and (columns > 2 or lines[0].bold):
        header, lines = lines[0], lines[1:]
    for line in lines:
        if header:
            yield table_row(header.cells, _in_columns(line, header), page=line.page)
        else:
            names = 1 if columns == 2 else 0  # a column of names beside one of values
            yield table_row(line.cells[:names], line.cells[names:], page=line.page)


def _in_columns(line: Line, header: Line) -> Sequence[str]:
    """Return a row's cells in the columns of its header; if some are missing, by their distance."""
    if len(line.cells) >= len(header.cells):
        return line.cells
    cells = [""] * len(header.cells)
    for cell, start in zip(line.cells, line.starts, strict=True):
        nearest = min(range(len(cells)), key=lambda column: abs(header.starts[column] - start))
        cells[nearest] = f"{cells[nearest]} {cell}".strip()
    return cells
