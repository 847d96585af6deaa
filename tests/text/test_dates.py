"""Dates that headings, datelines and file names state."""

from datetime import date

import pytest

from rag.text.dates import find_date, find_dateline, find_heading_date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("January 31, 2023 harbour news", date(2023, 1, 31)),
        ("31 January 2023", date(2023, 1, 31)),
        ("Jan. 31, 2023", date(2023, 1, 31)),
        ("Sept 3rd 2021", date(2021, 9, 3)),
        ("the 3rd of May, 2024", date(2024, 5, 3)),
        ("6:34 a.m. ET, July 26, 2023", date(2023, 7, 26)),
        ("Published: 16/08/2024", date(2024, 8, 16)),
        ("08/16/2024", date(2024, 8, 16)),
        ("05.05.2024", date(2024, 5, 5)),
        ("2024-08-16T10:00:00Z", date(2024, 8, 16)),
        ("minutes 2024-08-06 final", date(2024, 8, 6)),
        ("31 February 2023, in truth 3 March 2023", date(2023, 3, 3)),
        ("Sales since 1 May 2023, as of 2 June 2024", date(2024, 6, 2)),
    ],
)
def test_full_date_is_found(text: str, day: date) -> None:
    assert find_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "July 2023",
        "03/04/2024",
        "version 1.2.2023.4",
        "May 3",
        "10.1.2.2024",
        "room 2024",
        "",
        "call 030/12/20241",
    ],
)
def test_uncertain_day_is_no_date(text: str) -> None:
    assert find_date(text) is None


@pytest.mark.parametrize(
    "line",
    [
        "26 July 2023",
        "6:34 a.m. ET, July 26, 2023",
        "Updated 12:43 a.m. ET, July 26, 2023",
        "By Ann Archer, published on Wednesday, 26 July 2023",
        "Kyiv, 26 July 2023",
        "Date: Wed, 26 Jul 2023 10:00:00 +0200",
        "July 26, 2023 | 5 min read",
        "Last modified: 2023-07-26T10:15:00Z",
        "This page was last edited on 26 July 2023, at 10:15 (UTC).",
        "Updated 1543 GMT (2343 HKT) July 26, 2023",
        "Odesa, July 26, 2023 (AP) - The port was struck at night.",
        "ODESA, July 26, 2023 (Reuters) — The port was struck at night, the governor said on Monday.",
    ],
)
def test_dateline_has_its_date(line: str) -> None:
    assert find_dateline(line) == date(2023, 7, 26)


@pytest.mark.parametrize(
    "line",
    [
        "It ended on 26 July 2023.",
        "A jet at a base near Las Vegas, Nevada on Feb. 16, 2022.",
        "The talks of 26 July 2023 were cut short.",
        "Photo: Reuters, 26 July 2023",
        "Getty Images, July 26, 2023",
        "Born 26 July 1923",
        "Deadline: 26 July 2023",
        "Treaty of Rome, 25 March 1957",
        "Ann Archer, 3 May 1950 – 4 June 2001",
    ],
)
def test_sentence_with_a_date_is_no_dateline(line: str) -> None:
    assert find_dateline(line) is None


@pytest.mark.parametrize(
    "heading", ["26 July 2023", "July 26, 2023 - Harbour news", "Minutes of 26 July 2023"]
)
def test_heading_that_begins_with_a_date_has_it(heading: str) -> None:
    assert find_heading_date(heading) == date(2023, 7, 26)


def test_heading_about_an_event_has_no_date() -> None:
    assert find_heading_date("How the port of Odesa was struck on 26 July 2023") is None
