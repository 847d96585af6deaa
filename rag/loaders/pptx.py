"""Presentations: each slide's bullets, tables, charts and notes below its title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath

from lxml import etree
from openpyxl.styles.numbers import is_date_format
from openpyxl.utils.datetime import from_excel
from pptx import Presentation
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
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.repair import read_undamaged
from rag.loaders.tables import table_row
from rag.loaders.unpacking import DAMAGED, open_zip
from rag.types import Kind

_REMEDY = "open it in a presentation program and save it again as .pptx without a password"
_DAMAGED = (*DAMAGED, PythonPptxError, etree.LxmlError, TypeError, AttributeError, IndexError)
_EMPTY_SLIDE = b'<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:cSld><p:spTree/></p:cSld></p:sld>'
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
_REPEATED = {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER}
_BULLETED = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY}
_BULLETS = (qn("a:buChar"), qn("a:buAutoNum"), qn("a:buBlip"))
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the paragraphs of the slides, without footers; the first slide's title is the document's."""
    open_zip(data, source, _REMEDY, limits).close()
    reader = partial(_read, source=source)
    return read_undamaged(data, source, _REMEDY, limits, "ppt/slides/*.xml", _EMPTY_SLIDE, reader)


def _read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of the slides; LoadError if one is damaged."""
    try:
        show = Presentation(BytesIO(data))
        paragraphs = [paragraph for slide in enumerate(show.slides, start=1) for paragraph in _slide(*slide)]
    except _DAMAGED as error:
        raise LoadError(source, f"is damaged or not a presentation ({error}); {_REMEDY}") from error
    titles = (each.text for each in paragraphs if each.kind is Kind.HEADING and each.text != _name(each.page))
    return Contents(tuple(paragraphs), next(titles, PurePosixPath(source).stem))


def _name(slide: int | None) -> str:
    """Return the heading of a slide without a title."""
    return f"Slide {slide}"


def _slide(number: int, slide: Slide) -> Iterator[RawParagraph]:
    """Yield a slide's title, or its number if it has none, then its text and its notes."""
    shapes = list(_flat(slide.shapes))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES and _shown(shape)]
    below = [paragraph for shape in shapes if shape not in titles for paragraph in _shape(shape, number)]
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    below += _lines(notes, number, Kind.BODY) if notes is not None else []
    if titles or below:
        level = 0 if number == 1 and titles and _placeholder(titles[0]) == PP_PLACEHOLDER.CENTER_TITLE else 1
        title = " ".join(map(_shown, titles)) or _name(number)
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
            yield from _chart(shape.chart._chartSpace, slide)
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


def _chart(chart: etree._Element, slide: int) -> Iterator[RawParagraph]:
    """Yield a chart's title, and a row for each category with the values of its series."""
    title = "".join(run.text or "" for run in chart.iterfind(f"{qn('c:chart')}/{qn('c:title')}//{qn('a:t')}"))
    yield RawParagraph(title, Kind.CAPTION, page=slide)
    series = list(chart.iter(qn("c:ser")))
    header = ["", *(" ".join(_points(each, "c:tx").values()) for each in series)]
    values = [_points(each, "c:val", "c:yVal") for each in series]
    categories = [_points(each, "c:cat", "c:xVal") for each in series]
    for position in sorted({position for each in values for position in each}, key=int):
        label = next((each[position] for each in categories if position in each), "")
        yield table_row(header, [label, *(each.get(position, "") for each in values)], page=slide)


def _points(series: etree._Element, *names: str) -> dict[str, str]:
    """Return the values that a chart's file keeps below the first of these elements, by their position."""
    found = next((each for name in names for each in series.iterchildren(qn(name))), None)
    common = found.findtext(f".//{qn('c:formatCode')}") or "" if found is not None else ""
    points: dict[str, str] = {}
    for point in found.iter(qn("c:pt")) if found is not None else ():
        shown_as = point.get("formatCode") or common
        position, text = str(point.get("idx")), _figure(point.findtext(qn("c:v")) or "", shown_as)
        points[position] = f"{text} {points[position]}" if position in points else text  # the outer category
    return points


def _figure(text: str, shown_as: str) -> str:
    """Return a chart's value: a date in ISO form, a figure without the noise of binary fractions."""
    try:
        value = float(text)
        return f"{from_excel(value):%Y-%m-%d}" if is_date_format(shown_as) else f"{value:.12g}"
    except (ValueError, OverflowError, TypeError):
        return text


def _diagram(frame: GraphicFrame, slide: int) -> Iterator[RawParagraph]:
    """Yield the texts of a diagram's shapes (SmartArt)."""
    parts = frame._element.find(f".//{_DIAGRAM}relIds")
    name = parts.get(qn("r:dm")) if parts is not None else None
    if name is None:
        return
    for text in etree.fromstring(frame.part.related_part(name).blob).iter(f"{_DIAGRAM}t"):
        lines = ("".join(run.text or "" for run in line.iter(qn("a:t"))) for line in text.iter(qn("a:p")))
        yield from (RawParagraph(line.strip(), Kind.LIST_ITEM, page=slide) for line in lines)
