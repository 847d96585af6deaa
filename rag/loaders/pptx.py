"""Presentations: each slide's bullets, tables, charts and notes below its title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from zipfile import BadZipFile

from lxml import etree
from pptx import Presentation
from pptx.chart.chart import Chart
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError
from pptx.oxml.ns import qn
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.table import Table
from pptx.text.text import TextFrame

from rag.errors import LoadError
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import table_row
from rag.loaders.unpacking import open_zip
from rag.types import Kind

_REMEDY = "open it in a presentation program and save it again as .pptx without a password"
_DAMAGED = (PythonPptxError, BadZipFile, etree.LxmlError, KeyError, ValueError, AttributeError, EOFError)
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
_REPEATED = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER}
_BULLETED = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY}
_BULLETS = (qn("a:buChar"), qn("a:buAutoNum"), qn("a:buBlip"))
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of the slides, without footers; the first slide's title is the document's."""
    open_zip(data, source, _REMEDY).close()
    try:
        slides = Presentation(BytesIO(data)).slides
        paragraphs = [paragraph for slide in enumerate(slides, start=1) for paragraph in _slide(*slide)]
    except _DAMAGED as error:
        raise LoadError(source, f"is damaged or not a presentation ({error}); {_REMEDY}") from error
    return Contents(tuple(paragraphs))


def _slide(number: int, slide: Slide) -> Iterator[RawParagraph]:
    """Yield a slide's title, or its number if it has none, then its text and its notes."""
    shapes = list(_flat(slide.shapes))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES and _shown(shape)]
    below = [paragraph for shape in shapes if shape not in titles for paragraph in _shape(shape, number)]
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    below += _lines(notes, number, Kind.BODY) if notes is not None else []
    if titles or below:
        level = 0 if number == 1 and titles and _placeholder(titles[0]) == PP_PLACEHOLDER.CENTER_TITLE else 1
        title = " ".join(map(_shown, titles)) or f"Slide {number}"
        yield RawParagraph(title, Kind.HEADING, level, number)
    yield from below


def _flat(shapes: Iterable[BaseShape]) -> Iterator[BaseShape]:
    """Yield the shapes, and those in groups, in reading order."""
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _flat(shape.shapes)
        else:
            yield shape


def _placeholder(shape: BaseShape) -> PP_PLACEHOLDER | None:
    """Return what a shape of the slide's layout is for; None for any other shape."""
    return shape.placeholder_format.type if shape.is_placeholder else None


def _shown(shape: BaseShape) -> str:
    """Return a shape's text on one line."""
    return " ".join(shape.text_frame.text.split()) if isinstance(shape, Shape) else ""


def _shape(shape: BaseShape, slide: int) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a shape."""
    purpose = _placeholder(shape)
    if purpose in _REPEATED:
        return
    if isinstance(shape, Shape):
        yield from _lines(shape.text_frame, slide, Kind.LIST_ITEM if purpose in _BULLETED else Kind.BODY)
    elif isinstance(shape, GraphicFrame):
        if shape.has_table:
            yield from _table(shape.table, slide)
        elif shape.has_chart:
            yield from _chart(shape.chart, slide)
        else:
            yield from _diagram(shape, slide)


def _lines(frame: TextFrame, slide: int, kind: Kind) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a text frame; one with a sign of its own is a list item."""
    for paragraph in frame.paragraphs:
        properties = paragraph._p.pPr
        marked = properties is not None and any(properties.find(bullet) is not None for bullet in _BULLETS)
        text = paragraph.text.replace("\v", "\n").strip()
        yield RawParagraph(text, Kind.LIST_ITEM if marked else kind, page=slide)


def _table(table: Table, slide: int) -> Iterator[RawParagraph]:
    """Yield a table's rows; the first names the columns if the table says so."""
    rows = [["" if cell.is_spanned else cell.text for cell in row.cells] for row in table.rows]
    header = rows.pop(0) if table.first_row and len(rows) > 1 else []
    yield from (table_row(header, row, page=slide) for row in rows)


def _chart(chart: Chart, slide: int) -> Iterator[RawParagraph]:
    """Yield a chart's title, and a row for each category with the values of its series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield RawParagraph(chart.chart_title.text_frame.text, Kind.CAPTION, page=slide)
    for plot in chart.plots:
        names = [series.name for series in plot.series]
        values = [series.values for series in plot.series]
        for position, category in enumerate(plot.categories):
            cells = [f"{each[position]:g}" if _has(each, position) else "" for each in values]
            yield table_row(["", *names], [str(category), *cells], page=slide)


def _has(values: tuple[float | None, ...], position: int) -> bool:
    return position < len(values) and values[position] is not None


def _diagram(frame: GraphicFrame, slide: int) -> Iterator[RawParagraph]:
    """Yield the texts of a diagram's shapes (SmartArt)."""
    parts = frame._element.find(f".//{_DIAGRAM}relIds")
    name = parts.get(qn("r:dm")) if parts is not None else None
    if name is None:
        return
    for text in etree.fromstring(frame.part.related_part(name).blob).iter(f"{_DIAGRAM}t"):
        lines = ("".join(run.text or "" for run in line.iter(qn("a:t"))) for line in text.iter(qn("a:p")))
        yield from (RawParagraph(line.strip(), Kind.LIST_ITEM, page=slide) for line in lines)
