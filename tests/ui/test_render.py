"""Answers as HTML, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from lxml import html as lxml_html
from lxml.html import HtmlElement
from starlette.requests import Request

from rag import Answer, Citation, Evidence, Paragraph, Statement
from rag.types import Kind, Status
from ui import render
from ui.conversations import Conversation, Entry
from ui.runs import Run
from ui.words import choose, language, t

HOSTILE = (
    "![](http://other.example/?q=1) <img src=x onerror=alert(1)> <script>alert(2)</script>\n\n# *x* $$y$$ `z`"
)


def cited(number: int, source: str, quote: str, day: date | None = None, paragraph: int = 7) -> Citation:
    text = f"Before. {quote} After."
    return Citation(number, source, paragraph, 2, None, day, quote, 8, 8 + len(quote), text)


def answered(*quotes: str, source: str = "a.md", kind: str = "answer", **changes: object) -> Answer:
    """An answer that quotes paragraphs 1, 2… of a document."""
    citations = tuple(cited(n, source, quote, paragraph=n) for n, quote in enumerate(quotes, 1))
    statements = tuple(Statement(quote, (n,), 1.0) for n, quote in enumerate(quotes, 1))
    text = " ".join(f"{quote} [{n}]" for n, quote in enumerate(quotes, 1))
    return replace(Answer("What?", text, statements, citations, kind=kind), **changes)  # type: ignore[arg-type]


def shown(answer: Answer, grade: str | None = None, **entry: object) -> HtmlElement:
    recorded = replace(Entry(1, answer, datetime.now(UTC)), **entry)  # type: ignore[arg-type]
    return lxml_html.fromstring(render.part("answer.html", "turn", recorded, "abc", grade))


def text_of(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def texts(element: HtmlElement, path: str) -> list[str]:
    return [text_of(one) for one in element.xpath(path)]


def row(number: int, text: str) -> Evidence:
    return Evidence(number, "a.md", number, text, kind=Kind.TABLE_ROW)


def test_each_statement_has_a_line_and_its_number_is_bound_to_its_last_word() -> None:
    citation = cited(1, "a/b.md", "The port was struck.", date(2022, 3, 5))
    statement = Statement("The port was struck.", (1,), 1.0, (4, 8))
    after = Statement("Nobody was hurt.", (1,), 1.0)
    text = "The port was struck. [1] Nobody was hurt. [1]"
    turn = shown(Answer("?", text, (statement, after), (citation,)))
    assert texts(turn, "//p[contains(@class, 'statement')]") == [
        "The port was struck.1",
        "Nobody was hurt.1a/b.md ¶ 7 · QuotedThe port was struck.",
    ]
    assert turn.xpath("//strong/text()") == ["port"]
    assert texts(turn, "(//span[@class='bound'])[1]") == ["struck.1"]
    [href] = set(turn.xpath("//a[@class='mark']/@href"))
    assert href == "/pilcrow/source?conversation=abc&answer=1&citation=1"


def test_a_last_word_as_long_as_a_line_can_still_be_broken() -> None:
    turn = shown(answered(f"See {'x' * 300}"))
    assert len(texts(turn, "//span[@class='bound']")[0]) < 30


def test_a_paragraph_stands_once_on_the_card_of_its_document() -> None:
    quotes = ("The port was struck.", "The quay burnt.", "Nobody was hurt.")
    citations = (
        cited(1, "a.md", quotes[0], paragraph=3),
        cited(2, "b.md", quotes[1], date(2022, 3, 5)),
        cited(3, "a.md", quotes[2], paragraph=3),
    )
    turn = shown(answered(*quotes, citations=citations), searched=14)
    cards = turn.xpath("//div[@class='card']")
    assert [texts(card, ".//*[@class='name']") for card in cards] == [["a.md"], ["b.md"]]
    assert texts(cards[0], ".//*[@class='chips']/li") == ["1 3¶ 3 · page 2"]
    assert texts(cards[0], ".//q") == [quotes[0], quotes[2]]
    assert texts(cards[1], ".//time") == ["5 March 2022"]
    assert texts(turn, "//*[@class='checked']") == [
        "Checked against 2 paragraphs in 2 documents; all 14 searched."
    ]


def test_sources_that_differ_stand_side_by_side_with_the_words_that_differ_marked() -> None:
    citations = (
        cited(1, "late.md", "The master of Urk is Lotte Prins.", date(2023, 7, 26)),
        cited(2, "early.md", "The master of Urk is Jacob Hakvoort.", date(2023, 1, 31)),
        cited(3, "when.md", "The master of Urk is nobody."),
    )
    quotes = [one.quote for one in citations]
    turn = shown(answered(*quotes, citations=citations, conflicting=True))
    assert "Your documents differ" in text_of(turn)
    assert texts(turn, "//li//time") == ["26 July 2023", "31 January 2023", "Undated"]
    assert texts(turn, "//li//bdi") == ["late.md", "early.md", "when.md"]
    assert texts(turn, "//li//em[not(ancestor::*[@class='bound'])]") == ["Lotte", "Jacob"]
    assert texts(turn, "//*[@class='bound']/em") == ["Prins", "Hakvoort", "nobody"]


def test_lists_are_lists_and_steps_are_numbered_once() -> None:
    quotes = ("Take these:", "A spade.", "A lamp.")
    turn = shown(answered(*quotes, kind="list"))
    assert texts(turn, "//p[contains(@class, 'statement')]/span") == ["Take these:1"]
    assert texts(turn, "//ul[@class='items']/li/span") == ["A spade.2", "A lamp.3"]
    assert len(shown(answered("Dig.", "Rest.", kind="steps")).xpath("//ol[@class='items']/li")) == 2
    assert shown(answered("1. Dig.", "2. Rest.", kind="steps")).xpath("//ol[@class='items own']")


def test_rows_of_a_table_are_a_table_with_the_names_of_its_columns() -> None:
    rows = (
        "Giver: Denmark; Amount: 19; When: May",
        "Giver: France; Amount: 30; it is said; When: June",
        "Giver: Spain",
    )
    answer = answered(*rows, evidence=tuple(row(n, text) for n, text in enumerate(rows, 1)))
    turn = shown(answer)
    assert texts(turn, "//th") == ["Giver", "Amount", "When", "Source"]
    assert [texts(line, "td") for line in turn.xpath("//tbody/tr")] == [
        ["Denmark", "19", "May", "1"],
        ["France", "30; it is said", "June", "2"],
    ]
    assert texts(turn, "//p[contains(@class, 'statement')]/span") == ["Giver: Spain3"]
    alone = shown(answered(rows[0], evidence=(row(1, rows[0]),)))
    assert texts(alone, "//dl/div") == ["GiverDenmark", "Amount19", "WhenMay1"]
    assert not shown(answered(rows[0])).xpath("//dl")  # a sentence of that form is none


def test_an_overview_stands_under_the_names_of_its_documents() -> None:
    citations = (cited(1, "a.md", "One."), cited(2, "b.md", "Two."), cited(3, "b.md", "Three."))
    turn = shown(answered("One.", "Two.", "Three.", kind="overview", citations=citations))
    sections = turn.xpath("//section[@class='about']")
    assert [texts(one, "h3|p/span") for one in sections] == [["a.md", "One.1"], ["b.md", "Two.2", "Three.3"]]


def test_a_limited_search_heads_the_answer_and_an_abstention_speaks_of_no_more() -> None:
    limited = shown(answered("The port was struck."), scope=("a.md",), searched=1)
    assert texts(limited, "//*[@class='limits']") == ["Searched only in a.md"]
    assert "1 document searched" in text_of(limited)
    assert not shown(answered("The port was struck."), searched=3).xpath("//*[@class='limits']")
    text = 'I couldn\'t find this in your documents. None of them mentions "Urk".'
    nothing = shown(Answer("?", text, abstained=True, missing=("Urk",)), scope=("a.md",), searched=1)
    assert "I couldn't find this in a.md." in text_of(nothing)
    assert "your documents" not in text_of(nothing)
    assert nothing.xpath("//button[@data-act='everywhere']")


def test_an_unsure_answer_says_so_above_it() -> None:
    assert texts(shown(answered("It was.", sure=False)), "//*[@class='unsure']/following::*[@class='answer']")
    assert not shown(answered("It was.")).xpath("//*[@class='unsure']")


def test_a_statement_shows_how_far_it_is_borne_out_and_by_which_verifier() -> None:
    sure, supported, doubtful = answered("One.", "Two.", "Three.").statements
    supported = replace(supported, status=Status.SUPPORTED, support=0.87)
    answer = answered("One.", "Two.", "Three.")
    text = f"{answer.text} (unconfirmed)"
    statements = (sure, supported, replace(doubtful, status=Status.UNCONFIRMED))
    turn = shown(replace(answer, text=text, statements=statements), "deberta passed the exam")
    lines = turn.xpath("//p[contains(@class, 'statement')]")
    assert [line.get("class") for line in lines] == [
        "statement quoted",
        "statement supported",
        "statement unconfirmed",
    ]
    assert [texts(line, ".//span[contains(@class, 'caveat')]") for line in lines] == [
        [],
        ["supported"],
        ["unconfirmed"],
    ]
    assert "Supported, says the verifier (0.87)" in lines[1].xpath(".//a/@aria-label")[0]
    assert "deberta passed the exam" in text_of(turn)
    assert "Unconfirmed: nothing in the cited paragraphs contradicts it" in text_of(turn)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("paragraph has changed", "has changed since the answer"),
        ("paragraph is gone", "is no longer in the index"),
        ("file has changed", "This file has changed since it was read"),
        ("file is gone", "This file is gone"),
    ],
)
def test_citation_says_what_changed(change: str, message: str) -> None:
    citation = cited(1, "a.md", "The port was struck.")
    near = Evidence(1, "a.md", 3, "The ferry ran late.", changed=change)
    assert message in text_of(
        shown(Answer("?", "It was. [1]", citations=(replace(citation, changed=change),)))
    )
    assert message in text_of(shown(Answer("?", "Not found.", abstained=True, nearest=(near,))))
    assert not shown(Answer("?", "It was. [1]", citations=(citation,))).xpath("//*[@class='changed']")


def test_abstention_shows_the_nearest_paragraphs_and_a_number_without_a_citation_as_text() -> None:
    near = Evidence(1, "notes.txt", 3, "The ferry ran late.", line=5)
    text = "Not said: Belgian, army. See [7]."
    turn = shown(Answer("?", text, abstained=True, nearest=(near,), missing=("Belgian",)), searched=14)
    assert texts(turn, "//*[@class='said']") == [text]
    assert texts(turn, "//*[@class='nearest']/h3") == ["Nearest paragraphs"]
    assert texts(turn, "//*[@class='nearest']//li") == ["notes.txt ¶ 3 · line 5 The ferry ran late."]
    assert texts(turn, "//*[@class='checked']") == ["All 14 documents searched."]
    assert not turn.xpath("//*[@class='mark']")


def test_follow_up_says_how_it_was_understood() -> None:
    assert "Understood as: Who leads it?" in text_of(shown(Answer("Who?", "x", standalone="Who leads it?")))
    assert "Understood as" not in text_of(shown(Answer("Who?", "x", standalone="Who?")))


def test_a_greeting_offers_questions_to_ask() -> None:
    turn = shown(Answer("Hello", "Hello! Ask me:\n- What is a.md about?", kind="overview"))
    assert turn.xpath("//button/@data-ask") == ["What is a.md about?"]


def test_a_conversation_that_is_shared_has_no_actions_and_its_own_links() -> None:
    entry = Entry(1, answered("It was."), datetime.now(UTC))
    turn = lxml_html.fromstring(render.part("answer.html", "turn", entry, "", None, "tok"))
    assert not turn.xpath("//*[@data-act]")
    assert set(turn.xpath("//a/@href")) == {"/shared/tok/source?answer=1&citation=1"}
    overview = replace(entry, answer=answered("It was.", kind="overview"))
    assert "/document" not in render.part("answer.html", "turn", overview, "", None, "tok")
    pane = render.part("source.html", "pane", cited(1, "a.pdf", "It was."), (), (), "", False)
    assert "/document" not in pane
    assert "<img" not in pane


def test_a_growing_answer_has_the_lines_that_the_whole_one_will_have() -> None:
    run = Run("", "abc", "What?", text="One. [1][2] Two. [3] (unconfirmed) ", unchecked="Three")
    turn = lxml_html.fromstring(render.part("answer.html", "running", run, 0))
    assert texts(turn, "//p[contains(@class, 'statement')]") == ["One. 12", "Two. 3unconfirmed"]
    assert texts(turn, "//*[@class='unchecked']") == ["Three"]
    assert "Waiting for 2 other questions" in render.part("answer.html", "running", run, 2)


def test_the_source_shows_its_paragraph_with_the_quote_between_neighbours() -> None:
    citation = replace(cited(2, "a.pdf", "The port was struck.", date(2022, 3, 5)), paragraph=3)
    around = [Paragraph(n, f"Paragraph {n}.", Kind.HEADING if n == 2 else Kind.BODY) for n in (2, 3, 4)]
    pane = render.part("source.html", "pane", citation, around, [1, 2, 3], "conversation=abc&answer=1")
    found = lxml_html.fromstring(f"<div>{pane}</div>")
    assert texts(found, "//h2|//*[@class='pane-title']/p") == ["a.pdf", "¶ 3 · page 2 · 5 March 2022"]
    assert texts(found, "//*[@class='leaf']/div/p") == [
        "Paragraph 2.",
        "Before. The port was struck. After.",
        "Paragraph 4.",
    ]
    assert found.xpath("//mark/text()") == ["The port was struck."]
    assert [one[-10:] for one in found.xpath("//a[@rel]/@href")] == ["citation=1", "citation=3"]
    assert found.xpath("//img/@src") == ["/pilcrow/page?source=a.pdf&page=2&quote=The+port+was+struck."]


def test_the_source_of_a_row_is_its_table_with_the_row_marked() -> None:
    around = [Paragraph(n, f"Giver: No {n}; Amount: {n}", Kind.TABLE_ROW) for n in (1, 2, 3)]
    citation = cited(1, "a.csv", around[1].text, paragraph=2)
    found = lxml_html.fromstring(f"<div>{render.part('source.html', 'pane', citation, around)}</div>")
    assert texts(found, "//th[@scope='col']") == ["Paragraph", "Giver", "Amount"]
    assert texts(found, "//tr[@class='cited']/*") == ["¶ 2", "No 2", "2"]


def test_the_rail_groups_conversations_and_says_why_it_is_empty() -> None:
    now = datetime.now(UTC)
    old = [Conversation("a", "One", now), Conversation("b", "Two", now - timedelta(days=2))]
    runs = [Run("", "b", "Two?"), Run("", "c", "Three?")]
    listing = lxml_html.fromstring(f"<div>{render.part('rail.html', 'listing', old, runs, 'a')}</div>")
    assert texts(listing, "//h2") == ["Today", "Earlier"]
    assert texts(listing, "//li/a") == ["Three?", "One", "Two"]
    assert listing.xpath("//li[@class='busy']/@data-conversation") == ["c", "b"]
    assert listing.xpath("//a[@aria-current]/@href") == ["/?c=a"]
    assert "No conversations yet" in render.part("rail.html", "listing", [], [])
    assert "Nothing found for “xyz”" in text_of(
        lxml_html.fromstring(render.part("rail.html", "listing", [], runs, "", "xyz"))
    )


def request(path: str = "/", cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())]
    return Request(
        {"type": "http", "path": path, "query_string": b"", "headers": headers, "server": ("x", 80)}
    )


def test_a_page_has_its_theme_and_language_and_no_script_or_style_of_its_own() -> None:
    language.set("de")
    try:
        body = bytes(
            render.page("start.html", request(cookie="theme=dark"), suggestions=["Why?"], documents=2).body
        )
    finally:
        language.set("en")
    page = lxml_html.fromstring(body)
    assert (page.get("lang"), page.get("data-theme")) == ("de", "dark")
    assert not page.xpath("//style | //@style | //script[not(@src)] | //@*[starts-with(name(), 'on')]")
    assert page.xpath("//button/@data-ask") == ["Why?"]
    assert page.xpath("//a[@href='#main']")


def test_the_readers_language_is_the_cookies_or_the_browsers() -> None:
    assert choose("fr", "de") == "fr"
    assert choose("tlh", "en-US;q=0.5, de-AT;q=0.9") == "de"
    assert choose("", "ja, *;q=x") == choose("", "") == "en"
    assert t("1 document", "{count} documents", count=1204) == "1,204 documents"


def pages(text: str) -> list[str]:
    """Everything that shows a text of a document, question, file name or user."""
    answer = answered(text, text, source=text, question=text, standalone=f"{text}?", dropped=(text,))
    entry = Entry(1, answer, datetime.now(UTC), note=text, scope=(text,))
    run = Run("", "abc", text, (text,), text=f"{text} [1]", unchecked=text, problem=text)
    near = Evidence(1, text, 1, text)
    conversations = [Conversation("abc", text, datetime.now(UTC))]
    return [
        render.part("answer.html", "turn", entry, "abc", text),
        render.part(
            "answer.html", "turn", replace(entry, answer=replace(answer, conflicting=True)), "abc", text
        ),
        render.part(
            "answer.html",
            "turn",
            replace(entry, answer=Answer(text, text, abstained=True, nearest=(near,))),
            "abc",
        ),
        render.part("answer.html", "running", run, 0),
        render.part("answer.html", "failed", run, True),
        render.part(
            "source.html",
            "pane",
            answer.citations[0],
            [Paragraph(1, text), Paragraph(2, text)],
            [1, 2],
            "a=b",
        ),
        render.part("rail.html", "listing", conversations, [run], "", ""),
        render.part("composer.html", "composer", "abc", 2, (text,)),
        render.part("composer.html", "choices", [text], [text], 9),
    ]


@pytest.mark.parametrize("html", pages(HOSTILE))
def test_no_text_is_interpreted_as_html(html: str) -> None:
    assert not re.search(r"<img src=x|<script", html)
    tree = lxml_html.fromstring(f"<div>{html}</div>")
    assert not tree.xpath("//script | //@onerror | //@style")
    assert all(href.startswith(("/", "#")) for href in tree.xpath("//@href"))
    assert all(src.startswith("/pilcrow/page?") for src in tree.xpath("//@src"))


def test_invisible_and_direction_characters_are_removed() -> None:
    assert render.escape("a\u202eb\u200bc\u2066d\x07e") == "abcde"
    assert render.escape("👩\u200d🔬 می\u200cخواهم") == "👩\u200d🔬 می\u200cخواهم"  # joiners are seen
    assert render.escape("one\r\ntwo") == "one<br>two"
