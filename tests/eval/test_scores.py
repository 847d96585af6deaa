"""The metrics: each value of a small answer can be counted by hand, and what failed is told, not averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from evaluated import BELL, PIER, case, cite

from eval.judge.trials import Judged
from eval.metrics import holds
from eval.questions.rows import Row
from eval.scores import citing
from eval.scores.cases import Case
from eval.scores.measures import FAITHFULNESS, MEASURES
from rag import Answer

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval import scores  # it wants RAGAS

ASKED = Row(
    id="a",
    question="When was the north pier closed?",
    kind="date",
    reference="It was closed on 5 May 2022.",
    accepted=("5 May 2022",),
    gold=(PIER,),
)
NOT_THERE = Row(id="b", question="Who forged the bell?", kind="unanswerable")
CLOSED, BRASS = "The north pier was closed on 5 May 2022.", "The bell of the chapel is brass."


def says(statement: str, texts: Sequence[str]) -> bool:
    """A judge by the letter: the statement stands in the paragraphs."""
    return holds(" ".join(texts), statement)


def value(name: str, of: Case) -> float | None:
    judged = [Judged(of.row.id, 1.0)] if of.answered else []
    found = scores.score([of], says, judged)[name].get(of.row.id)
    return found.value if found else None


def test_every_metric_is_one_of_ragas() -> None:
    from ragas.metrics.base import SimpleBaseMetric

    found = scores.metrics(says)
    assert {measure.name for measure in MEASURES} == {*found, FAITHFULNESS}
    assert all(isinstance(metric, SimpleBaseMetric) for metric, _ in found.values())


def test_a_right_answer_that_cites_its_paragraph() -> None:
    of = case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)])
    found = scores.score([of], says, [Judged("a", 1.0)])
    values = {name: by_id["a"].value for name, by_id in found.items() if "a" in by_id}
    ones = ("answer accuracy", "citation right", "citation precision", "citation recall", "quote exactness")
    assert {values[name] for name in (*ones, "hit@1", "hit@5", "MRR", "nDCG@10", FAITHFULNESS)} == {1.0}
    assert values["fabricated citations"] == 0
    assert values["exact match"] == 0
    assert values["F1"] == pytest.approx(
        2 * 3 / (3 + 8), abs=1e-4
    )  # 5, May and 2022 of the eight words but "the"
    assert values["context precision"] == 0.5
    assert values["context recall"] == 1
    assert 0.4 < (values["string similarity"] or 0) < 1
    assert 0.5 < (values["semantic similarity"] or 0) < 1
    assert "abstention recall" not in values
    assert "abstention precision" not in values


def test_an_abstention_counts_as_wrong_where_there_is_an_answer_and_as_right_where_there_is_none() -> None:
    refused, rightly = case(ASKED), case(NOT_THERE)
    assert value("answer accuracy", refused) == 0
    assert value("abstention precision", refused) == 0
    assert value("abstention recall", refused) is None
    assert value("abstention precision", rightly) == 1
    assert value("abstention recall", rightly) == 1
    for name in ("citation precision", "citation recall", "quote exactness", FAITHFULNESS, "citation right"):
        assert value(name, refused) is None, "abstentions stand apart"


def test_answering_what_the_documents_do_not_say() -> None:
    of = case(NOT_THERE, [(BRASS, (1,))], [cite(1, BELL)])
    assert value("abstention recall", of) == 0
    assert value("citation recall", of) == 1
    assert value("answer accuracy", of) is None


def test_a_mark_is_not_taken_for_an_answer() -> None:
    row = Row(id="a", question="How many?", kind="number", reference="1.", accepted=("1",), gold=(PIER,))
    assert value("answer accuracy", case(row, [(CLOSED, (1,))], [cite(1, PIER)])) == 0


def test_a_list_is_right_when_all_of_it_is_there() -> None:
    row = Row(id="a", question="Which?", kind="list", accepted_all=("pier", "bell"), gold=(PIER, BELL))
    both, one = [(CLOSED, (1,)), (BRASS, (2,))], [(CLOSED, (1,))]
    assert value("answer accuracy", case(row, both, [cite(1, PIER), cite(2, BELL)])) == 1
    assert value("answer accuracy", case(row, one, [cite(1, PIER)])) == 0


def test_citations_are_judged_statement_by_statement_as_alce_does() -> None:
    half = case(ASKED, [(CLOSED, (1,)), (BRASS, (1,))], [cite(1, PIER)])
    assert citing.recall(half, says) == 0.5
    assert citing.precision(half, says) == 0.5
    beside = case(ASKED, [(CLOSED, (1, 2))], [cite(1, PIER), cite(2, BELL)])
    assert citing.recall(beside, says) == 1
    assert citing.precision(beside, says) == 0.5, "the second bears out nothing, and is not needed"
    bare = case(ASKED, [(CLOSED, ())])
    assert (citing.recall(bare, says), citing.precision(bare, says)) == (0, 0)


def test_citations_that_bear_a_statement_out_only_together_are_all_needed() -> None:
    both = case(ASKED, [("Pier and bell.", (1, 2))], [cite(1, PIER), cite(2, BELL)])

    def together(_: str, texts: Sequence[str]) -> bool:
        return len(texts) == 2

    assert (citing.recall(both, together), citing.precision(both, together)) == (1, 1)


def test_a_mark_that_leads_nowhere_is_fabricated() -> None:
    nowhere = case(ASKED, [(CLOSED, (1, 7))], [cite(1, ("harbour.md", 99), CLOSED)])
    assert citing.fabricated(nowhere) == 1
    assert citing.fabricated(case(ASKED, [(CLOSED, (1, 7))], [cite(1, PIER)])) == 0.5
    assert citing.recall(nowhere, says) == 0


def test_the_cited_paragraph_is_looked_up_and_not_believed() -> None:
    """The citation says that paragraph 3 reads as paragraph 2 does."""
    of = case(ASKED, [(CLOSED, (1,))], [cite(1, BELL, CLOSED)])
    assert citing.recall(of, says) == 0
    assert citing.quotes_exact(of) == 0


def test_what_failed_has_no_value_and_its_reason() -> None:
    cases = [case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)])]
    judged = [Judged("a", None, "the model wrote no verdict", failed=True)]
    found = scores.score(cases, says, judged)[FAITHFULNESS]["a"]
    assert (found.value, found.reason) == (None, "the model wrote no verdict")
    nothing = scores.score(cases, says, [Judged("a", None, "no paragraph cited")])
    assert nothing[FAITHFULNESS] == {}, "nothing to judge is no failure"


def test_ragas_reads_the_experiment_back(tmp_path: Path) -> None:
    from ragas import Experiment
    from ragas.backends import LocalJSONLBackend

    cases = [case(ASKED, [(CLOSED, (1,))], [cite(1, PIER)]), case(NOT_THERE)]
    found = scores.score(cases, says, [Judged("a", 0.5)])
    scores.save("tonight", tmp_path, cases, found)
    rows = list(Experiment.load("tonight", LocalJSONLBackend(str(tmp_path))))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["user_input"] == ASKED.question
    assert rows[0][FAITHFULNESS] == 0.5
    assert rows[1]["abstention recall"] == 1
    assert not any(isinstance(item, float) and math.isnan(item) for row in rows for item in row.values())


def test_a_case_comes_back_as_it_was_written() -> None:
    of = case(ASKED, [(CLOSED, (1, 2))], [cite(1, PIER), cite(2, ("harbour.md", 99), "gone")])
    again = Case.from_json(of.as_json(), ASKED)
    assert again.passages == of.passages
    assert isinstance(again.answer, Answer)
    assert (again.said, again.cited, again.ranked) == (of.said, of.cited, of.ranked)
