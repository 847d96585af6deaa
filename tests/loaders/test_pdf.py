"""PDF: paragraphs, headings, list items and table rows, rebuilt from the lines of the pages."""

import io
import time
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    SimpleDocTemplate,
    Table,
)
from reportlab.platypus import Paragraph as Text

from rag.errors import LoadError
from rag.loaders import load
from rag.types import Document, Kind

STYLES = getSampleStyleSheet()
SENTENCE = (
    "The harbour master said on Tuesday that the cranes would be repaired before the end of May, since the "
    "insurers had agreed to pay for the damage that the storm had done to the eastern quay."
)


def read(data: bytes) -> Document:
    return load(Path("a.pdf"), "a.pdf", data)


def texts(data: bytes) -> list[str]:
    return [each.text for each in read(data).paragraphs]


def footer(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawString(50, 20, "Harbour office – confidential")
    canvas.drawRightString(550, 20, f"Page {document.page}")


def built(story: list[Flowable]) -> bytes:
    stream = io.BytesIO()
    SimpleDocTemplate(stream, pagesize=A4).build(story, onFirstPage=footer, onLaterPages=footer)
    return stream.getvalue()


def drawn(*pages: list[tuple[float, float, str]]) -> bytes:
    """A PDF with each text at its place."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for page in pages:
        for x, y, text in page:
            canvas.setFont("Helvetica", 10)
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def report(**style: object) -> Iterator[Flowable]:
    body = ParagraphStyle("own", parent=STYLES["BodyText"], **style)
    yield Text("Harbour Report, 3 May 2024", STYLES["Title"])
    yield Text("Background", STYLES["Heading1"])
    for times in (1, 3, 2):
        yield Text(f"Body of {times}. " + " ".join([SENTENCE] * times), body)
    yield Text("Details of the <i>storm</i>", STYLES["Heading2"])
    yield ListFlowable(
        [ListItem(Text(f"Item {n}. {SENTENCE}", STYLES["BodyText"])) for n in range(2)], bulletType="bullet"
    )
    yield Table([["Port", "Date", "Tons"], ["Odesa", "2023-07-26", "12"], ["Izmail", "", "9"]])
    yield PageBreak()
    yield Text("On the next page.", body)


def test_report_has_the_paragraphs_a_reader_counts() -> None:
    document = read(built(list(report())))
    assert document.title == "Harbour Report, 3 May 2024"
    assert [(each.page, each.kind, each.text) for each in document.paragraphs] == [
        (1, Kind.HEADING, "Harbour Report, 3 May 2024"),
        (1, Kind.HEADING, "Background"),
        (1, Kind.BODY, f"Body of 1. {SENTENCE}"),
        (1, Kind.BODY, "Body of 3. " + " ".join([SENTENCE] * 3)),
        (1, Kind.BODY, f"Body of 2. {SENTENCE} {SENTENCE}"),
        (1, Kind.HEADING, "Details of the storm"),
        (1, Kind.LIST_ITEM, f"Item 0. {SENTENCE}"),
        (1, Kind.LIST_ITEM, f"Item 1. {SENTENCE}"),
        (1, Kind.TABLE_ROW, "Port: Odesa; Date: 2023-07-26; Tons: 12"),
        (1, Kind.TABLE_ROW, "Port: Izmail; Tons: 9"),
        (2, Kind.BODY, "On the next page."),
    ]
    assert document.paragraphs[-1].heading == "Harbour Report, 3 May 2024 › Background › Details of the storm"
    assert document.paragraphs[2].date == date(2024, 5, 3)
    assert document.paragraphs[8].date == date(2023, 7, 26)


@pytest.mark.parametrize(
    "style",
    [
        {"firstLineIndent": 14, "spaceBefore": 0, "spaceAfter": 0},
        {"alignment": 4},
        {"leading": 18, "spaceBefore": 12},
        {"fontName": "Courier"},
    ],
    ids=["indent", "justified", "wide lines", "typewriter"],
)
def test_paragraphs_are_separated_in_any_layout(style: dict[str, object]) -> None:
    document = read(built(list(report(**style))))
    starts = [each.text[:9] for each in document.paragraphs if each.kind is Kind.BODY]
    assert starts == ["Body of 1", "Body of 3", "Body of 2", "On the ne"]


def test_running_headers_and_page_numbers_are_left_out() -> None:
    pages = [[(60, 800, "News"), (60, 500, f"Text {n} here."), (300, 30, str(n))] for n in range(1, 6)]
    assert texts(drawn(*pages)) == [f"Text {n} here." for n in range(1, 6)]
    assert texts(drawn([(60, 800, "News"), (60, 500, "Text.")])) == ["News", "Text."]


def test_word_cut_at_a_line_end_is_joined() -> None:
    lines = ["The protocol is inter-", "national and well-", "known among well-known people."]
    assert texts(drawn([(60, 700 - 12 * n, line) for n, line in enumerate(lines)])) == [
        "The protocol is international and well-known among well-known people."
    ]


def test_columns_are_read_one_after_the_other() -> None:
    stream = io.BytesIO()
    frames = [Frame(50, 400, 220, 380), Frame(300, 400, 220, 380)]
    template = BaseDocTemplate(stream, pagesize=A4, pageTemplates=[PageTemplate(frames=frames)])
    template.build([Text(f"Start of {n}. {SENTENCE} {SENTENCE}", STYLES["BodyText"]) for n in range(5)])
    document = read(stream.getvalue())
    assert [each.text for each in document.paragraphs if each.page == 1] == [
        f"Start of {n}. {SENTENCE} {SENTENCE}" for n in range(5)
    ]


def test_key_and_value_table_has_no_header() -> None:
    table = Table([["Founded", "1921"], ["Seat", "Odesa"], ["Staff", "350"]])
    assert texts(built([table])) == ["Founded: 1921", "Seat: Odesa", "Staff: 350"]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_password_is_an_error_and_an_empty_one_opens(algorithm: str) -> None:
    for password, opens in (("secret", False), ("", True)):
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(drawn([(60, 700, "Some text.")]))))
        writer.encrypt(password, owner_password="owner", algorithm=algorithm)  # noqa: S106
        stream = io.BytesIO()
        writer.write(stream)
        if opens:
            assert read(stream.getvalue()).paragraphs[0].text == "Some text."
        else:
            with pytest.raises(LoadError, match=r"is password-protected; save a copy without the password"):
                read(stream.getvalue())


def test_empty_pdf_is_refused() -> None:
    with pytest.raises(LoadError, match=r"page 1 has no content.*remove it"):
        read(drawn([]))


@pytest.mark.parametrize("data", [b"not a pdf", b"%PDF-1.7\n%%EOF", b"%PDF-1.4\n" + bytes(range(256)) * 9])
def test_damaged_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(LoadError, match=r"damaged or not a PDF.*save it again"):
        read(data)


def test_truncated_pdf_is_read_or_refused_without_a_crash() -> None:
    whole = built(list(report()))
    for cut in range(100, len(whole), len(whole) // 12):
        try:
            assert read(whole[:cut]).paragraphs
        except LoadError as refused:
            assert refused.source == "a.pdf"


def test_stream_that_unpacks_without_end_is_refused_quickly() -> None:
    bomb = zlib.compress(zlib.compress(b"BT (x) Tj ET " * 8_000_000, 9), 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream" % (len(bomb), bomb),
    ]
    data = b"%PDF-1.4\n"
    for number, content in enumerate(objects, 1):
        data += b"%d 0 obj%sendobj\n" % (number, content)
    start = time.monotonic()
    with pytest.raises(LoadError):
        read(data + b"trailer<</Root 1 0 R/Size 5>>\n%%EOF")
    assert time.monotonic() - start < 10
