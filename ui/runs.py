"""The questions being answered. They go on whatever the browsers do, and each belongs to one conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from threading import Event, Lock, Thread

from rag import Answer, Assistant, PilcrowError, Turn
from ui.board import STOPPED, Board, Run, StillAnswering
from ui.conversations import Conversations, new_id
from ui.metrics import RUNNING, count_answer, count_refused

MAX_QUESTION = 2000  # characters
MAX_RUNNING = 4  # questions answered at once
MAX_WAITING = 64  # questions that wait; one more is refused
KEPT = 200  # questions without an answer that are remembered, for a reload
EVERY = 0.25  # seconds between two looks at what other processes should see, and want stopped

log = logging.getLogger(__name__)


class Busy(PilcrowError):
    """Too many questions are waiting."""

    status = 429


class Runs:
    """All questions being answered, and the last ones that got no answer.

    Each is answered by the process that got it. If processes share a database, all see, list and stop it.
    """

    def __init__(self, assistant: Assistant, conversations: Conversations) -> None:
        self._assistant = assistant
        self._conversations = conversations
        self._runs: dict[str, Run] = {}
        self._lock = Lock()
        self._workers = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="answer")
        self._board = Board(conversations) if conversations.is_shared else None
        self._closed = Event()
        self._shown = Thread(target=self._show_all, name="board", daemon=True)
        if self._board:
            self._shown.start()

    def of(self, user: str) -> list[Run]:
        """Return the user's questions that are being answered, newest first."""
        if self._board:
            return self._board.of(user)
        with self._lock:
            return [run for run in reversed(self._runs.values()) if run.user == user and not run.over]

    def find(self, user: str, conversation: str) -> Run | None:
        """Return the conversation's last question if it is being answered or got no answer."""
        run = self._runs.get(conversation)
        if self._board and (run is None or run.over):
            return self._board.find(user, conversation)
        return run if run and run.user == user else None

    def waiting(self) -> int:
        """Return how many questions of this process wait."""
        with self._lock:
            return sum(not (one.started or one.over) for one in self._runs.values())

    def before(self, run: Run) -> int:
        """Return how many questions wait before this one; 0 once it is read."""
        with self._lock:
            waiting = [one.key for one in self._runs.values() if not (one.started or one.over)]
        return waiting.index(run.key) if run.key in waiting else run.ahead

    def ask(
        self,
        user: str,
        conversation: str,
        question: str,
        sources: Sequence[str] = (),
        replaces: int = 0,
        extractive: bool = False,
    ) -> Run:
        """Begin to answer a question, in a new conversation if `conversation` is "".

        It replaces question number `replaces` (0 for none) and all after it, once it has its answer.
        `extractive` answers without the LLM. Raises PilcrowError if it can't begin.
        """
        self._check(question, sources)
        before = self.find(user, conversation)
        is_new = not conversation or (before is not None and before.is_first)
        entries = [] if is_new else self._conversations.entries(user, conversation)
        kept = [entry for entry in entries if not replaces or entry.number < replaces]
        key = conversation or new_id()
        number = len(kept) + 1
        run = Run(user, key, question, tuple(sources), number, replaces, extractive, kept)
        if self._board:
            self._board.begin(run)
        try:
            self._admit(run)
        except PilcrowError:
            if self._board:
                self._board.drop([run])
            raise
        self._workers.submit(self._answer, run).add_done_callback(_log_bug)
        return run

    def _admit(self, run: Run) -> None:
        with self._lock:
            going = [one for one in self._runs.values() if not one.over]
            if any(one.conversation == run.conversation for one in going):
                raise StillAnswering
            if len(going) >= MAX_RUNNING + MAX_WAITING:
                count_refused()
                raise Busy(f"{len(going)} questions are being answered already. Try again in a moment.")
            self._runs.pop(run.conversation, None)
            self._runs[run.conversation] = run
            for old in [one for one, ended in self._runs.items() if ended.over][:-KEPT]:
                del self._runs[old]

    def stop(self, user: str, conversation: str) -> str:
        """Stop answering, and return the question; nothing is recorded. PilcrowError if there is none."""
        run = self.find(user, conversation)
        if run is None or run.over:
            raise PilcrowError("This question is not being answered any more.")
        run.stop.set()
        run.end(STOPPED)
        if self._board:
            self._board.stop(run)
        return run.question

    def close(self) -> None:
        """Stop all, after their current steps."""
        for run in list(self._runs.values()):
            run.stop.set()
            if not run.over:
                run.end()
        self._workers.shutdown(cancel_futures=True)
        self._closed.set()
        if self._board:
            self._shown.join()
            with suppress(PilcrowError):
                self._board.drop(self._runs.values())

    def _check(self, question: str, sources: Sequence[str]) -> None:
        """Raise PilcrowError if the question can't be asked."""
        if len(question) > MAX_QUESTION:
            raise PilcrowError(
                f"This question has {len(question):,} characters. Use at most {MAX_QUESTION:,}."
            )
        if not question.strip():
            raise PilcrowError("This question is empty. Type a question, then press Ask.")
        if not self._assistant.count(list(sources) or None):
            raise PilcrowError("Add documents first, then ask again.")

    def _answer(self, run: Run) -> None:
        problem = "Pilcrow could not answer this; its log says why. Ask again, in other words."
        try:
            if run.stop.is_set():
                return
            run.show("", "")
            turns = [Turn(entry.answer.question, entry.answer.text) for entry in run.entries]
            asked = self._assistant.stream(run.question, turns, list(run.scope) or None, run.extractive)
            with RUNNING.track_inprogress(), closing(asked) as stream:
                for piece in stream:
                    if run.stop.is_set():
                        return
                    run.show(run.text + piece, stream.unchecked)
            count_answer(stream.answer)
            self._record(run, stream.answer)
            problem = ""
        except PilcrowError as error:
            count_answer(None)
            problem = str(error)
        finally:
            if not run.over:
                run.end(problem)
            if self._board:
                with suppress(PilcrowError):
                    self._board.show([], [run])

    def _record(self, run: Run, answer: Answer) -> None:
        """Record the answer, unless it was stopped meanwhile."""
        with self._lock:
            if run.stop.is_set():
                return
            searched = self._assistant.count(list(run.scope) or None)
            with self._board.answered(run) if self._board else nullcontext(True) as is_wanted:
                if is_wanted:
                    self._conversations.add(
                        run.user, run.conversation, answer, run.is_first, run.scope, searched, run.replaces
                    )
            run.end("" if is_wanted else STOPPED)
            if is_wanted:
                del self._runs[run.conversation]

    def _show_all(self) -> None:
        """Show other processes the questions answered here until `close`, and stop what they want stopped."""
        shown: dict[str, tuple[int, int]] = {}
        while not self._closed.wait(EVERY):
            living = [run for run in list(self._runs.values()) if not run.over]
            for run in living:
                run.ahead = self.before(run)
            now = {run.key: (run.version, run.ahead) for run in living}
            try:
                changed = [run for run in living if shown.get(run.key) != now[run.key]]
                wanted = self._board.show(living, changed) if self._board and living else set()
            except PilcrowError as error:
                log.warning("%s", error)
                continue
            shown = now
            with self._lock:  # none is being recorded
                for run in living:
                    if run.key not in wanted and not run.over:
                        run.stop.set()
                        run.end(STOPPED)


def _log_bug(future: Future[None]) -> None:
    """Log an error that nobody expects; the page shows that there is no answer."""
    if not future.cancelled() and (error := future.exception()):
        log.error("A question failed", exc_info=error)
