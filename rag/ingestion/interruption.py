"""Ctrl-C and SIGTERM, held back until the document in hand is committed."""

from __future__ import annotations

import signal
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """A context manager: within it the first signal only sets `asked`; at its end the signal takes effect.

    A second Ctrl-C takes effect at once. Outside the main thread, where Python takes no handlers, nothing
    is held back.
    """

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether the work is to end at the next good place."""
        return self._number != 0

    def __enter__(self) -> Self:
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if handler not in {None, signal.SIG_IGN}:
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._number and number == signal.SIGINT:
            self._restore()
            raise KeyboardInterrupt
        self._number = number

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if kind is None and self._number:
            if self._before[self._number] is signal.SIG_DFL:
                raise SystemExit(128 + self._number)  # so that the callers' clean-up still runs
            signal.raise_signal(self._number)
