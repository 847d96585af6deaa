"""What an OpenTelemetry collector receives for a question; without the setting, nothing is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from chroma_server import free_port
from scripted_llm_server import saying, scripted

from rag import Assistant, Settings

TAKEN = "The Zeemeeuw brought home 4,200 kilograms of plaice on 3 May 1962."
QUESTION = "How many kilograms of plaice did the Zeemeeuw bring home?"

trace_service_pb2 = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
pytest.importorskip("openinference.instrumentation.llama_index", reason="the group `traces` is not installed")


@dataclass(frozen=True)
class Received:
    """A span that the collector received."""

    name: str
    id: bytes
    parent: bytes
    seconds: float
    attributes: dict[str, str]


@contextmanager
def collector() -> Iterator[tuple[str, list[Received], list[str]]]:
    """A real receiver of OTLP over HTTP: its address, the spans and the paths that it received."""
    spans: list[Received] = []
    paths: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            paths.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"]))
            request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        values = {each.key: each.value.string_value for each in span.attributes}
                        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                        spans.append(Received(span.name, span.span_id, span.parent_span_id, seconds, values))
            self.send_response(200)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans, paths
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harbour")
    (folder / "harbour.md").write_text(f"# Urk\n\n{TAKEN}\n\nThe lighthouse stands on a dune.\n", "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder / "harbour.md"])
    return folder / "index"


def ask(index: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`pilcrow ask`, as a user has it, with settings in the environment."""
    command = [sys.executable, "-m", "ui", "ask", "--index", str(index), QUESTION]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_collector_receives_the_steps_and_the_models_call_below_them(index: Path) -> None:
    with collector() as (address, spans, paths), scripted(saying(TAKEN)) as model:
        done = ask(index, PILCROW_TRACES=address, PILCROW_LLM=model.address, PILCROW_VERIFIER="none")
    assert done.returncode == 0, done.stderr
    assert set(paths) == {"/v1/traces"}
    steps = {"condense", "embed", "retrieve", "read", "write", "generate", "verify", "mark"}
    by_name = {span.name: span for span in spans}
    root = by_name["answer"]
    assert root.parent == b""
    assert len(spans) == len(steps) + 2
    assert root.attributes["input.value"] == QUESTION
    assert "4,200" in root.attributes["output.value"]
    assert {span.name for span in spans if span.parent == root.id} == steps
    (call,) = [span for span in spans if span.parent == by_name["generate"].id]
    assert call.attributes["openinference.span.kind"] == "LLM"
    assert TAKEN in call.attributes["llm.output_messages.0.message.content"]
    assert 0 < call.seconds <= by_name["generate"].seconds <= root.seconds


def test_nothing_is_sent_without_the_setting(index: Path) -> None:
    with collector() as (address, spans, _):
        done = ask(index, OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_TRACES_EXPORTER="otlp")
    assert done.returncode == 0
    assert spans == []


def test_answer_comes_though_the_collector_is_down(index: Path) -> None:
    done = ask(index, PILCROW_TRACES=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 0
    assert "4,200 kilograms" in done.stdout
    assert "Traceback" not in done.stderr
