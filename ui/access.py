"""What lets somebody in without a password: sessions, API tokens, and links to one conversation.

Of sessions and tokens only the SHA-256 is stored. A link is stored as it is, because its owner must see it
again; whoever can read it in the file can read the conversation there too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from rag import PilcrowError
from ui.accounts import Accounts, User
from ui.storage import Storage, encodable, own, stored_time

IDLE = timedelta(days=30)  # a session ends after so long without use
PREFIX = "pilcrow_"  # of API tokens
MAX_LABEL = 60  # characters

_FOUND = "SELECT user, stamp, used FROM pass WHERE digest = ? AND label IS {} NULL"
_LINKED = """SELECT user, conversation FROM link JOIN conversation ON id = conversation
    WHERE token = ? AND deleted IS NULL"""


@dataclass(frozen=True, slots=True)
class Token:
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
        """Return the token of a new session, and delete those that have ended."""
        with self._transaction() as connection:
            ended = stored_time(datetime.now(UTC) - IDLE)
            connection.execute("DELETE FROM pass WHERE label IS NULL AND used < ?", (ended,))
        return self._add(user, secrets.token_urlsafe(32), None)

    def user_of(self, session: str) -> User | None:
        """Return the user of a session that hasn't ended, and extend it."""
        if not (found := self._find(session, _FOUND.format(""))):
            return None
        user, used = found
        now = datetime.now(UTC)
        if used < now - IDLE:
            return None
        if used < now - timedelta(hours=1):
            self._change("UPDATE pass SET used = ? WHERE digest = ?", stored_time(now), _digest(session))
        return user

    def close_session(self, session: str) -> None:
        """End a session; nothing happens if there is none."""
        self._change("DELETE FROM pass WHERE digest = ? AND label IS NULL", _digest(session))

    def add_token(self, user: str, label: str) -> str:
        """Return a new API token, which can't be shown again."""
        if not (label := " ".join(label.split())) or len(label) > MAX_LABEL:
            raise PilcrowError(
                f"Name the token after the program that uses it, in up to {MAX_LABEL} characters."
            )
        return self._add(user, PREFIX + secrets.token_urlsafe(32), encodable(label))

    def tokens(self, user: str) -> list[Token]:
        """Return a user's API tokens, oldest first."""
        wanted = "SELECT id, label, made FROM pass WHERE user = ? AND label IS NOT NULL ORDER BY id"
        with self._transaction("BEGIN") as connection:
            rows = connection.execute(wanted, (encodable(user),)).fetchall()
        return [Token(key, label, datetime.fromisoformat(made)) for key, label, made in rows]

    def remove_token(self, user: str, key: int) -> None:
        """Make an API token void; nothing happens if the user has no such token."""
        self._change("DELETE FROM pass WHERE id = ? AND user = ? AND label IS NOT NULL", key, encodable(user))
        self._truncate_log()

    def user_of_token(self, token: str) -> User | None:
        """Return the user of an API token."""
        found = self._find(token, _FOUND.format("NOT"))
        return found and found[0]

    def share(self, user: str, conversation: str) -> str:
        """Return the token of the link to a conversation, which it gets if it has none."""
        with self._transaction() as connection:
            key = own(connection, user, conversation)
            connection.execute("INSERT OR IGNORE INTO link VALUES (?, ?)", (key, secrets.token_urlsafe(32)))
        return self.link_of(user, conversation) or ""

    def unshare(self, user: str, conversation: str) -> None:
        """Take the link to a conversation back."""
        with self._transaction() as connection:
            key = own(connection, user, conversation)
            connection.execute("DELETE FROM link WHERE conversation = ?", (key,))
        self._truncate_log()

    def link_of(self, user: str, conversation: str) -> str | None:
        """Return the token of the link to a conversation, if it has one."""
        with self._transaction("BEGIN") as connection:
            key = own(connection, user, conversation)
            row = connection.execute("SELECT token FROM link WHERE conversation = ?", (key,)).fetchone()
        return row and str(row[0])

    def shared(self, link: str) -> tuple[str, str] | None:
        """Return owner and id of the conversation that a link shows; its owner must still exist."""
        with self._transaction("BEGIN") as connection:
            row = connection.execute(_LINKED, (encodable(link),)).fetchone()
        return (row[0], row[1]) if row and self.accounts.find(row[0]) else None

    def _add(self, user: str, token: str, label: str | None) -> str:
        if not (account := self.accounts.find(user)):
            raise PilcrowError("This user no longer exists.")
        now = stored_time()
        values = (_digest(token), encodable(user), account.stamp(token), label, now, now)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO pass (digest, user, stamp, label, made, used) VALUES (?, ?, ?, ?, ?, ?)", values
            )
        return token

    def _find(self, token: str, wanted: str) -> tuple[User, datetime] | None:
        with self._transaction("BEGIN") as connection:
            row = connection.execute(wanted, (_digest(token),)).fetchone()
        account = self.accounts.find(row[0]) if row else None
        if not account or not compare_digest(account.stamp(token), row[1]):
            return None
        return account.user, datetime.fromisoformat(row[2])

    def _change(self, statement: str, *values: object) -> None:
        with self._transaction() as connection:
            connection.execute(statement, values)


def forget(path: Path, user: str) -> None:
    """Delete a user's sessions and tokens from the file, if there is one."""
    if path.exists():
        with Storage(path) as storage, storage._transaction() as connection:
            connection.execute("DELETE FROM pass WHERE user = ?", (encodable(user),))


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
