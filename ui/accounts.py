"""Who may log in, and as what: the users of `users.toml` and those of the setting `auth`."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Literal

import tomlkit
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, Field, TypeAdapter

from rag import PilcrowError, Settings
from rag.errors import first_problem
from rag.settings_file import replace_file

FILE = "users.toml"  # in the index's folder
WRONG_PASSWORD_DELAY = 1.0  # seconds

# OWASP's parameters for Argon2id.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the page; only a librarian may change the library and the settings."""

    name: str
    librarian: bool


class Account(BaseModel, frozen=True, extra="forbid"):
    """A user's entry in the file: the role, and the Argon2 hash of the password."""

    role: Literal["reader", "librarian"]
    password: str = Field(pattern=r"^\$argon2")

    def user(self, name: str) -> User:
        """Return the user who has this account."""
        return User(name, self.role == "librarian")

    @property
    def stamp(self) -> bytes:
        """A digest of the hash: another password has another."""
        return sha256(self.password.encode()).digest()


class Accounts:
    """The users who may log in, as the file has them now; its users come before the setting's.

    If the file can't be read, nobody may log in, and each call raises PilcrowError. Use it on one event loop.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._needed = False
        self._plain = {name: _hashed(name, password) for name, password in settings.accounts.items()}
        self._decoy = Account(role="librarian", password=hash_password(token_hex()))
        self._key = token_bytes(32)
        # Programs may send their password with each request: Argon2 runs once, and never for the setting's.
        self._verified = {self._seen(self._plain[name], word) for name, word in settings.accounts.items()}
        self._one_at_a_time = asyncio.Lock()  # Argon2 takes memory and time
        self.find("")

    @property
    def needed(self) -> bool:
        """Whether users must log in: if there is a file or setting, or was while this program ran."""
        self._needed = self._needed or has_login(self._settings)
        return self._needed

    def find(self, name: str) -> Account | None:
        """Return the account of this name; without any login, that of the user ""."""
        users = self._plain | read(self._settings.index / FILE)
        return users.get(name) or (None if self.needed or name else self._decoy)

    async def check(self, name: str, password: str) -> User | None:
        """Return the user if the name has this password, else None, after `WRONG_PASSWORD_DELAY`."""
        account = self.find(name)
        tried = account or self._decoy  # an unknown name takes as long as a wrong password
        seen = self._seen(tried, password)
        if seen not in self._verified:
            async with self._one_at_a_time:
                if await asyncio.to_thread(_verify, tried, password):
                    self._verified.add(seen)
        if account and seen in self._verified:
            return account.user(name)
        await asyncio.sleep(WRONG_PASSWORD_DELAY)
        return None

    def _seen(self, account: Account, password: str) -> bytes:
        return blake2b(account.stamp + _bytes(password), key=self._key).digest()


def has_login(settings: Settings) -> bool:
    """Return whether users must log in."""
    return bool(settings.accounts) or (settings.index / FILE).exists()


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return the Argon2 hash of a password, as the file has it, with a random salt unless one is given."""
    return _HASHER.hash(_bytes(password), salt=salt)


def _hashed(name: str, password: str) -> Account:
    """Return the account of a plain password; its hash is the same after a restart, so sessions go on."""
    salt = sha256(_bytes(name)).digest()
    return Account(role="librarian", password=hash_password(password, salt))


def read(path: Path) -> dict[str, Account]:
    """Read the file of users; there are none without a file."""
    try:
        return TypeAdapter(dict[str, Account]).validate_python(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PilcrowError(
            f"{path} can't be read ({first_problem(error)}). Fix it, or delete it and add the users again "
            "with `pilcrow user add NAME`."
        ) from error


def write(path: Path, accounts: Mapping[str, Account]) -> None:
    """Replace the file of users at once; only its owner may read it."""
    written = tomlkit.dumps({name: one.model_dump() for name, one in accounts.items()})
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, written.encode(), 0o600)
    except OSError as error:
        raise PilcrowError(f"{path} can't be written ({error}). Check the folder's permissions.") from error


def _verify(account: Account, password: str) -> bool:
    try:
        return _HASHER.verify(account.password, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
