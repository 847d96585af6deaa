"""The users' conversations with their verdicts on the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import NamedTuple

from sqlalchemy import case, delete, exists, func, insert, literal, or_, select, update

from rag import Answer, PilcrowError
from ui.storage import FILE, Storage, stored_time
from ui.tables import CONVERSATION, ENTRY, Written

__all__ = ["FILE", "MAX_NOTE", "UNDO", "VERDICTS", "Conversation", "Conversations", "Entry", "new_id"]

VERDICTS = ("right", "wrong", "wrong citation")
MAX_NOTE = 2000  # characters
MAX_TITLE = 60  # characters
UNDO = timedelta(seconds=10)  # time to take a deletion back

_OF, _IN = CONVERSATION.c, ENTRY.c
_BY_NUMBER = select(ENTRY).order_by(_IN.number)
_JUDGED = (
    select(ENTRY)
    .join(CONVERSATION)
    .where(_IN.verdict.is_not(None), _OF.deleted.is_(None))
    .order_by(_IN.asked, _IN.conversation, _IN.number)
)


class Conversation(NamedTuple):
    """A conversation in the list; `updated` (UTC) is the time of its last answer."""

    id: str
    title: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One question with its answer, numbered from 1, and the user's verdict: one of `VERDICTS`, or None.

    `searched` documents were searched: all of them, or those in `scope`.
    """

    number: int
    answer: Answer
    asked: datetime
    verdict: str | None = None
    note: str = ""
    scope: tuple[str, ...] = ()
    searched: int = 0


class Conversations(Storage):
    """The opened conversations, safe for threads; every error is a PilcrowError.

    Another user's conversation is reported as missing. Without a login the user is "".
    """

    def _prepare(self) -> None:
        super()._prepare()
        self._purge()

    def search(self, user: str, text: str = "") -> list[Conversation]:
        """Return a user's conversations with this text in title, questions or answers, newest first.

        The text is matched literally, in upper or lower case.
        """
        self._purge()
        wanted = select(_OF.id, _OF.title, _OF.updated).where(_OF.user == user, _OF.deleted.is_(None))
        if text:
            said = or_(self._contains(_IN.question, text), self._contains(_IN.text, text))
            entries = exists().where(_IN.conversation == _OF.id, said)
            wanted = wanted.where(or_(self._contains(_OF.title, text), entries))
        rows = self.run(wanted.order_by(_OF.updated.desc(), _OF.id))
        return [Conversation(key, title, datetime.fromisoformat(updated)) for key, title, updated in rows]

    def title(self, user: str, conversation: str) -> str:
        """Return a conversation's title."""
        return self._own(user, conversation)

    def entries(self, user: str, conversation: str) -> list[Entry]:
        """Return the questions and answers of a conversation, oldest first."""
        self._own(user, conversation)
        found = []
        for row in self.run(_BY_NUMBER.where(_IN.conversation == conversation)):
            answer, at = Answer.from_json(json.loads(row.answer)), datetime.fromisoformat(row.asked)
            scope = tuple(json.loads(row.scope))
            found.append(Entry(row.number, answer, at, row.verdict, row.note, scope, row.searched))
        return found

    def add(
        self,
        user: str,
        conversation: str | None,
        answer: Answer,
        new: bool = False,
        scope: Sequence[str] = (),
        searched: int = 0,
        replaces: int = 0,
    ) -> str:
        """Append an answer to a conversation, or to a new one (None), and return the conversation's id.

        With `new`, the id comes from `new_id`, and the conversation may not exist yet. The first question
        becomes its title. The answer replaces question number `replaces` (0 for none) and all after it.
        """
        key = new_id() if conversation is None else conversation
        with self.transaction():
            if new or conversation is None:
                begun = self.insert(CONVERSATION).values(id=key, user=user, title="", updated="")
                self.run(begun.on_conflict_do_nothing())
            number = self._count(user, key, to_change=True) + 1
            if replaces:
                self._own_entry(user, key, replaces)
                self.run(delete(ENTRY).where(_IN.conversation == key, _IN.number >= replaces))
            self._append(key, replaces or number, answer, scope, searched)
        if replaces:
            self._truncate_log()
        return key

    def _append(
        self, conversation: str, number: int, answer: Answer, scope: Sequence[str], searched: int
    ) -> None:
        now, written = stored_time(), json.dumps(answer.as_json(), ensure_ascii=False)
        entry = insert(ENTRY).values(conversation=conversation, number=number, searched=searched)
        said = {"question": answer.question, "text": answer.text, "answer": written}
        self.run(entry.values(**said, asked=now, scope=json.dumps(list(scope))))
        title = literal(_title(answer.question), Written) if number == 1 else _OF.title
        changed = {"updated": now, "title": case((_OF.renamed == 1, _OF.title), else_=title)}
        self.run(update(CONVERSATION).where(_OF.id == conversation).values(changed))

    def rename(self, user: str, conversation: str, title: str) -> None:
        """Set a conversation's title; later questions no longer change it."""
        if not title.strip():
            raise PilcrowError("The title is empty. Type one.")
        self._own(user, conversation)
        named = update(CONVERSATION).values(title=_title(title), renamed=1)
        self.run(named.where(_OF.id == conversation))
        self._truncate_log()

    def delete(self, user: str, conversation: str) -> None:
        """Delete a conversation; `restore` takes it back for `UNDO`, then its text is erased."""
        self._own(user, conversation)
        self.run(update(CONVERSATION).where(_OF.id == conversation).values(deleted=stored_time()))

    def restore(self, user: str, conversation: str) -> None:
        """Take a deletion back, with the conversation's link."""
        lately = _OF.id == conversation, _OF.user == user, _OF.deleted >= stored_time(UNDO)
        if not self.run(update(CONVERSATION).where(*lately).values(deleted=None).returning(_OF.id)):
            raise PilcrowError("This can't be undone any more: the conversation was erased.")

    def judge(self, user: str, conversation: str, number: int, verdict: str | None, note: str = "") -> None:
        """Set the user's verdict on an answer; None removes it."""
        if verdict is not None and verdict not in VERDICTS:
            raise PilcrowError(f"Unknown verdict {verdict!r}. Use one of: {', '.join(VERDICTS)}.")
        if len(note) > MAX_NOTE:
            raise PilcrowError(f"The note has {len(note)} characters. Use at most {MAX_NOTE}.")
        self._own_entry(user, conversation, number)
        judged = update(ENTRY).where(_IN.conversation == conversation, _IN.number == number)
        self.run(judged.values(verdict=verdict, note=note))

    def judged_answers(self) -> Iterator[dict[str, object]]:
        """Yield all users' answers that have a verdict, as JSON values for the evaluation, oldest first.

        `history` is the turns before, `citations` the cited [source, paragraph].
        """
        for row in self.run(_JUDGED):
            answer, same = Answer.from_json(json.loads(row.answer)), _IN.conversation == row.conversation
            before = self.run(_BY_NUMBER.where(same, _IN.number < row.number))
            yield {
                "question": answer.question,
                "history": [{"question": one.question, "answer": one.text} for one in before],
                "answer": answer.text,
                "verdict": row.verdict,
                "note": row.note,
                "citations": [[citation.source, citation.paragraph] for citation in answer.citations],
                "asked": row.asked,
            }

    def _purge(self) -> None:
        """Erase what was deleted longer ago than `UNDO`."""
        late = delete(CONVERSATION).where(_OF.deleted < stored_time(UNDO))
        if self.run(late.returning(_OF.id)):
            self._truncate_log()

    def _count(self, user: str, conversation: str, to_change: bool = False) -> int:
        """Return how many questions a conversation of the user's has."""
        self._own(user, conversation, to_change)
        [(count,)] = self.run(select(func.count()).where(_IN.conversation == conversation))
        return int(count)

    def _own_entry(self, user: str, conversation: str, number: int) -> None:
        """Raise PilcrowError if the conversation isn't the user's, or has no entry of this number."""
        if not 1 <= number <= self._count(user, conversation):
            raise PilcrowError(f"This conversation has no question {number}.")


def new_id() -> str:
    """Return the id of a conversation to come, which can't be guessed."""
    return token_urlsafe(12)


def _title(question: str) -> str:
    """Return the question on one line, cut after a word if it is long."""
    line = " ".join(question.split()) or "…"
    if len(line) <= MAX_TITLE:
        return line
    start = line[:MAX_TITLE]
    return (start.rpartition(" ")[0] or start[:-1]).rstrip(" ,;:") + "…"
