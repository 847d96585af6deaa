"""Logins: passwords in a file and in the setting, roles, wrong passwords, and `pilcrow user`."""

from __future__ import annotations

import asyncio
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from shared_names import Run

from rag import PilcrowError, Settings
from ui import accounts as logins
from ui.accounts import FILE, Account, Accounts, User, hash_password, read, write

ANNA, BOB = User("anna", True), User("böb x", False)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse wrong passwords without their delay."""
    monkeypatch.setattr(logins, "WRONG_PASSWORD_DELAY", 0)


def account(user: User, password: str) -> Account:
    """Return an entry of the file of users."""
    return Account(role="librarian" if user.librarian else "reader", password=hash_password(password))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file of two users: anna, a librarian, and a reader."""
    path = tmp_path / FILE
    write(path, {user.name: account(user, f"{user.name}'s") for user in (ANNA, BOB)})
    return path


def opened(folder: Path, auth: str | None = None) -> Accounts:
    return Accounts(Settings.model_validate({"index": folder, "auth": auth}))


def check(accounts: Accounts, name: str, password: str) -> User | None:
    return asyncio.run(accounts.check(name, password))


def test_users_of_the_file_log_in_with_their_roles(users: Path) -> None:
    accounts = opened(users.parent)
    assert accounts.needed
    for user in (ANNA, BOB, ANNA):
        assert check(accounts, user.name, f"{user.name}'s") == user
    for name, password in (
        ("anna", "böb x's"),
        ("anna", ""),
        ("Anna", "anna's"),
        ("", ""),
        ("carl", "anna's"),
    ):
        assert check(accounts, name, password) is None
    assert check(accounts, "anna", "\ud800\0") is None


def test_file_has_no_passwords_and_only_its_owner_reads_it(users: Path) -> None:
    written = users.read_text("utf-8")
    assert written.count("$argon2id$") == 2
    assert "'s" not in written
    assert '[anna]\nrole = "librarian"\n' in written
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert list(users.parent.iterdir()) == [users]
    assert [one.user(name) for name, one in read(users).items()] == [ANNA, BOB]


@pytest.mark.parametrize("name", ["🦆", 'a"]\\b', "a.b", "…", "'", "#"])
def test_odd_names_are_stored(name: str, tmp_path: Path) -> None:
    written = {name: account(User(name, False), "x")}
    write(tmp_path / FILE, written)
    assert read(tmp_path / FILE) == written


def test_users_of_the_setting_are_librarians_and_the_file_comes_first(users: Path) -> None:
    accounts = opened(users.parent, "carl:a:b c,anna:plain,böb x:plain")
    assert check(accounts, "carl", "a:b c") == User("carl", True)
    assert check(accounts, "anna", "plain") is None
    assert check(accounts, "böb x", "böb x's") == BOB
    assert check(accounts, "carl", "a") is None


def test_without_users_no_login_is_needed_until_there_is_one(tmp_path: Path) -> None:
    accounts = opened(tmp_path / "index")
    assert not accounts.needed
    assert (found := accounts.find(""))
    assert found.user("") == User("", True)
    write(tmp_path / "index" / FILE, {"anna": account(ANNA, "x")})
    assert accounts.needed
    assert accounts.find("") is None
    assert check(accounts, "anna", "x") == ANNA
    (tmp_path / "index" / FILE).unlink()
    assert accounts.needed, "a running page never opens to everybody"
    assert accounts.find("") is accounts.find("anna") is None


def test_file_is_read_again_when_it_changes(users: Path) -> None:
    accounts = opened(users.parent)
    assert check(accounts, "anna", "anna's") == ANNA
    write(users, {"anna": account(User("anna", False), "new")})
    assert accounts.find("böb x") is None
    assert check(accounts, "anna", "anna's") is None
    assert check(accounts, "anna", "new") == User("anna", False)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("[anna", "at end of document"),
        ("anna = 1", "anna: Input should be"),
        ('[anna]\nrole = "librarian"', "anna.password: Field required"),
        ('[anna]\nrole = "king"\npassword = "x"', "anna.role: Input should be 'reader' or 'librarian'"),
        ('[anna]\nrole = "reader"\npassword = "$argon2"\nadmin = true', "anna.admin: Extra inputs"),
        ('[anna]\nrole = "reader"\npassword = "plain"', "anna.password: String should match pattern"),
        (b"\xff", "utf-8"),
    ],
)
def test_broken_file_lets_nobody_in_and_is_told(written: str | bytes, reason: str, users: Path) -> None:
    accounts = opened(users.parent)
    users.write_bytes(written if isinstance(written, bytes) else written.encode())
    with pytest.raises(PilcrowError, match=rf"users\.toml can't be read \(.*{reason}.*pilcrow user add"):
        check(accounts, "anna", "anna's")
    with pytest.raises(PilcrowError, match="Fix it"):
        opened(users.parent)
    with pytest.raises(PilcrowError, match="Fix it"):
        accounts.find("anna")


def test_many_attempts_at_once_are_answered(users: Path) -> None:
    accounts = opened(users.parent)

    async def all_at_once() -> tuple[list[User | None], list[User | None]]:
        wrong = await asyncio.gather(*(accounts.check("anna", f"{number}") for number in range(20)))
        right = await asyncio.gather(*(accounts.check("böb x", "böb x's") for _ in range(20)))
        return wrong, right

    assert asyncio.run(all_at_once()) == ([None] * 20, [BOB] * 20)


def user_command(*arguments: str, index: Path, given: str = "") -> tuple[int, str]:
    command = [sys.executable, "-m", "ui", "user", *arguments, "--index", str(index)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_users_are_added_listed_and_removed(tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert "no login is needed" in user_command("list", index=index)[1]
    assert user_command("add", "anna", index=index, given="anna's\n") == (0, "added anna, a librarian\n")
    assert user_command("add", "böb x", "--reader", index=index, given="böb x's")[0] == 0
    accounts = opened(index)
    assert [check(accounts, user.name, f"{user.name}'s") for user in (ANNA, BOB)] == [ANNA, BOB]
    assert user_command("list", index=index) == (0, "anna  librarian\nböb x  reader\n")
    assert "changed anna, a reader" in user_command("add", "anna", "--reader", index=index, given="new\n")[1]
    assert check(accounts, "anna", "new") == User("anna", False)
    assert user_command("remove", "anna", index=index) == (0, "removed anna\n")
    assert check(accounts, "anna", "new") is None
    assert "Nobody is left" in user_command("remove", "böb x", index=index)[1]
    assert opened(index).needed
    code, shown = user_command("remove", "böb x", index=index)
    assert (code, "No user 'böb x'" in shown) == (1, True)


def test_user_needs_a_name_and_a_password(run: Run, tmp_path: Path) -> None:
    index = ("--index", tmp_path)
    for name in ("", " ", "a:b", "a\n", " a"):
        code, _, err = run("user", "add", name, *index)
        assert (code, "without colons" in err) == (2, True), name
    code, shown = user_command("add", "anna", index=tmp_path)
    assert (code, "No password given" in shown) == (1, True)
    assert not list(tmp_path.iterdir())


def test_password_is_asked_twice_without_echo(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ui", "user", "add", "anna", "--index", str(tmp_path)]
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, command)  # noqa: S606
    shown = b""
    for prompt, typed in ((b"Password: ", b"secret"), (b"again: ", b"secret"), (b"librarian", b"")):
        while prompt not in shown.rpartition(b"secret")[2]:
            shown += os.read(terminal, 1000)
        os.write(terminal, typed + b"\n")
    os.waitpid(child, 0)
    assert b"secret" not in shown
    assert check(opened(tmp_path), "anna", "secret") == ANNA
