"""Mails, subtitles, data, notebooks, source code and archives: what a person counts in each."""

from __future__ import annotations

import json
from datetime import date
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from rag.errors import LoadError
from rag.loaders import load
from rag.loaders.limits import Limits
from rag.types import Document, Kind


def read(data: bytes | str, name: str) -> Document:
    return load(Path(name), name, data.encode() if isinstance(data, str) else data)


def texts(document: Document) -> list[str]:
    return [each.text for each in document.paragraphs]


def lines(document: Document) -> list[tuple[int | None, str]]:
    return [(each.line, each.text) for each in document.paragraphs]


def zipped(**members: str | bytes) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return buffer.getvalue()


def mail(
    subject: str = "The new quay", text: str = "Hi Bob,\n\nthe quay is done.\n\n> Is it done?\n"
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Ann <ann@urk.example>", "bob@urk.example"
    message["Date"] = "Fri, 03 May 2024 14:30:00 +0200"
    message.set_content(text)
    return message


HEAD = "From: Ann <ann@urk.example>; To: bob@urk.example; Date: 2024-05-03 14:30"


def test_a_mail_has_its_subject_addresses_text_and_attachments() -> None:
    message = mail()
    message.add_alternative("<p>Hi Bob,</p><p>the quay is done.</p>", subtype="html")
    message.add_attachment("Ship,Length\nZwaluw,24 m\n", subtype="csv", filename="ships.csv")
    message.add_attachment(b"\x89DWG", maintype="image", subtype="dwg", filename="quay.dwg")
    message.add_attachment(mail("Older", "It is not done."))
    document = read(message.as_bytes(), "a.eml")
    assert document.title == "The new quay"
    assert [(each.kind, each.text) for each in document.paragraphs] == [
        (Kind.HEADING, "The new quay"),
        (Kind.TABLE_ROW, HEAD),
        (Kind.BODY, "Hi Bob,"),
        (Kind.BODY, "the quay is done."),
        (Kind.BODY, "> Is it done?"),
        (Kind.BODY, "Not read: quay.dwg"),
        (Kind.HEADING, "ships.csv"),
        (Kind.TABLE_ROW, "Ship: Zwaluw; Length: 24 m"),
        (Kind.HEADING, "attachment.eml"),
        (Kind.HEADING, "Older"),
        (Kind.TABLE_ROW, HEAD),
        (Kind.BODY, "It is not done."),
    ]
    assert document.paragraphs[7].heading == "The new quay › ships.csv"
    assert {each.date for each in document.paragraphs} == {date(2024, 5, 3)}


def test_a_mail_only_in_html_and_in_an_old_encoding_is_read() -> None:
    message = EmailMessage()
    message["Subject"] = "Brücke"
    message.set_content("<p>Die Brücke ist geöffnet.</p>", subtype="html", charset="iso-8859-1")
    assert texts(read(message.as_bytes(), "a.eml")) == ["Brücke", "Die Brücke ist geöffnet."]


def test_a_mailbox_has_every_mail() -> None:
    box = b"".join(
        b"From ann@urk.example Fri May  3 14:30:00 2024\n" + each.as_bytes() + b"\n"
        for each in (mail(text="From here on:\n\nthe quay is done."), mail("Re: The new quay", "Thanks."))
    )
    document = read(box.replace(b"\nFrom here", b"\n>From here"), "box.mbox")
    assert document.title == "box"
    assert texts(document) == [
        *("The new quay", HEAD, "From here on:", "the quay is done."),
        *("Re: The new quay", HEAD, "Thanks."),
    ]


SRT = """1
00:00:01,000 --> 00:00:03,000
<i>The quay was built</i>
in stone,

2
00:00:03,100 --> 00:00:05,000
and it fell down. {\\an8}Nobody

3
00:00:05,100 --> 00:00:06,000
was hurt.

4
00:00:07,000 --> 00:00:08,000
- Who built it?
- Ann did.
"""
VTT = """WEBVTT - Quay

NOTE a note
of two lines

STYLE
::cue { color: red }

intro
00:01.000 --> 00:03.000 align:start
<v Ann>The quay was built

00:03.000 --> 00:05.000
The quay was built
<c.loud>in stone &amp; wood.</c>
"""


def test_cues_are_joined_where_they_cut_a_sentence() -> None:
    assert lines(read(SRT, "a.srt")) == [
        (3, "The quay was built in stone, and it fell down. Nobody was hurt."),
        (16, "- Who built it?"),
        (16, "- Ann did."),
    ]
    assert texts(read(VTT.replace("<v Ann>", ""), "a.vtt")) == ["The quay was built in stone & wood."]
    assert texts(read(VTT.partition("\n\n00:03")[0], "a.vtt")) == ["Ann: The quay was built"]


def test_objects_of_a_list_are_rows() -> None:
    value = {
        "name": "Urk",
        "open": True,
        "ships": [
            {"name": "Zwaluw", "size": {"length": 24, "beam": 6.5}, "crew": ["Ann", "Bob"], "sold": None},
            {"name": "Meeuw", "trips": [{"to": "Hoorn"}]},
        ],
        "fees": {"per night": 12},
    }
    document = read(json.dumps(value), "port.json")
    assert document.title == "port"
    assert [(each.heading, each.text) for each in document.paragraphs] == [
        ("", "name: Urk; open: true"),
        ("", "ships"),
        ("ships", "name: Zwaluw; size.length: 24; size.beam: 6.5; crew: Ann, Bob"),
        ("ships", "name: Meeuw; trips: (to: Hoorn)"),
        ("", "fees"),
        ("fees", "per night: 12"),
    ]
    assert lines(read('{"a": 1}\n\n{"a": 2}\n', "a.jsonl")) == [(1, "a: 1"), (3, "a: 2")]
    with pytest.raises(LoadError, match="line 2"):
        read('{"a": 1}\n{"a": ', "a.jsonl")


def test_a_tab_separated_file_is_split_at_tabs_only() -> None:
    document = read("Name\tPlace, country\nAnn, Bob\tUrk, Netherlands\n", "a.tsv")
    assert texts(document) == ["Name: Ann, Bob; Place, country: Urk, Netherlands"]


def test_xml_records_are_rows_and_xml_texts_are_paragraphs() -> None:
    records = """<?xml version="1.0"?><port><name>Urk</name><ships>
        <ship id="1"><name>Zwaluw</name><length unit="m">24</length></ship>
        <ship id="2"><name>Meeuw</name></ship></ships></port>"""
    assert [(each.heading, each.text) for each in read(records, "port.xml").paragraphs] == [
        ("", "name: Urk"),
        ("", "ships"),
        ("ships", "id: 1; name: Zwaluw; length: 24"),
        ("ships", "id: 2; name: Meeuw"),
    ]
    text = """<article xmlns="http://docbook.org/ns/docbook"><title>The quay</title><section>
        <title>Costs</title><para>It costs <emphasis>4 million</emphasis>
        euro.</para><itemizedlist><listitem><para>Stone</para></listitem></itemizedlist>
        <informaltable><tgroup><thead><row><entry>Ship</entry><entry>Port</entry></row></thead><tbody><row>
        <entry><para>Zwaluw</para></entry><entry>Urk</entry></row></tbody></tgroup></informaltable></section></article>"""
    assert [(each.kind, each.heading, each.text) for each in read(text, "a.xml").paragraphs] == [
        (Kind.HEADING, "", "The quay"),
        (Kind.HEADING, "The quay", "Costs"),
        (Kind.BODY, "The quay › Costs", "It costs 4 million euro."),
        (Kind.LIST_ITEM, "The quay › Costs", "Stone"),
        (Kind.TABLE_ROW, "The quay › Costs", "Ship: Zwaluw; Port: Urk"),
    ]


def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame")
    declared = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{tmp_path}/secret"><!ENTITY y "why">]>'
    assert texts(read(f"{declared}<a><b>before &x; and &y; after</b></a>", "a.xml")) == [
        "b: before &x; and &y; after"
    ]
    bomb = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    with pytest.raises(LoadError, match="amplification"):
        read(f'<!DOCTYPE a [<!ENTITY e0 "ha">{bomb}]><a><b>&e9;</b></a>', "a.xml")


RST = """========
The quay
========

:Author: Ann
:Date: 2024-05-03

It was *built* in ``stone``, see `the plan <http://a.example>`_ and :ref:`costs <c>`.
Wrapped line::

   print("quay")

Costs
-----

- Stone
  from Urk

- Wood

  1. Oak

.. note:: Without
   the crane.

.. only:: html

   .. [1] Of  oak.

.. versionadded:: 2

..

.. _target:

.. image:: quay.png
   :alt: The quay at night

======  ======
Ship    Length
======  ======
Zwaluw  24 m
        or so
======  ======

+-------+--------+
| Ship  | Length |
+=======+========+
| Meeuw | 31 m   |
|       | long   |
+-------+--------+

Berth
   A place for a ship.
"""


def test_a_restructured_text_has_its_sections_lists_and_tables() -> None:
    document = read(RST, "a.rst")
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (2, Kind.HEADING, "The quay"),
        (5, Kind.TABLE_ROW, "Author: Ann"),
        (6, Kind.TABLE_ROW, "Date: 2024-05-03"),
        (8, Kind.BODY, "It was built in stone, see the plan and costs. Wrapped line:"),
        (11, Kind.BODY, 'print("quay")'),
        (13, Kind.HEADING, "Costs"),
        (16, Kind.LIST_ITEM, "Stone from Urk"),
        (19, Kind.LIST_ITEM, "Wood"),
        (21, Kind.LIST_ITEM, "1. Oak"),
        (23, Kind.BODY, "Without the crane."),
        (28, Kind.BODY, "Of oak."),
        (30, Kind.BODY, "versionadded: 2"),
        (36, Kind.CAPTION, "The quay at night"),
        (42, Kind.TABLE_ROW, "Ship: Zwaluw; Length: 24 m or so"),
        (50, Kind.TABLE_ROW, "Ship: Meeuw; Length: 31 m long"),
        (53, Kind.LIST_ITEM, "Berth"),
        (54, Kind.LIST_ITEM, "A place for a ship."),
    ]
    assert document.paragraphs[7].heading == "The quay › Costs"


ORG = """#+TITLE: The quay
#+DATE: 2024-05-03
* TODO Costs                                       :money:
:PROPERTIES:
:ID: 1
:END:
It costs *4 million* euro, see [[http://a.example][the plan_b]] and
=x_y=.[fn:1]
# a comment
** Parts
- Stone
  1) Granite
- [X] wood :: oak

| Ship   | Length |
|--------+--------|
| Zwaluw | 24 m   |

#+BEGIN_SRC python
* not a heading
#+END_SRC
"""


def test_an_org_file_has_its_headings_lists_and_tables() -> None:
    document = read(ORG, "a.org")
    assert document.title == "The quay"
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (3, Kind.HEADING, "Costs"),
        (7, Kind.BODY, "It costs 4 million euro, see the plan_b and x_y."),
        (10, Kind.HEADING, "Parts"),
        (11, Kind.LIST_ITEM, "Stone"),
        (12, Kind.LIST_ITEM, "Granite"),
        (13, Kind.LIST_ITEM, "wood: oak"),
        (17, Kind.TABLE_ROW, "Ship: Zwaluw; Length: 24 m"),
        (19, Kind.BODY, "* not a heading"),
    ]
    assert document.paragraphs[0].date == date(2024, 5, 3)


def test_a_notebook_has_its_cells_and_what_they_printed() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# The quay\n", "\n", "It was built in stone."]},
        {
            "cell_type": "code",
            "source": "cost = 4\n\nprint(cost)",
            "outputs": [
                {"output_type": "stream", "text": ["4\n"]},
                {"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure>"}},
                {
                    "output_type": "execute_result",
                    "data": {
                        "text/plain": "  Ship",
                        "text/html": "<table><tr><th>Ship<th>Length<tr><td>Zwaluw<td>24</table>",
                    },
                },
            ],
        },
        {"cell_type": "code", "source": "", "outputs": []},
    ]
    document = read(json.dumps({"cells": cells, "metadata": {}}), "a.ipynb")
    assert document.title == "The quay"
    assert [(each.heading, each.text) for each in document.paragraphs] == [
        ("", "The quay"),
        ("The quay", "It was built in stone."),
        ("The quay", "cost = 4\n\nprint(cost)"),
        ("The quay", "4"),
        ("The quay", "Ship: Zwaluw; Length: 24"),
    ]


PYTHON = '''#!/usr/bin/env python
# The quay.

def cost(stone: int) -> int:
    """Return what the quay costs, which depends on the stone
    that it is built of.

    Without the crane.
    """
    price = 4  # million
    return stone * price


RATE = {
    "oak": 2,
}
'''


def test_source_code_has_its_comments_and_its_blocks() -> None:
    document = read(PYTHON, "quay.py")
    assert document.title == "quay.py"
    assert lines(document) == [
        (1, "/usr/bin/env python"),
        (2, "The quay."),
        (4, "def cost(stone: int) -> int:"),
        (5, "Return what the quay costs, which depends on the stone that it is built of."),
        (8, "Without the crane."),
        (10, "price = 4  # million\nreturn stone * price"),
        (14, 'RATE = {\n    "oak": 2,\n}'),
    ]
    java = "/**\n * Returns the cost.\n */\nint cost() {\n    return 4; // million\n}\n"
    java += "\n// Never called.\nint none;\n"
    assert lines(read(java, "Quay.java")) == [
        (2, "Returns the cost."),
        (4, "int cost() {\n    return 4; // million\n}"),
        (8, "Never called."),
        (9, "int none;"),
    ]
    assert texts(read("# Ports\nport: 80\n\nhost: urk\n", "a.yaml")) == ["Ports", "port: 80", "host: urk"]


def test_an_archive_has_the_files_in_it() -> None:
    inner = zipped(deep_txt="Deep.", deeper_zip=zipped(deepest_txt="Deepest."))
    members = {
        "a_txt": "One.",
        "b__c_md": "# Two\n\nThree.",
        "d_bin": b"\x89",
        "e_zip": inner,
        "_hidden_txt": "No.",
    }
    document = load(Path("all.zip"), "all.zip", zipped(**members), limits=Limits(nesting=2))
    assert document.title == "all"
    assert [(each.heading, each.text) for each in document.paragraphs] == [
        ("", "Not read: d.bin"),
        ("", "a.txt"),
        ("a.txt", "One."),
        ("", "b/c.md"),
        ("b/c.md", "Two"),
        ("b/c.md › Two", "Three."),
        ("", "e.zip"),
        ("e.zip", "Not read: deeper.zip (lies within too many other files)"),
        ("e.zip", "deep.txt"),
        ("e.zip › deep.txt", "Deep."),
    ]
    with pytest.raises(LoadError, match=r"holds no file that can be read \(Not read: a.bin\)"):
        read(zipped(a_bin=b"\x89"), "a.zip")
