"""One question being answered, and where processes that share a database see each other's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from threading import Event

from sqlalchemy import ColumnElement, Row, delete, func, not_, or_, select, text, update

from rag import PilcrowError
from ui.conversations import Entry
from ui.storage import Storage
from ui.tables import RUN

STOPPED = "Stopped. Nothing was saved."
DIED = "The program that was answering this was stopped. Ask again."

_OF = RUN.c
_NOW = func.clock_timestamp()
_IS_DEAD = _OF.heartbeat < _NOW - text("interval '15 seconds'")  # no sign of life from its process
_IS_OLD = _OF.heartbeat < _NOW - text("interval '1 day'")


class StillAnswering(PilcrowError):
    """The conversation's last question has no answer yet."""

    status = 409

    def __init__(self) -> None:
        super().__init__("The question before is still being answered. Wait for it, or stop it.")


@dataclass(slots=True)
class Run:
    """One question on its way to an answer; `is_elsewhere` is one of another process, as it was.

    `text` is checked, `unchecked` isn't yet. `problem` says why there is no answer. `version` grows with
    each change. `number` is the one it will have in its conversation, `ahead` how many wait before it.
    """

    user: str
    conversation: str
    question: str
    scope: tuple[str, ...] = ()
    number: int = 1
    replaces: int = 0
    extractive: bool = False
    entries: Sequence[Entry] = ()
    text: str = ""
    unchecked: str = ""
    problem: str = ""
    started: bool = False
    over: bool = False
    version: int = 0
    ahead: int = 0
    is_elsewhere: bool = False
    stop: Event = field(default_factory=Event)
    key: str = field(default_factory=token_urlsafe)

    @property
    def is_first(self) -> bool:
        """Whether its conversation has no answer yet."""
        return self.number == 1 and not self.replaces

    def show(self, text: str, unchecked: str) -> None:
        """Set what is known of the answer so far."""
        self.text, self.unchecked, self.started = text, unchecked, True
        self.version += 1

    def end(self, problem: str = "") -> None:
        """Set that it is over, and why there is no answer if so."""
        self.problem, self.over = problem, True
        self.version += 1


class Board:
    """The questions of all processes, a row for each conversation; every error is a PilcrowError."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def begin(self, run: Run) -> None:
        """Show a question; StillAnswering if a process that lives is answering one in its conversation."""
        row = {name: getattr(run, name) for name in ("conversation", "user", "key", "question")}
        row |= {name: getattr(run, name) for name in ("number", "replaces", "extractive")}
        made = self._storage.insert(RUN).values(**row, scope=json.dumps(run.scope))
        taken = made.on_conflict_do_update(
            index_elements=[_OF.conversation],
            set_={column.name: made.excluded[column.name] for column in RUN.c},
            where=(_OF.user == run.user) & or_(_OF.over, _IS_DEAD),
        )
        self._storage.run(delete(RUN).where(_IS_OLD))
        if not self._storage.run(taken.returning(_OF.key)):
            raise StillAnswering

    def show(self, living: Iterable[Run], changed: Iterable[Run] = ()) -> set[str]:
        """Show what has changed, and that these live; return the keys of those that nobody has stopped."""
        names = ("text", "unchecked", "problem", "version", "ahead", "started", "over")
        with self._storage.transaction():
            for run in changed:
                values = {name: getattr(run, name) for name in names}
                self._storage.run(update(RUN).where(_OF.key == run.key, not_(_OF.over)).values(values))
            alive = update(RUN).where(_OF.key.in_([run.key for run in living]), not_(_OF.over))
            return {key for (key,) in self._storage.run(alive.values(heartbeat=_NOW).returning(_OF.key))}

    def find(self, user: str, conversation: str) -> Run | None:
        """Return the conversation's last question, if it has no answer."""
        found = self._runs(_OF.user == user, _OF.conversation == conversation)
        return found[0] if found else None

    def of(self, user: str) -> list[Run]:
        """Return the user's questions that are being answered, newest first."""
        return self._runs(_OF.user == user, not_(_OF.over), not_(_IS_DEAD))

    def stop(self, run: Run) -> None:
        """Have a question stopped, whichever process answers it."""
        stopped = update(RUN).where(_OF.key == run.key, not_(_OF.over))
        self._storage.run(stopped.values(over=True, problem=STOPPED, version=_OF.version + 1))

    @contextmanager
    def answered(self, run: Run) -> Iterator[bool]:
        """Take a question down and record its answer in one transaction; False if it was stopped."""
        with self._storage.transaction():
            own = delete(RUN).where(_OF.key == run.key, not_(_OF.over))
            yield bool(self._storage.run(own.returning(_OF.key)))

    def drop(self, runs: Iterable[Run]) -> None:
        """Take questions down."""
        self._storage.run(delete(RUN).where(_OF.key.in_([run.key for run in runs])))

    def _runs(self, *which: ColumnElement[bool]) -> list[Run]:
        wanted = select(RUN, _IS_DEAD.label("dead")).where(*which).order_by(_OF.asked.desc())
        return [_as_run(row) for row in self._storage.run(wanted)]


def _as_run(row: Row[*tuple[object, ...]]) -> Run:
    values = dict(row._mapping)
    dead = values.pop("dead") and not values["over"]
    values = {name: value for name, value in values.items() if name not in {"asked", "heartbeat"}}
    found = Run(**values | {"scope": tuple(json.loads(values["scope"])), "is_elsewhere": True})
    if dead:
        found.end(DIED)
    return found
