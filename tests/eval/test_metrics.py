"""The arithmetic of the evaluation, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from eval.metrics import (
    auc,
    brier,
    calibration_error,
    contains,
    content_share,
    exact_match,
    f1,
    first_gold,
    hit,
    in_bins,
    ndcg,
    normalise,
    percentile,
    reciprocal_rank,
    share,
)


def piece(*numbers: int) -> frozenset[tuple[str, int]]:
    return frozenset(("a.txt", number) for number in numbers)


RANKED = [piece(4), piece(2), piece(9), piece(3)]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Guns, for a Gold!", "guns for gold"),
        ("“Nothing is off limits”", "nothing is off limits"),
        ("1,150 km²", "1150 km²"),
        ("120–140 tanks", "120 140 tanks"),
        ("France’s", "frances"),
        ("the", ""),
    ],
)
def test_case_punctuation_and_articles_are_ignored(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_answer_must_be_whole_words() -> None:
    assert contains("France sends 12 guns, on top of 18.", "12 guns")
    assert contains("It took 1,150 square kilometres", "1150")
    assert contains("on their own 24-yard line", "24")
    assert not contains("More than 120 states", "12")
    assert not contains("anything", "the")


def test_exact_match_and_f1_follow_squad() -> None:
    assert exact_match("the 308.", ["310", "308"]) == 1
    assert exact_match("308 points", ["308"]) == 0
    # Three words given, two wanted, two shared: precision 2/3, recall 1, so 2 · 2/3 / (5/3) = 0.8.
    assert f1("Denver Broncos won", ["Denver Broncos"]) == pytest.approx(0.8)
    assert f1("Denver Broncos won", ["Carolina", "The Denver Broncos"]) == pytest.approx(0.8)
    assert f1("won won", ["won"]) == pytest.approx(2 / 3)
    assert f1("", ["won"]) == f1("lost", ["won"]) == 0


def test_content_share_ignores_function_words() -> None:
    assert content_share("A toad sat in the clothes.", "There was a toad in his hat") == pytest.approx(1 / 2)
    assert content_share("anything", "it was the") == 0


def test_ranks() -> None:
    assert first_gold(RANKED, piece(2, 3)) == 2
    assert first_gold(RANKED, piece(7)) is None
    assert [hit(RANKED, piece(3), depth) for depth in (1, 3, 4)] == [0, 0, 1]
    assert reciprocal_rank(RANKED, piece(3)) == 1 / 4
    assert reciprocal_rank(RANKED, piece(7)) == 0


def test_ndcg() -> None:
    # Gold at ranks 2 and 4: (1/log2 3 + 1/log2 5) / (1/log2 2 + 1/log2 3) = 1.06161 / 1.63093.
    assert ndcg(RANKED, piece(2, 3)) == pytest.approx(0.65092, abs=1e-5)
    assert ndcg(RANKED, piece(4)) == 1
    assert ndcg(RANKED, piece(3), depth=3) == 0
    # A repeated piece counts once; a piece with both is as good as the best order.
    assert ndcg([piece(2), piece(2)], piece(2, 3)) == pytest.approx(1 / 1.63093, abs=1e-5)
    assert ndcg([piece(2, 3)], piece(2, 3)) == 1


def test_share_is_the_sum_of_parts_over_wholes() -> None:
    figure = share([1, 0, 2], [2, 1, 2])
    assert figure.value == pytest.approx(3 / 5)
    assert figure.count == 3
    assert share([1, 0, 1, 1]).value == 0.75


def test_interval_matches_the_standard_error() -> None:
    even = share([1, 0] * 50)
    # The standard error of a share of one half in 100 is 0.05; 95 % lie within 1.96 of it.
    assert even.low == pytest.approx(0.40, abs=0.02)
    assert even.high == pytest.approx(0.60, abs=0.02)
    assert share([1, 0] * 50) == even, "seeded"
    sure = share([1] * 20)
    assert (sure.low, sure.high) == (1, 1)


def test_no_values_give_no_figure() -> None:
    assert math.isnan(share([]).value)
    assert math.isnan(share([0, 0], [0, 0]).value)
    assert math.isnan(percentile([]).value)


def test_percentiles() -> None:
    assert percentile([1, 2, 3, 10]).value == 2.5
    assert percentile([0, 10], 95).value == pytest.approx(9.5)


STATED = [0.1, 0.15, 0.62, 0.68, 1.0]
TRUE = [False, True, True, False, True]


def test_probabilities_go_into_ten_bins() -> None:
    bins = in_bins(STATED, TRUE)
    assert [item.count for item in bins] == [0, 2, 0, 0, 0, 0, 2, 0, 0, 1]
    assert (bins[1].low, bins[1].high) == (0.1, 0.2)
    assert (bins[1].probability, bins[1].true) == (pytest.approx(0.125), 0.5)
    assert (bins[6].probability, bins[6].true) == (pytest.approx(0.65), 0.5)
    assert (bins[9].probability, bins[9].true) == (1, 1), "the last bin includes 1"
    assert math.isnan(bins[0].probability)
    assert math.isnan(bins[0].true)


def test_calibration_error_and_brier_score() -> None:
    # (2 · |0.125 - 0.5| + 2 · |0.65 - 0.5| + 1 · |1 - 1|) / 5 = (0.75 + 0.3) / 5.
    assert calibration_error(STATED, TRUE).value == pytest.approx(0.21)
    # (0.1² + 0.85² + 0.38² + 0.68² + 0²) / 5 = (0.01 + 0.7225 + 0.1444 + 0.4624) / 5.
    assert brier(STATED, TRUE).value == pytest.approx(0.26786)
    assert calibration_error([0.0, 1.0], [False, True]).value == brier([0.0, 1.0], [False, True]).value == 0
    assert calibration_error([0.0, 1.0], [True, False]).value == brier([0.0, 1.0], [True, False]).value == 1
    assert math.isnan(calibration_error([], []).value)


def test_auc_is_how_often_a_true_one_ranks_above_a_false_one() -> None:
    # Pairs: 0.15, 0.62 and 1 beat 0.1; of them 1 beats 0.68. Four of six.
    assert auc(STATED, TRUE).value == pytest.approx(4 / 6)
    assert auc([0.3, 0.3, 0.8], [False, True, True]).value == pytest.approx(1.5 / 2), "a tie is half"
    assert auc([0.5] * 4, [False, True] * 2).value == pytest.approx(0.5)
    sure = auc([0.1] * 10 + [0.9] * 10, [False] * 10 + [True] * 10)
    assert (sure.value, sure.low, sure.high) == (1, 1, 1)
    assert math.isnan(auc([0.2, 0.7], [True, True]).value)


def test_auc_interval_matches_the_rank_sum_test() -> None:
    # Probability and truth are independent: the standard error is that of the rank-sum test.
    figure = auc([step / 20 for step in range(20)] * 20, ([False] * 20 + [True] * 20) * 10)
    error = math.sqrt((200 + 200 + 1) / (12 * 200 * 200))
    assert figure.value == pytest.approx(0.5)
    assert figure.low == pytest.approx(0.5 - 1.96 * error, abs=0.02)
    assert figure.high == pytest.approx(0.5 + 1.96 * error, abs=0.02)
