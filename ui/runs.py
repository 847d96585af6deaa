"""The questions being answered. They go on whatever the browsers do, and each belongs to one conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event, Lock

from rag import Answer, Assistant, PilcrowError, Turn
from ui.conversations import Conversations, Entry, new_id

MAX_QUESTION = 2000  # characters
MAX_RUNNING = 4  # questions answered at once
MAX_WAITING = 64  # questions that wait; one more is refused
KEPT = 200  # questions without an answer that are remembered, for a reload

log = logging.getLogger(__name__)


class Busy(PilcrowError):
    """Too many questions are waiting."""

    status = 429


class StillAnswering(PilcrowError):
    """The conversation's last question has no answer yet."""

    status = 409


@dataclass(slots=True)
class Run:
    """One question on its way to an answer.

    `text` is checked, `unchecked` isn't yet. `problem` says why there is no answer. `version` grows with
    each change.
    """

    user: str
    conversation: str
    question: str
    scope: tuple[str, ...] = ()
    replaces: int = 0
    extractive: bool = False
    entries: Sequence[Entry] = ()
    text: str = ""
    unchecked: str = ""
    problem: str = ""
    started: bool = False
    over: bool = False
    version: int = 0
    stop: Event = field(default_factory=Event)

    @property
    def is_first(self) -> bool:
        """Whether its conversation has no answer yet."""
        return not self.entries and not self.replaces

    @property
    def number(self) -> int:
        """The number that the question will have in its conversation."""
        return len(self.entries) + 1

    def show(self, text: str, unchecked: str) -> None:
        """Set what is known of the answer so far."""
        self.text, self.unchecked, self.started = text, unchecked, True
        self.version += 1

    def end(self, problem: str = "") -> None:
        """Set that it is over, and why there is no answer if so."""
        self.problem, self.over = problem, True
        self.version += 1


class Runs:
    """All questions being answered, and the last ones that got no answer."""

    def __init__(self, assistant: Assistant, conversations: Conversations) -> None:
        self._assistant = assistant
        self._conversations = conversations
        self._runs: dict[str, Run] = {}
        self._lock = Lock()
        self._workers = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="answer")

    def of(self, user: str) -> list[Run]:
        """Return the user's questions that are being answered, newest first."""
        with self._lock:
            return [run for run in reversed(self._runs.values()) if run.user == user and not run.over]

    def find(self, user: str, conversation: str) -> Run | None:
        """Return the conversation's last question if it is being answered or got no answer."""
        run = self._runs.get(conversation)
        return run if run and run.user == user else None

    def before(self, run: Run) -> int:
        """Return how many questions wait before this one; 0 once it is read."""
        with self._lock:
            waiting = [one for one in self._runs.values() if not (one.started or one.over)]
        return waiting.index(run) if run in waiting else 0

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
        run = Run(user, key, question, tuple(sources), replaces, extractive, kept)
        with self._lock:
            going = [one for one in self._runs.values() if not one.over]
            if any(one.conversation == key for one in going):
                raise StillAnswering("The question before is still being answered. Wait for it, or stop it.")
            if len(going) >= MAX_RUNNING + MAX_WAITING:
                raise Busy(f"{len(going)} questions are being answered already. Try again in a moment.")
            self._runs.pop(key, None)
            self._runs[key] = run
            for old in [one for one, ended in self._runs.items() if ended.over][:-KEPT]:
                del self._runs[old]
        self._workers.submit(self._answer, run).add_done_callback(_log_bug)
        return run

    def stop(self, user: str, conversation: str) -> str:
        """Stop answering, and return the question; nothing is recorded. PilcrowError if there is none."""
        run = self.find(user, conversation)
        if run is None or run.over:
            raise PilcrowError("This question is not being answered any more.")
        run.stop.set()
        run.end("Stopped. Nothing was saved.")
        return run.question

    def close(self) -> None:
        """Stop all, after their current steps."""
        for run in list(self._runs.values()):
            run.stop.set()
            if not run.over:
                run.end()
        self._workers.shutdown(cancel_futures=True)

    def _check(self, question: str, sources: Sequence[str]) -> None:
        """Raise PilcrowError if the question can't be asked."""
        if len(question) > MAX_QUESTION:
            raise PilcrowError(
                f"This question has {len(question):,} characters. Use at most {MAX_QUESTION:,}."
            )
        if not question.strip():
            raise PilcrowError("This question is empty. Type a question, then press Ask.")
        if not self._assistant.documents(list(sources) or None):
            raise PilcrowError("Add documents first, then ask again.")

    def _answer(self, run: Run) -> None:
        problem = "Pilcrow could not answer this; its log says why. Ask again, in other words."
        try:
            if run.stop.is_set():
                return
            run.show("", "")
            turns = [Turn(entry.answer.question, entry.answer.text) for entry in run.entries]
            asked = self._assistant.stream(run.question, turns, list(run.scope) or None, run.extractive)
            with closing(asked) as stream:
                for piece in stream:
                    if run.stop.is_set():
                        return
                    run.show(run.text + piece, stream.unchecked)
            self._record(run, stream.answer)
            problem = ""
        except PilcrowError as error:
            problem = str(error)
        finally:
            if not run.over:
                run.end(problem)

    def _record(self, run: Run, answer: Answer) -> None:
        """Record the answer, unless it was stopped meanwhile."""
        with self._lock:
            if run.stop.is_set():
                return
            searched = len(self._assistant.documents(list(run.scope) or None))
            self._conversations.add(
                run.user, run.conversation, answer, run.is_first, run.scope, searched, run.replaces
            )
            del self._runs[run.conversation]


def _log_bug(future: Future[None]) -> None:
    """Log an error that nobody expects; the page shows that there is no answer."""
    if not future.cancelled() and (error := future.exception()):
        log.error("A question failed", exc_info=error)
