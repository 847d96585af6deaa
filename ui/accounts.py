"""Who may log in, and as what: the users of `users.toml` and those of the setting `auth`."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from secrets import token_bytes, token_hex

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from rag import PilcrowError, Settings
from ui.guesses import Guesses

FILE = "users.toml"  # in the index's folder
ROLES = ("reader", "librarian")
WRONG_PASSWORD_DELAY = 1.0  # seconds

_HASHER = PasswordHasher()
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a TOML key without quotes


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the page; only a librarian may change the library and the settings."""

    name: str
    librarian: bool


@dataclass(frozen=True, slots=True)
class Account:
    """A user with an Argon2 hash, or with a plain password from the setting."""

    user: User
    secret: str
    plain: bool = False

    def stamp(self, token: str) -> bytes:
        """Bind a token to the password: with another password the stamp differs."""
        return blake2b(_bytes(self.secret), key=token.encode(), digest_size=32).digest()


class Accounts:
    """The users who may log in. The file is read again when it changes; its users come before the setting's.

    If it can't be read, nobody may log in, and each call raises PilcrowError. Use it on one event loop.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.index / FILE
        self._plain = {
            name: Account(User(name, True), password, plain=True)
            for name, password in settings.accounts.items()
        }
        self._hashed: dict[str, Account] = {}
        self._read: object = None  # the state of the file when it was read
        self._needed = has_login(settings)
        self._verified: set[bytes] = set()  # so that a program pays for Argon2 only once
        self._key = token_bytes(32)
        self._guesses = Guesses()
        self._one_at_a_time = asyncio.Lock()  # Argon2 takes 64 MiB
        self.find("")

    @property
    def needed(self) -> bool:
        """Whether users must log in: if there is a file or setting, or was while this program ran."""
        self._needed = self._needed or self._path.exists()
        return self._needed

    def find(self, name: str) -> Account | None:
        """Return the account of this name; without any login, that of the user ""."""
        if (state := _state(self._path)) != self._read:
            self._hashed, self._read = read(self._path), state
        if not self.needed and not name:
            return Account(User("", True), "")
        return self._hashed.get(name) or self._plain.get(name)

    def wait(self, name: str) -> int:
        """Return the seconds until a password of this name is tried again, after many wrong ones."""
        return self._guesses.wait(name)

    async def check(self, name: str, password: str) -> User | None:
        """Return the user if the name has this password, and needn't `wait`.

        Otherwise None, after `WRONG_PASSWORD_DELAY`.
        """
        async with self._one_at_a_time:
            if not self.wait(name):
                if (account := self.find(name)) and await self._matches(account, _bytes(password)):
                    self._guesses.right(name)
                    return account.user
                if not account or account.plain:  # takes as long as a wrong password of the file
                    await asyncio.to_thread(_verifies, _decoy(), b"")
                self._guesses.wrong(name)
        await asyncio.sleep(WRONG_PASSWORD_DELAY)
        return None

    async def _matches(self, account: Account, password: bytes) -> bool:
        if account.plain:
            return compare_digest(password, _bytes(account.secret))
        seen = blake2b(account.secret.encode() + password, key=self._key).digest()
        if seen not in self._verified and await asyncio.to_thread(_verifies, account.secret, password):
            self._verified.add(seen)
        return seen in self._verified


def has_login(settings: Settings) -> bool:
    """Return whether users must log in."""
    return bool(settings.accounts) or (settings.index / FILE).exists()


def hash_password(password: str) -> str:
    """Return the Argon2 hash of a password, as the file has it."""
    return _HASHER.hash(_bytes(password))


def read(path: Path) -> dict[str, Account]:
    """Read the file of users; there are none without a file."""
    try:
        written = tomllib.loads(path.read_text("utf-8"))
        return {name: _account(name, entry) for name, entry in written.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PilcrowError(
            f"{path} can't be read ({error}). Fix it, or delete it and add the users again with "
            "`pilcrow user add NAME`."
        ) from error


def write(path: Path, accounts: Mapping[str, Account]) -> None:
    """Replace the file of users at once; only its owner may read it."""
    lines = ["# Written by `pilcrow user`."]
    for name, account in accounts.items():
        role = ROLES[account.user.librarian]
        key = name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
        lines += ["", f"[{key}]", f'role = "{role}"', f"password = {json.dumps(account.secret)}"]
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.touch(mode=0o600, exist_ok=False)
        beside.write_text("\n".join([*lines, ""]), "utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise PilcrowError(f"{path} can't be written ({error}). Check the folder's permissions.") from error


def _account(name: str, entry: object) -> Account:
    if not isinstance(entry, dict) or entry.keys() != {"role", "password"} or entry["role"] not in ROLES:
        raise ValueError(f"[{name}] needs a password, and a role, {' or '.join(ROLES)}")
    try:
        extract_parameters(str(entry["password"]))
    except InvalidHashError:
        raise ValueError(f"the password of {name} is not an Argon2 hash") from None
    return Account(User(name, entry["role"] == "librarian"), str(entry["password"]))


def _state(path: Path) -> object:
    """Return what changes when the file does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@cache
def _decoy() -> str:
    return hash_password(token_hex())


def _verifies(hashed: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except VerifyMismatchError:
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
