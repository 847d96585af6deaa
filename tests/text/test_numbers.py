"""Numbers are read with their scale, unit and hedge; codes are no numbers; no text breaks a reader."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.extraction.values import differ
from rag.query.condense import condense
from rag.query.question import answers_kind, read_question
from rag.query.when import read_when
from rag.text import dates, names, tokens, words
from rag.text.numbers import figures, numbers, read_numbers
from rag.types import Draft, Evidence, Turn
from rag.verification.literal import contradictions
from rag.verification.verifier import judge, verify


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("2.5k users", 2500, ""),
        ("1.5TB of data", 1.5, "terabyte"),
        ("4.5m euros", 4_500_000, "euro"),
        ("a 4.5m wall", 4.5, "metre"),
        ("5m users", 5_000_000, ""),
        ("$3bn", 3_000_000_000, "dollar"),
        ("8 million US dollars", 8_000_000, "dollar"),
        ("1,250.50", 1250.5, ""),
        ("1,5 million", 1_500_000, ""),
        ("20 %", 20, "percent"),
        ("20 per cent", 20, "percent"),
        ("120 km/h", 120, "kilometre per hour"),
        ("120 kilometers per hour", 120, "kilometre per hour"),
        ("10 square miles", 10, "square mile"),
        ("a 45-year-old", 45, "year"),
        ("twenty-five ships", 25, ""),
        ("two dozen ships", 24, ""),
        ("nine thousand men", 9000, ""),
        ("9\u202f000 men", 9000, ""),
        ("٣ ships", 3, ""),
    ],
)
def test_number_has_its_scale_and_unit(text: str, value: float, unit: str) -> None:
    (number,) = read_numbers(text)
    assert (number.value, number.unit, number.is_amount) == (value, unit, True)


@pytest.mark.parametrize(
    "code", ["E-1042", "A-2001", "E-1042-7", "v2.5", "an F-16 jet", "COVID-19", "--max-old", "mid-1990s"]
)
def test_code_is_no_number(code: str) -> None:
    assert not read_numbers(code)


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("§ 4.2(b)", "4.2(b)"),
        ("6:34 a.m.", "6:34"),
        ("1.2.3", "1.2.3"),
        ("16A", "16a"),
        ("58th", "58"),
        ("5²", "5²"),
    ],
)
def test_label_is_no_amount_and_compared_whole(text: str, figure: str) -> None:
    assert [(number.figure, number.is_amount) for number in read_numbers(text)] == [(figure, False)]


@pytest.mark.parametrize(
    ("text", "hedge"),
    [
        ("more than $8 billion", "over"),
        ("no more than 5", "under"),
        ("up to 5", "under"),
        ("Nearly 5", "about"),
        ("5", ""),
    ],
)
def test_hedge_tells_where_the_true_value_is(text: str, hedge: str) -> None:
    assert [number.hedge for number in read_numbers(text)] == [hedge]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9,000 men and 9000 men", {"9000"}),
        ("the 58th Army", {"58"}),
        ("$26.7bn, or 40 billion hryvnia", {"26700000000", "40000000000"}),
        ("40 to 50 million men", {"40000000", "50000000"}),
        ("seven days", {"7"}),
        ("one day", set()),
        ("120-140 tanks", {"120", "140"}),
    ],
)
def test_number_is_the_same_however_it_is_written(text: str, found: set[str]) -> None:
    assert numbers(text) == found
    assert figures(text) == (found if text[0] != "s" else set())


def test_words_beside_a_number_end_at_the_next_clause() -> None:
    (number,) = read_numbers("The port lost 12 large ships because of fog")
    assert number.before == ("lost", "port", "the")
    assert number.after == ("large", "ships")


ODD = "½ ① ² ٣ § ﬁ ſ İ ß 5 May 0000 31 February 2023 1/2 6:34 0x1F 9,000,000.5.5 (b) Ⅷ 五 🚀 \x00 “’-–"
_COMMON = "up to 4 million m² more than in as of by not Mr. Who It"
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=80) | st.lists(
    st.sampled_from([*ODD.split(" "), *_COMMON.split(" ")])
).map(" ".join)


@given(TEXTS, TEXTS)
@example("An area of 5 m² ² was lost.", "An area of 6 m² was lost ².")
@example("How many ships as of 5 May 0000?", "9" * 5000)
@example("before 1 January 0001", "1" * 400 + " million and 2 million men")
def test_no_text_crashes_a_reader(one: str, other: str) -> None:
    for read in (numbers, figures, words.words, words.sentences, names.forms, names.runs, tokens.tokenize):
        list(read(one))
    for dated in (dates.find_date, dates.find_dateline, dates.find_heading_date, dates.moments):
        dated(one)
    names.absent(names.names(one), names.forms(other))
    names.namesakes(one, other)
    assert read_when(one)[1].includes(date(2024, 1, 1)) in {True, False}
    evidence = [Evidence(1, "a.txt", 1, other)]
    contradictions(one, other)
    judge(one, evidence, evidence, None)
    verify([Draft(one, (1,))], evidence)
    condense(one, [Turn(other, one)])
    for asked in ("How many?", "When?", "Where?", "Who?", "How long?", one):
        question = read_question(asked)
        answers_kind(question, other)
        differ(question, one, other)
