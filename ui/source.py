"""The source panel: a cited paragraph between its neighbours, its quote marked, and a PDF's page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Lock

import pypdfium2
from PIL import ImageDraw

from rag import Answer, Assistant, Citation, Evidence
from ui.conversations import Entry
from ui.render import part

NEIGHBOURS = 3  # paragraphs shown before and after
SCALE = 1.5  # pixels per point in the image of a page
BOX = "#0f5257"  # around the quote
_pdfium = Lock()  # PDFium isn't thread-safe


def refreshed(assistant: Assistant, entries: Sequence[Entry]) -> list[Entry]:
    """Return recorded entries whose citations say what happened to them since."""
    return [replace(entry, answer=assistant.refreshed(entry.answer)) for entry in entries]


def page_image(path: Path, number: int, quote: str = "") -> bytes:
    """Draw a page of a PDF file, counted from 1, as PNG, with a box around each line of the quote.

    ValueError if there is no such page. A quote that isn't found there gets no box.
    """
    if path.suffix.lower() != ".pdf":
        raise ValueError(f"{path.name} has no pages")
    try:
        with _pdfium, closing(pypdfium2.PdfDocument(path)) as document:
            if not 1 <= number <= len(document):
                raise ValueError(f"{path.name} has no page {number}")
            page = document[number - 1]
            image = page.render(scale=SCALE).to_pil()
            for box in _boxes(page, quote):
                ImageDraw.Draw(image).rectangle(box, outline=BOX, width=2)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{path.name} can't be drawn: {error}") from error
    png = BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def stored(assistant: Assistant, source: str, number: int) -> Evidence:
    """Return a paragraph as the index holds it now; PilcrowError if there is none."""
    now = assistant.paragraph(source, number)
    return Evidence(
        1, source, number, now.text, now.heading, now.page, now.line, now.date, recognised=now.recognised
    )


def recorded(answer: Answer, citation: int, evidence: int) -> Citation | Evidence | None:
    """Return the citation or the evidence of this number in an answer, None if there is none."""
    found: Sequence[Citation | Evidence] = answer.citations if citation else answer.evidence or answer.nearest
    return next((one for one in found if one.number == (citation or evidence)), None)


def pane(
    assistant: Assistant, found: Citation | Evidence, answer: Answer | None = None, address: str = ""
) -> str:
    """Render the paragraph as it was cited, between the neighbours that it has in the index.

    `address` is the query of links to the other citations of the answer.
    """
    now = _now(assistant, found)
    around = found.paragraph - NEIGHBOURS, found.paragraph + NEIGHBOURS
    neighbours = () if now.changed.startswith("paragraph") else assistant.paragraphs(found.source, *around)
    numbers = [one.number for one in answer.citations] if answer and isinstance(found, Citation) else []
    return part("source.html", "pane", now, neighbours, numbers, address)


def _boxes(page: pypdfium2.PdfPage, quote: str) -> list[tuple[float, float, float, float]]:
    """Return a box in pixels for each line of the quote on the page; spaces and hyphens don't count."""
    text = page.get_textpage()
    written = text.get_text_range()
    places = [at for at, letter in enumerate(written) if letter.isalnum()]
    letters = "".join(written[at] for at in places)
    wanted = "".join(filter(str.isalnum, quote))
    start = letters.find(wanted) if wanted else -1
    if start < 0:
        return []
    first, last = places[start], places[start + len(wanted) - 1]
    count, height = text.count_rects(first, last - first + 1), page.get_height()
    boxes = []
    for left, bottom, right, top in (text.get_rect(at) for at in range(count)):
        corners = left - 2, height - top - 2, right + 2, height - bottom + 2
        boxes.append(tuple(SCALE * corner for corner in corners))
    return boxes


def _now(assistant: Assistant, found: Citation | Evidence) -> Citation | Evidence:
    """Return the paragraph with what happened to it since."""
    if isinstance(found, Citation):
        return assistant.refreshed(Answer("", "", citations=(found,))).citations[0]
    return assistant.refreshed(Answer("", "", nearest=(found,))).nearest[0]
