"""Scans: pages and images without text, whose text is recognised; and what of a file is left out."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pypdfium2
import pytest
from openpyxl import Workbook
from PIL import Image
from pptx import Presentation
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from shared_names import Run

from rag import Assistant, Settings
from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import load, ocr
from rag.loaders.worker import Loader
from rag.types import Document, Kind

recognising = pytest.mark.skipif(not ocr.is_installed(), reason=f"OCR is an optional group; {ocr.advice()}")

TITLE = "Harbour Report"
PARAGRAPHS = [
    ["The master counted forty boats in the outer basin on", "Tuesday morning, and none of them had paid."],
    [
        "A storm had torn the eastern quay, which will be closed",
        "until the insurers have sent their surveyor.",
    ],
]
WHOLE = [TITLE, *(" ".join(lines) for lines in PARAGRAPHS)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Assistant]:
    """An assistant over an empty index."""
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        yield assistant


def page(canvas: Canvas, title: str = TITLE) -> None:
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(72, 760, title)
    canvas.setFont("Helvetica", 11)
    y = 730.0
    for lines in PARAGRAPHS:
        for line in lines:
            canvas.drawString(72, y, line)
            y -= 14
        y -= 12
    canvas.showPage()


def scan(turn: int = 0, height: int = 500) -> Image.Image:
    """The top of a page, drawn as an image of 150 dpi that lies turned anticlockwise."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    page(canvas)
    canvas.save()
    image = pypdfium2.PdfDocument(stream.getvalue())[0].render(scale=150 / 72).to_pil()
    return image.crop((0, 0, image.width, height)).rotate(turn, expand=True)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def mixed() -> bytes:
    """A PDF with a page of text, a scanned one, and a page of text."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    canvas.drawString(72, 700, "The first page is text.")
    canvas.showPage()
    canvas.drawInlineImage(scan(), 0, 400, A4[0], A4[0] * 500 / 1240)
    canvas.showPage()
    canvas.drawString(72, 700, "The third page is text again.")
    canvas.save()
    return stream.getvalue()


def texts(document: Document) -> list[str]:
    return [each.text for each in document.paragraphs]


def read(name: str, data: bytes) -> Document:
    return load(Path(name), name, data)


@recognising
def test_a_scanned_page_has_its_paragraphs_between_those_of_other_pages() -> None:
    document = read("a.pdf", mixed())
    assert texts(document) == ["The first page is text.", *WHOLE, "The third page is text again."]
    assert [each.page for each in document.paragraphs] == [1, 2, 2, 2, 3]
    assert [each.recognised is None for each in document.paragraphs] == [True, False, False, False, True]
    assert document.paragraphs[1].kind is Kind.HEADING
    assert document.left_out == ()


@recognising
def test_a_recognised_paragraph_says_how_sure_and_where() -> None:
    found = [each.recognised for each in read("a.png", saved(scan(), "PNG")).paragraphs]
    boxes = []
    for each in found:
        assert each
        assert 0.9 < each.confidence <= 1
        left, top, right, bottom = each.box
        assert 0.1 < left < 0.13 < right < 0.8
        assert 0 < top < bottom < 1
        boxes.append(each.box)
    assert all(above[3] < below[1] for above, below in pairwise(boxes))


@recognising
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_scan_that_lies_on_its_side_is_read_upright(turn: int) -> None:
    document = read("a.jpg", saved(scan(turn), "JPEG"))
    assert texts(document) == WHOLE
    upright = read("a.jpg", saved(scan(), "JPEG"))
    for turned, each in zip(document.paragraphs, upright.paragraphs, strict=True):
        assert turned.recognised
        assert each.recognised
        left, top, right, bottom = each.recognised.box
        box = {
            90: (top, 1 - right, bottom, 1 - left),
            180: (1 - right, 1 - bottom, 1 - left, 1 - top),
            270: (1 - bottom, left, 1 - top, right),
        }[turn]
        assert turned.recognised.box == pytest.approx(box, abs=0.02)


@recognising
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_images_of_each_format_are_read(kind: str) -> None:
    name = f"a.{kind.lower()}"
    document = read(name, saved(scan(), kind))
    assert texts(document) == WHOLE
    assert {each.page for each in document.paragraphs} == {None}


@recognising
def test_a_transparent_image_is_read_as_on_paper() -> None:
    ink = scan().convert("L").point(lambda value: 255 - value)
    clear = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    clear.putalpha(ink)
    assert texts(read("a.png", saved(clear, "PNG"))) == WHOLE


@recognising
def test_each_image_of_a_tiff_file_is_a_page() -> None:
    document = read("a.tif", saved(scan(), "TIFF", save_all=True, append_images=[scan()]))
    assert texts(document) == [*WHOLE, *WHOLE]
    assert [each.page for each in document.paragraphs] == [1, 1, 1, 2, 2, 2]


@recognising
def test_a_photo_without_text_and_a_damaged_image_are_refused() -> None:
    with pytest.raises(LoadError, match="no text that can be recognised"):
        read("a.png", saved(Image.new("RGB", (400, 300), "navy"), "PNG"))
    with pytest.raises(LoadError, match=r"damaged or not an image.*save it again as \.png"):
        read("a.png", saved(scan(), "PNG")[:4_000])


@recognising
def test_a_stamp_on_a_scan_does_not_hide_it() -> None:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    canvas.drawInlineImage(scan(height=1250), 0, 242, A4[0], 600)
    canvas.setFont("Helvetica", 7)
    canvas.drawString(480, 20, "Scanned with ScanApp")
    canvas.save()
    document = read("a.pdf", stream.getvalue())
    assert WHOLE[1] in texts(document)
    assert "".join(texts(document)).count("ScanApp") == 1


@recognising
def test_each_scanned_page_has_the_time_of_a_file(tmp_path: Path) -> None:
    frames = [scan()] * 2
    file = tmp_path / "a.tif"
    file.write_bytes(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    with Loader() as loader:
        document = loader.load(file, "a.tif")
        assert document == load(file, "a.tif")


@recognising
def test_what_is_recognised_survives_the_index_and_is_cited(own: Assistant, tmp_path: Path) -> None:
    (tmp_path / "harbour.pdf").write_bytes(mixed())
    assert own.ingest([tmp_path / "harbour.pdf"]).partly == ()
    paragraph = next(each for each in own.paragraphs("harbour.pdf", 1, 9) if each.text == WHOLE[1])
    assert paragraph.recognised == load(tmp_path / "harbour.pdf", "a").paragraphs[2].recognised
    answer = own.ask("How many boats did the master count in the outer basin?")
    assert answer.citations[0].recognised == paragraph.recognised
    assert answer.citations[0].whereabouts[-1].startswith("recognised, 0.9")
    assert type(answer).from_json(answer.as_json()) == answer


def test_without_ocr_the_page_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    data = mixed()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    document = read("a.pdf", data)
    assert texts(document) == ["The first page is text.", "The third page is text again."]
    assert document.left_out == (f"page 2 has no text; {ocr.advice()}",)
    assert ocr.advice().endswith("install 'pilcrow[ocr]'")
    with pytest.raises(UnsupportedFormat, match=r"a\.png: is an image; install OCR with: "):
        read("a.png", b"x")


@recognising
def test_a_scan_left_out_is_read_once_ocr_is_installed(
    own: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "harbour.pdf").write_bytes(mixed())
    (tmp_path / "docs" / "photo.png").write_bytes(saved(scan(), "PNG"))
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['rapidocr'] = None\n")
    with monkeypatch.context() as patch:  # in this process, and in the one that loads
        patch.setitem(sys.modules, "rapidocr", None)
        patch.syspath_prepend(tmp_path)
        report = own.ingest([tmp_path / "docs"])
        assert report.added == ("harbour.pdf",)
        assert report.partly == (("harbour.pdf", f"page 2 has no text; {ocr.advice()}"),)
        assert report.skipped == (("photo.png", f"is an image; {ocr.advice()}"),)
        assert own.ingest([tmp_path / "docs"]).unchanged == ("harbour.pdf",)
    report = own.ingest([tmp_path / "docs"])
    assert (report.added, report.updated, report.partly) == (("photo.png",), ("harbour.pdf",), ())
    assert len(own.ingest([tmp_path / "docs"]).unchanged) == 2


def test_what_lies_in_a_file_and_is_not_read_is_reported() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "It is text.")
        archive.writestr("b.bin", b"\x00")
        archive.writestr("c.docx", b"PK")
    document = read("a.zip", stream.getvalue())
    (left_out,) = document.left_out
    assert left_out.startswith("2 of 3 files inside it can't be read: b.bin, c.docx (is damaged")


def test_damaged_content_costs_its_page_only() -> None:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, pageCompression=1)
    for word in ("one", "two", "three", "four"):
        canvas.drawString(72, 700, f"This is page {word} of it.")
        canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(stream.getvalue())))
    for number in (1, 2):
        contents = writer.pages[number]["/Contents"].get_object()
        contents._data = b"\x00" * len(contents._data)
    writer.write(out := io.BytesIO())
    document = read("a.pdf", out.getvalue())
    assert texts(document) == ["This is page one of it.", "This is page four of it."]
    assert document.left_out == ("pages 2–3 have no content, or damaged content",)


def without(data: bytes, part: str, put: bytes = b"<broken") -> bytes:
    """An archive with other content in one of its parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(stream, "w") as copy:
        for name in whole.namelist():
            copy.writestr(name, put if name == part else whole.read(name))
    return stream.getvalue()


def test_a_damaged_sheet_costs_that_sheet_only() -> None:
    book = Workbook()
    book.active.append(["It is on the first sheet."])
    for name in ("second", "third"):
        book.create_sheet(name).append([f"It is on the {name} sheet."])
    book.save(stream := io.BytesIO())
    document = read("a.xlsx", without(stream.getvalue(), "xl/worksheets/sheet2.xml"))
    assert [each.text for each in document.paragraphs if each.kind is Kind.BODY] == [
        "It is on the first sheet.",
        "It is on the third sheet.",
    ]
    assert document.left_out == ("sheet2 is damaged",)


def test_a_damaged_slide_costs_that_slide_only() -> None:
    show = Presentation()
    for word in ("first", "second", "third"):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = f"The {word} slide"
    show.save(stream := io.BytesIO())
    document = read("a.pptx", without(stream.getvalue(), "ppt/slides/slide2.xml"))
    assert texts(document) == ["The first slide", "The third slide"]
    assert document.left_out == ("slide2 is damaged",)


def test_a_missing_chapter_costs_that_chapter_only() -> None:
    stream = io.BytesIO()
    items = "".join(f'<item id="i{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2))
    refs = "".join(f'<itemref idref="i{n}"/>' for n in (1, 2))
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="b.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "b.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><metadata/>'
            f"<manifest>{items}</manifest><spine>{refs}</spine></package>",
        )
        archive.writestr("2.xhtml", "<html><body><p>It is the second chapter.</p></body></html>")
    document = read("a.epub", stream.getvalue())
    assert texts(document) == ["It is the second chapter."]
    assert document.left_out[0].startswith("1.xhtml can't be unpacked")


@recognising
def test_the_commands_say_what_is_recognised_and_what_is_left_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "harbour.pdf").write_bytes(mixed())
    with zipfile.ZipFile(tmp_path / "docs" / "a.zip", "w") as archive:
        archive.writestr("a.txt", "It is text.")
        archive.writestr("b.bin", b"\x00")
    index = "--index", tmp_path / "index"
    code, _, errors = run("ingest", tmp_path / "docs", *index)
    assert code == 0
    assert errors == "left out: a.zip: 1 of 2 files inside it can't be read: b.bin\n"
    shown = run("show", "harbour.pdf", "3", *index)[1]
    assert re.match(
        r"harbour\.pdf ¶3 · body · Harbour Report · page 2 · recognised, (?:0\.9\d|1\.00)\n", shown
    )
    question = "How many boats did the master count in the outer basin?"
    assert "page 2, recognised, " in run("ask", question, *index)[1]
    (cited, *_) = json.loads(run("ask", question, "--json", *index)[1])["citations"]
    assert cited["recognised"]["confidence"] > 0.9
    assert len(cited["recognised"]["box"]) == 4
