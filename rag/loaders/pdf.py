"""PDF: paragraphs, rebuilt from the lines of each page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pypdfium2 import PdfDocument, PdfiumError, raw

from rag.errors import LoadError
from rag.loaders.left_out import by_pages
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.pdf_blocks import across_breaks, blocks, by_page, join, vocabulary
from rag.loaders.pdf_forms import notes, typed_runs
from rag.loaders.pdf_glyphs import bounds
from rag.loaders.pdf_layout import page_lines
from rag.loaders.pdf_lines import (
    Line,
    Segment,
    as_line,
    rows,
    segments,
    without_bullet,
)  # fmt: skip
from rag.loaders.pdf_running import without_running_lines
from rag.loaders.pdf_runs import page_runs
from rag.loaders.pdf_scans import is_scan, read_scan
from rag.loaders.tables import form_row, is_form, is_header, table_row
from rag.text.recognition import Recognition, merged
from rag.types import Kind

_NO_HEADING = re.compile(r"[.,;]$|(?:\.\s?){4}")  # a sentence, or an entry in a table of contents
_WORD = re.compile(r"[^\W\d_]{2}|[^\W\d_].*\d|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_NO_TITLE = re.compile(r"\.\w{2,4}$|^\(?(?:untitled|anonymous|unspecified)\)?$", re.IGNORECASE)
_MAX_HEADING = 200  # characters


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows: its upright text, turned text, notes, and its lowest and highest y.

    `left_out` is what of it can't be read, after "page 3 has".
    """

    found: list[Segment]
    aside: list[Line]
    notes: list[str]
    height: tuple[float, float]
    left_out: str = ""


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a PDF with their pages; LoadError if it is locked, damaged or without text."""
    try:
        with PdfDocument(data) as document:
            document.init_forms()
            title = document.get_metadata_value("Title")
            pages = [_page(document, index) for index in range(len(document))]
    except PdfiumError as error:
        raise _refused(error, source) from error
    paragraphs = tuple(page_paragraphs(pages))
    has_heading = any(each.kind is Kind.HEADING for each in paragraphs)
    title = "" if has_heading or _NO_TITLE.search(title.strip()) else title
    return Contents(paragraphs, title, left_out=by_pages([page.left_out for page in pages]))


def _refused(error: PdfiumError, source: str) -> LoadError:
    """Return the error for a file that PDFium can't open."""
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        reason = "is password-protected; save a copy without the password and ingest that"
    elif error.err_code == raw.FPDF_ERR_SECURITY:
        reason = (
            "uses an encryption that is not supported here; save a copy without encryption and ingest that"
        )
    else:
        reason = "is damaged or not a PDF; open it in a PDF program and save it again"
    return LoadError(source, reason)


def _page(document: PdfDocument, index: int) -> Page:
    """Return what a page shows; of a scan, what is recognised."""
    try:
        page = document[index]
        runs = [*page_runs(page), *typed_runs(document, page)]
        scan, missing = read_scan(page, index + 1) if is_scan(page, runs) else (None, "")
    except PdfiumError as error:
        return Page([], [], [], (0.0, 0.0), f"damage that makes it unreadable ({error})")
    if scan and scan.runs:
        return Page(segments(scan.runs), [], list(notes(page)), (0.0, scan.height), missing)
    letters: Counter[int] = Counter()
    for run in runs:
        letters[run.turn] += len(run.text)
    upright = letters.most_common(1)[0][0] if letters else 0
    aside = [
        as_line(row, index + 1, aside=True)
        for turn in letters
        if turn != upright
        for row in rows(segments([run for run in runs if run.turn == turn]))
    ]
    found = segments([run for run in runs if run.turn == upright])
    return Page(found, aside, list(notes(page)), bounds(page, upright), missing)


def page_paragraphs(pages: Sequence[Page]) -> Iterator[RawParagraph]:
    """Yield the paragraphs of all pages."""
    upright = without_running_lines([page.found for page in pages], [page.height for page in pages])
    lines = [_without_lone_rows(page_lines(found, number)) for number, found in enumerate(upright, start=1)]
    all_lines = [line for page in lines for line in page]
    words, levels = vocabulary(all_lines), _heading_levels(all_lines)
    on_top = True  # until the first paragraph
    parts = across_breaks([list(blocks(page)) for page in lines])
    for number, (page, found) in enumerate(zip(pages, parts, strict=True), start=1):
        for paragraph in _on_page(found, words, levels):
            is_title = on_top and paragraph.kind is Kind.HEADING and paragraph.level == 1
            yield replace(paragraph, level=0) if is_title else paragraph
            on_top = False
        yield from (RawParagraph(line.text, Kind.CAPTION, page=number) for line in page.aside)
        yield from (RawParagraph(note, page=number) for note in page.notes)


def _on_page(
    found: Sequence[Sequence[Line]], words: set[str], levels: dict[tuple[float, bool], int]
) -> Iterator[RawParagraph]:
    """Yield the paragraphs of one page."""
    table: list[Line] = []
    for block in found:
        if block[0].is_row:
            if table and abs(table[-1].y - block[0].y) > 5 * block[0].size:
                yield from _rows(table)
                table = []
            table += block
            continue
        yield from _rows(table)
        table = []
        yield from _block_paragraphs(block, words, levels)
    yield from _rows(table)


def _block_paragraphs(
    block: Sequence[Line], words: set[str], levels: dict[tuple[float, bool], int]
) -> Iterator[RawParagraph]:
    """Yield the paragraph of a block of lines, or one for each page that it is on."""
    first = block[0]
    level = levels.get((first.size, first.bold))
    text = join(block, words)
    if level and len(text) <= _MAX_HEADING and not _NO_HEADING.search(text) and _WORD.search(text):
        yield RawParagraph(text, Kind.HEADING, level, page=first.page, recognised=_recognised(block))
        return
    kind = Kind.LIST_ITEM if first.bullet else Kind.BODY
    for page, part in by_page([without_bullet(first), *block[1:]], words):
        recognised = _recognised([line for line in block if line.page == page])
        yield RawParagraph(part, kind, page=page, recognised=recognised)


def _recognised(lines: Sequence[Line]) -> Recognition | None:
    """Return how lines were recognised, if they were."""
    return merged([each for line in lines for each in line.recognised])


def _heading_levels(lines: Sequence[Line]) -> dict[tuple[float, bool], int]:
    """Return the heading level of each font larger than the body's, or bold; level 1 is the largest."""
    letters: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        letters[line.size, line.bold] += len(line.text)
    if not letters:
        return {}
    body, body_is_bold = letters.most_common(1)[0][0]
    fonts = [
        (size, bold)
        for size, bold in letters
        if size >= 1.15 * body or (bold and not body_is_bold and size >= 0.99 * body)
    ]
    return {font: level for level, font in enumerate(sorted(fonts, reverse=True), start=1)}


def _rows(lines: Sequence[Line]) -> Iterator[RawParagraph]:
    """Yield the rows of a table with the names of their columns, or those of a form with its names."""
    columns = max((len(line.cells) for line in lines), default=0)
    header = lines[0] if _has_header(lines, columns) else None
    rest = [line for line in lines if not line.form]
    is_pairs = not header and len(rest) > 1 and is_form([line.cells for line in rest])
    for line in lines[1:] if header else lines:
        if header:
            row = table_row(header.cells, _in_columns(line, header))
        elif is_pairs and not line.form:
            row = form_row(line.cells)
        else:
            row = table_row((), line.cells)
        yield replace(row, page=line.page, recognised=_recognised([line]))


def _has_header(lines: Sequence[Line], columns: int) -> bool:
    """Return whether the first row names the columns: it alone is bold, or the texts show it."""
    if len(lines) < 2 or any(line.form for line in lines):
        return False
    first, *rest = lines
    if first.bold and not any(line.bold for line in rest):
        return is_header(first.cells, columns)
    return is_header(first.cells, columns, [_in_columns(line, first) for line in rest])


def _in_columns(line: Line, header: Line) -> Sequence[str]:
    """Return a row's cells in the columns of its header; if some are missing, by their distance."""
    if len(line.cells) >= len(header.cells):
        return line.cells
    cells = [""] * len(header.cells)
    for cell, start in zip(line.cells, line.starts, strict=True):
        nearest = min(range(len(cells)), key=lambda column: abs(header.starts[column] - start))
        cells[nearest] = f"{cells[nearest]} {cell}".strip()
    return cells


def _without_lone_rows(lines: Sequence[Line]) -> list[Line]:
    """Return the lines, with a row that has no neighbouring row turned into an ordinary line."""
    is_row = [False, *(each.is_row for each in lines), False]
    return [
        replace(each, cells=(each.text,), starts=each.starts[:1])
        if each.is_row and not each.form and not (before or after)
        else each
        for each, before, after in zip(lines, is_row, is_row[2:], strict=False)
    ]
