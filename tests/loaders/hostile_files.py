"""Makes hostile files: sound ones of every format, damaged at random, and bombs made by hand."""

# ruff: noqa: E501, PLR0911, PLR0915  a bomb a line

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from docx import Document
from openpyxl import Workbook
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

File = tuple[str, bytes]  # its name and its content

PROSE = "The quay of Urk was built of stone in 1905. A crane lifts the boats – the “Zwaluw” first.\n"
NS = "urn:oasis:names:tc:opendocument:xmlns:"
ODT = (
    f'<o:document-content xmlns:o="{NS}office:1.0" xmlns:t="{NS}text:1.0" xmlns:b="{NS}table:1.0"><o:body>'
    "<o:text>%s</o:text></o:body></o:document-content>"
)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="p.opf"/></rootfiles></container>'
)
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="%s" Target="%s"/></Relationships>'
)


def zipped(
    members: Mapping[str, str | bytes] | list[tuple[str, str | bytes]], how: int = ZIP_DEFLATED
) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", how) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


def epub(chapter: str, spine: str = '<itemref idref="c"/>', item: str = "c.xhtml") -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        f'<item id="c" href="{item}" media-type="application/xhtml+xml"/></manifest><spine>{spine}</spine></package>'
    )
    return zipped({"META-INF/container.xml": CONTAINER, "p.opf": package, "c.xhtml": chapter})


def word(body: str, more: Mapping[str, str | bytes] | None = None) -> bytes:
    document = f'<w:document {W} xmlns:r="{RELATED}"><w:body>{body}</w:body></w:document>'
    top = RELATIONS % (f"{RELATED}/officeDocument", "word/document.xml")
    return zipped({"_rels/.rels": top, "word/document.xml": document, **(more or {})})


def odt(body: str) -> bytes:
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": ODT % body})


def docx() -> bytes:
    document, buffer = Document(), BytesIO()
    document.add_heading("The quay", 1)
    document.add_paragraph(PROSE)
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("Ship", "Length", "Zwaluw", "24 m"), strict=True):
        cell.text = text
    document.save(buffer)
    return buffer.getvalue()


def xlsx(rows: int = 3) -> bytes:
    book, buffer = Workbook(), BytesIO()
    for number in range(rows):
        book.active.append(["Zwaluw", number, 24.5])
    book.save(buffer)
    return buffer.getvalue()


def pptx() -> bytes:
    show, buffer = Presentation(), BytesIO()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "The quay", PROSE
    show.save(buffer)
    return buffer.getvalue()


def pdf(pages: int = 2) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer)
    for number in range(pages):
        canvas.drawString(72, 700, f"Page {number} tells of the quay.")
        canvas.acroForm.textfield(name=f"f{number}", value="Zwaluw", x=72, y=600)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def raw_pdf(*objects: str | bytes, trailer: str = "/Root 1 0 R") -> bytes:
    """A PDF with these objects, numbered from 1, and a cross-reference table."""
    out, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        body = content if isinstance(content, bytes) else content.encode()
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(offsets) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} {trailer} >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()


def stream(content: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(content)} {entries} >>\nstream\n".encode() + content + b"\nendstream"


def page_pdf(
    content: bytes, page: str = "/MediaBox [0 0 600 800]", more: tuple[str | bytes, ...] = ()
) -> bytes:
    """A PDF of one page with this content; `more` are objects from number 5."""
    return raw_pdf(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R {page} /Contents 4 0 R /Resources << /Font << /F << /Type /Font "
        "/Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /X 5 0 R >> >> >>",
        stream(content),
        *more,
    )


def mail(body: str = PROSE) -> bytes:
    return (
        "From: ann@urk.example\nSubject: The quay\nDate: Fri, 03 May 2024 14:30:00 +0200\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n{body}\n'
        "--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=a.csv\n\nShip,Length\nA,3\n--b--\n"
    ).encode()


def samples() -> dict[str, bytes]:
    """A sound small file of each format, by suffix."""
    html = f"<html><head><title>Urk</title></head><body><h1>The quay</h1><p>{PROSE}</p><ul><li>One</ul></body></html>"
    notebook = {"cells": [{"cell_type": "markdown", "source": [PROSE]}], "metadata": {}, "nbformat": 4}
    texts = {
        "txt": PROSE * 3, "log": f"2024-05-03 12:00 INFO {PROSE}", "md": f"---\na: b\n---\n# The quay\n\n- {PROSE}\n",
        "rst": f"The quay\n========\n\n{PROSE}\n* one\n", "org": f"* The quay\n{PROSE}\n- one\n", "html": html,
        "xhtml": html.replace("<li>One", "<li>One</li>"), "csv": "Ship,Length\nZwaluw,24\n", "tsv": "Ship\tLength\nA\t2\n",
        "json": json.dumps({"title": "Urk", "ships": [{"name": "Zwaluw", "length": 24}]}),
        "jsonl": '{"name": "Zwaluw"}\n{"name": "Meeuw"}\n', "xml": f"<book><title>Urk</title><p>{PROSE}</p></book>",
        "ipynb": json.dumps(notebook), "srt": "1\n00:00:01,000 --> 00:00:03,000\nThe quay\n",
        "vtt": "WEBVTT\n\n00:01.000 --> 00:03.000\nThe quay\n", "py": f'"""{PROSE}"""\n# Of stone.\nx = 1\n',
        "rtf": r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\trowd\cell One\cell\row\pard The quay\par Two\par}",
    }  # fmt: skip
    return {
        **{suffix: text.encode() for suffix, text in texts.items()},
        "docx": docx(),
        "xlsx": xlsx(),
        "pptx": pptx(),
        "pdf": pdf(),
        "odt": odt("<t:h>The quay</t:h><t:p>Of stone.</t:p>"),
        "epub": epub(
            f"<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>The quay</h1><p>{PROSE}</p></body></html>"
        ),
        "eml": mail(),
        "mbox": b"From ann@urk.example Fri May  3 14:30:00 2024\n" + mail() + b"\n",
        "zip": zipped({"a.txt": PROSE, "b/c.md": "# Two\n\nThree."}),
    }


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data after one to three random accidents; those of an archive may hit one of its members."""
    for _ in range(chance.randint(1, 3)):
        data = (
            _in_member(data, chance)
            if data[:2] == b"PK" and chance.random() < 0.7
            else _accident(data, chance)
        )
    return data


def _accident(data: bytes, chance: random.Random) -> bytes:
    if len(data) < 2:
        return data
    start, end = sorted(chance.sample(range(len(data)), 2))
    end = min(end, start + chance.choice((1, 8, 300, len(data))))
    match chance.randrange(8):
        case 0:
            return data[:start]
        case 1:
            changed = bytearray(data)
            for _ in range(chance.choice((1, 1, 5, 50))):
                changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(changed)
        case 2:
            return data[:start] + data[end:]
        case 3:
            return data[:end] + data[start:end] * chance.choice((1, 3, 200)) + data[end:]
        case 4:
            return data[:start] + chance.randbytes(end - start) + data[end:]
        case 5:
            figures = [position for position, byte in enumerate(data) if 48 <= byte <= 57]
            if not figures:
                return data
            place = chance.choice(figures)
            figure = chance.choice((b"-1", b"0", b"99999999999", b"2147483648", b"1e309", b"65536", b"x"))
            return data[:place] + figure + data[place + 1 :]
        case 6:
            other = data[chance.randrange(len(data)) :][: end - start]
            return data[:start] + other + data[end:]
    letters = chance.choice(
        (b"<", b"\0", b'"', b"{", b"[", b"&", b"\xff\xfe", b"\\", b"\r", b"--", b"\x1b[31m", b"]]>")
    )
    return data[:start] + letters * chance.choice((1, 9, 1000)) + data[start:]


def _in_member(data: bytes, chance: random.Random) -> bytes:
    try:
        with ZipFile(BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (
        BadZipFile,
        OSError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        struct.error,
        ValueError,
    ):
        return _accident(data, chance)
    if not members:
        return data
    name = chance.choice(sorted(members))
    if chance.random() < 0.1:
        del members[name]
    else:
        members[name] = _accident(members[name], chance)
    return zipped(members)


def accidents(seed: int, count: int) -> Iterator[File]:
    """Sound files of every format in turn, damaged at random."""
    chance, sound = random.Random(seed), samples()  # noqa: S311
    for number in range(count):
        suffix = sorted(sound)[number % len(sound)]
        yield f"{suffix}-{seed}-{number}.{suffix}", damaged(sound[suffix], chance)


def misnamed() -> Iterator[File]:
    """Each format's bytes under the suffix of another; every pair of a binary one, and some of the rest."""
    sound = samples()
    for number, (real, data) in enumerate(sorted(sound.items())):
        for position, suffix in enumerate(sorted(sound)):
            binary = data[:2] == b"PK" or real == "pdf"
            if suffix != real and (binary or (number + position) % 5 == 0):
                yield f"{real}-as.{suffix}", data


def bombs() -> Iterator[File]:
    """Files made to take all memory, time or stack, or to reach for other files."""
    yield from _archives()
    yield from _markup()
    yield from _texts()
    yield from _pdfs()
    yield from _offices()
    yield from _mails()


def _archives() -> Iterator[File]:
    zeros = zipped({"a.txt": b"0" * (40 * 2**20)})
    yield "zeros.zip", zeros
    nested = zipped({"z.zip": zeros})
    for _ in range(8):
        nested = zipped([(f"{n}.zip", nested) for n in range(8)])
    yield "nested.zip", nested
    for suffix in ("zip", "docx", "epub"):
        yield f"overlapping.{suffix}", overlapping(500)
    yield "many.zip", zipped([(f"{n}.txt", "x") for n in range(5000)], ZIP_STORED)
    yield "same-name.zip", zipped([("a.txt", PROSE)] * 300)
    yield (
        "traversal.zip",
        zipped({"../../../etc/a.txt": "Up.", "/abs.txt": "Down.", "C:\\a.txt": "Aside.", "a/../b.txt": "B."}),
    )
    odd = [
        (f"{name}.txt", PROSE)
        for name in ("\x1b[31mred", "a\nb", "n" * 250, "\u202egnp", "ü" * 120, "..", " ", "a\x00b")
    ]
    yield "odd-names.zip", zipped(odd)
    yield (
        "liar.zip",
        zipped({"a.txt": b"a" * 1000}).replace(struct.pack("<I", 1000), struct.pack("<I", 2**32 - 2)),
    )
    yield (
        "small-liar.zip",
        zipped({"a.txt": b"a" * 5_000_000}).replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10)),
    )
    yield "locked.zip", _flagged(zipped({"a.txt": PROSE}), 1)
    yield "method.zip", zipped({"a.txt": PROSE}).replace(b"\x08\x00", b"\x63\x00")
    yield "empty.zip", zipped({})
    yield "quine-like.zip", zipped({"a.zip": zipped({"a.zip": zipped({"a.zip": b"PK\x05\x06" + bytes(18)})})})


def _flagged(data: bytes, flag: int) -> bytes:
    """A ZIP with this flag in all its headers."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = data.find(mark)
        while position >= 0:
            changed[position + offset] |= flag
            position = data.find(mark, position + 4)
    return bytes(changed)


def overlapping(count: int) -> bytes:
    """A ZIP whose members all share the same compressed bytes."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = b"a" * 100_000
    body = packed.compress(content) + packed.flush()
    sizes = struct.pack("<III", zlib.crc32(content), len(body), len(content))
    local = (
        b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", 5, 0) + b"a.txt"
    )
    entries = b"".join(
        b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
        for name in (f"{number}.txt".encode() for number in range(count))
    )  # fmt: skip
    start = len(local) + len(body)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(entries), start, 0)
    return local + body + entries + end


_DEFINED = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
LAUGHS = f"<!DOCTYPE x [<!ENTITY a0 'lol'>{_DEFINED}]><x><p>&a9;</p></x>"
OUTSIDE = "/tmp/pilcrow-outside"  # noqa: S108  a file that no other may include
EXTERNAL = (
    f"<!DOCTYPE x [<!ENTITY f SYSTEM 'file://{OUTSIDE}'><!ENTITY % p SYSTEM 'file://{OUTSIDE}'>%p;]>"
    f"<x><p>&f;</p>{PROSE}</x>"
)


def _markup() -> Iterator[File]:
    for suffix in ("xml", "xhtml", "html"):
        yield f"laughs.{suffix}", LAUGHS.encode()
        yield (
            f"blowup.{suffix}",
            f"<!DOCTYPE x [<!ENTITY a '{'a' * 100_000}'>]><x>{'&a;' * 20_000}</x>".encode(),
        )
        yield f"external.{suffix}", EXTERNAL.encode()
        yield f"deep.{suffix}", b"<a>" * 60_000 + b"x" + b"</a>" * 60_000
        yield f"deep-list.{suffix}", b"<ul><li>x" * 3000 + b"</li></ul>" * 3000
        yield f"deep-table.{suffix}", b"<table><tr><td>x" * 1000 + b"</td></tr></table>" * 1000
        yield (
            f"attributes.{suffix}",
            ("<a " + " ".join(f"a{n}='1'" for n in range(100_000)) + ">x</a>").encode(),
        )
        yield (
            f"span.{suffix}",
            b"<table><tr><td colspan='999999999' rowspan='999999999'>x</td><td>1</td></tr></table>",
        )
        yield f"entity.{suffix}", b"<p>&#99999999999; &#0; &#xD800; &" + b"a" * 10_000 + b";</p>"
        yield f"loop.{suffix}", b"<!DOCTYPE x [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><x>&a;</x>"
    yield (
        "spans.html",
        b"<table>" + b"<tr><td rowspan='60000' colspan='900'>x</td><td>1</td></tr>" * 300 + b"</table>",
    )
    yield (
        "include.xml",
        b'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///tmp/pilcrow-outside" parse="text"/></x>',
    )
    yield "comment.html", b"<!--" * 100_000
    yield "unclosed.html", b"<p><b><i>" * 50_000 + b"x"
    yield "script.html", b"<script>" + b"<" * 1_000_000


def _texts() -> Iterator[File]:
    long = b"word " * 400_000
    for suffix in (
        "txt",
        "md",
        "rst",
        "org",
        "csv",
        "log",
        "py",
        "srt",
        "rtf",
        "json",
        "html",
        "yaml",
        "c",
        "sql",
    ):
        yield f"one-line.{suffix}", long
        yield f"no-space.{suffix}", b"a" * 1_000_000
    yield "nul.txt", b"\0" * 1_000_000
    yield "controls.txt", b"\x1b[2J\x07" * 50_000
    yield "combining.txt", ("a" + "\u0301" * 200_000).encode()
    yield "bidi.txt", ("\u202e\u2066abc" * 50_000).encode()
    yield "surrogates.txt", b"\xed\xa0\x80" * 50_000
    yield "marks.txt", b"\xff\xfe\x00\x00" + b"\xff" * 10_001
    yield "digits.txt", b"1" * 500_000 + b" " + b"1,234." * 50_000
    yield "dates.txt", b"3 May 2024 " * 50_000
    yield "dots.txt", b". " * 300_000
    yield "lines.txt", b"x\n" * 300_000
    yield "returns.txt", b"\r" * 1_000_000 + b"x"
    for name, sign in {"quote": b"> ", "list": b"- ", "star": b"*a ", "under": b"_a*", "link": b"[", "image": b"![", "tick": b"`", "fence": b"~~~\n", "hash": b"#", "pipe": b"|", "angle": b"<", "bang": b"[[", "at": b"![[", "bold": b"**a", "amp": b"&amp;", "escape": b"\\", "call": b"> [!x] ", "tag": b"<a "}.items():  # fmt: skip
        for suffix in ("md", "rst", "org"):
            yield f"{name}.{suffix}", sign * 20_000 + b"x"
    yield "deep.md", "".join(f"{' ' * (2 * n)}- x\n" for n in range(500)).encode()
    yield "footnotes.md", "".join(f"[^{n}]: see [^{n + 1}]\n" for n in range(5000)).encode()
    yield "references.md", b"[a]: b\n" * 50_000 + b"[a]" * 50_000
    yield "table.md", b"|" + b"a|" * 5000 + b"\n|" + b"-|" * 5000 + b"\n" + b"|b\n" * 2000
    yield (
        "include.rst",
        b".. include:: /tmp/pilcrow-outside\n\n.. raw:: html\n   :file: /tmp/pilcrow-outside\n\n.. csv-table::\n   :file: /tmp/pilcrow-outside\n",
    )
    yield "grid.rst", (b"+-" * 2000 + b"+\n" + b"| " * 2000 + b"|\n") * 100
    yield "directives.rst", b".. a::\n   .. b::\n" * 20_000
    for name, piece in {"lists": "[", "objects": '{"a":', "mixed": '[{"a":'}.items():
        yield f"{name}.json", piece.encode() * 50_000
        yield (
            f"closed-{name}.json",
            (
                piece * 800
                + "1"
                + "".join("]" if c == "[" else "}" for c in reversed(piece) if c in "[{") * 800
            ).encode(),
        )
    yield "digits.json", b"[" + b"9" * 5000 + b", 1e999999, -1e-99999, NaN, Infinity]"
    yield "keys.json", json.dumps({f"k{n}": {f"j{n}": n} for n in range(30_000)}).encode()
    yield "wide.jsonl", b'{"a": {"b": {"c": [1,2,3]}}}\n' * 30_000
    yield "surrogate.json", rb'{"\ud800": "\udfff", "a\u0000": "\u0000"}'
    yield "columns.csv", b"a," * 1_000_000
    yield "columns-rows.csv", (b"name," * 3000 + b"\n") * 100
    yield "header.csv", b"h" * 100_000 + b",b\n" + b"1,2\n" * 5000
    yield "quote.csv", b'a,"' + b"b,\n" * 200_000
    yield "quotes.csv", b'"' * 500_000
    yield "quotes-odd.csv", b'a,"b"c"d,' * 50_000
    yield "blank.csv", b",,,\n" * 200_000
    yield "cell.csv", b"a,b\n1," + b"x" * 300_000
    yield "groups.rtf", b"{\\rtf1 " + b"{" * 200_000
    yield "closed.rtf", b"{\\rtf1 " + b"{\\b " * 5000 + b"x" + b"}" * 5001
    yield "notes.rtf", b"{\\rtf1 " + b"{\\footnote " * 5000 + b"x"
    yield "notes-par.rtf", b"{\\rtf1 " + b"{\\footnote a}" * 5000 + b"}"
    yield "rows.rtf", b"{\\rtf1 " + b"\\trowd " * 20_000
    yield "unicode.rtf", b"{\\rtf1 \\uc9999999 \\u-99999999999? \\u55296? \\'zz \\bin99999999 x}"
    yield "styles.rtf", b"{\\rtf1 " + b"\\s1 heading" * 20_000
    yield "binary.rtf", b"{\\rtf1 {\\pict\\bin" + b"9" * 5000 + b" x}}"
    yield "times.srt", b"1\n99:99:99,999 --> 00:00:00,000\n" * 20_000
    yield "cue.vtt", b"WEBVTT\n\n" + b"<v " * 50_000
    yield "strings.py", b'"""' * 50_001
    yield "brackets.py", b"(" * 100_000
    yield "indents.py", "".join(" " * n + "if x:\n" for n in range(2000)).encode()
    yield "comments.c", b"/*" * 100_000
    yield "comments.js", b"//\n" * 100_000
    yield (
        "aliases.yaml",
        "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60)).encode(),
    )
    cells = {"cells": [{"cell_type": "markdown", "source": 7}, {"cell_type": [], "outputs": {}}, None, 3]}
    for name, value in {
        "cells": cells,
        "list": [],
        "null": None,
        "text": "x",
        "nested": {"cells": {"a": 1}},
    }.items():
        yield f"{name}.ipynb", json.dumps(value).encode()
    outputs = [
        {"output_type": "stream", "text": ["x" * 100] * 5000},
        {"data": {"text/plain": 5}},
        {"data": None},
    ]
    yield (
        "outputs.ipynb",
        json.dumps({"cells": [{"cell_type": "code", "source": None, "outputs": outputs}]}).encode(),
    )


def _pdfs() -> Iterator[File]:
    catalog, page = "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    yield "kids-loop.pdf", raw_pdf(catalog, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>")
    yield (
        "kids-cross.pdf",
        raw_pdf(
            catalog, "<< /Type /Pages /Kids [3 0 R] /Count 9 >>", "<< /Type /Pages /Kids [2 0 R] /Count 9 >>"
        ),
    )
    yield "count.pdf", raw_pdf(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>", page)
    yield "negative.pdf", raw_pdf(catalog, "<< /Type /Pages /Kids [3 0 R] /Count -5 >>", page)
    yield "same-page.pdf", raw_pdf(catalog, f"<< /Type /Pages /Kids [{'3 0 R ' * 5000}] /Count 5000 >>", page)
    yield (
        "prev.pdf",
        raw_pdf(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, trailer="/Root 1 0 R /Prev 9"),
    )
    yield "root-self.pdf", raw_pdf("1 0 R")
    yield "no-root.pdf", raw_pdf(page, trailer="/Root 99 0 R")
    yield "deep-array.pdf", raw_pdf(catalog, "[" * 100_000)
    yield "deep-dict.pdf", raw_pdf(catalog, "<< /A " * 100_000)
    for name, box in {
        "huge": "0 0 1e30 1e30",
        "empty": "0 0 0 0",
        "turned": "800 800 0 0",
        "nan": "0 0 nan inf",
        "far": "-1e9 -1e9 1e9 1e9",
    }.items():
        yield f"box-{name}.pdf", page_pdf(b"BT /F 12 Tf 70 700 Td (The quay) Tj ET", f"/MediaBox [{box}]")
    yield (
        "turn.pdf",
        page_pdf(
            b"BT /F 12 Tf 70 700 Td (The quay) Tj ET", "/MediaBox [0 0 9 9] /Rotate 99999999 /UserUnit 1e30"
        ),
    )
    yield "letters.pdf", page_pdf(b"BT /F 12 Tf 70 700 Td " + b"(The quay) Tj " * 30_000 + b"ET")
    yield (
        "scattered.pdf",
        page_pdf(
            b"BT /F 12 Tf "
            + b"".join(b"1 0 0 1 %d %d Tm (a) Tj " % (n * 37 % 600, n * 91 % 800) for n in range(20_000))
            + b"ET"
        ),
    )
    yield (
        "sizes.pdf",
        page_pdf(
            b"BT "
            + b"".join(b"/F %d Tf 1 0 0 1 70 %d Tm (a) Tj " % (n % 997, n % 800) for n in range(5_000))
            + b"ET"
        ),
    )
    yield "same-place.pdf", page_pdf(b"BT /F 12 Tf " + b"1 0 0 1 70 700 Tm (The quay) Tj " * 10_000 + b"ET")
    yield (
        "matrix.pdf",
        page_pdf(b"BT /F 1e30 Tf 1e30 0 0 1e-30 1e30 -1e30 Tm (The quay) Tj 0 0 0 0 0 0 Tm (x) Tj ET"),
    )
    yield "states.pdf", page_pdf(b"q " * 500_000 + b"BT /F 12 Tf 70 700 Td (The quay) Tj ET")
    yield (
        "rules.pdf",
        page_pdf(
            b"".join(b"%d %d 1 1 re f " % (n % 600, n % 800) for n in range(50_000))
            + b"BT /F 12 Tf 70 700 Td (The quay) Tj ET"
        ),
    )
    form = stream(
        b"/X Do", "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>"
    )
    yield "form-loop.pdf", page_pdf(b"/X Do", more=(form,))
    zeros = zlib.compress(zlib.compress(b" " * (60 * 2**20), 9), 9)
    yield (
        "flate.pdf",
        page_pdf(b"", more=(stream(zeros, "/Filter [/FlateDecode /FlateDecode]"),)).replace(
            b"4 0 R /R", b"5 0 R /R"
        ),
    )
    text = zlib.compress(b"BT /F 12 Tf 70 700 Td " + b"(The quay) Tj " * 3_000_000 + b"ET", 9)
    yield (
        "text-bomb.pdf",
        page_pdf(b"", more=(stream(text, "/Filter /FlateDecode"),)).replace(b"4 0 R /R", b"5 0 R /R"),
    )
    image = zlib.compress(bytes(10_000_000), 9)
    size = "/Type /XObject /Subtype /Image /Width 99999 /Height 99999 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    yield "image.pdf", page_pdf(b"q 600 0 0 800 0 0 cm /X Do Q", more=(stream(image, size),))
    packed = stream(b"6 0 7 5 << >> << >>", "/Type /ObjStm /N 99999999 /First 9 /Extends 5 0 R")
    yield "object-stream.pdf", page_pdf(b"BT /F 12 Tf (x) Tj ET", more=(packed,))
    fields = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>"
    loop = "<< /T (a) /FT /Tx /Kids [4 0 R] /Parent 4 0 R /V (x) /Rect [0 0 9 9] /Subtype /Widget >>"
    yield (
        "field-loop.pdf",
        raw_pdf(
            fields,
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page.replace(">>", "/Annots [4 0 R] >>"),
            loop,
        ),
    )
    yield (
        "annotations.pdf",
        raw_pdf(
            catalog,
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page.replace(">>", f"/Annots [{'4 0 R ' * 20_000}] >>"),
            "<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (Note) >>",
        ),
    )
    yield "many.pdf", pdf(300)
    yield "only-header.pdf", b"%PDF-1.7\n"


def _offices() -> Iterator[File]:
    for suffix, name in {"docx": "word/document.xml", "odt": "content.xml", "epub": "META-INF/container.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}.items():  # fmt: skip
        sound = samples()[suffix]
        for what, content in {
            "laughs": LAUGHS,
            "external": EXTERNAL,
            "deep": "<a>" * 50_000,
            "empty": "",
            "nul": "\0" * 99,
        }.items():
            with ZipFile(BytesIO(sound)) as archive:
                members = {each: archive.read(each) for each in archive.namelist()}
            yield f"{what}.{suffix}", zipped({**members, name: content})
    for tag, count in {"tbl": 400, "sdt": 4000, "ins": 4000, "hyperlink": 4000, "txbxContent": 400}.items():
        inside = {"tbl": "<w:tr><w:tc>", "sdt": "<w:sdtContent>"}.get(tag, "")
        closing = {"tbl": "</w:tc></w:tr>", "sdt": "</w:sdtContent>"}.get(tag, "")
        body = (
            f"<w:{tag}>{inside}" * count
            + "<w:p><w:r><w:t>x</w:t></w:r></w:p>"
            + f"{closing}</w:{tag}>" * count
        )
        yield f"deep-{tag}.docx", word(body)
    yield (
        "span.docx",
        word(
            "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        ),
    )
    yield (
        "before.docx",
        word(
            "<w:tbl><w:tr><w:trPr><w:gridBefore w:val='999999999'/></w:trPr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        ),
    )
    yield (
        "cells.docx",
        word(f"<w:tbl><w:tr>{'<w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>' * 20_000}</w:tr></w:tbl>"),
    )
    chunk = RELATIONS % (f"{RELATED}/aFChunk", "/word/a.docx")
    inner: bytes = word("<w:p/>")
    for _ in range(60):
        inner = word('<w:altChunk r:id="r1"/>', {"word/_rels/document.xml.rels": chunk, "word/a.docx": inner})
    yield "chunks.docx", inner
    itself = RELATIONS % (f"{RELATED}/aFChunk", "/word/document.xml")
    yield "chunk-itself.docx", word('<w:altChunk r:id="r1"/>', {"word/_rels/document.xml.rels": itself})
    style = "<w:style w:styleId='a' w:type='paragraph'><w:basedOn w:val='b'/></w:style><w:style w:styleId='b' w:type='paragraph'><w:basedOn w:val='a'/></w:style>"
    related = RELATIONS % (f"{RELATED}/styles", "styles.xml")
    yield (
        "styles.docx",
        word(
            "<w:p><w:pPr><w:pStyle w:val='a'/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>",
            {"word/_rels/document.xml.rels": related, "word/styles.xml": f"<w:styles {W}>{style}</w:styles>"},
        ),
    )
    notes = RELATIONS % (f"{RELATED}/footnotes", "footnotes.xml")
    note = (
        "<w:footnote w:id='1'><w:p><w:r><w:footnoteReference w:id='1'/><w:t>x</w:t></w:r></w:p></w:footnote>"
    )
    yield (
        "note-loop.docx",
        word(
            "<w:p><w:r><w:footnoteReference w:id='1'/></w:r></w:p>" * 50,
            {
                "word/_rels/document.xml.rels": notes,
                "word/footnotes.xml": f"<w:footnotes {W}>{note}</w:footnotes>",
            },
        ),
    )
    numbering = RELATIONS % (f"{RELATED}/numbering", "numbering.xml")
    levels = "".join(
        f"<w:lvl w:ilvl='{n}'><w:start w:val='{start}'/><w:numFmt w:val='{how}'/><w:lvlText w:val='%{n + 1}.'/></w:lvl>"
        for n, (how, start) in enumerate(
            [
                ("lowerRoman", 999999999),
                ("lowerLetter", 999999999),
                ("cardinalText", 10**30),
                ("ideographDigital", -5),
                ("x", "y"),
            ]
        )
    )
    items = "".join(
        f"<w:p><w:pPr><w:numPr><w:ilvl w:val='{n}'/><w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>x</w:t></w:r></w:p>"
        for n in range(5)
    )
    yield (
        "numbers.docx",
        word(
            items,
            {
                "word/_rels/document.xml.rels": numbering,
                "word/numbering.xml": f"<w:numbering {W}><w:abstractNum w:abstractNumId='1'>{levels}</w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='1'/></w:num></w:numbering>",
            },
        ),
    )
    yield (
        "repeated.odt",
        odt(
            "<b:table>"
            + "<b:table-row b:number-rows-repeated='999999999'><b:table-cell b:number-columns-repeated='999999999'><t:p>x</t:p></b:table-cell></b:table-row>"
            * 50
            + "</b:table>"
        ),
    )
    for tag in ("t:list", "t:section", "t:span", "b:table"):
        yield f"deep-{tag[2:]}.odt", odt(f"<{tag}>" * 3000 + "<t:p>x</t:p>" + f"</{tag}>" * 3000)
    yield "spaces.odt", odt("<t:p>" + "<t:s t:c='99999999'/>" * 5000 + "x</t:p>")
    yield (
        "level.odt",
        odt("<t:h t:outline-level='99999999999999999999'>x</t:h><t:h t:outline-level='²'>x</t:h>"),
    )
    yield "spine.epub", epub(f"<html><body><p>{PROSE}</p></body></html>", '<itemref idref="c"/>' * 100_000)
    yield "item.epub", epub("<html/>", item="../../../../tmp/pilcrow-outside")
    yield "itself.epub", epub("<html/>", item="p.opf")
    yield "missing.epub", epub("<html/>", item="none.xhtml")
    yield from _sheets()


def _sheets() -> Iterator[File]:
    with ZipFile(BytesIO(xlsx())) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"

    def sheet(rows: str, before: str = "", after: str = "") -> bytes:
        space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        return zipped(
            {
                **members,
                name: f'<worksheet xmlns="{space}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>',
            }
        )

    cell = '<c r="%s" t="inlineStr"><is><t>%s</t></is></c>'
    yield (
        "dimension.xlsx",
        sheet(f'<row r="1">{cell % ("A1", "x")}</row>', '<dimension ref="A1:XFD1048576"/>'),
    )
    yield "far.xlsx", sheet(f'<row r="1048576">{cell % ("XFD1048576", "x")}</row>')
    yield (
        "far-each.xlsx",
        sheet("".join(f'<row r="{n}">{cell % (f"XFD{n}", "x")}</row>' for n in range(1, 2000))),
    )
    yield "empty-rows.xlsx", sheet("<row/>" * 500_000)
    yield "empty-cells.xlsx", sheet("<row>" + "<c/>" * 500_000 + "</row>")
    yield (
        "merged.xlsx",
        sheet(
            f'<row r="1">{cell % ("A1", "x")}</row><row r="9">{cell % ("B9", "y")}</row>',
            after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        ),
    )
    many = "".join(f'<mergeCell ref="A{n}:XFD{n}"/>' for n in range(1, 300))
    rows = "".join(f'<row r="{n}">{cell % (f"A{n}", "x")}</row>' for n in range(1, 300))
    yield "merges.xlsx", sheet(rows, after=f"<mergeCells>{many}</mergeCells>")
    yield "out-of-range.xlsx", sheet('<row r="99999999999"><c r="ZZZZZZ9"><v>1</v></c></row>')
    yield "shared.xlsx", sheet('<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>')
    yield (
        "values.xlsx",
        sheet(
            '<row r="1"><c r="A1"><v>1e999</v></c><c r="B1" t="d"><v>x</v></c><c r="C1" t="b"><v>7</v></c><c r="D1" s="9999"><v>1</v></c></row>'
        ),
    )
    yield "dates.xlsx", sheet('<row r="1"><c r="A1" s="1"><v>1e15</v></c></row>').replace(b"x", b"x")
    yield (
        "filter.xlsx",
        sheet(f'<row r="1">{cell % ("A1", "x")}</row>', after='<autoFilter ref="A99999999999999999999"/>'),
    )
    yield "long-text.xlsx", sheet(f'<row r="1">{cell % ("A1", "x" * 2_000_000)}</row>')


def _mails() -> Iterator[File]:
    nested = b"Subject: inmost\n\nThe quay.\n"
    for _ in range(1000):
        nested = b"Subject: outer\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n" + nested
    yield "nested.eml", nested
    parts = PROSE.encode()
    for number in range(300):
        head = f'Content-Type: multipart/mixed; boundary="b{number}"\n\n--b{number}\n'.encode()
        parts = head + parts + f"\n--b{number}--\n".encode()
    yield "parts.eml", b"Subject: x\nMIME-Version: 1.0\n" + parts
    yield (
        "boundaries.eml",
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 20_000,
    )
    yield "headers.eml", b"".join(b"X-%d: a\n" % n for n in range(50_000)) + b"\nThe quay."
    yield "addresses.eml", b"To: " + b"a@b.example, " * 20_000 + b"\nSubject: x\n\nThe quay."
    yield "folded.eml", b"Subject: " + b"=?utf-8?q?a?=\n " * 5_000 + b"\n\nThe quay."
    yield "comments.eml", b"From: " + b"(" * 5_000 + b"\nSubject: x\n\nThe quay."
    yield "quoted.eml", b"From: " + b'"' * 5_001 + b"\nSubject: x\n\nThe quay."
    yield "subject.eml", b"Subject: " + b"a" * 500_000 + b"\n\nThe quay."
    yield "charset.eml", b"Content-Type: text/plain; charset=" + b"x" * 5000 + b"\n\n\xff\xfe"
    yield (
        "codec.eml",
        b"Content-Type: text/plain; charset=zlib_codec\nSubject: =?rot13?q?a?= =?hex?b?!!?=\n\nx",
    )
    yield "base64.eml", b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" + b"!!!A" * 50_000
    yield (
        "names.eml",
        mail().replace(
            b"filename=a.csv", b"filename*=utf-8''..%2F..%2Fa%00%1b.csv; filename*1=x; filename*0=y"
        ),
    )
    yield "date.eml", b"Date: Fri, 99 Foo 99999 99:99:99 +9999\nSubject: x\n\nThe quay."
    yield "zip.eml", mail().replace(b"text/csv", b"application/zip").replace(b"a.csv", b"a.zip")
    start = b"From a Fri May  3 14:30:00 2024\n"
    yield "starts.mbox", start * 20_000
    yield "empty-mails.mbox", (start + b"\n") * 20_000
    yield "almost.mbox", start + b"\n" + b"From " * 100_000
