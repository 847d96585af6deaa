"""How many questions a user may ask in a minute, on the page and by programs, whichever process gets them."""

from __future__ import annotations

from threading import Lock
from time import time

from sqlalchemy import Integer, case, cast, extract, func

from rag import PilcrowError
from ui.metrics import count_refused
from ui.storage import Storage
from ui.tables import ASKED
from ui.words import t


class TooMany(PilcrowError):
    """A user asks too much; `headers` say when to ask again."""

    status = 429

    def __init__(self, most: int, seconds: int) -> None:
        super().__init__(
            t(
                "You have asked {most} questions within a minute. Ask again in 1 second.",
                "You have asked {most} questions within a minute. Ask again in {count} seconds.",
                most=most,
                count=seconds,
            )
        )
        self.headers = {"retry-after": str(seconds)}


class Quota:
    """The count of each user's questions in this minute. Without a login, nothing is counted."""

    def __init__(self, storage: Storage, most: int) -> None:
        self._storage, self._most = storage, most
        self._counts: dict[str, tuple[int, int]] = {}  # the minute, and the questions in it
        self._lock = Lock()

    def take(self, user: str) -> None:
        """Count a question; TooMany if it is one too many."""
        if not user:
            return
        count, second = self._shared(user) if self._storage.is_shared else self._alone(user)
        if count > self._most:
            count_refused()
            raise TooMany(self._most, 60 - second)

    def _alone(self, user: str) -> tuple[int, int]:
        minute, second = divmod(int(time()), 60)
        with self._lock:
            before = self._counts.get(user, (minute, 0))
            self._counts[user] = minute, 1 + (before[1] if before[0] == minute else 0)
            return self._counts[user][1], second

    def _shared(self, user: str) -> tuple[int, int]:
        """Count in the database, by its clock."""
        now = cast(func.floor(extract("epoch", func.clock_timestamp())), Integer)
        one = self._storage.insert(ASKED).values(user=user, minute=now / 60, count=1)
        same = ASKED.c.minute == one.excluded.minute
        counted = one.on_conflict_do_update(
            index_elements=[ASKED.c.user],
            set_={"minute": one.excluded.minute, "count": case((same, ASKED.c.count + 1), else_=1)},
        )
        [(count, second)] = self._storage.run(counted.returning(ASKED.c.count, now % 60))
        return int(count), int(second)
