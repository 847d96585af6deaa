"""Answers as HTML, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape

import pytest

from rag import Answer, Citation, Evidence, Statement
from ui import render
from ui.conversations import Entry

HOSTILE = (
    "![](http://other.example/?q=1) <img src=x onerror=alert(1)> <script>alert(2)</script>\n\n# *x* $$y$$ `z`"
)


def cited(number: int, source: str, quote: str, day: date | None = None) -> Citation:
    text = f"Before. {quote} After."
    return Citation(number, source, 7, 2, None, day, quote, 8, 8 + len(quote), text)


def shown(answer: Answer) -> str:
    return render.part("conversation", "abc", [Entry(1, answer, datetime.now(UTC), None, "")])


def text_of(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html))


def test_statement_has_its_number_place_and_quote() -> None:
    citation = cited(1, "a/b.md", "The port was struck.", date(2022, 3, 5))
    statement = Statement("The port was struck.", (1,), 1.0, (4, 8))
    html = shown(Answer("?", "The port was struck. [1]", (statement,), (citation,)))
    assert "<strong>port</strong>" in html
    assert "a/b.md ¶7page 2 · 2022-03-05" in text_of(html)
    assert "“The port was struck.”" in text_of(html)
    assert 'href="pilcrow/source?conversation=abc&answer=1&citation=1"' in unescape(html)


def test_conflicting_sources_are_side_by_side_under_their_dates() -> None:
    citations = (
        cited(1, "late.md", "There were nine.", date(2023, 7, 26)),
        cited(2, "early.md", "There were five.", date(2023, 1, 31)),
        cited(3, "when.md", "There were six."),
    )
    statements = tuple(Statement(one.quote, (one.number,), 1.0) for one in citations)
    text = " ".join(f"{one.quote} [{one.number}]" for one in citations)
    html = shown(Answer("?", text, statements, citations, conflicting=True))
    assert "Your documents differ" in text_of(html)
    days = re.findall('<span class="pilcrow-day">(.*?)</span>', html)
    assert days == ["26 July 2023", "31 January 2023", "Undated"]


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
    assert message in shown(Answer("?", "It was. [1]", citations=(replace(citation, changed=change),)))
    assert message in shown(Answer("?", "Not found.", abstained=True, nearest=(near,)))
    assert "pilcrow-changed" not in shown(Answer("?", "It was. [1]", citations=(citation,)))


def test_abstention_shows_the_nearest_paragraphs_and_a_number_without_a_citation_as_text() -> None:
    near = Evidence(1, "notes.txt", 3, "The ferry ran late.", line=5)
    text = "Not said: Belgian, army. See [7]."
    html = shown(Answer("?", text, abstained=True, nearest=(near,), missing=("Belgian",)))
    assert text in text_of(html)
    assert "notes.txt ¶3line 5" in text_of(html)
    assert "Nearest paragraphs" in html
    assert "The ferry ran late." in text_of(html)
    assert "pilcrow-number" not in html


def test_follow_up_says_how_it_was_understood() -> None:
    assert "Understood as: Who leads it?" in text_of(shown(Answer("Who?", "x", standalone="Who leads it?")))
    assert "Understood as" not in shown(Answer("Who?", "x", standalone="Who?"))


@pytest.mark.parametrize(
    "html",
    [
        render.part("draft", HOSTILE, HOSTILE, HOSTILE),
        render.part("problem", HOSTILE),
        render.part("welcome", [HOSTILE], 2),
        shown(Answer(HOSTILE, HOSTILE, citations=(cited(1, HOSTILE, HOSTILE),), standalone=HOSTILE + "?")),
    ],
)
def test_no_text_is_interpreted_as_html_or_markdown(html: str) -> None:
    assert "<img" not in html
    assert "<script" not in html
    assert "\n" not in html  # so that Markdown takes it for one block of HTML
    for mark in ("![", "](", "*x", "$$", "`z", "# "):
        assert mark not in html


def test_invisible_and_direction_characters_are_removed() -> None:
    assert render.escape("a\u202eb\u200bc\u2066d\x07e") == "abcde"
    assert render.escape("👩\u200d🔬 می\u200cخواهم") == "👩\u200d🔬 می\u200cخواهم"  # joiners are seen
    assert render.escape("one\r\ntwo") == "one<br>two"
