"""What lets somebody in without a password: sessions, API tokens, and links to one conversation.

Of sessions and tokens only the SHA-256 is stored. A link is stored as it is, because its owner must see it
again; whoever can read it in the file can read the conversation there too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from rag import PilcrowError
from ui.accounts import Accounts, User
from ui.storage import Storage, stored_time

IDLE = timedelta(days=30)  # a session ends after so long without use
MAX_LABEL = 60  # characters

_ENDED = "DELETE FROM pass WHERE user = ? AND stamp <> ? OR label IS NULL AND used < ?"
_ADD = "INSERT INTO pass (digest, user, stamp, label, made, used) VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
_USE = "UPDATE pass SET used = ? WHERE digest = ? AND used < ?"
_TOKENS = "SELECT id, label, made FROM pass WHERE user = ? AND label IS NOT NULL ORDER BY id"
_OF_SESSION = "SELECT user, stamp FROM pass WHERE digest = ? AND label IS NULL AND used >= ?"
_OF_PROGRAM = "SELECT user, stamp FROM pass WHERE digest = ? AND label IS NOT NULL"
_SHARE = "INSERT OR IGNORE INTO link VALUES (?, ?)"
_SHARED = """SELECT user, conversation FROM link JOIN conversation ON id = conversation
    WHERE token = ? AND deleted IS NULL"""


class Token(NamedTuple):
    """An API token in its owner's list; what the program sends is not stored."""

    id: int
    label: str
    made: datetime


class Access(Storage):
    """The sessions, tokens and links in the file of conversations, safe for threads.

    They hold only while their user exists, and sessions and tokens only while the password is the same.
    """

    def __init__(self, path: Path, accounts: Accounts) -> None:
        super().__init__(path)
        self.accounts = accounts

    def open_session(self, user: str) -> str:
        """Return the token of a new session."""
        return self._add(user, token_urlsafe(32), None)

    def user_of(self, session: str) -> User | None:
        """Return the user of a session that hasn't ended, and extend it."""
        user = self._find(_OF_SESSION, session, stored_time(IDLE))
        if user:
            self._run(_USE, stored_time(), _digest(session), stored_time(timedelta(hours=1)))
        return user

    def close_session(self, session: str) -> None:
        """End a session; nothing happens if there is none."""
        self._run("DELETE FROM pass WHERE digest = ? AND label IS NULL", _digest(session))

    def add_token(self, user: str, label: str) -> str:
        """Return a new API token, which can't be shown again."""
        if not (label := " ".join(label.split())) or len(label) > MAX_LABEL:
            raise PilcrowError(
                f"Name the token after the program that uses it, in up to {MAX_LABEL} characters."
            )
        return self._add(user, f"pilcrow_{token_urlsafe(32)}", label)

    def tokens(self, user: str) -> list[Token]:
        """Return a user's API tokens, oldest first."""
        rows = self._run(_TOKENS, user)
        return [Token(key, label, datetime.fromisoformat(made)) for key, label, made in rows]

    def remove_token(self, user: str, key: int) -> None:
        """Make an API token void; nothing happens if the user has no such token."""
        self._run("DELETE FROM pass WHERE id = ? AND user = ? AND label IS NOT NULL", key, user)

    def user_of_token(self, token: str) -> User | None:
        """Return the user of an API token."""
        return self._find(_OF_PROGRAM, token)

    def share(self, user: str, conversation: str) -> str:
        """Return the token of the link to a conversation, which it gets if it has none."""
        with self._transaction():
            self._own(user, conversation)
            self._run(_SHARE, conversation, token_urlsafe(32))
            return str(self._run("SELECT token FROM link WHERE conversation = ?", conversation)[0][0])

    def unshare(self, user: str, conversation: str) -> None:
        """Take the link to a conversation back."""
        self._own(user, conversation)
        self._run("DELETE FROM link WHERE conversation = ?", conversation)

    def shared(self, link: str) -> tuple[str, str] | None:
        """Return owner and id of the conversation that a link shows; its owner must still exist."""
        for user, conversation in self._run(_SHARED, link):
            if self.accounts.find(user):
                return user, conversation
        return None

    def _add(self, user: str, token: str, label: str | None) -> str:
        """Store what lets a user in, and delete what no longer does; return it."""
        if not (account := self.accounts.find(user)):
            raise PilcrowError("This user no longer exists.")
        self._run(_ENDED, user, account.stamp, stored_time(IDLE))
        self._run(_ADD, _digest(token), user, account.stamp, label, stored_time())
        return token

    def _find(self, wanted: str, token: str, *values: str) -> User | None:
        for name, stamp in self._run(wanted, _digest(token), *values):
            account = self.accounts.find(name)
            if account and account.stamp == stamp:
                return account.user(name)
        return None


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
