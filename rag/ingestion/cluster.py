"""A connection to a Ray cluster, quiet and without telemetry."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from urllib.parse import urlsplit

from rag.errors import SettingsError

LOCAL = "local"
INSTALL = 'pip install "pilcrow[scale]"'
SECONDS = 10  # to reach a cluster's address


@contextmanager
def connected(address: str) -> Iterator[int]:
    """Connect to the cluster that this machine is a node of; yield its number of processors.

    The address is "auto", HOST:PORT, or "local", which starts a cluster on this machine that no other machine
    can reach. SettingsError if there is none.
    """
    if address.startswith("ray://"):
        raise SettingsError(
            f"Ray Data can't be used through {address}. Run the command on a node of the cluster (`ray start "
            "--address HOST:PORT` adds one), with --ray auto."
        )
    _prepare_process(address)
    try:
        import ray.data
    except ImportError as error:
        raise SettingsError(f"Ray is not installed. Run `{INSTALL}`.") from error
    if ray.is_initialized():  # by the program that uses Pilcrow
        yield _processors()
        return
    _check_reachable(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with _muted():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **_options(address))
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise _unreachable(address, error) from error
    finally:
        if current_thread() is main_thread():  # Ray takes it
            signal.signal(signal.SIGTERM, handler)
    try:
        _quieten()
        yield _processors()
    finally:
        ray.shutdown()


def _prepare_process(address: str) -> None:
    """Set what Ray reads when it is imported."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address == LOCAL:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # listen on the loopback address only


@contextmanager
def _muted() -> Iterator[None]:
    """Keep what Ray's own libraries write at their start off standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _options(address: str) -> dict[str, object]:
    return {"include_dashboard": False} if address == LOCAL else {}


def _processors() -> int:
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _quieten() -> None:
    """Keep what Ray tells of nodes and progress off the terminal."""
    import ray
    from ray.data import DataContext

    ray._private.worker._worker_logs_enabled = False  # nothing public turns off what nodes report
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a long document takes as long as its limits allow


def _check_reachable(address: str) -> None:
    """Raise SettingsError if nothing listens there; Ray itself would try for a minute."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    with suppress(ValueError):
        if parts.hostname and parts.port:
            try:
                socket.create_connection((parts.hostname, parts.port), SECONDS).close()
            except OSError as error:
                raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> SettingsError:
    reason = str(error).strip().split("\n", 1)[0].rstrip(".")
    return SettingsError(
        f"No Ray cluster answers at {address} ({reason}). Start one with `ray start --head`, make this "
        "machine one of its nodes with `ray start --address HOST:PORT`, or use --ray local."
    )
