"""Spans of each answer's steps and of a language model's calls, for an OpenTelemetry collector.

The steps are told to whatever tracing the process has; only `send_traces` sends anything anywhere.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar
from urllib.parse import urlsplit

from opentelemetry import trace

from rag.errors import SettingsError
from rag.types import Answer

TRACER = trace.get_tracer("pilcrow")
OTLP_PATH = "/v1/traces"  # where a collector takes spans over HTTP, by the protocol
SECONDS = 3  # that a collector may take for them, and a command's end may wait for one that is down

# Names of OpenInference, which those who read traces of language models know.
KIND, INPUT, OUTPUT = "openinference.span.kind", "input.value", "output.value"

T = TypeVar("T")
_sent_to: set[str] = set()


def traced(question: str, steps: Generator[T, None, Answer]) -> Generator[T, None, Answer]:
    """The same steps within one span, which tells the question and the answer."""
    with TRACER.start_as_current_span("answer", attributes={KIND: "CHAIN", INPUT: question}) as span:
        answer = yield from steps
        span.set_attributes({OUTPUT: answer.text, "pilcrow.abstained": answer.abstained})
        return answer


def send_traces(address: str) -> None:
    """Has this process send its spans to a collector (OTLP over HTTP), besides where they go already.

    LlamaIndex's instrumentation tells of the calls, so a program's own calls through it are sent too. Headers
    come from OTEL_EXPORTER_OTLP_HEADERS. A collector that is down is a line in the log, not an error.
    Raises SettingsError where the group `traces` is missing.
    """
    if address in _sent_to:
        return
    try:
        from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError('traces are set; run: pip install "pilcrow[traces]", or unset traces') from error
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=Resource.create({"service.name": "pilcrow"}))
        trace.set_tracer_provider(provider)
    path = "" if urlsplit(address).path.strip("/") else OTLP_PATH
    exporter = OTLPSpanExporter(endpoint=address.rstrip("/") + path, timeout=SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    if not LlamaIndexInstrumentor().is_instrumented_by_opentelemetry:
        LlamaIndexInstrumentor().instrument(tracer_provider=provider)
    _sent_to.add(address)
