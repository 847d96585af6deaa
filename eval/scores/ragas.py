"""The score of every metric for every answer; each metric is one of RAGAS."""

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
from ragas.metrics._context_precision import IDBasedContextPrecision  # elsewhere it warns
from ragas.metrics._context_recall import IDBasedContextRecall
from ragas.metrics.base import SimpleBaseMetric, SingleTurnMetric
from ragas.metrics.collections import NonLLMStringSimilarity, SemanticSimilarity
from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.result import MetricResult

from eval.judge.faithfulness import AnswerToJudge, Judgement
from eval.judge.lexical import SUPPORTED, verdict
from eval.scores import citing, minilm
from eval.scores.cases import Case
from eval.scores.citing import Supports
from eval.scores.measures import FAITHFULNESS, MEASURES, Score, Scores
from eval.scores.reply import SCORES

Inputs = dict[str, Any]


class OfCase(BaseMetric):
    """A metric computed from one case alone."""

    def __init__(self, name: str, value: Callable[[Case], float]) -> None:
        super().__init__(name=name)
        self._value = value

    async def ascore(self, case: Case) -> MetricResult:  # type: ignore[override]
        """Return the value for the case."""
        return MetricResult(value=self._value(case))


class OfContexts(BaseMetric):
    """An older RAGAS metric that compares ids of contexts, with the interface of the newer ones."""

    def __init__(self, name: str, older: SingleTurnMetric) -> None:
        super().__init__(name=name)
        self._older = older

    async def ascore(  # type: ignore[override]
        self, retrieved: Sequence[str], reference: Sequence[str]
    ) -> MetricResult:
        """Return the older metric's value for the ids of the paragraphs read and of the gold ones."""
        sample = SingleTurnSample(
            retrieved_context_ids=list(retrieved), reference_context_ids=list(reference)
        )
        return MetricResult(value=await self._older.single_turn_ascore(sample))


def supported(statement: str, texts: Sequence[str]) -> bool:
    """Return whether the paragraphs support a statement, by the local judge."""
    return verdict(statement, texts) >= SUPPORTED


def metrics(supports: Supports) -> dict[str, tuple[SimpleBaseMetric, Callable[[Case], Inputs]]]:
    """Return each metric by its name in the report, with the function that takes its inputs from a case."""
    embeddings = HuggingFaceEmbeddings(model=str(minilm.folder()), device="cpu", local_files_only=True)
    computed: dict[str, Callable[[Case], float]] = {
        "citation precision": lambda case: citing.precision(case, supports),
        "citation recall": lambda case: citing.recall(case, supports),
        "fabricated citations": citing.fabricated,
        "quote exactness": citing.quotes_exact,
    }
    for name, value in SCORES.items():
        computed[name] = lambda case, value=value: value(case.question, case.reply)  # type: ignore[misc]
    return {name: (OfCase(name, value), lambda case: {"case": case}) for name, value in computed.items()} | {
        "context precision": (OfContexts("context precision", IDBasedContextPrecision()), _ids),
        "context recall": (OfContexts("context recall", IDBasedContextRecall()), _ids),
        "string similarity": (NonLLMStringSimilarity(name="string similarity"), _texts),
        "semantic similarity": (
            SemanticSimilarity(embeddings=embeddings, name="semantic similarity"),
            _texts,
        ),
    }


def _ids(case: Case) -> Inputs:
    read = [f"{item.source} ¶{item.paragraph}" for item in case.answer.evidence]
    return {"retrieved": read, "reference": [f"{source} ¶{number}" for source, number in case.question.gold]}


def _texts(case: Case) -> Inputs:
    return {"reference": case.question.reference, "response": case.reply.text}


def score(
    cases: Sequence[Case], supports: Supports, judged: Sequence[Judgement]
) -> dict[str, dict[str, Score]]:
    """Return every metric for every case it applies to; `judged` is the faithfulness of the answers.

    A score that failed has the value None and the reason.
    """
    return asyncio.run(_score(cases, supports)) | {FAITHFULNESS: _faithfulness(judged)}


async def _score(cases: Sequence[Case], supports: Supports) -> dict[str, dict[str, Score]]:
    by_name = metrics(supports)
    found: dict[str, dict[str, Score]] = {measure.name: {} for measure in MEASURES}
    for measure in MEASURES:
        if measure.name not in by_name:
            continue
        metric, inputs = by_name[measure.name]
        for case in filter(measure.over.includes, cases):
            found[measure.name][case.question.id] = _checked(await metric.ascore(**inputs(case)))
    return found


def _checked(result: MetricResult) -> Score:
    value = result.value
    if value is None or not math.isfinite(value):
        return Score(None, result.reason or f"the metric returned {value}")
    return Score(round(min(1.0, max(0.0, float(value))), 4))  # a cosine may be slightly above 1


def _faithfulness(judged: Sequence[Judgement]) -> dict[str, Score]:
    return {
        item.id: Score(None if item.score is None else round(item.score, 4), item.reason)
        for item in judged
        if item.score is not None or item.failed
    }


def to_judge(cases: Sequence[Case]) -> list[AnswerToJudge]:
    """Return the answers with the paragraphs they cite, as the judge of faithfulness reads them."""
    return [
        AnswerToJudge(case.question.id, case.question.text, case.answer.text, case.contexts)
        for case in cases
        if case.answered
    ]


def save(name: str, folder: Path, cases: Sequence[Case], scores: Scores) -> Path:
    """Save the scores, one row per question, as a RAGAS experiment below the folder."""
    experiment = Experiment(name=name, data_model=None, backend=LocalJSONLBackend(str(folder)))
    for case in cases:
        question = case.question
        row: dict[str, Any] = {"id": question.id, "kind": question.kind, "user_input": question.text}
        row |= {"response": case.answer.text, "reference": question.reference}
        row |= {name: by_id[question.id].value for name, by_id in scores.items() if question.id in by_id}
        experiment.append(row)
    experiment.save()
    return folder / "experiments" / f"{name}.jsonl"
