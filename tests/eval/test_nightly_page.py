"""The report: complete in one file, correct figures, safe with any document, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluated import BELL, PIER, case, cite
from playwright.sync_api import Browser
from whole_page import browsing

from eval.metrics import Figure
from eval.questions.question import Question
from eval.report.markdown import markdown
from eval.report.page import page
from eval.runs.gate import compare
from eval.runs.history import Accepted, Entry
from eval.runs.results import Results, failures, write_json
from eval.scores.measures import MEASURES, Score, Scores
from rag import Turn

HOSTILE = '<script>alert(1)</script> <img src=x onerror=alert(2)> & "quoted" | `code` ]( x'
ANSWERED = (HOSTILE, (HOSTILE,))  # reference and accepted answers
NIGHT = datetime(2026, 11, 22, 2, tzinfo=UTC)
QUESTIONS = (
    Question("r1", "When was the pier closed?", "date", "On 5 May 2022.", ("5 May 2022",), gold=(PIER,)),
    Question("r2", HOSTILE, "follow-up", *ANSWERED, gold=(BELL,), history=(Turn(HOSTILE, HOSTILE),)),
    Question("r3", "Who forged the bell?", "unanswerable"),
    Question("r4", "How many piers are there?", "number", "Two.", ("Two",), gold=(PIER,)),
)
CASES = (
    case(QUESTIONS[0], [("The north pier was closed on 5 May 2022.", (1,))], [cite(1, PIER)]),
    case(QUESTIONS[1], [(HOSTILE, (1,))], [cite(1, ("<b>evil</b>.md", 7), HOSTILE)]),
    case(QUESTIONS[2], [("The bell of the chapel is brass.", (1,))], [cite(1, BELL)]),
    case(QUESTIONS[3]),
)


def scores(*, worse: bool) -> Scores:
    """Every metric for the four questions: all 1, or hit@1 lower and one faithfulness failed."""
    found = {measure.name: {each.id: Score(1.0) for each in QUESTIONS} for measure in MEASURES}
    found["fabricated citations"] = {each.id: Score(0.0) for each in QUESTIONS}
    found["answer accuracy"] = {"r1": Score(1.0), "r2": Score(0.0), "r4": Score(0.0)}
    found["citation right"] = {"r1": Score(1.0), "r2": Score(0.0)}
    if worse:
        found["hit@1"] = {each.id: Score(0.0) for each in QUESTIONS}
        found["faithfulness"]["r2"] = Score(None, f"no verdict: {HOSTILE}")
    return found


def results(*, worse: bool) -> Results:
    now, then = scores(worse=worse), scores(worse=False)
    asked = {each.id: each.digest for each in QUESTIONS}
    changes = compare(now, asked, then, asked)
    figures = {item.measure.name: (item.now.value, 0.0, 1.0) for item in changes}
    nights = [
        Entry(f"n{day}", NIGHT - timedelta(days=3 - day), "mine", figures, ("hit@1",) if day == 3 else ())
        for day in range(4)
    ]
    return Results(
        run="tonight",
        started=NIGHT,
        seconds=31.4,
        questions=Path("mine.jsonl"),
        total=4,
        resumed=2,
        documents=1,
        cases=CASES,
        scores=now,
        changes=changes,
        accepted=Accepted("before", f"why: {HOSTILE}", NIGHT, asked, then),
        agreement={"balanced accuracy": Figure(0.72, 0.66, 0.78, 300)},
        earlier=tuple(nights),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as chromium:
        yield chromium


class Markup(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def brightness(colour: str) -> float:
    """The sum of a CSS colour's three channels."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3]))


def text_of(written: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", written))


def test_report_names_what_got_worse_since_the_accepted_run() -> None:
    text = " ".join(text_of(page(results(worse=True))).split())
    assert "Failed. Worse than the run accepted on 2026-11-22, on 4 questions:" in text
    assert "hit@1 fell" in text
    assert "faithfulness could not be scored for some questions" in text
    assert "why: <script>" in text, "the reason for accepting"
    assert "on 300 claims of WiCE: balanced accuracy 0.720 (0.660 to 0.780)" in text
    assert "2 of them before an interruption" in text
    fine = " ".join(text_of(page(results(worse=False))).split())
    assert "Passed. No metric got worse by more than noise" in fine


def test_report_lists_every_failure_with_its_reasons() -> None:
    found = {item.case.question.id: item.reasons for item in failures(CASES, scores(worse=True))}
    assert "r1" not in found
    assert "the answer contains no accepted answer" in found["r2"]
    assert "no gold paragraph is cited" in found["r2"]
    assert any(reason.startswith("faithfulness could not be scored: no verdict") for reason in found["r2"])
    assert found["r3"] == ("answered, but the documents don't answer it",)
    assert found["r4"] == ("abstained, but the documents answer it",)
    written = page(results(worse=True))
    assert re.findall(r'<article id="(\w+)"', written) == ["r2", "r3", "r4"]
    text = text_of(written)
    assert "The bell of the chapel is brass." in text, "the paragraph that was cited"
    assert "There is no such paragraph." in text


def test_html_markdown_and_json_have_the_same_figures(tmp_path: Path) -> None:
    found = results(worse=True)
    write_json(tmp_path / "report.json", found)
    written = (tmp_path / "report.json").read_text("utf-8")
    assert '"hit@1"' in written
    for report in (text_of(page(found)), markdown(found)):
        assert "0.333" in report, "answer accuracy: one of three"
        assert "mine.jsonl" in report
    assert "| **hit@1** | 0.000 | 0.000 to 0.602 | 1.000 |" in markdown(found)


def test_document_text_is_never_markup_and_nothing_is_loaded() -> None:
    written = page(results(worse=True))
    markup = Markup()
    markup.feed(written)
    assert not markup.tags & {"script", "img", "iframe", "object", "link", "base", "form"}
    assert not {name for name in markup.attributes if name.startswith("on") or name in {"src", "href"}}
    assert not re.search(r"url\(|@import", written)
    assert HOSTILE in unescape(written), "it is shown as text"
    for line in markdown(results(worse=True)).splitlines():
        bare = re.sub(r"(`+).+?\1", "", line)
        assert "<script" not in bare, "in Markdown it is code"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report_fits_a_desktop_and_a_phone_in_both_schemes(
    scheme: str, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text(page(results(worse=True)), "utf-8")
    requested: list[str] = []
    with browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900}) as context:  # type: ignore[arg-type]
        view = context.new_page()
        view.on("request", lambda request: requested.append(request.url))
        view.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        view.goto((tmp_path / "report.html").as_uri())
        assert view.locator("article").count() == 3
        assert view.locator("svg.trend").count() == len(MEASURES)
        ground, ink = view.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert (brightness(ground) > brightness(ink)) == (scheme == "light")
        for width in (1200, 390):
            view.set_viewport_size({"width": width, "height": 900})
            assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in requested if not url.startswith("file:")] == []


def test_report_prints_on_a_few_pages(browser: Browser, tmp_path: Path) -> None:
    import pypdfium2

    (tmp_path / "report.html").write_text(page(results(worse=True)), "utf-8")
    with browser.new_context(color_scheme="dark") as context:
        view = context.new_page()
        view.goto((tmp_path / "report.html").as_uri())
        view.pdf(path=str(tmp_path / "report.pdf"), format="A4")
    with pypdfium2.PdfDocument(tmp_path / "report.pdf") as printed:
        assert len(printed) <= 6
        text = "\n".join(sheet.get_textpage().get_text_range() for sheet in printed)
        corner = printed[0].render(scale=1).to_pil().convert("L").getpixel((5, 5))
    assert corner == 255, "the background is white on paper"
    assert "Who forged the bell?" in text


def test_first_run_has_a_report_too() -> None:
    found = results(worse=False)
    bare = replace(found, accepted=None, changes=compare(found.scores, {}, {}, {}), earlier=(), agreement={})
    text = text_of(page(bare))
    assert "No run has been accepted yet" in text
    assert "reliability was not measured." in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
