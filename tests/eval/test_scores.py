"""The metrics of small answers, counted by hand; a failed score is reported, not averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from evaluated import BELL, PIER, case, cite

from eval.judge.faithfulness import Judgement
from eval.metrics import contains
from eval.questions.question import Question
from eval.scores import citing
from eval.scores.cases import Case
from eval.scores.measures import FAITHFULNESS, MEASURES
from rag import Answer

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.scores import ragas as scores  # needs RAGAS

ANSWER = "It was closed on 5 May 2022."
ASKED = Question("a", "When was the north pier closed?", "date", ANSWER, ("5 May 2022",), gold=(PIER,))
NOT_THERE = Question(id="b", text="Who forged the bell?", kind="unanswerable")
CLOSED, BRASS = "The north pier was closed on 5 May 2022.", "The bell of the chapel is brass."


def contained(statement: str, texts: Sequence[str]) -> bool:
    """A literal judge: the paragraphs contain the statement."""
    return contains(" ".join(texts), statement)


def value(name: str, of: Case) -> float | None:
    judged = [Judgement(of.question.id, 1.0)] if of.answered else []
    found = scores.score([of], contained, judged)[name].get(of.question.id)
    return found.value if found else None


def test_every_metric_is_a_ragas_metric() -> None:
    from ragas.metrics.base import SimpleBaseMetric

    found = scores.metrics(contained)
    assert {measure.name for measure in MEASURES} == {*found, FAITHFULNESS}
    assert all(isinstance(metric, SimpleBaseMetric) for metric, _ in found.values())


def test_right_answer_with_its_citation_scores_full_marks() -> None:
    of = case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)])
    found = scores.score([of], contained, [Judgement("a", 1.0)])
    values = {name: by_id["a"].value for name, by_id in found.items() if "a" in by_id}
    ones = ("answer accuracy", "citation right", "citation precision", "citation recall", "quote exactness")
    assert {values[name] for name in (*ones, "hit@1", "hit@5", "MRR", "nDCG@10", FAITHFULNESS)} == {1.0}
    assert values["fabricated citations"] == 0
    assert values["exact match"] == 0
    # 5, May and 2022 of the eight words but "the"
    assert values["F1"] == pytest.approx(2 * 3 / (3 + 8), abs=1e-4)
    assert values["context precision"] == 0.5
    assert values["context recall"] == 1
    assert 0.4 < (values["string similarity"] or 0) < 1
    assert 0.5 < (values["semantic similarity"] or 0) < 1
    assert "abstention recall" not in values
    assert "abstention precision" not in values


def test_abstention_is_right_only_for_an_unanswerable_question() -> None:
    refused, rightly = case(ASKED), case(NOT_THERE)
    assert value("answer accuracy", refused) == 0
    assert value("abstention precision", refused) == 0
    assert value("abstention recall", refused) is None
    assert value("abstention precision", rightly) == 1
    assert value("abstention recall", rightly) == 1
    for name in ("citation precision", "citation recall", "quote exactness", FAITHFULNESS, "citation right"):
        assert value(name, refused) is None, "abstentions have no citations to score"


def test_answer_to_an_unanswerable_question_lowers_abstention_recall() -> None:
    of = case(NOT_THERE, [(BRASS, (1,))], [cite(1, BELL)])
    assert value("abstention recall", of) == 0
    assert value("citation recall", of) == 1
    assert value("answer accuracy", of) is None


def test_citation_mark_does_not_count_as_an_answer() -> None:
    row = Question(id="a", text="How many?", kind="number", reference="1.", accepted=("1",), gold=(PIER,))
    assert value("answer accuracy", case(row, [(CLOSED, (1,))], [cite(1, PIER)])) == 0


def test_list_is_right_only_when_complete() -> None:
    row = Question(id="a", text="Which?", kind="list", accepted_all=("pier", "bell"), gold=(PIER, BELL))
    both, one = [(CLOSED, (1,)), (BRASS, (2,))], [(CLOSED, (1,))]
    assert value("answer accuracy", case(row, both, [cite(1, PIER), cite(2, BELL)])) == 1
    assert value("answer accuracy", case(row, one, [cite(1, PIER)])) == 0


def test_citations_are_scored_by_statement_as_in_alce() -> None:
    half = case(ASKED, [(CLOSED, (1,)), (BRASS, (1,))], [cite(1, PIER)])
    assert citing.recall(half, contained) == 0.5
    assert citing.precision(half, contained) == 0.5
    beside = case(ASKED, [(CLOSED, (1, 2))], [cite(1, PIER), cite(2, BELL)])
    assert citing.recall(beside, contained) == 1
    assert citing.precision(beside, contained) == 0.5, "the second supports nothing"
    bare = case(ASKED, [(CLOSED, ())])
    assert (citing.recall(bare, contained), citing.precision(bare, contained)) == (0, 0)


def test_citations_that_support_a_statement_only_together_all_count() -> None:
    both = case(ASKED, [("Pier and bell.", (1, 2))], [cite(1, PIER), cite(2, BELL)])

    def together(_: str, texts: Sequence[str]) -> bool:
        return len(texts) == 2

    assert (citing.recall(both, together), citing.precision(both, together)) == (1, 1)


def test_mark_without_a_paragraph_is_fabricated() -> None:
    nowhere = case(ASKED, [(CLOSED, (1, 7))], [cite(1, ("harbour.md", 99), CLOSED)])
    assert citing.fabricated(nowhere) == 1
    assert citing.fabricated(case(ASKED, [(CLOSED, (1, 7))], [cite(1, PIER)])) == 0.5
    assert citing.recall(nowhere, contained) == 0


def test_quote_is_compared_with_the_document_not_with_the_citation() -> None:
    """The citation claims that paragraph 3 has the text of paragraph 2."""
    of = case(ASKED, [(CLOSED, (1,))], [cite(1, BELL, CLOSED)])
    assert citing.recall(of, contained) == 0
    assert citing.quotes_exact(of) == 0


def test_failed_score_has_a_reason_and_no_value() -> None:
    cases = [case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)])]
    judged = [Judgement("a", None, "the model wrote no verdict", failed=True)]
    found = scores.score(cases, contained, judged)[FAITHFULNESS]["a"]
    assert (found.value, found.reason) == (None, "the model wrote no verdict")
    nothing = scores.score(cases, contained, [Judgement("a", None, "no paragraph cited")])
    assert nothing[FAITHFULNESS] == {}, "nothing to judge is not a failure"


def test_ragas_reads_the_saved_experiment(tmp_path: Path) -> None:
    from ragas import Experiment
    from ragas.backends import LocalJSONLBackend

    cases = [case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)]), case(NOT_THERE)]
    found = scores.score(cases, contained, [Judgement("a", 0.5)])
    scores.save("tonight", tmp_path, cases, found)
    rows = list(Experiment.load("tonight", LocalJSONLBackend(str(tmp_path))))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["user_input"] == ASKED.text
    assert rows[0][FAITHFULNESS] == 0.5
    assert rows[1]["abstention recall"] == 1
    assert not any(isinstance(item, float) and math.isnan(item) for row in rows for item in row.values())


def test_case_survives_json() -> None:
    of = case(ASKED, [(CLOSED, (1, 2))], [cite(1, PIER), cite(2, ("harbour.md", 99), "gone")])
    again = Case.from_json(of.as_json(), ASKED)
    assert again.passages == of.passages
    assert isinstance(again.answer, Answer)
    assert (again.reply, again.ranked) == (of.reply, of.ranked)
