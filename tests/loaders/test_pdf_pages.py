"""PDF: what a page shows and how it is read, whatever program wrote it and in whatever order."""

from __future__ import annotations

import io
import random
import subprocess
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, RectangleObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from rag.errors import LoadError
from rag.loaders import load
from rag.types import Document, Kind

LEFT = """The boats are locked after dark, and a key
is handed out by the harbour master against
a signature. Beginners sail with an instructor
until they have passed the test of the club.
The fee for the test is 35 euros.""".splitlines()
RIGHT = """The club room may be booked by any member.
Bookings are made with the steward, at the
latest two weeks ahead. The room holds forty
people when chairs are used and sixty without
them. Music ends at eleven.""".splitlines()

Place = tuple[float, float, str]


def read(data: bytes) -> Document:
    return load(Path("a.pdf"), "a.pdf", data)


def texts(data: bytes) -> list[str]:
    return [each.text for each in read(data).paragraphs]


def drawn(*pages: list[Place], font: str = "Helvetica", size: float = 10) -> bytes:
    """A PDF with each text at its place."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for page in pages:
        canvas.setFont(font, size)
        for x, y, text in page:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def made(content: str, fonts: str) -> bytes:
    """A PDF of one page, with its content and fonts as a PDF file writes them."""
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<<{fonts}>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 5\n0000000000 65535 f \n{table}trailer<</Root 1 0 R/Size 5>>\nstartxref\n{len(data)}\n%%EOF"
    )
    return data + end.encode()


@pytest.mark.parametrize("order", ["line by line", "right first", "shuffled"])
def test_columns_are_read_one_after_the_other_in_any_order(order: str) -> None:
    left = [(60.0, 700 - 12 * n, line) for n, line in enumerate(LEFT)]
    right = [(310.0, 700 - 12 * n, line) for n, line in enumerate(RIGHT)]
    lines = {
        "line by line": [line for pair in zip(left, right, strict=True) for line in pair],
        "right first": right + left,
        "shuffled": random.Random(4).sample(left + right, 10),  # noqa: S311
    }[order]
    assert texts(
        drawn([(60, 740, "Rules for all the members of the sailing club, in force from May."), *lines])
    ) == [
        "Rules for all the members of the sailing club, in force from May.",
        " ".join(LEFT),
        " ".join(RIGHT),
    ]


def test_table_in_one_column_leaves_the_other_a_column() -> None:
    canvas = Canvas(stream := io.BytesIO(), pagesize=A4)
    canvas.setFont("Helvetica", 10)
    for n, line in enumerate(LEFT):
        canvas.drawString(60, 700 - 12 * n, line)
    for n, cells in enumerate([("Boat", "Gull"), ("Keeper", "Falk"), ("Berth", "12")]):
        for k, cell in enumerate(cells):
            canvas.line(170 + 110 * k, 596 - 16 * n, 170 + 110 * k, 612 - 16 * n)
            canvas.drawString(65 + 110 * k, 600 - 16 * n, cell)
    for n, line in enumerate(RIGHT + LEFT):
        canvas.drawString(310, 700 - 12 * n, line)
    canvas.save()
    assert texts(stream.getvalue()) == [" ".join(LEFT), "Boat: Gull", "Keeper: Falk", "Berth: 12",
                                        " ".join(RIGHT), " ".join(LEFT)]  # fmt: skip


def test_even_gaps_of_justified_lines_are_between_words() -> None:
    lines = [
        "The harbour was closed by order of the town council after a storm had",
        "broken the quay wall in many places",
        "and the repair of it all then took",
        "a year.",
    ]
    canvas, page = Canvas(io.BytesIO()), []
    for n, line in enumerate(lines):
        words = line.split()
        widths = [canvas.stringWidth(word, "Helvetica", 10) for word in words]
        gap = (330 - sum(widths)) / (len(words) - 1) if n < len(lines) - 1 else 3.0
        x = 60.0
        for word, width in zip(words, widths, strict=True):
            page.append((x, 700.0 - 12 * n, word))
            x += width + gap
    assert texts(drawn(page)) == [" ".join(lines)]


def test_words_drawn_one_by_one_are_one_line() -> None:
    page, x = [], 60.0
    canvas = Canvas(io.BytesIO())
    for word in ["William", "Mammoth", "summoned", "women", "from", "Womack", "Common"]:
        page.append((x, 700.0, word))
        x += canvas.stringWidth(word + " ", "Helvetica", 10)
    assert texts(drawn(page)) == ["William Mammoth summoned women from Womack Common"]


def test_narrow_gaps_separate_cells_where_lines_share_them() -> None:
    rows = [
        ("Odesa", "4410", "12.5"),
        ("Izmail", "3907", "11.0"),
        ("Reni", "2288", "17.5"),
        ("Kilia", "1975", "10.5"),
    ]
    page = [
        (x, 700.0 - 12 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((60, 97, 127), row, strict=True)
    ]
    document = read(drawn(page))
    assert [each.kind for each in document.paragraphs] == [Kind.TABLE_ROW] * 4
    assert texts(drawn(page))[1] == "Izmail; 3907; 11.0"


def test_line_that_a_cell_was_too_narrow_for_is_part_of_it() -> None:
    page = [(60.0, 700.0, "Crane"), (200.0, 700.0, "repaired by the insurers of the inter-"),
            (200.0, 688.0, "national harbour before the end of May"),
            (60.0, 670.0, "Quay"), (200.0, 670.0, "closed until the autumn")]  # fmt: skip
    assert texts(drawn(page)) == [
        "Crane: repaired by the insurers of the international harbour before the end of May",
        "Quay: closed until the autumn",
    ]


def test_sentence_cut_by_a_page_stays_whole_on_the_page_where_it_begins() -> None:
    first = [
        (60.0, 112.0, "Three offers had come in for the repair of the roof, and all of them were"),
        (60.0, 100.0, "read out to the owners who had come. The chair asked the meeting for its deci-"),
    ]
    second = [
        (60.0, 760.0, "sion on the offers. The meeting chose the second one, by nineteen votes to four,"),
        (60.0, 748.0, "and the work begins on 9 September."),
    ]
    one, other = read(drawn(first, second)).paragraphs
    assert (one.page, other.page) == (1, 2)
    assert one.text.endswith("The chair asked the meeting for its decision on the offers.")
    assert other.text.startswith("The meeting chose the second one") and other.text.endswith("9 September.")


def test_running_heads_and_folios_outside_the_margin_are_left_out() -> None:
    bodies = ["The quay was closed.", "Cranes were sold.", "Nets were mended.", "Boats were painted."]
    pages = [
        [(60.0, 745.0, f"{n + 11}   Yearbook" if n % 2 else f"Yearbook of the harbour   {n + 11}"),
         (60.0, 500.0, body), (290.0, 95.0, str(n + 11))]
        for n, body in enumerate(bodies)
    ]  # fmt: skip
    assert texts(drawn(*pages)) == bodies


@pytest.mark.parametrize("bullet", ["•", "▪", "●"])
def test_bullets_without_a_space_start_items(bullet: str) -> None:
    html = "".join(f"<p>{bullet}{text}</p>" for text in ("Maps go last", "The van comes on Tuesday"))
    document = read(printed(f"<body style='font: 16px DejaVu Sans'><p>Before them.</p>{html}"))
    assert [(each.kind, each.text) for each in document.paragraphs[1:]] == [
        (Kind.LIST_ITEM, "Maps go last"),
        (Kind.LIST_ITEM, "The van comes on Tuesday"),
    ]


def printed(html: str) -> bytes:
    """A PDF that Chromium prints."""
    chromium = which("chromium")
    if chromium is None:
        pytest.skip("needs Chromium")
    with TemporaryDirectory() as place:
        page, out = Path(place, "page.html"), Path(place, "page.pdf")
        page.write_text(f"<!doctype html><meta charset=utf-8>{html}", "utf-8")
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--no-pdf-header-footer", f"--print-to-pdf={out}", page],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        return out.read_bytes()


def test_lines_from_right_to_left_are_in_reading_order() -> None:
    lines = ["שלום עולם (הנמל) נפתח בשנת 1987 עם ABC ספינות.", "تم افتتاح الميناء في عام 1987 مع السفن."]
    html = "".join(f"<p dir=rtl>{line}</p>" for line in lines)
    assert texts(printed(f"<body style='font-family: DejaVu Sans'>{html}<p>Then שלום עולם ends.</p>")) == [
        *lines,
        "Then שלום עולם ends.",
    ]


def test_vowel_signs_stay_in_their_line() -> None:
    text = "يقدّر العلماء أن غابة الأمازون تمتد على خمسة ملايين كيلومتر مربّع تقريبًا."
    found = texts(printed(f"<body dir=rtl style='font: 15px DejaVu Sans'><p>{text}</p><p>{text}</p>"))
    assert len(found) == 2
    assert all(word in found[0] for word in ("العلماء", "غابة", "الأمازون", "ملايين"))


@pytest.mark.parametrize("first", ["accent", "letter"])
@pytest.mark.parametrize(
    ("accent", "letter", "word"), [("´", "e", "café"), ("¨", "u", "cafü"), ("¸", "c", "cafç")]
)
def test_accent_drawn_apart_is_set_on_its_letter(accent: str, letter: str, word: str, first: str) -> None:
    canvas = Canvas(stream := io.BytesIO())
    canvas.setFont("Times-Roman", 12)
    end = 72 + canvas.stringWidth("The caf", "Times-Roman", 12)
    signs = [(end + 0.7, accent), (end, letter)]
    canvas.drawString(72, 700, "The caf")
    for x, sign in signs if first == "accent" else reversed(signs):
        canvas.drawString(x, 700, sign)
    canvas.drawString(end + canvas.stringWidth(letter, "Times-Roman", 12), 700, " was run by painters.")
    canvas.save()
    assert texts(stream.getvalue()) == [f"The {word} was run by painters."]


def test_turned_stamp_is_neither_heading_nor_date() -> None:
    canvas = Canvas(stream := io.BytesIO(), pagesize=A4)
    canvas.saveState()
    canvas.rotate(90)
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(200, -30, "paper 1601 3 Mar 2016")
    canvas.restoreState()
    canvas.setFont("Helvetica", 10)
    canvas.drawString(72, 700, "Wells in the valley are shallow.")
    canvas.showPage()
    canvas.drawString(72, 700, "Wells on the hill are deep.")
    canvas.save()
    document = read(stream.getvalue())
    kinds = [(each.kind, each.date) for each in document.paragraphs]
    assert kinds == [(Kind.BODY, None), (Kind.CAPTION, None), (Kind.BODY, None)]
    assert document.title == "a"


def test_turned_page_is_read_upright() -> None:
    canvas = Canvas(stream := io.BytesIO(), pagesize=A4)
    canvas.rotate(90)
    for n, line in enumerate(LEFT):
        canvas.drawString(100, -200 - 12 * n, line)
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(stream))
    writer.pages[0].rotate(90)
    writer.write(out := io.BytesIO())
    assert texts(out.getvalue()) == [" ".join(LEFT)]


@pytest.mark.parametrize(
    "font", ["ABCDEF+NimbusRomNo9L-Medi", "XYZABC+CMBX12", "XYZABC+SFBX1200", "Frutiger-Bd", "Arial,Bold"]
)
def test_bold_fonts_make_headings(font: str) -> None:
    content = (
        "BT /F2 11 Tf 72 720 Td (The survey asked four hundred farmers about their wells.) Tj ET "
        "BT /F1 11 Tf 72 690 Td (2 Background) Tj ET "
        "BT /F2 11 Tf 72 660 Td (Wells in the valley are shallow.) Tj ET"
    )
    fonts = (
        f"/F1<</Type/Font/Subtype/Type1/BaseFont/{font}>>/F2<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"
    )
    headings = [each.text for each in read(made(content, fonts)).paragraphs if each.kind is Kind.HEADING]
    assert headings == ["2 Background"]


ODD = (
    "<</Type/Font/Subtype/Type1/BaseFont/Odd/FirstChar 65/LastChar 70/Widths[600 600 600 600 600 600]"
    "/Encoding<</Differences[65/g40/g81/g3/g68/g72/g85]>>>>"
)


def test_page_in_an_undecodable_font_counts_as_one_without_text() -> None:
    with pytest.raises(LoadError, match="page 1 has no text"):
        read(made("BT /F1 12 Tf 72 700 Td (ABCADBECAFD) Tj ET", f"/F1{ODD}"))


def test_form_values_stand_beside_their_labels_and_notes_are_read() -> None:
    canvas = Canvas(stream := io.BytesIO(), pagesize=A4)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(72, 700, "Applicant:")
    canvas.acroForm.textfield(name="f1", x=170, y=694, width=200, height=18, value="Ottilie Brandt")
    canvas.acroForm.textfield(name="dateOfBirth", x=170, y=634, width=200, height=18, value="3 May 1967")
    canvas.acroForm.textfield(name="empty", x=170, y=604, width=200, height=18, value="")
    canvas.drawString(190, 560, "Member of the club")
    canvas.acroForm.checkbox(name="member", x=170, y=556, size=14, checked=True)
    canvas.acroForm.choice(
        name="Country", x=170, y=520, width=100, height=18, value="Peru", options=["Peru", "Chile"]
    )
    canvas.freeTextAnnotation("Checked by H. Falk.", Rect=(72, 460, 300, 480), DA="/Helv 9 Tf")
    canvas.save()
    assert texts(stream.getvalue()) == [
        "Applicant: Ottilie Brandt",
        "date Of Birth: 3 May 1967",
        "[x] Member of the club",
        "Country: Peru",
        "Checked by H. Falk.",
    ]


def test_text_outside_the_crop_box_is_not_read() -> None:
    reader = PdfReader(
        io.BytesIO(drawn([(20, 820, "proof 2"), (100, 700, "The master counted boats."), (20, 20, "job")]))
    )
    writer = PdfWriter(clone_from=reader)
    writer.pages[0].cropbox = RectangleObject((60, 60, 535, 780))
    writer.write(out := io.BytesIO())
    assert texts(out.getvalue()) == ["The master counted boats."]


def test_damaged_page_costs_that_page_only() -> None:
    writer = PdfWriter(
        clone_from=PdfReader(io.BytesIO(drawn(*[[(72, 700, f"This is text {n}.")] for n in "abc"])))
    )
    kids = writer.root_object["/Pages"]["/Kids"]
    broken = kids[1].get_object()
    for key in list(broken):
        del broken[key]
    broken[NameObject("/Type")] = NameObject("/Nothing")
    writer.write(out := io.BytesIO())
    document = read(out.getvalue())
    assert [(each.page, each.text) for each in document.paragraphs] == [
        (1, "This is text a."),
        (3, "This is text c."),
    ]
    assert [each[:18] for each in document.left_out] == ["page 2 has damage "]


def test_paragraph_ends_where_the_next_word_would_have_fitted() -> None:
    lines = [
        "The quay wall was broken by the storm in the night before the third of",
        "May, and it took a year until all of it was repaired.",
        "The cranes were sold to the harbour of the next town, which had asked for",
        "them twice before.",
    ]
    page = [(60.0, 700.0 - 12 * n, line) for n, line in enumerate(lines)]
    assert texts(drawn(page)) == [" ".join(lines[:2]), " ".join(lines[2:])]
