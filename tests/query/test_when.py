"""The time that a question asks about."""

from datetime import date

import pytest

from rag.query.when import When, read_when


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("What is the latest figure for the wrecks?", "What is the for the wrecks?"),
        ("Who is the current mayor of Urk?", "Who is the mayor of Urk?"),
        ("What is Urk's current population?", "What is Urk's population?"),
        ("How many ships sank so far?", "How many ships sank?"),
        ("Who is currently the mayor?", "Who is the mayor?"),
    ],
)
def test_question_for_the_latest_is_recognised(text: str, topic: str) -> None:
    assert read_when(text) == (topic, When(latest=True))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("How many ships sank as of 31 January 2023?", date(2023, 1, 31)),
        ("As of January 31, 2023, how many ships sank?", date(2023, 1, 31)),
        ("How many ships sank as of the end of May 2023?", date(2023, 5, 31)),
        ("How many ships sank as of February 2024?", date(2024, 2, 29)),
        ("How many ships sank as of 2022?", date(2022, 12, 31)),
        ("How many ships sank as of 2023-01-31?", date(2023, 1, 31)),
    ],
)
def test_as_of_a_day_leaves_the_question(text: str, day: date) -> None:
    topic, when = read_when(text)
    assert topic.casefold() == "how many ships sank?"
    assert when.as_of == day


def test_last_of_several_times_counts() -> None:
    topic, when = read_when("How many ships sank as of 31 January 2023 as of 2 May 2023?")
    assert (topic, when.as_of) == ("How many ships sank?", date(2023, 5, 2))
    assert read_when("How many ships sank as of 31 January 2023 so far?") == (
        "How many ships sank?",
        When(latest=True),
    )


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("How many died by May 2023?", None, date(2023, 5, 31)),
        ("How many had they sent by the end of January 2023?", None, date(2023, 1, 31)),
        ("How many died before 26 July 2023?", None, date(2023, 7, 25)),
        ("How many died in July 2023?", date(2023, 7, 1), date(2023, 7, 31)),
        ("What was said on 2023-07-26?", date(2023, 7, 26), date(2023, 7, 26)),
        ("Which town fell in 2022?", date(2022, 1, 1), date(2022, 12, 31)),
    ],
)
def test_period_stays_in_the_question(text: str, since: date | None, until: date) -> None:
    topic, when = read_when(text)
    assert topic == text
    assert (when.since, when.until, when.as_of, when.latest) == (since, until, None, False)


@pytest.mark.parametrize(
    "text",
    [
        "What is the current of the river?",
        "What is the current flowing through the wire?",
        "How many ships sank?",
        "Who lives by the sea?",
        "",
    ],
)
def test_other_questions_have_no_time(text: str) -> None:
    assert read_when(text) == (text, When())
