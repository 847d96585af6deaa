"""OpenTelemetry spans of each answer's steps and of language model calls.

Spans go to the process's own tracing, if it has any; only `send_traces` sends them to a collector.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar
from urllib.parse import urlsplit

from opentelemetry import trace

from rag.errors import SettingsError
from rag.types import Answer

TRACER = trace.get_tracer("pilcrow")
OTLP_PATH = "/v1/traces"  # the path for spans in OTLP over HTTP
SECONDS = 3  # timeout of a request to the collector; a command that ends waits at most this long

# Attribute names of OpenInference, which tools for language model traces understand.
KIND, INPUT, OUTPUT = "openinference.span.kind", "input.value", "output.value"

T = TypeVar("T")
_sent_to: set[str] = set()


def traced(question: str, steps: Generator[T, None, Answer]) -> Generator[T, None, Answer]:
    """Run the steps in one span that has the question and the answer."""
    with TRACER.start_as_current_span("answer", attributes={KIND: "CHAIN", INPUT: question}) as span:
        answer = yield from steps
        span.set_attributes({OUTPUT: answer.text, "pilcrow.abstained": answer.abstained})
        return answer


def send_traces(address: str) -> None:
    """Send this process's spans to a collector too (OTLP over HTTP).

    LlamaIndex's instrumentation reports the calls, so a program's own LlamaIndex calls are sent too. Headers
    come from OTEL_EXPORTER_OTLP_HEADERS. A collector that is down is logged, not an error.
    Raises SettingsError if the group `traces` isn't installed.
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
        raise SettingsError(
            'Traces need more packages. Run `pip install "pilcrow[traces]"`, or unset traces.'
        ) from error
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
