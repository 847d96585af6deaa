"""Write the PDF and DOCX documents of seeds/ from the texts beside this script.

    python scripts/make_seeds.py [FOLDER]

A text named `x.pdf.md` becomes `x.pdf`. Running it again gives the same bytes: dates are fixed,
and nothing is compressed, so that the zlib of the machine does not matter.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import docx
from docx.document import Document as DocxDocument
from docx.enum.style import WD_STYLE_TYPE
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, StyleSheet1
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate

TEXTS = Path(__file__).with_name("seed_texts")
SEEDS = Path(__file__).parents[1] / "seeds"
WRITTEN = datetime(2024, 8, 18, 9, 0)
MARKS = {"# ": "title", "## ": "heading", "- ": "item", "| ": "row", "Table: ": "caption"}


class Block(NamedTuple):
    """One paragraph of a text: `kind` is title, heading, body, item, row or caption."""

    kind: str
    text: str


def read_blocks(path: Path) -> Iterator[Block]:
    """Every line that is not blank is one block; its first characters say of which kind."""
    for line in path.read_text(encoding="utf-8").splitlines():
        mark = next((mark for mark in MARKS if line.startswith(mark)), "")
        if line.strip():
            yield Block(MARKS.get(mark, "body"), line.removeprefix(mark))


def pdf_styles() -> StyleSheet1:
    """The look of each kind of block, under its name."""
    sheet = StyleSheet1()
    body = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15, spaceAfter=9)
    bold = {"parent": body, "fontName": "Helvetica-Bold"}
    sheet.add(body)
    sheet.add(ParagraphStyle("title", **bold | {"fontSize": 19, "leading": 24, "spaceAfter": 8}))
    sheet.add(ParagraphStyle("heading", **bold | {"fontSize": 13, "leading": 17, "spaceBefore": 10}))
    sheet.add(ParagraphStyle("item", parent=body, leftIndent=14, bulletIndent=3, spaceAfter=5))
    return sheet


def draw_page_number(canvas: Canvas, template: SimpleDocTemplate) -> None:
    """Set the number of the page in the middle of its foot."""
    canvas.setFont("Helvetica", 9)
    canvas.drawCentredString(A4[0] / 2, 12 * mm, f"Page {template.page}")


def write_pdf(blocks: list[Block], target: Path) -> None:
    """Lay the blocks out on A4; no paragraph is broken between two pages."""
    styles = pdf_styles()
    story: list[Flowable] = []
    for kind, text in blocks:
        if kind == "heading":
            story.append(CondPageBreak(35 * mm))  # a heading stays with the first lines below it
        story.append(Paragraph(escape(text), styles[kind], bulletText="–" if kind == "item" else None))
    template = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=22 * mm,
        bottomMargin=24 * mm,
        title=blocks[0].text,
        author="",
        invariant=1,
        pageCompression=0,
        allowSplitting=0,
    )
    template.build(story, onFirstPage=draw_page_number, onLaterPages=draw_page_number)


def slim_document() -> DocxDocument:
    """An empty document without the template's thumbnail and the hundred table looks that we do not use."""
    document = docx.Document()
    for part in (document.part, document.part.package):
        for key, relation in list(part.rels.items()):
            if relation.reltype.endswith(("/stylesWithEffects", "/thumbnail")):
                del part.rels[key]
    for style in list(document.styles):
        if style.type == WD_STYLE_TYPE.TABLE and style.name not in ("Normal Table", "Table Grid"):
            style.delete()
    return document


def write_docx(blocks: list[Block], target: Path) -> None:
    """Write the blocks with Word's own styles: Title, Heading 1, List Bullet, Caption and a ruled table."""
    document = slim_document()
    about = document.core_properties
    about.title, about.author, about.comments = blocks[0].text, "", ""
    about.created = about.modified = WRITTEN
    styles = {"title": "Title", "heading": "Heading 1", "item": "List Bullet", "caption": "Caption"}
    table = None
    for kind, text in blocks:
        if kind != "row":
            document.add_paragraph(text, style=styles.get(kind))
            table = None
            continue
        cells = text.removesuffix("|").split("|")
        table = table or document.add_table(rows=0, cols=len(cells), style="Table Grid")
        for cell, words in zip(table.add_row().cells, cells, strict=True):
            cell.text = words.strip()
    packed = io.BytesIO()
    document.save(packed)
    store_plainly(packed, target)


def store_plainly(packed: io.BytesIO, target: Path) -> None:
    """Copy a zip's members to `target` in their order, uncompressed and without the time of day."""
    with ZipFile(packed) as source, ZipFile(target, "w", ZIP_STORED) as copy:
        for name in source.namelist():
            copy.writestr(ZipInfo(name), source.read(name))


def main(folder: Path) -> None:
    """Write every binary document into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = {".pdf": write_pdf, ".docx": write_docx}
    for path in sorted(TEXTS.glob("*.md")):
        target = folder / path.stem
        writers[target.suffix](list(read_blocks(path)), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
