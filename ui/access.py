"""What lets somebody in without a password: sessions, API tokens, and links to one conversation.

Of sessions and tokens only the SHA-256 is stored. A link is stored as it is, because its owner must see it
again; whoever can read it there can read the conversation there too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, insert, not_, or_, select, update

from rag import PilcrowError
from ui.accounts import Accounts, User
from ui.storage import Storage, stored_time
from ui.tables import CONVERSATION, LINK, PASS

IDLE = timedelta(days=30)  # a session ends after so long without use
MAX_LABEL = 60  # characters

_OF = PASS.c
_IS_TOKEN = _OF.label.is_not(None)


class Token(NamedTuple):
    """An API token in its owner's list; what the program sends is not stored."""

    id: int
    label: str
    made: datetime


class Access(Storage):
    """The sessions, tokens and links, kept with the conversations, safe for threads.

    They hold only while their user exists, and sessions and tokens only while the password is the same.
    """

    def __init__(self, place: Path | str, accounts: Accounts) -> None:
        super().__init__(place)
        self.accounts = accounts

    def open_session(self, user: str) -> str:
        """Return the token of a new session."""
        return self._add(user, token_urlsafe(32), None)

    def user_of(self, session: str) -> User | None:
        """Return the user of a session that hasn't ended, and extend it."""
        user = self._find(session, not_(_IS_TOKEN), _OF.used >= stored_time(IDLE))
        if user:
            old = _OF.digest == _digest(session), _OF.used < stored_time(timedelta(hours=1))
            self.run(update(PASS).where(*old).values(used=stored_time()))
        return user

    def close_session(self, session: str) -> None:
        """End a session; nothing happens if there is none."""
        self.run(delete(PASS).where(_OF.digest == _digest(session), not_(_IS_TOKEN)))

    def add_token(self, user: str, label: str) -> str:
        """Return a new API token, which can't be shown again."""
        if not (label := " ".join(label.split())) or len(label) > MAX_LABEL:
            raise PilcrowError(
                f"Name the token after the program that uses it, in up to {MAX_LABEL} characters."
            )
        return self._add(user, f"pilcrow_{token_urlsafe(32)}", label)

    def tokens(self, user: str) -> list[Token]:
        """Return a user's API tokens, oldest first."""
        wanted = select(_OF.id, _OF.label, _OF.made).where(_OF.user == user, _IS_TOKEN)
        rows = self.run(wanted.order_by(_OF.id))
        return [Token(key, label, datetime.fromisoformat(made)) for key, label, made in rows]

    def remove_token(self, user: str, key: int) -> None:
        """Make an API token void; nothing happens if the user has no such token."""
        self.run(delete(PASS).where(_OF.id == key, _OF.user == user, _IS_TOKEN))

    def user_of_token(self, token: str) -> User | None:
        """Return the user of an API token."""
        return self._find(token, _IS_TOKEN)

    def share(self, user: str, conversation: str) -> str:
        """Return the token of the link to a conversation, which it gets if it has none."""
        link = self.insert(LINK).values(conversation=conversation, token=token_urlsafe(32))
        with self.transaction():
            self._own(user, conversation, to_change=True)
            self.run(link.on_conflict_do_nothing())
            return str(self.run(select(LINK.c.token).where(LINK.c.conversation == conversation))[0][0])

    def unshare(self, user: str, conversation: str) -> None:
        """Take the link to a conversation back."""
        self._own(user, conversation)
        self.run(delete(LINK).where(LINK.c.conversation == conversation))

    def shared(self, link: str) -> tuple[str, str] | None:
        """Return owner and id of the conversation that a link shows; its owner must still exist."""
        wanted = select(CONVERSATION.c.user, CONVERSATION.c.id).join(LINK)
        for user, conversation in self.run(
            wanted.where(LINK.c.token == link, CONVERSATION.c.deleted.is_(None))
        ):
            if self.accounts.find(user):
                return user, conversation
        return None

    def _add(self, user: str, token: str, label: str | None) -> str:
        """Store what lets a user in, and delete what no longer does; return it."""
        if not (account := self.accounts.find(user)):
            raise PilcrowError("This user no longer exists.")
        other = (_OF.user == user) & (_OF.stamp != account.stamp)
        unused = not_(_IS_TOKEN) & (_OF.used < stored_time(IDLE))
        self.run(delete(PASS).where(or_(other, unused)))
        now = stored_time()
        made = insert(PASS).values(digest=_digest(token), user=user, stamp=account.stamp, label=label)
        self.run(made.values(made=now, used=now))
        return token

    def _find(self, token: str, *also: ColumnElement[bool]) -> User | None:
        wanted = select(_OF.user, _OF.stamp).where(_OF.digest == _digest(token), *also)
        for name, stamp in self.run(wanted):
            account = self.accounts.find(name)
            if account and account.stamp == stamp:
                return account.user(name)
        return None


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
