"""A catalog's rows as the values that Pilcrow takes and returns."""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from datetime import date
from typing import Any

from rag.index.catalog import Origin
from rag.text.language import main_language
from rag.text.recognition import Recognition
from rag.types import Document, DocumentInfo, Kind, Paragraph


def read_paragraph(row: tuple[Any, ...]) -> Paragraph:
    """Return the paragraph in a row of its columns from the number on."""
    number, text, kind, heading, page, line, stated, confidence, box = row
    recognised = None if confidence is None else Recognition(confidence, tuple(json.loads(box)))
    return Paragraph(number, text, Kind(kind), heading, page, line, day(stated), recognised)


def paragraph_row(document: int | None, each: Paragraph) -> tuple[object, ...]:
    """Return the columns of a paragraph of the document with this key."""
    stated = each.date and each.date.isoformat()
    found = each.recognised
    marks = (found.confidence, json.dumps(found.box)) if found else (None, None)
    return (document, each.number, each.text, each.kind, each.heading, each.page, each.line, stated, *marks)


def document_info(row: tuple[Any, ...]) -> DocumentInfo:
    """Return the document in a row of the columns that a list shows."""
    source, title, sha256, paragraphs, stated, version, replaces, retired, code = row
    return DocumentInfo(
        source, title, sha256, paragraphs, day(stated), version, replaces, bool(retired), code
    )


def day(stated: str | None) -> date | None:
    """Return a date that a row has as text."""
    return date.fromisoformat(stated) if stated else None


def document_row(origin: Origin, document: Document) -> tuple[object, ...]:
    """Return the columns of a document, but for its key."""
    stated = next((each.date.isoformat() for each in document.paragraphs if each.date), None)
    edition = (document.edition.version, document.edition.replaces, document.edition.retired)
    read = replace(origin, left_out="; ".join(document.left_out))
    code = main_language(each.text for each in document.paragraphs)
    return (*astuple(read), document.title, stated, *edition, code)
