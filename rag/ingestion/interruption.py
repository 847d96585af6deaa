"""Ctrl-C and SIGTERM, delayed until the current documents are committed."""

from __future__ import annotations

import signal
from threading import Event, current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """A context in which the first signal only sets `requested`; it takes effect at the end.

    A second Ctrl-C takes effect at once. Only the main thread can delay signals, as only it may handle them.
    `stop` asks to stop as a signal does.
    """

    def __init__(self, stop: Event | None = None) -> None:
        self._stop = stop or Event()
        self._number = 0
        self._handlers: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal or the event asked to stop."""
        return self._number != 0 or self._stop.is_set()

    def __enter__(self) -> Self:
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if handler not in {None, signal.SIG_IGN}:
                    self._handlers[number] = handler
                    signal.signal(number, self._record)
        return self

    def _record(self, number: int, _frame: FrameType | None) -> None:
        if self._number and number == signal.SIGINT:
            self._restore()
            raise KeyboardInterrupt
        self._number = number

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if kind is None and self._number:
            if self._handlers[self._number] is signal.SIG_DFL:
                raise SystemExit(128 + self._number)  # so that callers still clean up
            signal.raise_signal(self._number)
