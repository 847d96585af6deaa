"""The source panel: a cited paragraph, its quote marked, its neighbours around it, and a PDF's page."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from pathlib import Path
from threading import Lock

import pypdfium2

from rag import Answer, Assistant, Citation, Evidence, PilcrowError
from ui.render import CHANGED, GONE, UNCHANGED, part

AROUND = 3  # paragraphs shown before and after
SCALE = 1.5  # pixels a point of a page's image
_pdfium = Lock()  # PDFium is not made for two threads at once


def paragraph_state(assistant: Assistant, found: Citation | Evidence) -> str:
    """Whether the index still holds the paragraph as it was when it was cited."""
    try:
        now = assistant.paragraph(found.source, found.paragraph)
    except PilcrowError:
        return GONE
    return UNCHANGED if now.text == _text(found) else CHANGED


def page_image(path: Path, number: int) -> bytes:
    """A page of a PDF file, counted from 1, as PNG; ValueError where there is none."""
    if path.suffix.lower() != ".pdf":
        raise ValueError(f"{path.name} has no pages")
    try:
        with _pdfium, closing(pypdfium2.PdfDocument(path)) as document:
            if not 1 <= number <= len(document):
                raise ValueError(f"{path.name} has no page {number}")
            image = document[number - 1].render(scale=SCALE).to_pil()
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{path.name} cannot be drawn: {error}") from error
    written = BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def held(assistant: Assistant, source: str, number: int) -> Evidence:
    """A paragraph as the index holds it; PilcrowError where there is none."""
    now = assistant.paragraph(source, number)
    return Evidence(1, source, number, now.text, now.heading, now.page, now.line, now.date)


def wanted(answer: Answer, citation: str | None, evidence: str | None) -> Citation | Evidence:
    """The citation or the evidence of this number in an answer; StopIteration where there is none."""
    if citation:
        return next(one for one in answer.citations if one.number == int(citation))
    return next(one for one in answer.evidence if one.number == int(evidence or 0))


def panel(assistant: Assistant, found: Citation | Evidence) -> str:
    """The paragraph as it was read for the answer, between its neighbours as the index holds them now."""
    state = paragraph_state(assistant, found)
    around = (found.paragraph - AROUND, found.paragraph + AROUND)
    neighbours = assistant.paragraphs(found.source, *around) if state == UNCHANGED else ()
    return part("source", found, state, neighbours)


def _text(found: Citation | Evidence) -> str:
    return found.paragraph_text if isinstance(found, Citation) else found.text
