"""PDF: the paragraphs of each page, rebuilt from its lines."""

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
from rag.loaders.drafts import Contents, Draft
from rag.loaders.pdf_lines import Line, blocks, join, page_lines, vocabulary, without_mark
from rag.loaders.tables import names_columns, row
from rag.types import Kind

# What pypdf lets through on damaged files, seen in its issues, beside its own errors.
_DAMAGED = (
    PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError,
    ValueError, zlib.error, struct.error,
)  # fmt: skip
_MARGIN = 0.1  # of the page's height, at the top and at the bottom
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|p\.|seite)\s*\d+(?:\s*(?:of|/|von)\s*\d+)?\W*|\W*\d+\s*(?:of|/)\s*\d+\W*", re.IGNORECASE
)
_FOLIO = re.compile(r"\W*(?:\d+|[ivxl]+)\W*")
_NO_HEADING = re.compile(r"[.,;]$|(?:\.\s?){4}")  # a sentence, or a line of a table of contents
_NO_TITLE = re.compile(r"\.\w{2,4}$|^\(?(?:untitled|anonymous|unspecified)\)?$", re.IGNORECASE)
_LONGEST_HEADING = 200  # characters
_NO_TEXT = (
    "holds no text, perhaps only pictures of it; run OCR over it (for example ocrmypdf), then ingest that"
)


def read(data: bytes, source: str) -> Contents:
    """The paragraphs of a PDF, with their pages; LoadError if it is locked, damaged or without text."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            reason = "is password-protected; save a copy without the password and ingest that"
            raise LoadError(source, reason)
        pages = [page_lines(page, number) for number, page in enumerate(reader.pages, start=1)]
        heights = [float(page.mediabox.height) for page in reader.pages]
        stated = (reader.metadata.title if reader.metadata else None) or ""
    except DependencyError as error:
        reason = f"is encrypted in a way that cannot be opened here ({error})"
        raise LoadError(source, f"{reason}; save a copy without encryption and ingest that") from error
    except _DAMAGED as error:
        reason = f"is damaged or no PDF ({error})"
        raise LoadError(source, f"{reason}; open it in a PDF program and save it anew") from error
    if not any(pages):
        raise LoadError(source, _NO_TEXT)
    drafts = tuple(_drafts(_without_running_lines(pages, heights)))
    titled = any(draft.kind is Kind.HEADING for draft in drafts)
    return Contents(drafts, "" if titled or _is_file_name(stated) else stated)


def _is_file_name(title: str) -> bool:
    """Whether a program put the file's name, or nothing, where the title belongs."""
    return _NO_TITLE.search(title.strip()) is not None


def _without_running_lines(pages: list[list[Line]], heights: Sequence[float]) -> list[list[Line]]:
    """The pages without the headers, footers and page numbers in their margins.

    They are what stands at one height on several pages, in the same words but for the figures, and what is
    a page's number.
    """
    seen = Counter(
        key
        for lines, height in zip(pages, heights, strict=True)
        for key in {_running(line) for line in lines if _in_margin(line, height)}
    )
    often = 2 if len(pages) < 5 else 3

    def runs(line: Line, height: float) -> bool:
        numbered = line.text == str(line.page) or _PAGE_NUMBER.fullmatch(line.cells[-1]) is not None
        return _in_margin(line, height) and (
            numbered or seen[_running(line)] >= (2 if _FOLIO.fullmatch(line.text) else often)
        )

    kept = [
        [line for line in lines if not runs(line, height)]
        for lines, height in zip(pages, heights, strict=True)
    ]
    return kept if any(kept) else pages


def _running(line: Line) -> tuple[int, str]:
    """What a running line has in common on all pages: its height and its text but for the figures."""
    return round(line.y / 4), re.sub(r"\d+|^[ivxl]+$", "#", line.text)


def _in_margin(line: Line, height: float) -> bool:
    """Whether a line stands at the very top or bottom of its page."""
    return not _MARGIN * height < line.y < (1 - _MARGIN) * height


def _drafts(pages: Sequence[Sequence[Line]]) -> Iterator[Draft]:
    """The paragraphs of all pages."""
    everything = [line for lines in pages for line in lines]
    words = vocabulary(everything)
    levels = _heading_levels(everything)
    table: list[Line] = []
    title = True  # until the first paragraph below the headings on top
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
            draft = _draft(block, words, levels)
            if title and draft.kind is Kind.HEADING and draft.level == 1:
                draft = replace(draft, level=0)
            title = False
            yield draft
        yield from _rows(table)
        table = []


def _draft(block: Sequence[Line], words: set[str], levels: dict[tuple[float, bool], int]) -> Draft:
    """The paragraph of a block of lines."""
    first = block[0]
    level = levels.get((first.size, first.bold))
    text = join(block, words)
    if level and len(text) <= _LONGEST_HEADING and not _NO_HEADING.search(text):
        return Draft(text, Kind.HEADING, level, page=first.page)
    kind = Kind.LIST_ITEM if first.mark else Kind.BODY
    return Draft(join([without_mark(first), *block[1:]], words), kind, page=first.page)


def _heading_levels(lines: Sequence[Line]) -> dict[tuple[float, bool], int]:
    """The depth of each font that is larger than the body's, or as large and bold: the larger the higher."""
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


def _rows(lines: Sequence[Line]) -> Iterator[Draft]:
    """The rows of a table; its first names the columns if it holds names, in bold where only two."""
    columns = max((len(line.cells) for line in lines), default=0)
    header: Line | None = None
    if len(lines) > 1 and names_columns(lines[0].cells, columns) and (columns > 2 or lines[0].bold):
        header, lines = lines[0], lines[1:]
    for line in lines:
        if header is None and columns == 2:
            yield row(line.cells[:1], line.cells[1:], page=line.page)
        else:
            cells = _in_columns(line, header) if header else line.cells
            yield row(header.cells if header else (), cells, page=line.page)


def _in_columns(line: Line, header: Line) -> Sequence[str]:
    """A row's cells in the columns of its header; where cells are empty, by the place of the others."""
    if len(line.cells) >= len(header.cells):
        return line.cells
    cells = [""] * len(header.cells)
    for cell, place in zip(line.cells, line.places, strict=True):
        nearest = min(range(len(cells)), key=lambda column: abs(header.places[column] - place))
        cells[nearest] = f"{cells[nearest]} {cell}".strip()
    return cells
