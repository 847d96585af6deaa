"""What is counted for Prometheus in this process: questions, changed documents and requests."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rag import Answer, IngestReport

REGISTRY = CollectorRegistry()
OUTCOMES = ("answered", "unsure", "abstained", "failed", "refused")
NO_SECONDS = {"calls", "prompt tokens", "tokens"}  # of `Answer.timings`
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # the upper bounds of the histograms' buckets

_QUESTIONS = Counter("pilcrow_questions", "Questions by outcome.", ["outcome"], registry=REGISTRY)
_ANSWERS = Histogram(
    "pilcrow_answer_seconds", "Seconds to answer a question.", buckets=SECONDS, registry=REGISTRY
)
_STEPS = Histogram(
    "pilcrow_step_seconds", "Seconds of each step of an answer.", ["step"], buckets=SECONDS, registry=REGISTRY
)
_CHANGES = Counter(
    "pilcrow_documents_changed", "Documents changed by this process.", ["change"], registry=REGISTRY
)
REQUESTS = Counter("pilcrow_http_requests", "HTTP requests by status.", ["status"], registry=REGISTRY)
RUNNING = Gauge("pilcrow_questions_running", "Questions being answered.", registry=REGISTRY)
WAITING = Gauge("pilcrow_questions_waiting", "The page's questions that wait.", registry=REGISTRY)
DOCUMENTS = Gauge("pilcrow_documents", "Documents in the index.", registry=REGISTRY)
CHUNKS = Gauge("pilcrow_chunks", "Chunks in the index.", registry=REGISTRY)

for _outcome in OUTCOMES:
    _QUESTIONS.labels(_outcome)


def count_answer(answer: Answer | None) -> None:
    """Count a question that was answered or, with None, wasn't because of an error."""
    if answer is None:
        _QUESTIONS.labels("failed").inc()
        return
    _QUESTIONS.labels("abstained" if answer.abstained else "answered" if answer.sure else "unsure").inc()
    steps = {name: spent for name, spent in answer.timings.items() if name not in NO_SECONDS}
    for name, spent in steps.items():
        _STEPS.labels(name).observe(spent)
    _ANSWERS.observe(sum(spent for name, spent in steps.items() if name != "check"))  # a part of "generate"


def count_refused() -> None:
    """Count a question that was refused, because there are too many."""
    _QUESTIONS.labels("refused").inc()


def count_changes(report: IngestReport) -> None:
    """Count what an ingestion changed."""
    for change in ("added", "updated", "removed", "failed"):
        _CHANGES.labels(change).inc(len(getattr(report, change)))
