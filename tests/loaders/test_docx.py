"""Word files as they come: notes, automatic numbers, controls, equations, frames, and what they leave out."""

import io
import time
import zipfile
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.loaders import load
from rag.types import Document, Kind

_OFFICE = "http://schemas.openxmlformats.org"
_SPACES = (
    f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main" xmlns:m="{_OFFICE}/officeDocument/2006/math" '
    f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships" xmlns:v="urn:schemas-microsoft-com:vml" '
    f'xmlns:mc="{_OFFICE}/markup-compatibility/2006"'
)


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{run(text)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def table(*rows: str, properties: str = "") -> str:
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr>{''.join(rows)}</w:tbl>"


def tr(*cells: str, properties: str = "") -> str:
    tagged = (each if each.startswith("<w:") else tc(p(each)) for each in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(tagged)}</w:tr>"


def tc(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"


def bold(text: str) -> str:
    return tc(f"<w:p>{run(text, '<w:b/>')}</w:p>")


def relationships(*targets: tuple[str, str]) -> str:
    kind = f"{_OFFICE}/officeDocument/2006/relationships"
    each = (
        f'<Relationship Id="r{number}" Type="{kind}/{name}" Target="{target}"/>'
        for number, (name, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">{"".join(each)}</Relationships>'


def word(body: str, files: dict[str, str] | None = None, **parts: str) -> bytes:
    """A Word file: a body, its parts (styles, numbering, …), and other `files` inside (altChunk)."""
    files = files or {}
    members = {
        "_rels/.rels": relationships(("officeDocument", "word/document.xml")),
        "word/document.xml": f"<w:document {_SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relationships(
            *((name, f"{name}.xml") for name in parts), *(("aFChunk", name) for name in files)
        ),
        **{f"word/{name}.xml": f"<w:{name} {_SPACES}>{text}</w:{name}>" for name, text in parts.items()},
        **{f"word/{name}": text for name, text in files.items()},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def read(data: bytes) -> Document:
    return load(Path("a.docx"), "a.docx", data)


def texts(body: str, **parts: str) -> list[str]:
    return [each.text for each in read(word(body, **parts)).paragraphs]


def note(kind: str, number: int, content: str) -> str:
    return f'<w:{kind} w:id="{number}">{content}</w:{kind}>'


def call(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def test_notes_follow_the_paragraph_or_row_that_calls_them() -> None:
    body = (
        f"<w:p>{run('Rent is due')}{call('footnote', 2)}{run(' on Monday.')}{call('endnote', 2)}</w:p>"
        + table(tr("Rooms", "Three"), tr(tc(f"<w:p>{run('Keys')}{call('footnote', 3)}</w:p>"), "Two"))
        + p("The end.")
    )
    footnotes = note("footnote", 2, p("Or by cheque.") + p("Not in cash.")) + note("footnote", 3, p("Brass."))
    endnotes = note("endnote", 2, f"<w:p>{call('endnote', 2)}{run('As of May.')}</w:p>")
    assert texts(body, footnotes=footnotes, endnotes=endnotes) == [
        "Rent is due on Monday.",
        "Or by cheque.",
        "Not in cash.",
        "As of May.",
        "Rooms: Three",
        "Keys: Two",
        "Brass.",
        "The end.",
    ]


def test_mark_of_the_writers_own_is_not_glued_to_the_word() -> None:
    marked = '<w:r><w:footnoteReference w:customMarkFollows="1" w:id="2"/><w:t>*</w:t></w:r>'
    body = f"<w:p>{run('Hats')}{marked}{run(' off.')}</w:p>"
    assert texts(body, footnotes=note("footnote", 2, p("Caps too."))) == ["Hats off.", "Caps too."]


def level(depth: int, pattern: str, kind: str = "decimal", more: str = "", start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>{more}'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
    )


def abstract(number: int, *levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{number}">{"".join(levels)}</w:abstractNum>'


def num(number: int, of: int, more: str = "") -> str:
    return f'<w:num w:numId="{number}"><w:abstractNumId w:val="{of}"/>{more}</w:num>'


def item(text: str, number: int, depth: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>')


def test_automatic_numbers_are_those_that_word_shows() -> None:
    legal = (
        level(0, "Article %1", "upperRoman"),
        level(1, "%1.%2", more="<w:isLgl/>"),
        level(2, "(%3)", "lowerLetter"),
    )
    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    numbering = (
        abstract(1, *legal, level(2, "(%3)", "lowerLetter"))
        + abstract(2, level(0, "•", "bullet"))
        + abstract(3, level(0, "%1)", start=3), level(1, "%2.", "upperLetter", '<w:lvlRestart w:val="0"/>'))
        + "".join(num(each, each) for each in (1, 2, 3))
        + num(4, 3, restart)
    )
    items = [
        ("One", 1, 0),
        ("Deep", 1, 1),
        ("a", 1, 2),
        ("b", 1, 2),
        ("Two", 1, 0),
        ("Deep", 1, 1),
        ("Dot", 2, 0),
    ]
    items += [("c", 3, 0), ("x", 3, 1), ("d", 3, 0), ("y", 3, 1), ("e", 4, 0), ("f", 4, 0)]
    items.append(("none", 0, 0))
    assert texts("".join(item(*each) for each in items), numbering=numbering) == [
        *("Article I One", "1.1 Deep", "(a) a", "(b) b", "Article II Two", "2.1 Deep", "Dot"),
        *("3) c", "A. x", "4) d", "B. y", "5) e", "6) f", "none"),
    ]


@pytest.mark.parametrize(
    ("kind", "start", "text"),
    [
        ("lowerLetter", 27, "aa"),
        ("upperLetter", 3, "C"),
        ("lowerRoman", 1994, "mcmxciv"),
        ("decimalZero", 7, "07"),
        ("ordinal", 22, "22nd"),
        ("cardinalText", 21, "Twenty-one"),
        ("ordinalText", 12, "Twelfth"),
        ("ordinalText", 30, "Thirtieth"),
        ("chineseCounting", 21, "二十一"),
        ("unheardOf", 4, "4"),
    ],
)
def test_numbers_are_written_in_the_format_of_their_level(kind: str, start: int, text: str) -> None:
    numbering = abstract(1, level(0, "%1.", kind, start=start)) + num(1, 1)
    assert texts(item("x", 1), numbering=numbering) == [f"{text}. x"]


def style(name: str, content: str, kind: str = "paragraph", title: str = "") -> str:
    return f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{title or name}"/>{content}</w:style>'


def test_a_style_gives_the_number_and_its_depth() -> None:
    styles = style(
        "Heading1", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>', title="heading 1"
    ) + style("Heading2", '<w:basedOn w:val="Heading1"/>', title="heading 2")
    levels = (
        level(depth, pattern, more=f'<w:pStyle w:val="Heading{depth + 1}"/>')
        for depth, pattern in enumerate(("%1", "%1.%2"))
    )
    body = "".join(
        p(text, f'<w:pStyle w:val="{name}"/>')
        for text, name in (
            ("Scope", "Heading1"),
            ("Terms", "Heading2"),
            ("", "Heading1"),
            ("Law", "Heading1"),
        )
    )
    document = read(word(body, styles=styles, numbering=abstract(1, *levels) + num(1, 1)))
    assert [each.text for each in document.paragraphs] == ["1 Scope", "1.1 Terms", "3 Law"]
    assert document.paragraphs[1].heading == "1 Scope"


def test_outline_level_makes_a_heading() -> None:
    styles = style("Clause", '<w:pPr><w:outlineLvl w:val="1"/></w:pPr>')
    (paragraph,) = read(word(p("Payment", '<w:pStyle w:val="Clause"/>'), styles=styles)).paragraphs
    assert paragraph.kind is Kind.HEADING


def control(content: str) -> str:
    return f"<w:sdt><w:sdtPr/><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def test_content_controls_are_read_in_place() -> None:
    rows = [
        tr(bold("Name"), control(bold("Town")), bold("Age")),
        tr("Ada", control(tc(p("Riga"))), "36"),
        control(tr("Bo", tc(control(p("Oslo"))), tc(f"<w:p>{control(run('41'))}</w:p>"))),
    ]
    assert texts(control(p("Guests")) + table(*rows)) == [
        "Guests",
        "Name: Ada; Town: Riga; Age: 36",
        "Name: Bo; Town: Oslo; Age: 41",
    ]


def formula(content: str) -> str:
    return f"<w:p>{run('so ')}<m:oMath>{content}</m:oMath>{run(' holds')}</w:p>"


def r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (r("A=π") + f"<m:sSup><m:e>{r('r')}</m:e><m:sup>{r('2')}</m:sup></m:sSup>", "A=πr2"),
        (f"<m:f><m:num>{r('a+b')}</m:num><m:den>{r('c')}</m:den></m:f>", "(a+b)/c"),
        (f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>{r("x+1")}</m:e></m:rad>', "√(x+1)"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{r("i=1")}</m:sub><m:sup>{r("n")}</m:sup>'
            f"<m:e>{r('i')}</m:e></m:nary>",
            "∑_(i=1)^n i",
        ),
        (f"<m:sSup><m:e>{r('e')}</m:e><m:sup>{r('x+1')}</m:sup></m:sSup>", "e^(x+1)"),
        (f"<m:d><m:e>{r('x')}</m:e></m:d>", "(x)"),
        (f"<m:func><m:fName>{r('sin')}</m:fName><m:e>{r('x')}</m:e></m:func>", "sin x"),
    ],
)
def test_equations_are_text_in_one_line(content: str, text: str) -> None:
    assert texts(formula(content)) == [f"so {text} holds"]


def test_strict_files_are_read() -> None:
    stream = io.BytesIO(word(p("The ferry leaves at noon.") + formula(r("x"))))
    strict = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(strict, "w") as new:
        for name in old.namelist():
            data = old.read(name).replace(
                f"{_OFFICE}/wordprocessingml/2006".encode(), b"http://purl.oclc.org/ooxml/wordprocessingml"
            )
            new.writestr(
                name,
                data.replace(
                    f"{_OFFICE}/officeDocument/2006".encode(), b"http://purl.oclc.org/ooxml/officeDocument"
                ),
            )
    found = [each.text for each in read(strict.getvalue()).paragraphs]
    assert found == ["The ferry leaves at noon.", "so x holds"]


def box(content: str) -> str:
    inside = f"<w:txbxContent>{content}</w:txbxContent>"
    drawing = f"<mc:Choice Requires='wps'><w:drawing>{inside}</w:drawing></mc:Choice>"
    picture = f"<mc:Fallback><w:pict><v:textbox>{inside}</v:textbox></w:pict></mc:Fallback>"
    both = f"<mc:AlternateContent>{drawing}{picture}</mc:AlternateContent>"
    return f"<w:p>{run('Around')}<w:r>{both}</w:r></w:p>"


def test_a_text_box_is_read_once() -> None:
    assert texts(box(box(p("Inside"))) + p("After")) == ["Around", "Around", "Inside", "After"]
    assert texts(box(p("Old")).replace(p("Old"), "", 1)) == ["Around", "Old"]


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("depth", [20, 400])
def test_nested_frames_are_read_once_and_quickly(depth: int, columns: int) -> None:
    body = p("The key.")
    for _ in range(depth):
        body = table(tr(tc(body + "<w:p/>"), *["Side"] * (columns - 1)))
    start = time.monotonic()
    found = texts(body)
    assert found.count("The key.") + found.count("The key.; Side") + found.count("The key.: Side") == 1
    assert len(found) <= depth * columns + 1
    assert time.monotonic() - start < 5


def test_merged_cells_are_said_once_a_row_and_in_each_row() -> None:
    wide, tall, below = '<w:gridSpan w:val="3"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [
        tr(tc(p("Rates from May"), wide)),
        tr("Group", "Age", "Euros"),
        tr(tc(p("Visitors"), tall), "under 6", "0"),
        tr(tc("<w:p/>", below), "adult", "9"),
        tr(tc(p("Members"), wide)),
        tr("All", tc(p("free"), '<w:gridSpan w:val="2"/>')),
    ]
    assert texts(table(*rows)) == [
        "Rates from May",
        "Group: Visitors; Age: under 6; Euros: 0",
        "Group: Visitors; Age: adult; Euros: 9",
        "Members",
        "Group: All; Age: free; Euros: free",
    ]


def test_header_of_two_rows_names_each_column_by_both() -> None:
    tall, below = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [
        tr(tc(p("Branch"), tall), tc(p("Hours"), '<w:gridSpan w:val="2"/>')),
        tr(tc("<w:p/>", below), "Weekdays", "Weekend"),
        tr("Lübeck", "8:00–17:30", "closed"),
    ]
    assert texts(table(*rows)) == ["Branch: Lübeck; Hours Weekdays: 8:00–17:30; Hours Weekend: closed"]


_LIGHT = style("Light", '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr></w:tblStylePr>', kind="table")


@pytest.mark.parametrize(
    ("first", "properties"),
    [
        (tr("Item", "Place", properties="<w:tblHeader/>"), ""),
        (tr("Item", "Place"), '<w:tblStyle w:val="Light"/><w:tblLook w:val="04A0"/>'),
        (tr(bold("Item"), bold("Place")), ""),
        (tr(*(tc(p(name), '<w:shd w:fill="DDDDDD"/>') for name in ("Item", "Place"))), ""),
    ],
    ids=["repeated on each page", "style", "bold", "shaded"],
)
def test_a_first_row_that_is_marked_names_the_columns(first: str, properties: str) -> None:
    rows = first, tr("Lamp", "Hall"), tr("Horn", "Deck")
    expected = ["Item: Lamp; Place: Hall", "Item: Horn; Place: Deck"]
    assert texts(table(*rows, properties=properties), styles=_LIGHT) == expected


_NO_FIRST_ROW = '<w:tblStyle w:val="Light"/><w:tblLook w:val="0480" w:firstRow="0"/>'


@pytest.mark.parametrize(
    ("rows", "properties", "expected"),
    [
        (
            ["Insured name|Petra Holm|Claim #|KX-7741", "Model year|2021|Maker|Volvo"],
            "",
            ["Insured name: Petra Holm; Claim #: KX-7741", "Model year: 2021; Maker: Volvo"],
        ),
        (
            ["Maker|Volvo|Model|V70", "Year|2021|Seats|5", "Mileage|12,400|Doors|4"],
            "",
            ["Maker; Volvo; Model; V70", "Year; 2021; Seats; 5", "Mileage; 12,400; Doors; 4"],
        ),
        (
            ["Buyer|Ada Berg|Seller|Bo Lund", "Phone|555 0142|Phone|555 0143", "Room|12|Room|14"],
            '<w:tblStyle w:val="Light"/>',
            ["Buyer: Ada Berg; Seller: Bo Lund", "Phone: 555 0142; Phone: 555 0143", "Room: 12; Room: 14"],
        ),
        (
            ["Name|Age|City|Pay", "Ann|34|Paris|900", "Bob|35|Rome|800"],
            "",
            ["Name; Age; City; Pay", "Ann; 34; Paris; 900", "Bob; 35; Rome; 800"],
        ),
        (["Name:|Ann|Town:|", "Phone:|none|Post:|two"], "", ["Name: Ann; Town:", "Phone: none; Post: two"]),
        (
            ["Hours: 9 to 17|Rank: GS-11", "Closed: May|Room: 12"],
            "",
            ["Hours: 9 to 17; Rank: GS-11", "Closed: May; Room: 12"],
        ),
        (["Lamp|Hall", "Horn|Deck"], _NO_FIRST_ROW, ["Lamp: Hall", "Horn: Deck"]),
        (["Ann|34|Paris|900", "Bob|35|Rome|800"], "", ["Ann; 34; Paris; 900", "Bob; 35; Rome; 800"]),
        (["Ann|dev|Paris", "Bob|ops|Rome"], "", ["Ann; dev; Paris", "Bob; ops; Rome"]),
        (["We met at noon. It rained.|Then we left."], "", ["We met at noon. It rained.; Then we left."]),
        (
            ["Port|Tons|Day", "Kyiv|12|3 May", "Riga|9|4 May"],
            "",
            ["Port: Kyiv; Tons: 12; Day: 3 May", "Port: Riga; Tons: 9; Day: 4 May"],
        ),
        (["Town|2021|2022", "Zürich|12|13"], "", ["Town: Zürich; 2021: 12; 2022: 13"]),
    ],
)  # fmt: skip
def test_a_row_is_named_only_by_names(rows: list[str], properties: str, expected: list[str]) -> None:
    body = table(*(tr(*row.split("|")) for row in rows), properties=properties)
    assert texts(body, styles=_LIGHT) == expected


def test_a_table_to_fill_in_keeps_its_names() -> None:
    assert texts(table(tr(bold("Name"), bold("Date"), bold("Signature")), tr("", "", ""))) == [
        "Name; Date; Signature"
    ]


def test_a_heading_above_text_in_a_cell_makes_a_frame() -> None:
    styles = style("Heading1", "", title="heading 1")
    left = tc(p("Skills", '<w:pStyle w:val="Heading1"/>') + p("Sailing and sums."))
    found = read(word(table(tr(left, tc(p("Ada Berg")))), styles=styles)).paragraphs
    assert [(each.kind, each.text) for each in found] == [
        (Kind.HEADING, "Skills"),
        (Kind.BODY, "Sailing and sums."),
        (Kind.BODY, "Ada Berg"),
    ]


def test_what_a_page_does_not_show_is_left_out() -> None:
    hidden = run(" secret", "<w:vanish/>") + run(" ghost", '<w:rStyle w:val="Ghost"/>')
    shown = run(" here", '<w:vanish w:val="0"/>')
    removed = f"<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:moveFrom>{run('away')}</w:moveFrom>"
    added = f"<w:ins>{run(' new')}</w:ins><w:moveTo>{run(' home')}</w:moveTo>"
    field = "<w:r><w:fldChar w:fldCharType='begin'/></w:r>"
    code = f"{field}{run('PAGE')}<w:r><w:fldChar w:fldCharType='separate'/></w:r>{run(' 7')}"
    end = "<w:r><w:fldChar w:fldCharType='end'/></w:r>"
    body = f"<w:p>{run('All')}{hidden}{shown}{removed}{added}{code}{end}</w:p>"
    styles = style("Ghost", "<w:rPr><w:vanish/></w:rPr>", kind="character")
    rows = table(tr("Kept", "yes"), tr("Gone", "no", properties="<w:del/>"))
    assert texts(body + rows, styles=styles) == ["All here new home 7", "Kept: yes"]


def test_paragraphs_are_joined_where_their_end_was_deleted_or_they_are_an_initial() -> None:
    joined = p("Two", "<w:rPr><w:del/></w:rPr>") + p("in one.")
    initial = p("O", '<w:framePr w:dropCap="drop"/>') + p("nce upon a time.")
    assert texts(joined + initial) == ["Two in one.", "Once upon a time."]


def test_form_fields_and_symbols_are_read() -> None:
    checked = "<w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>"
    chosen = '<w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>'
    end = "<w:r><w:fldChar w:fldCharType='end'/></w:r>"
    fields = "".join(
        f"<w:r><w:fldChar w:fldCharType='begin'>{data}</w:fldChar></w:r>{end}"
        for data in (checked, f"<w:ffData>{chosen}</w:ffData>")
    )
    sign = '<w:r><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Wingdings" w:char="F0A7"/></w:r>'
    assert texts(f"<w:p>{fields}{sign}</w:p>") == ["☒blueα"]


_MAIL = "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>From a <b>web</b> archive.</p>"


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.html", "<p>From a <b>page</b>.</p>", "From a page."),
        ("a.mht", _MAIL, "From a web archive."),
        ("a.txt", "From a text.", "From a text."),
    ],
)
def test_files_of_other_formats_inside_are_read_in_place(name: str, data: str, text: str) -> None:
    body = p("Before") + '<w:altChunk r:id="r0"/>' + p("After")
    found = [each.text for each in read(word(body, files={name: data})).paragraphs]
    assert found == ["Before", text, "After"]


def test_an_unreadable_format_inside_is_an_error() -> None:
    with pytest.raises(LoadError, match=r"holds a part that can't be read \(\.rtf\); open it in Word"):
        read(word('<w:altChunk r:id="r0"/>', files={"a.rtf": r"{\rtf1 x}"}))


def test_damage_outside_the_text_costs_nothing() -> None:
    stream = io.BytesIO(word(p("Still here."), styles="<w:style", settings=""))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("docProps/core.xml", "not XML")
    assert [each.text for each in read(stream.getvalue()).paragraphs] == ["Still here."]
