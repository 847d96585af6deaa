"""Slowing down who guesses passwords: wrong ones for a name, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from time import monotonic

FREE = 5  # wrong passwords for a name; after each further one it waits twice as long
LONGEST = 256.0  # seconds
FORGOTTEN = 60.0  # seconds after the wait until wrong passwords no longer count
MAX_NAMES = 1000


@dataclass(slots=True)
class Guesses:
    """The latest names with wrong passwords: how many, and until when no password of theirs is tried."""

    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict)

    def wait(self, name: str) -> int:
        """Return the seconds until a password of this name is tried again."""
        return max(0, ceil(self._wrong.get(name, (0, 0.0))[1] - monotonic()))

    def wrong(self, name: str) -> None:
        """Count a wrong password."""
        now = monotonic()
        count, until = self._wrong.pop(name, (0, now))
        count = 1 if now > until + FORGOTTEN else count + 1
        pause = min(2.0 ** (count - FREE), LONGEST) if count >= FREE else 0.0
        self._wrong[name] = (count, now + pause)  # the latest name is last
        if len(self._wrong) > MAX_NAMES:
            del self._wrong[next(iter(self._wrong))]

    def right(self, name: str) -> None:
        """Forget the wrong passwords of this name."""
        self._wrong.pop(name, None)
