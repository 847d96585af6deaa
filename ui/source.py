"""The source panel: a cited paragraph, its quote marked, its neighbours around it, and a PDF's page."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

import pypdfium2

from rag import Answer, Assistant, Citation, Evidence, Paragraph, PilcrowError
from ui.render import CHANGED, GONE, STANDS, escape, place

AROUND = 3  # paragraphs shown before and after
SCALE = 1.5  # pixels a point of a page's image
_pdfium = Lock()  # PDFium is not made for two threads at once


def standing(assistant: Assistant, found: Citation | Evidence) -> str:
    """Whether the index still holds the paragraph as it was when it was cited."""
    try:
        now = assistant.paragraph(found.source, found.paragraph)
    except PilcrowError:
        return GONE
    return STANDS if now.text == _text(found) else CHANGED


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
    state = standing(assistant, found)
    note = {
        CHANGED: "The document has changed since this answer: the paragraph is shown as it was then.",
        GONE: "The index no longer holds this paragraph: it is shown as it was when it was cited.",
    }.get(state, "")
    before, after = _neighbours(assistant, found) if state == STANDS else ((), ())
    told = f'<p class="pilcrow-changed">{note}</p>' if note else ""
    return (
        f'<header><h2 dir="auto">{place(found)}</h2>{told}</header>'
        f"<ol>{''.join(map(_neighbour, before))}"
        f'<li class="pilcrow-cited" tabindex="-1" value="{found.paragraph}">'
        f'<p dir="auto">{_marked(found)}</p></li>'
        f"{''.join(map(_neighbour, after))}</ol>{_page(found)}"
    )


def _neighbours(
    assistant: Assistant, found: Citation | Evidence
) -> tuple[tuple[Paragraph, ...], tuple[Paragraph, ...]]:
    number = found.paragraph
    around = assistant.paragraphs(found.source, number - AROUND, number + AROUND)
    return (
        tuple(item for item in around if item.number < number),
        tuple(item for item in around if item.number > number),
    )


def _neighbour(item: Paragraph) -> str:
    kind = ' class="pilcrow-heading"' if item.kind.value == "heading" else ""
    return f'<li value="{item.number}"{kind}><p dir="auto">{escape(item.text)}</p></li>'


def _text(found: Citation | Evidence) -> str:
    return found.paragraph_text if isinstance(found, Citation) else found.text


def _marked(found: Citation | Evidence) -> str:
    if isinstance(found, Evidence):
        return escape(found.text)
    text, start, end = found.paragraph_text, found.start, found.end
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"


def _page(found: Citation | Evidence) -> str:
    if not found.page:
        return ""
    address = escape("pilcrow/page?" + urlencode({"source": found.source, "page": found.page}))
    name = escape(f"Page {found.page} of {found.source}")
    return (
        f'<figure><img src="{address}" alt="{name}" loading="lazy"><figcaption>{name}</figcaption></figure>'
    )
