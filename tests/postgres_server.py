"""A real PostgreSQL server on this machine: one for each test process, with an empty place for each test.

A test asks for `postgres_url`, the address of its place, and for `postgres` to stop, kill or start the
server.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from chroma_server import free_port

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"
GUARDED = "guarded"  # a role that must give its password; a test that needs it creates it
# Few resources, but durable as in use; the server's messages in English whatever the machine's language.
OPTIONS = {
    "fsync": "on",
    "lc_messages": "C",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    # After a kill, one call for all files and not one for each of a thousand; Linux has it.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}


class PostgresServer:
    """A server whose data lies in a temporary folder; anyone here may log in as `postgres`."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"test_{number}" for number in count(1))
        self.port = free_port()
        encoding = ["--encoding=UTF8", "--locale=C", "--no-sync"]
        self._call("initdb", f"--username={USER}", "--auth=trust", *encoding, "-D", str(self._data))
        access = self._data / "pg_hba.conf"
        access.write_text(f"host all {GUARDED} all scram-sha-256\n{access.read_text('utf-8')}", "utf-8")

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, **self._as_user())
        assert done.returncode == 0, f"{program} failed: {done.stderr}"

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root, so root runs it as Debian's user postgres."""
        changed = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        return {"cwd": self._folder, **changed}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in OPTIONS.items()]
        where = ["-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), *where, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + 300
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def _answers(self) -> bool:
        ready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self) -> None:
        """Stop the server as an administrator does: connections are ended, what is committed is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server without a farewell, as a crash does; it recovers when it starts again."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop the server and start it at the same address."""
        self.stop()
        self.start()

    def _end(self, how: int) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(timeout=300)
            self._process = None

    @property
    def running(self) -> bool:
        """Whether the server was started and not stopped."""
        return self._process is not None

    def url(self, database: str = "postgres", user: str = USER) -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Return the address of an empty place: a schema, as a database takes seconds on a busy disk."""
        name = next(self._names)
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"

    def execute(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        """Run a statement at an address, outside a transaction; return its rows, [] if it has none."""
        import psycopg

        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def log(self) -> str:
        """Return what the server has printed."""
        return (self._folder / "log").read_text("utf-8", "replace")


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest version's; None where there is none."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    if found:
        return found[-1].parent
    plain = shutil.which("initdb")
    return Path(plain).resolve().parent if plain else None


@pytest.fixture(scope="session")
def postgres_of_session() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg", reason="the tests on PostgreSQL need psycopg: pip install -e '.[scale]'")
    programs = _programs()
    if programs is None:
        pytest.skip("the tests on PostgreSQL need its programs: apt-get install postgresql")
    # Not pytest's folder: only this user may enter that one, and the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="pilcrow-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    server = PostgresServer(programs, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_of_session: PostgresServer) -> PostgresServer:
    """The server, running."""
    if not postgres_of_session.running:
        postgres_of_session.start()
    return postgres_of_session


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The address of an empty place of its own."""
    return postgres.new_database()
