"""Write the PDF and DOCX documents of seeds/ from `seed_texts/`: `python -m scripts.make_seeds [FOLDER]`.

A text named `x.pdf.md` becomes `x.pdf`. Each run writes the same bytes: dates are fixed, and nothing is
compressed, so that the machine's zlib does not matter.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import docx
import typer
from docx.document import Document as DocxDocument
from docx.enum.style import WD_STYLE_TYPE
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, StyleSheet1
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate

from eval import SEEDS

TEXTS = Path(__file__).with_name("seed_texts")
WRITTEN = datetime(2024, 8, 18, 9, 0)
KINDS = {"# ": "title", "## ": "heading", "- ": "item", "| ": "row", "Table: ": "caption"}


class Block(NamedTuple):
    """One paragraph of a text: `kind` is title, heading, body, item, row or caption."""

    kind: str
    text: str


def read_blocks(path: Path) -> Iterator[Block]:
    """Yield a block for each line with text; the kind follows from the line's first characters."""
    for line in path.read_text(encoding="utf-8").splitlines():
        mark = next((mark for mark in KINDS if line.startswith(mark)), "")
        if line.strip():
            yield Block(KINDS.get(mark, "body"), line.removeprefix(mark))


def pdf_styles() -> StyleSheet1:
    """Return the style of each kind of block, by name."""
    sheet = StyleSheet1()
    body = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15, spaceAfter=9)
    bold = {"parent": body, "fontName": "Helvetica-Bold"}
    sheet.add(body)
    sheet.add(ParagraphStyle("title", **bold | {"fontSize": 19, "leading": 24, "spaceAfter": 8}))
    sheet.add(ParagraphStyle("heading", **bold | {"fontSize": 13, "leading": 17, "spaceBefore": 10}))
    sheet.add(ParagraphStyle("item", parent=body, leftIndent=14, bulletIndent=3, spaceAfter=5))
    return sheet


def draw_page_number(canvas: Canvas, template: SimpleDocTemplate) -> None:
    """Print the page number in the middle of the foot."""
    canvas.setFont("Helvetica", 9)
    canvas.drawCentredString(A4[0] / 2, 12 * mm, f"Page {template.page}")


def write_pdf(blocks: list[Block], target: Path) -> None:
    """Lay the blocks out on A4 without breaking a paragraph across pages."""
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
    """Return an empty document without the template's thumbnail and unused table styles."""
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
    """Write the blocks in Word's own styles, and rows as a ruled table with a bold head."""
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
        is_head = table is None
        table = table or document.add_table(rows=0, cols=len(cells), style="Table Grid")
        for cell, words in zip(table.add_row().cells, cells, strict=True):
            cell.paragraphs[0].add_run(words.strip()).bold = is_head or None
    packed = io.BytesIO()
    document.save(packed)
    store_uncompressed(packed, target)


def store_uncompressed(packed: io.BytesIO, target: Path) -> None:
    """Copy a zip's members to `target` in order, uncompressed and without times."""
    with ZipFile(packed) as source, ZipFile(target, "w", ZIP_STORED) as copy:
        for name in source.namelist():
            copy.writestr(ZipInfo(name), source.read(name))


def main(folder: Annotated[Path, typer.Argument(help="Folder to write to.")] = SEEDS) -> None:
    """Write the documents."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = {".pdf": write_pdf, ".docx": write_docx}
    for path in sorted(TEXTS.glob("*.md")):
        target = folder / path.stem
        writers[target.suffix](list(read_blocks(path)), target)


if __name__ == "__main__":
    typer.run(main)
