"""The source panel: a cited paragraph between its neighbours, its quote marked, and a PDF's page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Lock

import pypdfium2

from rag import Answer, Assistant, Citation, Evidence
from ui.conversations import Entry
from ui.render import part

NEIGHBOURS = 3  # paragraphs shown before and after
SCALE = 1.5  # pixels per point in the image of a page
_pdfium = Lock()  # PDFium isn't thread-safe


def refreshed(assistant: Assistant, entries: Sequence[Entry]) -> list[Entry]:
    """Return recorded entries whose citations say what happened to them since."""
    return [replace(entry, answer=assistant.refreshed(entry.answer)) for entry in entries]


def page_image(path: Path, number: int) -> bytes:
    """Draw a page of a PDF file, counted from 1, as PNG; ValueError if there is no such page."""
    if path.suffix.lower() != ".pdf":
        raise ValueError(f"{path.name} has no pages")
    try:
        with _pdfium, closing(pypdfium2.PdfDocument(path)) as document:
            if not 1 <= number <= len(document):
                raise ValueError(f"{path.name} has no page {number}")
            image = document[number - 1].render(scale=SCALE).to_pil()
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


def recorded(answer: Answer, citation: str | None, evidence: str | None) -> Citation | Evidence:
    """Return the citation or the evidence of this number in an answer; StopIteration if there is none."""
    if citation:
        return next(one for one in answer.citations if one.number == int(citation))
    return next(one for one in answer.evidence if one.number == int(evidence or 0))


def panel(assistant: Assistant, found: Citation | Evidence) -> str:
    """Render the paragraph as it was cited, between the neighbours that it has in the index."""
    now = _now(assistant, found)
    around = found.paragraph - NEIGHBOURS, found.paragraph + NEIGHBOURS
    neighbours = () if now.changed.startswith("paragraph") else assistant.paragraphs(found.source, *around)
    return part("source", now, neighbours)


def _now(assistant: Assistant, found: Citation | Evidence) -> Citation | Evidence:
    """Return the paragraph with what happened to it since."""
    if isinstance(found, Citation):
        return assistant.refreshed(Answer("", "", citations=(found,))).citations[0]
    return assistant.refreshed(Answer("", "", nearest=(found,))).nearest[0]
