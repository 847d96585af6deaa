"""Markdown, HTML, CSV and Word: the block elements that a reader sees."""

import io
import zipfile
from datetime import date
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from rag.errors import LoadError
from rag.loaders import load
from rag.types import Document, Kind

BODY, HEADING, ITEM, ROW, CAPTION = Kind.BODY, Kind.HEADING, Kind.LIST_ITEM, Kind.TABLE_ROW, Kind.CAPTION


def read(name: str, data: str | bytes) -> Document:
    return load(Path(name), name, data.encode() if isinstance(data, str) else data)


def outline(document: Document) -> list[tuple[Kind, str]]:
    return [(each.kind, each.text) for each in document.paragraphs]


MARKDOWN = """\
---
title: "Harbour notes"
date: 2024-05-03
---
# Harbour *report*

First with a [link](http://x.y) and `code`
over two lines.

- one
- two
  - nested **a**

  more of two
1. number

## Table of 12 March 2023

| Port | Date | Tons |
|------|------|-----:|
| Odesa | 2023-07-26 | 12 |
| Izmail |  | 9 |

### Quote

> A quote
> goes on.

```python
x = 1

y = 2
```

## Other

<div><b>Raw</b> html <script>alert(1)</script></div>

![A ship](ship.png)
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_has_the_paragraphs_of_its_rendered_page(newline: str) -> None:
    document = read("a.md", MARKDOWN.replace("\n", newline))
    assert document.title == "Harbour notes"
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (2, ROW, "title: Harbour notes; date: 2024-05-03"),
        (5, HEADING, "Harbour report"),
        (7, BODY, "First with a link and code over two lines."),
        (10, ITEM, "one"),
        (11, ITEM, "two"),
        (12, ITEM, "nested a"),
        (14, ITEM, "more of two"),
        (15, ITEM, "number"),
        (17, HEADING, "Table of 12 March 2023"),
        (21, ROW, "Port: Odesa; Date: 2023-07-26; Tons: 12"),
        (22, ROW, "Port: Izmail; Tons: 9"),
        (24, HEADING, "Quote"),
        (26, BODY, "A quote goes on."),
        (29, BODY, "x = 1\n\ny = 2"),
        (35, HEADING, "Other"),
        (37, BODY, "Raw html"),
        (39, CAPTION, "A ship"),
    ]


def test_headings_form_a_path_and_a_date_in_one_holds_only_for_its_section() -> None:
    paragraphs = read("a.md", MARKDOWN).paragraphs
    paths = {each.text: each.heading for each in paragraphs}
    assert paths["A quote goes on."] == "Harbour report › Table of 12 March 2023 › Quote"
    assert paths["Raw html"] == "Harbour report › Other"
    days = {each.text: each.date for each in paragraphs}
    assert days["number"] == days["Raw html"] == date(2024, 5, 3)
    assert days["A quote goes on."] == days["Port: Izmail; Tons: 9"] == date(2023, 3, 12)
    assert days["Port: Odesa; Date: 2023-07-26; Tons: 12"] == date(2023, 7, 26)


@pytest.mark.parametrize(
    ("front_matter", "title", "day", "row"),
    [
        (
            '---\ntitle: "Harbour: \\"A\\""\ntags: [a, b]\ndate: 2024-05-03\n---',
            'Harbour: "A"',
            3,
            'title: Harbour: "A"; tags: a, b; date: 2024-05-03',
        ),
        (
            "---\ntitle: Notes: harbour\nDate: 3 May 2024\n...",
            "Notes: harbour",
            3,
            "title: Notes: harbour; Date: 3 May 2024",
        ),
        (
            "---\ntitle: >\n  Harbour\n  notes\ncreated: 2020-01-02\npublished: 2024-05-03 10:00:00\n---",
            "Harbour notes",
            3,
            "title: Harbour notes; created: 2020-01-02; published: 2024-05-03 10:00:00",
        ),
        (
            '---\ntitle: 1.10 # of two\naliases:\n- a\n- "[[b]]"\nempty:\n---',
            "1.10",
            None,
            "title: 1.10; aliases: a, b",
        ),
        (
            '+++\ntitle = "Harbour: notes"\ndate = 2024-05-03\n+++',
            "Harbour: notes",
            3,
            "title: Harbour: notes; date: 2024-05-03",
        ),
        ("---\nfile: b\nby: {name: Ann, town: Ulm}\n---", "a", None, "file: b; by: name Ann, town Ulm"),
    ],
)
def test_front_matter_gives_title_date_and_first_paragraph(
    front_matter: str, title: str, day: int | None, row: str
) -> None:
    document = read("a.md", f"{front_matter}\n\nText.")
    assert document.title == title
    assert outline(document) == [(ROW, row), (BODY, "Text.")]
    assert document.paragraphs[1].date == (date(2024, 5, day) if day else None)


OBSIDIAN = """\
The [[Ropes|rope]], [[Knots#Reef]], [[#Below]], ![[knot.png|300]] and ![[plan.pdf|the plan]]. ^a1b2

%%
Not yet.

Nor this.
%%
Kept ==as *is* here==, %%hidden%% if a==b and c==d, at 5%% or 6%%; `[[code]] ==x==`.[^far] And[^2].

> [!tip]- A **short** way
> By the yard.[^2]
>
> - item

> [!note]
> Bring a lamp.

| Part | Use |
|------|-----|
| [[Reef\\|reef]] | sail[^2] ^[Or tent.] |

```
%% kept %% [[kept]]
```

# Below

[^far]: Far away
    from here.

    In two parts.
[^2]: A [[Note]] here
[^3]: Never called.
"""


def test_obsidian_notes_read_as_they_are_shown() -> None:
    document = read("keys.md", OBSIDIAN)
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (1, BODY, "The rope, Knots > Reef, Below, and the plan."),
        (8, BODY, "Kept as is here, if a==b and c==d, at 5%% or 6%%; [[code]] ==x==. And."),
        (28, BODY, "Far away from here."),
        (31, BODY, "In two parts."),
        (32, BODY, "A Note here"),
        (10, BODY, "A short way"),
        (11, BODY, "By the yard."),
        (13, ITEM, "item"),
        (15, BODY, "Note"),
        (16, BODY, "Bring a lamp."),
        (20, ROW, "Part: reef; Use: sail"),
        (20, BODY, "Or tent."),
        (22, BODY, "%% kept %% [[kept]]"),
        (26, HEADING, "Below"),
        (33, BODY, "Never called."),
    ]
    assert document.title == "keys"


def test_a_date_in_code_dates_nothing() -> None:
    assert {
        each.date for each in read("a.md", "# Notes\n\n```\ndate: 2020-08-21\n```\n\nText.").paragraphs
    } == {None}
    page = read("a.html", "<h1>Notes</h1><pre>date: 2020-08-21</pre><p>Text.</p>")
    assert {each.date for each in page.paragraphs} == {None}


@pytest.mark.parametrize(
    "top",
    ["\n\nText, here.\n", "\n# Harbour\n", "\n- a\n- b\n", "\nOne line: two\n", '\na: "\\UFFFFFFFF"\n'],
    ids=["text", "heading", "list", "sentence with a colon", "invalid escape"],
)
def test_text_between_two_rules_is_not_front_matter(top: str) -> None:
    paragraphs = read("a.md", f"---{top}\n---\n\nMore.").paragraphs
    assert len(paragraphs) > 1
    assert paragraphs[-1].text == "More."


def test_deeply_nested_list_keeps_its_text() -> None:
    markdown = "".join(f"{'  ' * depth}- item {depth}\n" for depth in range(30))
    assert len(read("a.md", markdown).paragraphs) == 30


META = '<meta property="article:published_time" content="2024-08-16T10:00:00Z">'
LINKED_DATA = '<script type="application/ld+json">{"datePublished": "2024-08-16T10:00:00Z"}</script>'
HTML = f"""\
<!DOCTYPE html>
<html><head><title>The  port | News</title>
{META}
<style>p{{color:red}}</style></head>
<body><nav><ul><li>Home</li></ul></nav>
<h1>The port
was struck</h1>
<div>By Ann <time datetime="2024-08-15">yesterday</time></div>
<p>First <b>para</b> with
 10<sup>6</sup> m&nbsp;x CO<sub>2</sub>.</p>
<div>Direct text<p>inner</p>tail text</div>
<p>a<br>b<br><br>c</p>
<p hidden>hid</p><p style="display: none">hid</p><span aria-hidden="true">hid</span>
<script>"<p>hid</p>"</script>
<ul><li>one<ul><li>nested</li></ul></li><li><p>two p</p></li></ul>
<table><caption>Losses</caption><tr><th>Port</th><th>Date</th></tr>
<tr><td>Odesa</td><td>2023-07-26</td></tr><tr><td rowspan="2">Kyiv</td><td>a</td></tr>
<tr><td>b</td></tr></table>
<table><tr><td><h2>Layout</h2></td><td>side</td></tr></table>
<table><tr><th>Founded</th><td>1921</td></tr></table>
<figure><img alt="hid"><figcaption>A figure.</figcaption></figure>
<pre>
code
  more</pre><!-- hid -->
<footer>Foot</footer></body></html>
"""


def test_html_has_the_paragraphs_a_reader_sees() -> None:
    document = read("a.html", HTML)
    assert document.title == "The port | News"
    assert outline(document) == [
        (HEADING, "The port was struck"),
        (BODY, "By Ann yesterday"),
        (BODY, "First para with 10⁶ m\u00a0x CO2."),
        (BODY, "Direct text"),
        (BODY, "inner"),
        (BODY, "tail text"),
        (BODY, "a\nb"),
        (BODY, "c"),
        (ITEM, "one"),
        (ITEM, "nested"),
        (ITEM, "two p"),
        (CAPTION, "Losses"),
        (ROW, "Port: Odesa; Date: 2023-07-26"),
        (ROW, "Port: Kyiv; Date: a"),
        (ROW, "Port: Kyiv; Date: b"),
        (HEADING, "Layout"),
        (BODY, "side"),
        (ROW, "Founded: 1921"),
        (CAPTION, "A figure."),
        (BODY, "code\n  more"),
        (BODY, "Foot"),
    ]


@pytest.mark.parametrize("dated", [META, LINKED_DATA], ids=["meta", "linked data"])
def test_html_has_dates_headings_and_lines(dated: str) -> None:
    found = {each.text: each for each in read("a.html", HTML.replace(META, dated)).paragraphs}
    assert found["The port was struck"].date == date(2024, 8, 16)
    assert found["inner"].date == date(2024, 8, 15)
    assert found["Port: Odesa; Date: 2023-07-26"].date == date(2023, 7, 26)
    assert found["A figure."].heading == "The port was struck › Layout"
    assert (found["The port was struck"].line, found["a\nb"].line) == (6, 12)


@pytest.mark.parametrize(
    ("head", "encoding", "text"),
    [
        ('<meta charset="windows-1251">', "cp1251", "Порт атакован"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r", "Порт атакован"),
        ('<meta charset="iso-8859-1">', "cp1252", "“café”"),  # browsers, too, read Latin-1 as Windows-1252
        ("", "utf-8", "Порт атакован"),
        ("", "utf-16", "Порт атакован"),
    ],
)
def test_declared_encoding_of_a_page_is_used(head: str, encoding: str, text: str) -> None:
    page = f"<html><head>{head}</head><body><p>{text}</p></body></html>"
    assert outline(read("a.html", page.encode(encoding))) == [(BODY, text)]


PROSE = (
    "<p>The council met on Monday evening and agreed to mend the old bridge before the winter.</p>"
    "<p>Work starts next week and will take until the first snow, said the foreman of the yard.</p>"
)
LINKS = '<ul><li><a href="/1">Mayor opens the fair</a></li><li><a href="/2">Ten uses of rope</a></li></ul>'
PAGES = {
    "tags": f"""<header><a href="/">The Bell</a> <a href="/in">Sign in</a></header>
        <main><article><h1>Bridge</h1>{PROSE}</article><aside><h3>More</h3>{LINKS}</aside></main>
        <footer><p>Copyright The Bell</p></footer>""",
    "roles": f"""<div role="banner">The Bell</div><div role="navigation">Top News</div>
        <div><h1>Bridge</h1>{PROSE}
        </div><div role="complementary">{LINKS}</div><div role="contentinfo">The Bell, since 1900</div>""",
    "blocks": f"""<div><a href="/">The Bell</a> <a href="/in">Sign in</a></div>{LINKS}
        <div><h1>Bridge</h1><div>{PROSE}
        </div></div><div><h3>Most read</h3>{LINKS}</div>
        <div>© 2024 The Bell <a href="/p">Privacy</a> | <a href="/t">Terms</a></div><p>© The Bell</p>""",
    "no wrapper": f"""<div><a href="/">The Bell</a> <a href="/in">Sign in</a></div><h1>Bridge</h1>{PROSE}
        <div>{LINKS}</div><p>© The Bell</p>""",
    "tables": f"""<table><tr><td><a href="/">Top</a></td><td><a href="/in">Sign in</a></td></tr></table>
        <table><tr><td>{LINKS}</td><td><h1>Bridge</h1>{PROSE}</td></tr></table>""",
    "sign-in": f"""<form><label>Name</label><input><label>Password</label><input type="password"></form>
        <div><h1>Bridge</h1>{PROSE}</div>""",
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_boilerplate_of_a_page_is_left_out(page: str) -> None:
    found = [text[:11] for _, text in outline(read("a.html", f"<html><body>{page}</body></html>"))]
    assert found == ["Bridge", "The council", "Work starts"]


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        (f"<h1>Links</h1>{LINKS}", "Ten uses of rope"),
        (f"<article>{PROSE}<h2>Downloads</h2>{LINKS}</article>", "Ten uses of rope"),
        (f"{PROSE}{LINKS}", "Ten uses of rope"),
        (f"{PROSE}<footer><address>Call 555 0199</address></footer>", "Call 555 0199"),
        (f'<header><h1><a href="/">The Bell</a></h1></header>{PROSE}', "The Bell"),
        (f'<h1>Bridge</h1><div>By <a href="/ann">Ann</a></div><div>{PROSE}</div>', "By Ann"),
        (
            f"<article>{PROSE}</article><aside><p>{'Rope is sold by the yard. ' * 3}</p></aside>",
            "Rope is sold",
        ),
    ],
)
def test_content_that_looks_like_boilerplate_is_kept(page: str, kept: str) -> None:
    assert any(text.startswith(kept) for _, text in outline(read("a.html", f"<body>{page}</body>")))


@pytest.mark.parametrize(
    "page",
    [
        '<meta name="dcterms.created" content="2010-01-02"><meta name="dcterms.issued" content="2011-05-06">',
        '<meta name="date" content="2010-01-02"><meta name="citation_publication_date" content="2011-05-06">',
        '<meta name="creation_date" content="2010-01-02"><p>Published: 6 May 2011</p>',
        "<p>Created: 2 January 2010</p><p>Published: 6 May 2011</p>",
        "<p>Published 6 May 2011</p><p>Created 2 January 2010</p>",
        "<p>Created 2 January 2010, published 6 May 2011</p>",
        "<p>Created 6 May 2011</p>",
        '<aside class="card"><p>Launched</p><p>12 March 1968</p></aside><p>6 May 2011</p>',
        '<div class="infobox"><p>12 March 1968</p></div><p>6 May 2011</p>',
        "<table><tr><th>Built</th><td><h4>Ulm</h4>12 March 1968</td></tr></table><p>6 May 2011</p>",
    ],
)
def test_date_of_publication_is_preferred_and_an_infobox_gives_none(page: str) -> None:
    document = read("a.html", f"<html>{page}{PROSE}</html>")
    assert document.paragraphs[-1].date == date(2011, 5, 6)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Some words first.\n\n# Late\n\nText.", "a"),
        ("![logo](x.png)\n\n# Tool\n\nText.", "Tool"),
        ("## Part\n\nText goes here.\n\n# Late", "Part"),
    ],
)
def test_a_late_heading_is_no_title(text: str, title: str) -> None:
    assert read("a.md", text).title == title


def test_tag_soup_and_deep_nesting_are_read() -> None:
    soup = outline(read("a.htm", "<p>one<p>two<b>bold</p></div><td>cell"))
    assert soup == [(BODY, "one"), (BODY, "twobold"), (BODY, "cell")]
    deep = "<div>" * 200 + "deep" + "</div>" * 200 + "<p>after</p>"
    assert outline(read("a.html", deep)) == [(BODY, "deep"), (BODY, "after")]
    try:
        assert read("a.html", "<p>before</p>" + "<div>" * 50_000 + "deep").paragraphs[0].text == "before"
    except LoadError as refused:
        assert "a.html" in str(refused)


def test_csv_rows_name_their_columns() -> None:
    document = read(
        "a.csv",
        'Name;Date;Note\r\nAnn;2024-05-03;"two\r\nlines; x"\r\n\r\nBob;;\r\nCy;16/08/2024;x;extra\r\n',
    )
    assert [(each.line, each.date, each.kind, each.text) for each in document.paragraphs] == [
        (2, date(2024, 5, 3), ROW, "Name: Ann; Date: 2024-05-03; Note: two lines; x"),
        (5, None, ROW, "Name: Bob"),
        (6, date(2024, 8, 16), ROW, "Name: Cy; Date: 16/08/2024; Note: x; extra"),
    ]


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_csv_delimiter_and_encoding_are_detected(delimiter: str) -> None:
    rows = [["Stadt", "2021", "2022"], ["Zürich", "12", "13"], ["Köln", "1", "2"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    expected = [(ROW, "Stadt: Zürich; 2021: 12; 2022: 13"), (ROW, "Stadt: Köln; 2021: 1; 2022: 2")]
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        assert outline(read("a.csv", text.encode(encoding))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann,34,Paris\nBob,35,London", [(ROW, "Ann; 34; Paris"), (ROW, "Bob; 35; London")]),
        ("Losses,,\nPort,Tons,Day\nKyiv,2,1", [(CAPTION, "Losses"), (ROW, "Port: Kyiv; Tons: 2; Day: 1")]),
        ("sep=;\nA;B\n1,5;2", [(ROW, "A: 1,5; B: 2")]),
        (
            'A,B\n1,"two\n"three" lines\nfour."\n2,"x ""y"", z" \n3,""\n4," "\n5,"""q"""\n',
            [
                (ROW, 'A: 1; B: two "three" lines four.'),
                (ROW, 'A: 2; B: x "y", z'),
                (ROW, "A: 3"),
                (ROW, "A: 4"),
                (ROW, 'A: 5; B: "q"'),
            ],
        ),
        ('A;B\n"1";5" pipe\n2;6" pipe', [(ROW, 'A: 1; B: 5" pipe'), (ROW, 'A: 2; B: 6" pipe')]),
    ],
    ids=["no header", "caption above", "delimiter hint", "quotes in quotes", "inches"],
)
def test_csv_layouts_are_recognised(text: str, expected: list[tuple[Kind, str]]) -> None:
    assert outline(read("a.csv", text)) == expected


def saved(document: WordDocument) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Minutes of 3 May 2024", 0)
    document.add_heading("Attendance", 1)
    kept = document.add_paragraph("Ann was there")
    removed = OxmlElement("w:del")
    removed.append(document.add_paragraph().add_run("GONE")._r)
    kept._p.append(removed)
    added = OxmlElement("w:ins")
    added.append(document.add_paragraph().add_run(" and stayed.")._r)
    kept._p.append(added)
    document.add_paragraph("Bob too", style="List Bullet")
    table = document.add_table(rows=3, cols=3)
    rows = [["Port", "Date", "Tons"], ["Odesa", "2023-07-26", "12"], ["", "", "9"]]
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    document.add_paragraph("Table 1: tons", style="Caption")
    document.add_heading("Figures", 2)
    last = document.add_paragraph("line one")
    last.add_run().add_break()
    last.add_run("line two")
    control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    content.append(document.add_paragraph("In a form field.")._p)
    control.append(content)
    last._p.addnext(control)
    return saved(document)


def test_word_document_has_its_paragraphs_in_page_order() -> None:
    document = read("a.docx", word())
    assert document.title == "Minutes of 3 May 2024"
    assert outline(document) == [
        (HEADING, "Minutes of 3 May 2024"),
        (HEADING, "Attendance"),
        (BODY, "Ann was there and stayed."),
        (ITEM, "Bob too"),
        (ROW, "Port: Odesa; Date: 2023-07-26; Tons: 12"),
        (ROW, "Port: Odesa; Tons: 9"),
        (CAPTION, "Table 1: tons"),
        (HEADING, "Figures"),
        (BODY, "line one\nline two"),
        (BODY, "In a form field."),
    ]
    assert document.paragraphs[-1].heading == "Minutes of 3 May 2024 › Attendance › Figures"
    assert document.paragraphs[-1].date == date(2024, 5, 3)
    assert document.paragraphs[4].date == date(2023, 7, 26)


def zipped(name: str, data: bytes, stream: io.BytesIO) -> bytes:
    """A zip file in `stream`, with one member more."""
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data, compresslevel=1)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *((word()[:cut], r"damaged or not a Word document.*save it again") for cut in (30, 2_000, -300)),
        (b"plain text", "damaged or not a Word document"),
        (zipped("a.txt", b"x", io.BytesIO()), "damaged or not a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500, r"password-protected or an old \.doc"),
    ],
    ids=["cut at 30", "cut at 2000", "cut at the end", "text", "zip", "old format"],
)
def test_damaged_word_document_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        read("a.docx", data)


def test_zip_bomb_is_refused_before_unpacking() -> None:
    bomb = zipped("word/media/bomb.bin", b"\x00" * 201 * 2**20, io.BytesIO(word()))
    with pytest.raises(LoadError, match=r"unpacks to 20. MiB, more than 200; split it"):
        read("a.docx", bomb)


def test_word_text_boxes_are_read() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Beside it:")
    box = OxmlElement("w:txbxContent")
    box.append(document.add_paragraph("In the box.")._p)
    drawing = OxmlElement("w:pict")
    drawing.append(box)
    paragraph.add_run()._r.append(drawing)
    assert paragraph._p.find(f".//{qn('w:txbxContent')}") is not None
    assert outline(read("a.docx", saved(document))) == [(BODY, "Beside it:"), (BODY, "In the box.")]


@pytest.mark.parametrize("width", ["²", "-1"])
def test_word_cell_of_impossible_width_counts_as_one(width: str) -> None:
    document = docx.Document()
    lamp, horn = document.add_table(rows=1, cols=2).rows[0].cells
    lamp.text, horn.text = "Lamp", "Horn"
    lamp._tc.get_or_add_tcPr().get_or_add_gridSpan().set(qn("w:val"), width)
    assert [text for _, text in outline(read("a.docx", saved(document)))] == ["Lamp: Horn"]
