"""Spreadsheets, presentations, OpenDocument, rich text and books: what a person counts in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from rag.errors import LoadError
from rag.loaders import load
from rag.loaders.limits import Limits
from rag.types import Document, Kind


def read(data: bytes, name: str) -> Document:
    return load(Path(name), name, data)


def saved(file: Workbook | object) -> bytes:
    buffer = BytesIO()
    file.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook(*rows: tuple[object, ...]) -> Workbook:
    book = Workbook()
    book.active.title = "Berths"
    for row in rows:
        book.active.append(row)
    return book


def texts(document: Document) -> list[str]:
    return [each.text for each in document.paragraphs]


def test_rows_of_a_sheet_have_their_column_names_and_a_hidden_sheet_is_left_out() -> None:
    book = workbook(
        ("Berths in use",),
        (),
        ("Ship", "Length", "Arrival", "Share"),
        ("Zwaluw", 24.5, datetime(2024, 5, 3), 0.125),
        ("Meeuw", 31, datetime(2024, 5, 4, 14, 30), 1),
        (),
        ("Port", "Open"),
        ("Urk", True),
    )
    for cell in book.active["D"][3:5]:
        cell.number_format = "0.0%"
    book.active["B4"].comment = Comment("measured at the quay", "Ann")
    hidden = book.create_sheet("Secret")
    hidden.append(["a", "b"])
    hidden.sheet_state = "hidden"
    book.create_sheet("Fees").append(["The fee is due on arrival."])
    document = read(saved(book), "berths.xlsx")
    assert document.title == "berths"
    assert [(each.kind, each.line, each.text) for each in document.paragraphs] == [
        (Kind.HEADING, None, "Berths"),
        (Kind.BODY, 1, "Berths in use"),
        (Kind.TABLE_ROW, 4, "Ship: Zwaluw; Length: 24.5; Arrival: 2024-05-03; Share: 12.5%"),
        (Kind.TABLE_ROW, 5, "Ship: Meeuw; Length: 31; Arrival: 2024-05-04 14:30; Share: 100%"),
        (Kind.TABLE_ROW, 8, "Port: Urk; Open: TRUE"),
        (Kind.BODY, 4, "B4: measured at the quay"),
        (Kind.HEADING, None, "Fees"),
        (Kind.BODY, 1, "The fee is due on arrival."),
    ]
    assert [each.heading for each in document.paragraphs][-1] == "Fees"


def test_a_formula_is_its_value() -> None:
    data = saved(workbook(("Item", "Price"), ("Rope", 12), ("Total", "=SUM(B2:B2)")))
    with ZipFile(BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = (
        members["xl/worksheets/sheet1.xml"].replace(b"<v></v>", b"<v>12</v>").replace(b"<v />", b"<v>12</v>")
    )
    document = read(zipped({**members, "xl/worksheets/sheet1.xml": sheet}), "a.xlsx")
    assert texts(document)[1:] == ["Item: Rope; Price: 12", "Item: Total; Price: 12"]


def test_merged_cells_are_shown_once_in_a_row_and_name_the_rows_and_columns_they_cover() -> None:
    book = workbook(
        ("Catch by port", None, None, None, None),
        ("Port", "2023", None, "2024", None),
        (None, "Cod", "Eel", "Cod", "Eel"),
        ("Urk", 1, 2, 3, 4),
        (None, 5, 6, 7, 8),
    )
    for area in ("A1:E1", "A2:A3", "B2:C2", "D2:E2", "A4:A5"):
        book.active.merge_cells(area)
    assert texts(read(saved(book), "a.xlsx"))[1:] == [
        "Catch by port",
        "Port: Urk; 2023 Cod: 1; 2023 Eel: 2; 2024 Cod: 3; 2024 Eel: 4",
        "Port: Urk; 2023 Cod: 5; 2023 Eel: 6; 2024 Cod: 7; 2024 Eel: 8",
    ]


def test_a_form_is_no_table_with_a_header() -> None:
    book = workbook(("Owner", "Ann Archer"), ("Length", 24), ("Built", date(1998, 3, 1)))
    assert texts(read(saved(book), "a.xlsx"))[1:] == ["Owner: Ann Archer", "Length: 24", "Built: 1998-03-01"]
    book = workbook(("Owner", "Ann Archer"), ("Port", "Urk"))
    for cell in book.active["A"]:
        cell.font = Font(bold=True)
    assert texts(read(saved(book), "a.xlsx"))[1:] == ["Owner: Ann Archer", "Port: Urk"]
    book = workbook(("Name", "Port"), ("Ann Archer", "Urk"), ("Bob Baker", "Hoorn"))
    assert texts(read(saved(book), "a.xlsx"))[1:] == [
        "Name: Ann Archer; Port: Urk",
        "Name: Bob Baker; Port: Hoorn",
    ]


def test_a_cell_far_away_costs_nothing() -> None:
    book = workbook(("Here",))
    book.active["XFD1048576"] = "There"
    assert texts(read(saved(book), "a.xlsx")) == ["Berths", "Here", "There"]


def deck() -> bytes:
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[0])
    first.shapes.title.text, first.placeholders[1].text = "The new quay", "Harbour board, 3 May 2024"
    second = show.slides.add_slide(show.slide_layouts[1])
    second.shapes.title.text = "Costs"
    second.placeholders[1].text = "The quay costs 4 million euro\nThe crane costs 1 million euro"
    second.notes_slide.notes_text_frame.text = "Say that the bank has agreed."
    third = show.slides.add_slide(show.slide_layouts[6])
    table = third.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
    for place, text in {(0, 0): "Ship", (0, 1): "Length", (1, 0): "Zwaluw", (1, 1): "24 m"}.items():
        table.cell(*place).text = text
    group = third.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "Grouped text"
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Ships", (10, 12.5))
    third.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, Inches(2), Inches(2), data)
    return saved(show)


def test_slides_have_their_title_bullets_tables_charts_and_notes() -> None:
    document = read(deck(), "deck.pptx")
    assert document.title == "The new quay"
    assert [(each.page, each.kind, each.heading, each.text) for each in document.paragraphs] == [
        (1, Kind.HEADING, "", "The new quay"),
        (1, Kind.BODY, "The new quay", "Harbour board, 3 May 2024"),
        (2, Kind.HEADING, "The new quay", "Costs"),
        (2, Kind.LIST_ITEM, "The new quay › Costs", "The quay costs 4 million euro"),
        (2, Kind.LIST_ITEM, "The new quay › Costs", "The crane costs 1 million euro"),
        (2, Kind.BODY, "The new quay › Costs", "Say that the bank has agreed."),
        (3, Kind.HEADING, "The new quay", "Slide 3"),
        (3, Kind.TABLE_ROW, "The new quay › Slide 3", "Ship: Zwaluw; Length: 24 m"),
        (3, Kind.BODY, "The new quay › Slide 3", "Grouped text"),
        (3, Kind.TABLE_ROW, "The new quay › Slide 3", "2023; Ships: 10"),
        (3, Kind.TABLE_ROW, "The new quay › Slide 3", "2024; Ships: 12.5"),
    ]


NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in {"office": "office", "text": "text", "table": "table", "draw": "drawing"}.items()
)
ODT = f"""<?xml version="1.0"?><office:document-content {NAMES}><office:body><office:text>
<text:tracked-changes><text:p>Deleted.</text:p></text:tracked-changes>
<text:p text:style-name="Title">The quay</text:p><text:h text:outline-level="1">Costs</text:h>
<text:p>It costs<text:s text:c="2"/>4 <text:span>million</text:span> euro<text:note>
<text:note-citation>1</text:note-citation>
<text:note-body><text:p>Without the crane.</text:p></text:note-body></text:note>.</text:p>
<text:list><text:list-item><text:p>Stone</text:p><text:list>
<text:list-item><text:p>Granite</text:p></text:list-item>
</text:list></text:list-item></text:list>
<table:table><table:table-header-rows><table:table-row>
<table:table-cell><text:p>Ship</text:p></table:table-cell>
<table:table-cell><text:p>Length</text:p></table:table-cell></table:table-row></table:table-header-rows>
<table:table-row><table:table-cell><text:p>Zwaluw</text:p></table:table-cell>
<table:table-cell><text:p>24 m</text:p></table:table-cell></table:table-row></table:table>
<text:p><draw:frame><draw:text-box><text:p>Boxed.</text:p></draw:text-box></draw:frame></text:p>
</office:text></office:body></office:document-content>"""


def test_an_opendocument_text_has_its_headings_notes_lists_and_tables() -> None:
    document = read(zipped({"content.xml": ODT}), "quay.odt")
    assert document.title == "The quay"
    assert [(each.kind, each.text) for each in document.paragraphs] == [
        (Kind.HEADING, "The quay"),
        (Kind.HEADING, "Costs"),
        (Kind.BODY, "It costs  4 million euro."),
        (Kind.BODY, "Without the crane."),
        (Kind.LIST_ITEM, "Stone"),
        (Kind.LIST_ITEM, "Granite"),
        (Kind.TABLE_ROW, "Ship: Zwaluw; Length: 24 m"),
        (Kind.BODY, "Boxed."),
    ]


RTF = r"""{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\stylesheet{\s0 Normal;}{\s1\ql heading 1;}}
{\info{\title Quay}}\pard\s1\ql The quay\par
\pard\s0 It costs 4 million euro{\super\footnote Without the crane.} \'96 or
 more | less.\par{\listtext\f0\'b7\tab}Stone\par{\pntext 2.\tab}Wood\par
\trowd\cellx1\cellx2\cellx3 Ship\cell Port\cell Length\cell\row
\trowd\cellx1\cellx2\cellx3 Zwaluw\cell Urk\par Hoorn\cell 24 m\cell\row\pard\s0 End.\par}"""


def test_a_rich_text_has_its_headings_notes_lists_and_tables() -> None:
    document = read(RTF.encode(), "quay.rtf")
    assert document.title == "The quay"
    assert [(each.kind, each.text) for each in document.paragraphs] == [
        (Kind.HEADING, "The quay"),
        (Kind.BODY, "It costs 4 million euro – or more | less."),
        (Kind.BODY, "Without the crane."),
        (Kind.LIST_ITEM, "• Stone"),
        (Kind.LIST_ITEM, "2. Wood"),
        (Kind.TABLE_ROW, "Ship: Zwaluw; Port: Urk Hoorn; Length: 24 m"),
        (Kind.BODY, "End."),
    ]


OPF = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>The Harbour</dc:title><dc:date>2021-04-05</dc:date></metadata><manifest>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine></package>"""


def test_a_book_has_its_chapters_in_reading_order() -> None:
    page = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>{0}</title></head><body>{1}</body></html>"
    book = {
        "META-INF/container.xml": '<container><rootfile full-path="OPS/a.opf"/></container>',
        "OPS/a.opf": OPF,
        "OPS/nav.xhtml": page.format("Contents", "<p>Contents</p>"),
        "OPS/one.xhtml": page.format("One", "<h1>The quay</h1><p>It was built in stone.</p>"),
        "OPS/two b.xhtml": page.format("Two", "<p>It fell down.</p>"),
    }
    document = read(zipped(book), "book.epub")
    assert document.title == "The Harbour"
    assert [(each.heading, each.text) for each in document.paragraphs] == [
        ("", "The quay"),
        ("The quay", "It was built in stone."),
        ("", "Two"),
        ("Two", "It fell down."),
    ]
    assert {each.date for each in document.paragraphs} == {date(2021, 4, 5)}


@pytest.mark.parametrize(
    "suffix", ["xlsx", "pptx", "odt", "epub", "zip", "rtf", "ipynb", "json", "xml", "mbox"]
)
def test_a_damaged_file_is_refused_with_a_remedy(suffix: str) -> None:
    for data in (b"nothing of the kind", b"{", zipped({"a.bin": "x"}), deck()[:9000]):
        with pytest.raises(LoadError) as refused:
            read(data, f"a.{suffix}")
        assert any(word in refused.value.reason for word in ("save", "unpack", "export")), (
            refused.value.reason
        )


@pytest.mark.parametrize("suffix", ["xlsx", "pptx", "odt", "epub", "zip"])
def test_a_file_that_unpacks_to_too_much_is_refused(suffix: str) -> None:
    with pytest.raises(LoadError, match=r"unpacks to 201 MiB, more than 200"):
        read(zipped({"content.xml": b"0" * (201 * 2**20)}), f"a.{suffix}")
    with pytest.raises(LoadError, match=r"holds 101 files, more than 100; .*file_paragraphs"):
        load(
            Path(f"a.{suffix}"),
            "a",
            zipped({f"{n}.txt": "" for n in range(101)}),
            limits=Limits(file_paragraphs=100),
        )
