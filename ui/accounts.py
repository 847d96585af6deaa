"""Who may log in, and as what."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

from starlette.requests import Request

from rag import Settings


@dataclass(frozen=True, slots=True)
class User:
    """A person at the page; "" where no login is set. Only a librarian changes the library."""

    name: str
    librarian: bool


class Accounts:
    """The users who may log in. (A stand-in until the real one lands.)"""

    def __init__(self, settings: Settings) -> None:
        self._passwords = settings.accounts

    async def identify(self, request: Request) -> User | None:
        """Return who asks, None for a stranger."""
        if not self._passwords:
            return User("", True)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            value = b64decode(value).decode()
        name, _, password = value.partition(":")
        return User(name, True) if password and self._passwords.get(name) == password else None
