"""The process that test_migrating kills: it copies an index and tells what it does."""

from __future__ import annotations

from multiprocessing.connection import Connection

from rag import Settings
from rag.migrating import migrate


def run(source: Settings, target: Settings, told: Connection) -> None:
    """Say what is read, copied and compared, one message for each."""
    migrate(source, target, lambda what, _done, _total: told.send(what))
