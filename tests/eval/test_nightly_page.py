"""The report: whole in one file, right in its figures, safe whatever documents hold, light and dark."""

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

from eval.judge.trials import Trial
from eval.metrics import Figure
from eval.questions.rows import Row
from eval.report import markdown, page
from eval.runs.gate import compare
from eval.runs.history import Accepted, Entry
from eval.runs.results import Results, failures, write_json
from eval.scores.measures import MEASURES, Score, Scores
from rag import Turn

HOSTILE = '<script>alert(1)</script> <img src=x onerror=alert(2)> & "quoted" | `code` ]( x'
NIGHT = datetime(2026, 11, 22, 2, tzinfo=UTC)
ROWS = (
    Row("r1", "When was the pier closed?", "date", "On 5 May 2022.", ("5 May 2022",), gold=(PIER,)),
    Row("r2", HOSTILE, "follow-up", HOSTILE, (HOSTILE,), gold=(BELL,), history=(Turn(HOSTILE, HOSTILE),)),
    Row("r3", "Who forged the bell?", "unanswerable"),
    Row("r4", "How many piers are there?", "number", "Two.", ("Two",), gold=(PIER,)),
)
CASES = (
    case(ROWS[0], [("The north pier was closed on 5 May 2022.", (1,))], [cite(1, PIER)]),
    case(ROWS[1], [(HOSTILE, (1,))], [cite(1, ("<b>evil</b>.md", 7), HOSTILE)]),
    case(ROWS[2], [("The bell of the chapel is brass.", (1,))], [cite(1, BELL)]),
    case(ROWS[3]),
)


def scores(*, worse: bool) -> Scores:
    """Every metric for the four rows: all 1, or hit@1 lower and one faithfulness failed."""
    found = {measure.name: {row.id: Score(1.0) for row in ROWS} for measure in MEASURES}
    found["fabricated citations"] = {row.id: Score(0.0) for row in ROWS}
    found["answer accuracy"] = {"r1": Score(1.0), "r2": Score(0.0), "r4": Score(0.0)}
    found["citation right"] = {"r1": Score(1.0), "r2": Score(0.0)}
    if worse:
        found["hit@1"] = {row.id: Score(0.0) for row in ROWS}
        found["faithfulness"]["r2"] = Score(None, f"no verdict: {HOSTILE}")
    return found


def results(*, worse: bool) -> Results:
    now, then = scores(worse=worse), scores(worse=False)
    asked = {row.id: row.digest for row in ROWS}
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
        rows=4,
        resumed=2,
        documents=1,
        cases=CASES,
        scores=now,
        changes=changes,
        accepted=Accepted("before", f"why: {HOSTILE}", NIGHT, asked, then),
        trials=(Trial("people's labels", {"balanced accuracy": Figure(0.72, 0.66, 0.78, 300)}, 298, 2, 1),),
        earlier=tuple(nights),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as chromium:
        yield chromium


class Met(HTMLParser):
    """The names of the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def text_of(written: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", written))


def test_it_says_what_got_worse_and_against_what() -> None:
    told = " ".join(text_of(page.page(results(worse=True))).split())
    assert "Failed. Worse than the run accepted on 2026-11-22, on 4 questions:" in told
    assert "hit@1 fell" in told
    assert "faithfulness could not be scored everywhere" in told
    assert "why: <script>" in told, "the reason of the one who accepted"
    assert "on people's labels, balanced accuracy 0.720 (0.660 to 0.780), n 300" in told
    assert "2 of them before it was stopped" in told
    fine = " ".join(text_of(page.page(results(worse=False))).split())
    assert "Passed. Nothing got worse by more than its noise" in fine


def test_every_failure_stands_there_with_its_reason() -> None:
    found = {item.case.row.id: item.reasons for item in failures(CASES, scores(worse=True))}
    assert "r1" not in found
    assert "the answer does not hold what is accepted" in found["r2"]
    assert "no paragraph that answers is cited" in found["r2"]
    assert any(reason.startswith("faithfulness could not be scored: no verdict") for reason in found["r2"])
    assert found["r3"] == ("answered, though the documents do not answer it",)
    assert found["r4"] == ("abstained, though the documents answer it",)
    written = page.page(results(worse=True))
    assert re.findall(r'<article id="(\w+)"', written) == ["r2", "r3", "r4"]
    told = text_of(written)
    assert "The bell of the chapel is brass." in told, "the paragraph that was cited"
    assert "There is no such paragraph." in told


def test_figures_in_all_three_forms_agree(tmp_path: Path) -> None:
    found = results(worse=True)
    write_json(tmp_path / "report.json", found)
    written = (tmp_path / "report.json").read_text("utf-8")
    assert '"hit@1"' in written
    for report in (text_of(page.page(found)), markdown.written(found)):
        assert "0.333" in report, "answer accuracy: one of three"
        assert "mine.jsonl" in report
    assert "| **hit@1** | 0.000 | 0.000 to 0.602 | 1.000 |" in markdown.written(found)


def test_nothing_in_it_is_markup_of_a_document_and_nothing_is_fetched() -> None:
    written = page.page(results(worse=True))
    met = Met()
    met.feed(written)
    assert not met.tags & {"script", "img", "iframe", "object", "link", "base", "form"}
    assert not {name for name in met.attributes if name.startswith("on") or name in {"src", "href"}}
    assert not re.search(r"url\(|@import", page.STYLE.read_text("utf-8"))
    assert HOSTILE in unescape(written), "it stands there to be read"
    for line in markdown.written(results(worse=True)).splitlines():
        bare = re.sub(r"(`+).+?\1", "", line)
        assert "<script" not in bare, "in Markdown, what comes from outside stands in code"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well_in_a_browser(scheme: str, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page.page(results(worse=True)), "utf-8")
    asked: list[str] = []
    with browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900}) as context:  # type: ignore[arg-type]
        view = context.new_page()
        view.on("request", lambda request: asked.append(request.url))
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
    assert [url for url in asked if not url.startswith("file:")] == []


def test_it_prints_on_a_few_pages(browser: Browser, tmp_path: Path) -> None:
    import pypdfium2

    (tmp_path / "report.html").write_text(page.page(results(worse=True)), "utf-8")
    with browser.new_context(color_scheme="dark") as context:
        view = context.new_page()
        view.goto((tmp_path / "report.html").as_uri())
        view.pdf(path=str(tmp_path / "report.pdf"), format="A4")
    with pypdfium2.PdfDocument(tmp_path / "report.pdf") as printed:
        assert len(printed) <= 6
        text = "\n".join(sheet.get_textpage().get_text_range() for sheet in printed)
        corner = printed[0].render(scale=1).to_pil().convert("L").getpixel((5, 5))
    assert corner == 255, "on paper the ground is white"
    assert "Who forged the bell?" in text


def brightness(colour: str) -> float:
    """The mean of the three colours in what CSS makes of one."""
    red, green, blue = map(float, re.findall(r"[\d.]+", colour)[:3])
    return (red + green + blue) / 3


def test_a_run_without_history_or_accepted_run_is_drawn_too() -> None:
    found = results(worse=False)
    bare = replace(found, accepted=None, changes=compare(found.scores, {}, {}, {}), earlier=(), trials=())
    told = text_of(page.page(bare))
    assert "No run was accepted yet" in told
    assert "Nothing is known of what the judge is worth." in told
    assert not re.search(r"\bnan\b", told, re.IGNORECASE)
