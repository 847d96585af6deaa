"""The local judge: which statements it finds supported, and how far it agrees with people."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

from eval import DATA
from eval.judge.agreement import agreement
from eval.judge.faithfulness import AnswerToJudge, faithfulness
from eval.judge.lexical import features, verdict
from eval.judge.words import sentences, statements, tokens

FERRY = (
    "The ferry to Skarv carried 1,240 passengers in March 2019, the harbour office said. Its captain, "
    "Signe Lund, wanted a second ship, but the treasurer, Arne Moe, refused. The old pier was not repaired."
)
SCHOOL = "The school at Vik has 48 pupils and three teachers. It was built of stone in 1902 by Per Strand."


@pytest.mark.parametrize(
    "statement",
    [
        "The ferry to Skarv carried 1,240 passengers in March 2019, the harbour office said.",
        "Its captain, Signe Lund, wanted a second ship, but the treasurer, Arne Moe, refused.",
        "The old pier was not repaired.",
        "The school at Vik has 48 pupils and three teachers.",
    ],
)
def test_statement_of_the_paragraphs_is_supported(statement: str) -> None:
    assert verdict(statement, [FERRY, SCHOOL]) > 0.9


PASSENGERS = "passengers in March 2019, the harbour office said."
LIES = {
    "number": f"The ferry to Skarv carried 1,540 {PASSENGERS}",
    "a number of the same paragraph": f"The ferry to Skarv carried 2019 {PASSENGERS}",
    "name": f"The ferry to Bruland carried 1,240 {PASSENGERS}",
    "date": f"The ferry to Skarv carried 1,240 {PASSENGERS.replace('March', 'June')}",
    "speakers": "Its captain, Arne Moe, wanted a second ship, but the treasurer, Signe Lund, refused.",
    "negation taken out": "The old pier was repaired.",
    "negation put in": f"The ferry to Skarv had not carried 1,240 {PASSENGERS}",
    "a number in words": "The school at Vik has 48 pupils and nine teachers.",
    "another paragraph": "The mill at Dal ground rye for six villages until the war.",
}


@pytest.mark.parametrize("statement", LIES.values(), ids=LIES.keys())
def test_statement_with_one_changed_fact_is_not_supported(statement: str) -> None:
    assert verdict(statement, [FERRY, SCHOOL]) < 0.5


def test_paraphrase_ranks_above_an_invention() -> None:
    paraphrase = verdict("In March 2019 the Skarv ferry had 1,240 passengers.", [FERRY])
    invention = verdict("In March 2019 the Skarv ferry sank with its captain.", [FERRY])
    assert paraphrase > invention


def test_nothing_is_supported_without_paragraphs() -> None:
    for contexts in ([], ["", " \n"]):
        assert verdict("The old pier was not repaired.", contexts) == 0


@pytest.mark.parametrize("text", ["", "…", "[1]", "word " * 3000, "北京 是 首都。", "\x00 NaN inf 1e999"])
def test_any_text_gets_a_probability(text: str) -> None:
    for statement, context in ((text, FERRY), ("The pier is old.", text)):
        assert 0 <= verdict(statement, [context]) <= 1
        assert all(math.isfinite(value) for value in features(statement, context).values())


def test_answers_that_cannot_be_judged_have_a_reason_instead_of_a_score() -> None:
    answer = "The old pier was not repaired. [1] The school at Vik has 84 pupils and three teachers. [2]"
    rows = [
        AnswerToJudge("good", "?", answer.replace("84", "48"), (FERRY, SCHOOL)),
        AnswerToJudge("half", "?", answer, (FERRY, SCHOOL)),
        AnswerToJudge("silent", "?", "", (FERRY,)),
        AnswerToJudge("marks only", "?", "[1] [2]", (FERRY,)),
        AnswerToJudge("uncited", "?", answer, ()),
    ]
    judged = faithfulness(rows)
    assert [item.id for item in judged] == [row.id for row in rows]
    assert [item.score for item in judged] == [1, 0.5, None, None, None]
    assert all(item.reason for item in judged if item.score is None)
    assert not any(item.failed for item in judged)


@pytest.mark.skipif(not DATA.is_dir(), reason="the public sets are not beside the checkout")
def test_the_judge_agrees_with_people() -> None:
    found = agreement(DATA)
    balanced = found["balanced accuracy"]
    assert balanced.low is not None and balanced.high is not None
    assert 0.74 <= balanced.value <= balanced.high
    assert found["AUC"].value >= 0.8
    assert agreement(None) == {}


def test_the_judge_is_small_and_shares_nothing_with_what_it_judges() -> None:
    files = list((Path(__file__).parents[2] / "eval" / "judge").glob("*.py"))
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) <= 400
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rag":
                assert [alias.name for alias in node.names] == ["PilcrowError"], file


def test_citation_marks_end_statements_and_are_removed() -> None:
    answer = "Amount: 19; State: due [1] Mr. Lund of the U.S. office left on Jan. 5. [2][3] He is gone."
    assert statements(answer) == (
        "Amount: 19; State: due",
        "Mr. Lund of the U.S. office left on Jan. 5.",
        "He is gone.",
    )
    assert sentences("“Go!” he said. It cost 3.5 million.") == ("“Go!” he said.", "It cost 3.5 million.")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.2 million", "3,200,000"),
        ("twenty-five", "25"),
        ("five hundred", "500"),
        ("the 31st", "the 31"),
        ("Ukraine's", "Ukrainian"),
        ("Chișinău", "Chisinau"),
        ("didn't", "not"),
    ],
)
def test_two_spellings_of_one_thing_are_equal(one: str, other: str) -> None:
    assert [token.stem for token in tokens(one)] == [token.stem for token in tokens(other)]
