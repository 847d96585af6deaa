"""What each answer is worth: every metric a RAGAS metric, and all their values for all cases."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ragas import Experiment
from ragas.backends import LocalJSONLBackend
from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings import HuggingFaceEmbeddings
from ragas.metrics._context_precision import IDBasedContextPrecision  # nowhere else without a warning
from ragas.metrics._context_recall import IDBasedContextRecall
from ragas.metrics.base import SimpleBaseMetric, SingleTurnMetric
from ragas.metrics.collections import NonLLMStringSimilarity, SemanticSimilarity
from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.result import MetricResult

from eval.judge import minilm
from eval.judge.faithfulness import SUPPORTED, verdict
from eval.judge.trials import Judged, Said
from eval.metrics import exact_match, f1, hit, ndcg, reciprocal_rank
from eval.scores import citing
from eval.scores.cases import Case
from eval.scores.citing import Supports
from eval.scores.measures import FAITHFULNESS, MEASURES, Score, Scores

Given = dict[str, Any]


class OfCase(BaseMetric):
    """A metric that is plain arithmetic on one case."""

    def __init__(self, name: str, value: Callable[[Case], float]) -> None:
        super().__init__(name=name)
        self._value = value

    async def ascore(self, case: Case) -> MetricResult:  # type: ignore[override]
        """The value for the case; it does not fail."""
        return MetricResult(value=self._value(case))


class OfContexts(BaseMetric):
    """One of the older metrics of RAGAS, which compare ids of contexts, behind the face of the newer ones."""

    def __init__(self, name: str, older: SingleTurnMetric) -> None:
        super().__init__(name=name)
        self._older = older

    async def ascore(  # type: ignore[override]
        self, retrieved: Sequence[str], reference: Sequence[str]
    ) -> MetricResult:
        """What the older metric gives for the ids of what was read and of what should have been."""
        sample = SingleTurnSample(
            retrieved_context_ids=list(retrieved), reference_context_ids=list(reference)
        )
        return MetricResult(value=await self._older.single_turn_ascore(sample))


def supported(statement: str, texts: Sequence[str]) -> bool:
    """Whether paragraphs bear a statement out, by the local judge."""
    return verdict(statement, texts) >= SUPPORTED


def arithmetic(supports: Supports) -> dict[str, Callable[[Case], float]]:
    """The metrics that are a function of the case alone, by name."""
    return {
        "answer accuracy": lambda case: float(case.row.accepts(case.said)),
        "exact match": lambda case: exact_match(case.marked, _accepted(case)) if case.answered else 0.0,
        "F1": lambda case: f1(case.marked, _accepted(case)) if case.answered else 0.0,
        "citation right": lambda case: float(bool(set(case.cited) & set(case.row.gold))),
        "citation precision": lambda case: citing.precision(case, supports),
        "citation recall": lambda case: citing.recall(case, supports),
        "fabricated citations": citing.fabricated,
        "quote exactness": citing.quotes_exact,
        "abstention precision": lambda case: float(not case.row.answerable),
        "abstention recall": lambda case: float(not case.answered),
        "hit@1": lambda case: hit(case.ranks, frozenset(case.row.gold), 1),
        "hit@5": lambda case: hit(case.ranks, frozenset(case.row.gold), 5),
        "MRR": lambda case: reciprocal_rank(case.ranks, frozenset(case.row.gold)),
        "nDCG@10": lambda case: ndcg(case.ranks, frozenset(case.row.gold)),
    }


def _accepted(case: Case) -> tuple[str, ...]:
    """What the highlighted words are held against; where all of a list are needed, the list."""
    return case.row.accepted or (" ".join(case.row.accepted_all),)


def metrics(supports: Supports) -> dict[str, tuple[SimpleBaseMetric, Callable[[Case], Given]]]:
    """Each metric by its name in the report, and what it is given of a case."""
    embeddings = HuggingFaceEmbeddings(model=str(minilm.folder()), device="cpu", local_files_only=True)
    found: dict[str, tuple[SimpleBaseMetric, Callable[[Case], Given]]] = {
        name: (OfCase(name, value), lambda case: {"case": case})
        for name, value in arithmetic(supports).items()
    }
    return found | {
        "context precision": (OfContexts("context precision", IDBasedContextPrecision()), _ids),
        "context recall": (OfContexts("context recall", IDBasedContextRecall()), _ids),
        "string similarity": (NonLLMStringSimilarity(name="string similarity"), _texts),
        "semantic similarity": (
            SemanticSimilarity(embeddings=embeddings, name="semantic similarity"),
            _texts,
        ),
    }


def score(cases: Sequence[Case], supports: Supports, judged: Sequence[Judged]) -> dict[str, dict[str, Score]]:
    """Every metric for every case that it applies to; `judged` is the faithfulness of the answers.

    Nothing is averaged here, and nothing left out: what failed has the value None and the reason.
    """
    return asyncio.run(_score(cases, supports)) | {FAITHFULNESS: _faithfulness(judged)}


async def _score(cases: Sequence[Case], supports: Supports) -> dict[str, dict[str, Score]]:
    by_name = metrics(supports)
    found: dict[str, dict[str, Score]] = {measure.name: {} for measure in MEASURES}
    for measure in MEASURES:
        if measure.name not in by_name:
            continue
        metric, given = by_name[measure.name]
        for case in filter(measure.applies, cases):
            found[measure.name][case.row.id] = _checked(await metric.ascore(**given(case)))
    return found


def _checked(result: MetricResult) -> Score:
    value = result.value
    if value is None or not math.isfinite(value):
        return Score(None, result.reason or f"the metric gave {value}")
    return Score(round(min(1.0, max(0.0, float(value))), 4))  # a cosine may be a little above 1


def _faithfulness(judged: Sequence[Judged]) -> dict[str, Score]:
    return {
        item.id: Score(None if item.score is None else round(item.score, 4), item.reason)
        for item in judged
        if item.score is not None or item.failed
    }


def said(cases: Sequence[Case]) -> list[Said]:
    """The answers as they go to the judge of faithfulness, each with the paragraphs that it cites."""
    return [
        Said(case.row.id, case.row.question, case.answer.text, case.contexts)
        for case in cases
        if case.answered
    ]


def save(name: str, folder: Path, cases: Sequence[Case], scores: Scores) -> Path:
    """Keeps the scores, a row a question, as the RAGAS experiment of this name below the folder."""
    experiment = Experiment(name=name, data_model=None, backend=LocalJSONLBackend(str(folder)))
    for case in cases:
        row: dict[str, Any] = {"id": case.row.id, "kind": case.row.kind, "user_input": case.row.question}
        row |= {"response": case.answer.text, "reference": case.row.reference}
        row |= {name: by_id[case.row.id].value for name, by_id in scores.items() if case.row.id in by_id}
        experiment.append(row)
    experiment.save()
    return folder / "experiments" / f"{name}.jsonl"


def _ids(case: Case) -> Given:
    read = [f"{item.source} ¶{item.paragraph}" for item in case.answer.evidence]
    return {"retrieved": read, "reference": [f"{source} ¶{number}" for source, number in case.row.gold]}


def _texts(case: Case) -> Given:
    return {"reference": case.row.reference, "response": case.said}
