"""Sources that differ, and questions of a time, asked of small documents with the real embedder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from remembering_embedder import having_read

from rag import Answer, Assistant
from rag.models.embedder import Embedder

DOCUMENTS = {
    "january.txt": "Harbour report\n\n31 January 2023\n\n"
    "The harbour master counted 14 wrecks in the bay of Urk. "
    "The pier is closed to traffic. About 9,000 kilograms of plaice were landed in the week.\n\n"
    "The ferry to Enkhuizen carried 310 passengers on its busiest day.\n\n"
    "The regatta of Lemmer starts on 3 June 2023.",
    "july.md": "# Harbour report\n\n26 July 2023\n\n"
    "In the bay of Urk the harbour master has now counted 21 wrecks. "
    "The pier is open to traffic again. The week brought 9,120 kilograms of plaice ashore.\n\n"
    "The regatta of Lemmer started on 5 June 2023.",
    "march.txt": "Chronicle of the bay\n\n3 March 2023\n\nThe harbour master of Urk is Jacob Hakvoort. "
    "The lighthouse of Urk is 41 metres high.\n\nThe fleet of Volendam is moored in Stavoren.",
    "august.html": "<h1>Chronicle of the bay</h1><p>9 August 2023</p>"
    "<p>The harbour master of Urk is Lotte Prins."
    " The lighthouse of Urk is 47 metres high.</p><p>The fleet of Volendam is moored in Makkum.</p>"
    "<p>The ferry to Enkhuizen carried 310 passengers on its busiest day.</p>",
    "blog.txt": "July 27, 2023 - Storm news\n\nBy Ann Archer\n\nUpdated 12:43 a.m. ET, July 28, 2023\n\n"
    "6:34 a.m. ET, July 27, 2023\n\nThe storm reaches Terschelling\n\n"
    "On Terschelling the wind tore the roofs off 12 houses, the mayor said early in the morning.\n\n"
    "8:10 p.m. ET, July 26, 2023\n\nThe storm is on its way\n\n"
    "On Terschelling the wind tore the roofs off three houses, the mayor said late in the evening.",
    "yearbook.txt": "Yearbook of the Urk fleet\n\n1 March 2024\n\n"
    "As of 31 December 2021 the Urk fleet had 62 cutters. "
    "As of 31 December 2022 the Urk fleet had 57 cutters. Fuel was dear.",
    "catch.csv": "Date,Ship,Catch of herring\n2023-02-01,Zeemeeuw,40 tons\n2023-05-01,Zeemeeuw,65 tons\n",
    "undated.txt": "The dredger Amstel took 5 days to clear the channel of Harlingen.",
    "logbook.txt": "Logbook\n\n2 May 2023\n\n"
    "The dredger Amstel took 8 days to clear the channel of Harlingen.",
}


@pytest.fixture(scope="module")
def harbour(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    with having_read(DOCUMENTS, tmp_path_factory.mktemp("harbour"), embedder) as opened:
        yield opened


def sources_and_dates(answer: Answer) -> list[tuple[str, date | None]]:
    """Return the source and date of each statement, in order."""
    cited = {citation.number: citation for citation in answer.citations}
    return [
        (cited[number].source.rpartition("/")[2], cited[number].date)
        for statement in answer.statements
        for number in statement.citations
    ]


JANUARY, JULY = ("january.txt", date(2023, 1, 31)), ("july.md", date(2023, 7, 26))
MARCH, AUGUST = ("march.txt", date(2023, 3, 3)), ("august.html", date(2023, 8, 9))


@pytest.mark.parametrize(
    ("question", "sides", "values"),
    [
        ("How many wrecks did the harbour master count in the bay of Urk?", [JULY, JANUARY], ["21", "14"]),
        ("Who is the harbour master of Urk?", [AUGUST, MARCH], ["Lotte Prins", "Jacob Hakvoort"]),
        ("How high is the lighthouse of Urk?", [AUGUST, MARCH], ["47 metres", "41 metres"]),
        ("Where is the fleet of Volendam moored?", [AUGUST, MARCH], ["Makkum", "Stavoren"]),
        ("When did the regatta of Lemmer start?", [JULY, JANUARY], ["5 June", "3 June"]),
        (
            "How many houses on Terschelling lost their roofs to the wind?",
            [("blog.txt", date(2023, 7, 27)), ("blog.txt", date(2023, 7, 26))],
            ["12", "three"],
        ),
        (
            "How many days did the dredger Amstel take to clear the channel of Harlingen?",
            [("logbook.txt", date(2023, 5, 2)), ("undated.txt", None)],
            ["8", "5"],
        ),
    ],
)
def test_both_sides_are_shown_newest_first(
    harbour: Assistant, question: str, sides: list[tuple[str, date | None]], values: list[str]
) -> None:
    answer = harbour.ask(question)
    assert answer.conflicting
    assert sources_and_dates(answer) == sides
    assert all(value in each.text for value, each in zip(values, answer.statements, strict=True))


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How many passengers did the ferry to Enkhuizen carry on its busiest day?", "310"),
        ("How many kilograms of plaice were landed in the week?", "plaice"),
    ],
)
def test_same_or_rounded_figure_is_no_conflict(harbour: Assistant, question: str, value: str) -> None:
    answer = harbour.ask(question)
    assert not answer.conflicting
    assert value in answer.text
    assert len({source for source, _ in sources_and_dates(answer)}) == 1


@pytest.mark.parametrize(
    ("question", "side"),
    [
        ("What is the latest number of wrecks in the bay of Urk?", JULY),
        ("How many wrecks has the harbour master counted in the bay of Urk so far?", JULY),
        ("Who is the current harbour master of Urk?", AUGUST),
        ("What is the latest on the pier?", JULY),
        ("What was the latest catch of herring of the Zeemeeuw?", ("catch.csv", date(2023, 5, 1))),
        ("How many wrecks did the harbour master count in the bay of Urk as of 1 February 2023?", JANUARY),
        ("As of July 2023, how many wrecks had the harbour master counted in the bay of Urk?", JULY),
        ("Who was the harbour master of Urk as of 1 May 2023?", MARCH),
        ("How many wrecks had the harbour master counted in the bay of Urk by May 2023?", JANUARY),
        ("How many wrecks had the harbour master counted in the bay of Urk before 26 July 2023?", JANUARY),
        ("How many wrecks did the harbour master count in the bay of Urk in January 2023?", JANUARY),
        ("How high was the lighthouse of Urk in August 2023?", AUGUST),
    ],
)
def test_the_time_asked_for_chooses_the_side(
    harbour: Assistant, question: str, side: tuple[str, date]
) -> None:
    assert set(sources_and_dates(harbour.ask(question))) == {side}


def test_later_text_does_not_answer_as_of_a_day(harbour: Assistant) -> None:
    answer = harbour.ask("How many wrecks were there in the bay of Urk as of 1 May 1999?")
    assert answer.abstained
    assert all(each.date is None for each in answer.evidence)


@pytest.mark.parametrize(
    ("day", "cutters"), [("31 December 2021", "62"), ("December 2022", "57"), ("2021", "62")]
)
def test_a_later_text_that_names_the_day_answers(harbour: Assistant, day: str, cutters: str) -> None:
    answer = harbour.ask(f"How many cutters did the Urk fleet have as of {day}?")
    assert cutters in answer.statements[0].text


def test_words_of_time_are_never_named_as_missing(harbour: Assistant) -> None:
    for question in ("What is the latest?", "currently", "as of 3 May 2023", "How many as of now?"):
        assert not {"latest", "currently", "as"} & set(harbour.ask(question).missing)


def test_entries_of_a_live_blog_have_their_own_dates(harbour: Assistant) -> None:
    (source,) = (each.source for each in harbour.documents() if each.source.endswith("blog.txt"))
    dates = [harbour.paragraph(source, number).date for number in (6, 9)]
    assert dates == [date(2023, 7, 27), date(2023, 7, 26)]
