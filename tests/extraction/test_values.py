"""Values that sentences give, and whether two sentences differ."""

import pytest

from rag.extraction.values import amounts, differ
from rag.query.question import read_question


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("twenty-five ships and 3 boats", [(25, 25), (3, 3)]),
        ("120 to 140 tanks", [(120, 140)]),
        ("$26.7 billion in aid", [(26_700_000_000, 26_700_000_000)]),
        ("They decided 5 cases on 3 May 2023 at 6:34, the 58th time since 1998.", [(5, 5)]),
        ("an F-16 and a Boeing 747", [(747, 747)]),
        ("no figure", []),
    ],
)
def test_dates_times_and_ordinals_are_no_amounts(text: str, ranges: list[tuple[float, float]]) -> None:
    assert [(amount.low, amount.high) for amount in amounts(text)] == ranges


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How many ships sank?", "Four ships sank in the storm.", "Seven ships sank in the storm."),
        ("How many people were killed?", "12 people were killed and 30 injured.", "At least 15 were killed."),
        (
            "What is the population of Urk?",
            "The population of Urk is 21,000.",
            "Urk has a population of 19,500.",
        ),
        ("How much ground was taken?", "It took 444 square miles.", "It took 400 square miles."),
        ("How high is the tower?", "The tower is 120 metres high.", "The tower is 118 metres high."),
        ("How old was the guard?", "The guard, aged 44, died.", "The 45-year-old guard died."),
        ("When did it open?", "It opened on 3 May 2023.", "It opened on May 5."),
        ("In what year was it built?", "It was built in 1908.", "It was built in 1911."),
        ("Who is the mayor of Urk?", "The mayor of Urk is Ann Archer.", "The mayor of Urk is Bo Berg."),
        ("Where is the fleet?", "The fleet lies in Ouddorp.", "The fleet lies in Stellendam."),
    ],
)
def test_other_values_differ(question: str, one: str, other: str) -> None:
    assert differ(read_question(question), one, other)
    assert differ(read_question(question), other, one)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How many ships sank?", "Four ships sank.", "4 ships sank."),
        ("How many ships sank?", "About 10 ships sank.", "10 ships sank."),
        ("How many men came?", "More than 9,000 men came.", "9,123 men came."),
        ("How many men came?", "9,000 men came.", "9,123 men came."),
        ("How many tanks are expected?", "120 to 140 tanks are expected.", "He expects 130 tanks."),
        ("How many ships sank?", "Four ships sank.", "Seven men drowned when ships sank."),
        ("How high is the tower?", "The tower is 120 metres high.", "The tower is 394 feet high."),
        ("When did it open?", "It opened in May 2023.", "It opened on 5 May 2023."),
        ("When did it open?", "It opened on Tuesday.", "It opened on 5 May 2023."),
        ("Who is the mayor?", "The mayor is Ann Archer.", "The mayor is Mrs Archer of Urk."),
        ("Why did it stop?", "It stopped because of 3 leaks.", "It stopped because of 4 leaks."),
    ],
)
def test_same_rounded_vaguer_or_incomparable_values_agree(question: str, one: str, other: str) -> None:
    assert not differ(read_question(question), one, other)
    assert not differ(read_question(question), other, one)
