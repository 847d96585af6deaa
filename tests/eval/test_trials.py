"""The judge of answers, and trials of the judge on planted faults and on labelled sets."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.judge.planted import Fault, Right, planted
from eval.judge.trials import AnswerToJudge, drawn, faithfulness, judge_the_judge, mean, on_faults

if TYPE_CHECKING:
    from rag import Assistant

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
ASKED = 40

CANAL = "The canal at Brue was dug in May 1874 by 300 men. Tom Hale, the engineer, said that it was too deep."
MILL = "The mill at Aspen burned on 4 June 1921. Its owner, Ada Crowe, was not insured and lost 90 bags."
RIGHT = (
    Right("canal", f"{CANAL.replace('. Tom', '. [1] Tom')} [12]", (CANAL,)),
    Right("mill", f"{MILL} [1]", (MILL,)),
)


def test_fault_changes_one_thing_and_no_citation_mark() -> None:
    faults = planted(RIGHT)
    assert {item.fault for item in faults if item.id == "canal"} == set(Fault)
    assert planted(RIGHT) == faults, "the same ones every time"
    texts = {right.id: right.text for right in RIGHT}
    for item in faults:
        assert item.text != texts[item.id]
        if item.fault != Fault.OTHER_PARAGRAPH:
            assert re.findall(r"\[\d+\]", item.text) == re.findall(r"\[\d+\]", texts[item.id])
            before, after = texts[item.id].split(), item.text.split()
            shared = sum(word in after for word in before)
            assert shared >= len(before) - 2, item


def test_judge_detects_faults_in_answers_about_the_seeds(assistant: Assistant) -> None:
    lines = (ROOT / "scripts" / "bench" / "questions_seeds.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["gold"]]
    ids = drawn((row["id"] for row in rows), ASKED)
    answers = [assistant.ask(row["question"]) for row in rows if row["id"] in ids]
    to_judge = []
    for at, answer in enumerate(each for each in answers if not each.abstained):
        cited = tuple(citation.paragraph_text for citation in answer.citations)
        to_judge.append(AnswerToJudge(str(at), answer.question, answer.text, cited))
    trial = on_faults("answers", to_judge, None)
    assert trial.figures["detection"].value >= 0.95, trial
    assert trial.figures["false alarms"].value <= 0.05, trial
    assert trial.failed == trial.abstained == 0
    assert trial.scored > 4 * len(to_judge)


def test_answers_that_cannot_be_judged_are_left_out_of_the_mean() -> None:
    false, true = "The canal at Brue was dug in May 1974 by 300 men.", "The mill burned."
    rows = [
        AnswerToJudge("good", "When?", CANAL, (CANAL,)),
        AnswerToJudge("half", "When?", f"{false} [1] {true} [2]", (CANAL, true)),
        AnswerToJudge("silent", "When?", "", (CANAL,)),
        AnswerToJudge("marks only", "When?", "[1] [2]", (CANAL,)),
        AnswerToJudge("uncited", "When?", CANAL, ()),
        AnswerToJudge("unasked", "", CANAL, (CANAL,)),
    ]
    judged = faithfulness(rows)
    assert [item.id for item in judged] == [row.id for row in rows]
    assert [item.score for item in judged] == [1, 0.5, None, None, None, None]
    assert [item.failed for item in judged] == [False] * 5 + [True]
    assert all(item.reason for item in judged if item.score is None)
    assert [text for text, chance in judged[1].statements if chance < 0.5] == [false]
    figure, failed, abstained = mean(judged)
    assert (figure.value, figure.count, failed, abstained) == (0.75, 2, 1, 3)


def test_mean_of_nothing_is_nan() -> None:
    figure, failed, abstained = mean(faithfulness([AnswerToJudge("one", "?", "", ())]))
    assert math.isnan(figure.value)
    assert (figure.count, failed, abstained) == (0, 0, 1)


def test_sample_stays_the_same_when_others_come_and_go() -> None:
    ids = [f"q{number}" for number in range(100)]
    chosen = drawn(ids, 10)
    assert len(chosen) == 10
    assert drawn(reversed(ids), 10) == chosen
    gone = next(id_ for id_ in ids if id_ not in chosen)
    assert drawn([id_ for id_ in ids if id_ != gone], 10) == chosen
    assert set(drawn(ids, None)) == set(ids)


def test_without_public_sets_the_trials_are_planted_faults(tmp_path: Path) -> None:
    rows = {"two answers": [AnswerToJudge(right.id, "What?", right.text, right.contexts) for right in RIGHT]}
    for data in (None, tmp_path):
        (trial,) = judge_the_judge(data, rows)
        assert "two answers" in trial.name
        assert trial.figures["detection"].value == 1
        assert trial.figures["false alarms"].value == 0


@pytest.mark.skipif(not DATA.is_dir(), reason="the public sets are not beside the checkout")
def test_trials_on_labelled_sets_have_intervals() -> None:
    trials = {trial.name: trial for trial in judge_the_judge(DATA, {}, sample=50)}
    assert set(trials) == {"WiCE", "SummEdits"}
    for trial in trials.values():
        assert trial.scored == 50
        figure = trial.figures["balanced accuracy"]
        assert figure.low is not None and figure.high is not None
        assert figure.low <= figure.value <= figure.high
        assert trial.note
    assert trials["WiCE"].figures["AUC"].value > 0.65, "far from a coin's .5"
