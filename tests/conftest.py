"""What all tests share: no network, no telemetry, one embedder and one index of the seeds a session."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from postgres_server import postgres, postgres_of_session, postgres_url  # noqa: F401  # fixtures
from shared_names import ROOT, SEEDS, Run
from shared_stores import chroma, chroma_of_session, shared_stores  # noqa: F401  # fixtures

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Before any library reads them. The Hugging Face names forbid every look at a hub.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    GRADIO_ANALYTICS_ENABLED="False",
    ANONYMIZED_TELEMETRY="False",
    TOKENIZERS_PARALLELISM="false",
    OMP_WAIT_POLICY="PASSIVE",
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # Ray listens on the loopback address only
    RAY_USAGE_STATS_ENABLED="0",
)

# A shell that runs the tests in the background has Ctrl-C ignored, and with it every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from rag import Assistant
    from rag.models.embedder import Embedder

SHARED = ROOT.parent / "shared" / "seeds"


class NetworkRefused(OSError):
    """A test, or what it called, reached for another machine."""


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(name).split("%")[0])
    except ValueError:
        return name == socket.gethostname()
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuses every socket but loopback and unix, and every look-up of another machine's name."""
    plain = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    getaddrinfo = socket.getaddrinfo

    def guarded(name: str) -> Any:
        def call(self: socket.socket, *args: Any) -> Any:
            address = args[-1]
            if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
                raise NetworkRefused(f"the tests reach no other machine, but {address} was asked for")
            return plain[name](self, *args)

        return call

    def look_up(host: str | bytes | None, *args: Any, **options: Any) -> Any:
        if not _is_here(host):
            raise NetworkRefused(f"the tests look up no other machine, but {host!r} was asked for")
        return getaddrinfo(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in plain:
            patch.setattr(socket.socket, name, guarded(name))
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the person who runs the tests stay out of them."""
    for name in list(os.environ):
        if name.startswith("PILCROW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process; gives the exit code, stdout and stderr."""
    from ui.cli import main

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pilcrow", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The built-in embedder, loaded once."""
    from rag.models.embedder import load_embedder
    from rag.models.local import BUILT_IN

    return load_embedder(BUILT_IN)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of seeds/, named seeds."""
    return Path(shutil.copytree(SEEDS, tmp_path_factory.mktemp("corpus") / "seeds"))


@pytest.fixture(scope="session")
def seeds_index(seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the seeds, closed. To be read only; a test that writes makes its own."""
    from rag import Assistant, Settings

    index = tmp_path_factory.mktemp("index") / "index"
    with Assistant.open(index, Settings()) as assistant:
        report = assistant.ingest([seeds])
    assert not report.failed, report.failed
    return index


@pytest.fixture(scope="session")
def assistant(
    seeds_index: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Assistant]:
    """An assistant over the seeds, for questions only; on its own copy, since one process holds an index."""
    from remembering_embedder import RememberingEmbedder, open_assistant

    index = Path(shutil.copytree(seeds_index, tmp_path_factory.mktemp("open") / "index"))
    with open_assistant(index, RememberingEmbedder(embedder)) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared() -> Path:
    """The five news files beside the checkout; where they are not, the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip("the shared news files lie beside the project's checkout, which is not so here")
    return SHARED
