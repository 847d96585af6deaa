"""The gate: it fails if a metric got worse by more than its noise, and names the metric."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from eval.questions.question import FILE, load
from eval.runs.gate import Change, Verdict, compare
from eval.runs.history import Accepted, Entry, entries, read_accepted, remember, write_accepted
from eval.scores.cases import ask
from eval.scores.measures import MEASURES, Score, Scores
from rag import Answer, Assistant, Citation, Evidence, PilcrowError, Settings, Statement, Turn

pytest.importorskip("ragas", reason="the eval group is not installed")

from eval.nightly import score  # needs RAGAS

QUESTIONS = load(FILE)[:120]  # kinds are spread evenly over the file
SAME = {f"q{number}": "as it was" for number in range(100)}
Spoil = Callable[[Answer, Assistant], Answer]


def scores_of(name: str, values: Sequence[float | None]) -> Scores:
    """One metric's values for q0, q1 and so on."""
    return {name: {f"q{number}": Score(value) for number, value in enumerate(values)}}


def change(name: str, now: Sequence[float | None], then: Sequence[float | None]) -> Change:
    found = compare(scores_of(name, now), SAME, scores_of(name, then), SAME)
    return next(item for item in found if item.measure.name == name)


def test_same_answers_are_not_worse() -> None:
    values = [1.0, 0.0] * 50
    found = change("hit@1", values, values)
    assert (found.verdict, found.by.value, found.by.low, found.by.high) == (Verdict.SAME, 0, 0, 0)
    rounded = change("F1", [0.3333] * 100, [1 / 3] * 100)
    assert rounded.verdict is Verdict.SAME


def test_fall_within_noise_passes_and_a_larger_one_fails() -> None:
    assert change("hit@1", [0.0] * 1 + [1.0] * 99, [1.0] * 100).verdict is Verdict.SAME
    swapped = change("hit@1", [0.0] * 6 + [1.0] * 94, [1.0] * 94 + [0.0] * 6)
    assert swapped.verdict is Verdict.SAME, "as many rose as fell"
    fell = change("hit@1", [0.0] * 10 + [1.0] * 90, [1.0] * 100)
    assert (fell.verdict, fell.bad) == (Verdict.FELL, True)
    assert fell.by.value == pytest.approx(-0.1)
    assert (fell.by.high or 0) < 0
    assert change("hit@1", [1.0] * 100, [0.0] * 10 + [1.0] * 90).verdict is Verdict.ROSE


def test_perfect_score_has_an_exact_interval() -> None:
    perfect = change("hit@1", [1.0] * 100, [1.0] * 100).now
    assert (perfect.value, perfect.high) == (1, 1)
    assert perfect.low == pytest.approx(0.9638, abs=1e-4)
    assert change("hit@1", [0.0] * 100, [0.0] * 100).now.high == pytest.approx(0.0362, abs=1e-4)


def test_fewer_fabricated_citations_are_better() -> None:
    none, some = [0.0] * 100, [1.0] * 10 + [0.0] * 90
    assert change("fabricated citations", some, none).verdict is Verdict.FELL
    assert change("fabricated citations", none, some).verdict is Verdict.ROSE


def test_metric_that_loses_its_value_fails() -> None:
    found = change("citation recall", [], [1.0] * 100)
    assert (found.verdict, found.bad) == (Verdict.LOST, True)
    assert math.isnan(found.now.value)


def test_newly_failed_score_fails_the_gate() -> None:
    found = change("faithfulness", [1.0] * 99 + [None], [1.0] * 100)
    assert (found.verdict, found.scored, found.failed) == (Verdict.FAILED, 99, 1)
    assert change("faithfulness", [1.0] * 99 + [None], [1.0] * 99 + [None]).verdict is Verdict.SAME


def test_edited_question_is_not_compared() -> None:
    now, then = scores_of("hit@1", [0.0] * 50 + [1.0] * 50), scores_of("hit@1", [1.0] * 100)
    edited = {id_: "edited" if int(id_[1:]) < 50 else digest for id_, digest in SAME.items()}
    found = next(item for item in compare(now, edited, then, SAME) if item.measure.name == "hit@1")
    assert (found.verdict, found.compared) == (Verdict.SAME, 50)
    nothing = compare(now, SAME, {}, {})
    assert {item.verdict for item in nothing} == {Verdict.NEW}


def test_accepted_run_survives_writing_and_a_broken_file_is_named(tmp_path: Path) -> None:
    when = datetime(2026, 11, 22, 3, tzinfo=UTC)
    accepted = Accepted("r1", "the first “run”", when, {"q0": "d"}, scores_of("hit@1", [0.25, None]))
    write_accepted(tmp_path / "accepted.json", accepted)
    assert read_accepted(tmp_path / "accepted.json") == accepted
    assert read_accepted(tmp_path / "none.json") is None
    (tmp_path / "accepted.json").write_text("{}", "utf-8")
    with pytest.raises(PilcrowError, match="Can't read the accepted run in .*accepted.json"):
        read_accepted(tmp_path / "accepted.json")


def test_run_is_once_in_the_history_of_its_own_questions(tmp_path: Path) -> None:
    first = Entry("r1", datetime(2026, 11, 22, tzinfo=UTC), "mine", {"hit@1": (0.5, 0.4, 0.6)}, ("MRR",))
    for entry in (first, first, replace(first, run="r2", questions="other")):
        remember(tmp_path, entry)
    assert entries(tmp_path, "mine") == (first,)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write("half a li")
    with pytest.raises(PilcrowError, match="is not a run"):
        entries(tmp_path, "mine")


class Broken(Assistant):
    """An assistant whose answers are spoilt on purpose."""

    spoil: Spoil
    remembered: dict[tuple[str, tuple[Turn, ...]], Answer]
    searched: dict[str, tuple[Evidence, ...]]

    @classmethod
    def breaking(cls, index: Path) -> Self:
        """Open an index."""
        opened = cls.open(index, Settings())
        opened.spoil = as_it_is
        opened.remembered, opened.searched = {}, {}
        return opened

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | None = None,
        extractive: bool = False,
    ) -> Answer:
        key = (question, tuple(history))
        if key not in self.remembered:
            self.remembered[key] = super().ask(question, history, sources, extractive)
        return self.spoil(self.remembered[key], self)

    def search(
        self, question: str, sources: Sequence[str] | None = None, limit: int | None = None
    ) -> tuple[Evidence, ...]:
        if question not in self.searched:
            self.searched[question] = super().search(question, sources, limit)
        return self.searched[question]


def neighbour(cited: Citation, assistant: Assistant) -> int:
    """The number of the next paragraph, or of the previous one at the end."""
    count = next(item.paragraphs for item in assistant.documents() if item.source == cited.source)
    return cited.paragraph + 1 if cited.paragraph < count else cited.paragraph - 1


def renumbered(answer: Answer, number: Callable[[Citation], int]) -> Answer:
    cited = tuple(replace(each, paragraph=number(each)) for each in answer.citations)
    return replace(answer, citations=cited)


def wrong_numbers(answer: Answer, assistant: Assistant) -> Answer:
    return renumbered(answer, lambda cited: neighbour(cited, assistant))


def invented_numbers(answer: Answer, _: Assistant) -> Answer:
    return renumbered(answer, lambda cited: cited.paragraph + 1000)


def quotes_of_neighbours(answer: Answer, assistant: Assistant) -> Answer:
    def quoting(cited: Citation) -> Citation:
        text = assistant.paragraph(cited.source, neighbour(cited, assistant)).text
        return replace(cited, quote=text, start=0, end=len(text), paragraph_text=text)

    return replace(answer, citations=tuple(map(quoting, answer.citations)))


def always_answering(answer: Answer, _: Assistant) -> Answer:
    if not answer.abstained or not answer.evidence:
        return answer
    first, *_ = answer.evidence
    quote = (first.text, 0, len(first.text), first.text)
    cited = Citation(1, first.source, first.paragraph, None, None, None, *quote)
    spoilt = replace(answer, abstained=False, text=f"{first.text} [1]", citations=(cited,), nearest=())
    return replace(spoilt, statements=(Statement(first.text, (1,), 1.0),))


def never_answering(answer: Answer, _: Assistant) -> Answer:
    text = "I couldn't find this in your documents."
    return replace(answer, abstained=True, text=text, statements=(), citations=())


def changed_numbers(answer: Answer, _: Assistant) -> Answer:
    def wrong(text: str) -> str:
        return re.sub(r"\d+", lambda number: str(int(number[0]) + 3), text)

    statements = [replace(statement, text=wrong(statement.text)) for statement in answer.statements]
    marked = [f"{item.text} {''.join(f'[{number}]' for number in item.citations)}" for item in statements]
    return replace(answer, statements=tuple(statements), text=" ".join(marked) or answer.text)


def as_it_is(answer: Answer, _: Assistant) -> Answer:
    return answer


def scored(assistant: Assistant) -> Scores:
    return score([ask(question, assistant) for question in QUESTIONS])


@pytest.fixture(scope="module")
def healthy(seeds_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broken, Scores]]:
    """The assistant unspoilt, and the scores of every question."""
    index = Path(shutil.copytree(seeds_index, tmp_path_factory.mktemp("healthy") / "index"))
    assistant = Broken.breaking(index)
    found = scored(assistant)
    yield assistant, found
    assistant.close()


def worse(now: Scores, then: Scores) -> set[str]:
    """The metrics that fail the gate."""
    asked = {each.id: each.digest for each in QUESTIONS}
    return {item.measure.name for item in compare(now, asked, then, asked) if item.bad}


RETRIEVAL = {measure.name for measure in MEASURES if measure.group == "Retrieval"}
BY_CITATION = {"citation right", "citation precision", "citation recall"}


@pytest.mark.parametrize(
    ("spoil", "named", "untouched"),
    [
        (as_it_is, set(), {measure.name for measure in MEASURES}),
        (wrong_numbers, {*BY_CITATION, "quote exactness"}, {*RETRIEVAL, "answer accuracy"}),
        (invented_numbers, {*BY_CITATION, "fabricated citations"}, {*RETRIEVAL, "answer accuracy"}),
        (quotes_of_neighbours, {"quote exactness"}, {*RETRIEVAL, *BY_CITATION, "faithfulness"}),
        (always_answering, {"abstention recall"}, {*RETRIEVAL, "faithfulness", "quote exactness"}),
        (never_answering, {"answer accuracy", "abstention precision"}, {*RETRIEVAL, "abstention recall"}),
        (changed_numbers, {"faithfulness", "citation recall"}, {*RETRIEVAL, "quote exactness"}),
    ],
)
def test_gate_names_what_was_spoilt(
    spoil: Spoil, named: set[str], untouched: set[str], healthy: tuple[Broken, Scores]
) -> None:
    assistant, before = healthy
    assistant.spoil = spoil
    found = worse(scored(assistant), before)
    assert named <= found
    assert not untouched & found


def test_gate_names_the_ranking_without_bm25(
    healthy: tuple[Broken, Scores], seeds_index: Path, tmp_path: Path
) -> None:
    """The word index no longer points to any chunk: only embeddings find anything."""
    index = Path(shutil.copytree(seeds_index, tmp_path / "index"))
    with sqlite3.connect(next(index.glob("catalog*"))) as catalog:
        catalog.execute("UPDATE chunk_fts SET rowid = rowid + 1000000")
    catalog.close()
    with Assistant.open(index, Settings()) as assistant:
        found = worse(scored(assistant), healthy[1])
    assert {"hit@1", "MRR", "nDCG@10"} <= found
    assert not {"quote exactness", "faithfulness", "fabricated citations", "abstention recall"} & found
