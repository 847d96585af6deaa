"""Sessions, API tokens, and read-only links to a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_accounts import account
from test_conversations import answered, change, undo_ends

from rag import PilcrowError, Settings
from ui.access import IDLE, MAX_LABEL, Access
from ui.accounts import FILE, Accounts, User, write
from ui.conversations import Conversations
from ui.storage import place, stored_time

ANNA, BOB = User("anna", True), User("bob", False)


def set_users(folder: Path, *users: User) -> None:
    write(folder / FILE, {user.name: account(user, "x") for user in users})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the users anna, a librarian, and bob, a reader."""
    set_users(tmp_path, ANNA, BOB)
    return tmp_path


@pytest.fixture(params=["file", "postgres"])
def more(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a file, then of a PostgreSQL database."""
    return {} if request.param == "file" else {"catalog_url": request.getfixturevalue("postgres_url")}


@pytest.fixture
def conversations(folder: Path, more: dict[str, str]) -> Iterator[Conversations]:
    with Conversations(place(Settings.model_validate({"index": folder, **more}))) as conversations:
        yield conversations


def opened(folder: Path, **settings: object) -> Access:
    given = Settings.model_validate({"index": folder, **settings})
    return Access(place(given), Accounts(given))


@pytest.fixture
def access(folder: Path, more: dict[str, str]) -> Iterator[Access]:
    with opened(folder, **more) as access:
        yield access


def unused_for(access: Access, age: timedelta) -> None:
    change(access, "UPDATE pass SET used = :then", then=stored_time(age))


def test_session_lasts_until_it_is_closed(access: Access, folder: Path, more: dict[str, str]) -> None:
    first, second, bobs = (access.open_session(name) for name in ("anna", "anna", "bob"))
    assert len({first, second, bobs}) == 3
    access.close_session(first)
    for _ in range(2):
        assert [access.user_of(session) for session in (first, second, bobs)] == [None, ANNA, BOB]
        access.close()
        access = opened(folder, **more)
    access.close_session("no such session")
    access.close()


def test_session_ends_after_thirty_days_without_use(access: Access) -> None:
    session = access.open_session("anna")
    unused_for(access, IDLE - timedelta(days=1))
    assert access.user_of(session) == ANNA
    unused_for(access, timedelta(minutes=59))
    assert access.user_of(session) == ANNA
    unused_for(access, IDLE + timedelta(seconds=1))
    assert access.user_of(session) is None
    access.open_session("bob")
    assert change(access, 'SELECT "user" FROM pass') == [("bob",)]


def test_using_a_session_extends_it(access: Access) -> None:
    session = access.open_session("anna")
    unused_for(access, IDLE - timedelta(days=1))
    before = datetime.now(UTC)
    access.user_of(session)
    [(used,)] = change(access, "SELECT used FROM pass")
    assert datetime.fromisoformat(used) >= before


def test_tokens_are_listed_by_label_and_removed(access: Access) -> None:
    first, second = access.add_token("anna", "backup"), access.add_token("anna", "  the\nnotebook ")
    assert (first[:8], len({first, second})) == ("pilcrow_", 2)
    assert [token.label for token in access.tokens("anna")] == ["backup", "the notebook"]
    assert access.tokens("bob") == []
    unused_for(access, 10 * IDLE)
    access.open_session("anna")
    assert access.user_of_token(first) == access.user_of_token(second) == ANNA
    key = access.tokens("anna")[0].id
    access.remove_token("bob", key)
    assert access.user_of_token(first) == ANNA
    access.remove_token("anna", key)
    assert (access.user_of_token(first), access.user_of_token(second)) == (None, ANNA)
    assert key not in {access.tokens("anna")[0].id, access.add_token("anna", "another")}


def test_sessions_and_tokens_are_not_each_other(access: Access) -> None:
    session, token = access.open_session("anna"), access.add_token("anna", "backup")
    assert access.user_of(token) is access.user_of_token(session) is None
    access.close_session(token)
    assert access.user_of_token(token) == ANNA
    for odd in ("", "x", "\ud800", "\0", "' OR 1=1 --", session[:-1]):
        assert access.user_of(odd) is access.user_of_token(odd) is access.shared(odd) is None


@pytest.mark.parametrize("label", ["", " \n", "x" * (MAX_LABEL + 1)])
def test_token_needs_a_short_label(label: str, access: Access) -> None:
    with pytest.raises(PilcrowError, match="Name the token"):
        access.add_token("anna", label)


def test_no_file_has_what_lets_somebody_in(folder: Path) -> None:
    access = opened(folder)
    secrets = [access.open_session("anna"), access.add_token("anna", "backup")]
    written = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"backup" in written
    assert not any(secret.encode() in written for secret in secrets)
    access.close()


def test_removed_user_is_out_at_once(access: Access, folder: Path, conversations: Conversations) -> None:
    session, token = access.open_session("bob"), access.add_token("bob", "backup")
    key = conversations.add("bob", None, answered("One?"))
    link = access.share("bob", key)
    assert access.shared(link) == ("bob", key)
    set_users(folder, ANNA)
    assert access.user_of(session) is access.user_of_token(token) is access.shared(link) is None
    with pytest.raises(PilcrowError, match="no longer exists"):
        access.open_session("bob")
    set_users(folder, ANNA, BOB)
    assert access.user_of(session) is access.user_of_token(token) is None, "another bob"
    assert access.shared(link) == ("bob", key), "his conversations are still there"


def test_another_role_holds_at_once_and_another_password_ends_sessions(access: Access, folder: Path) -> None:
    session, token = access.open_session("bob"), access.add_token("bob", "backup")
    text = (folder / FILE).read_text("utf-8")
    (folder / FILE).write_text(text.replace('"reader"', '"librarian"'), "utf-8")
    assert access.user_of(session) == access.user_of_token(token) == User("bob", True)
    set_users(folder, ANNA, BOB)
    assert access.user_of(session) is access.user_of_token(token) is None


def test_sessions_of_the_setting_survive_a_restart_but_no_other_password(tmp_path: Path) -> None:
    with opened(tmp_path, auth="carl:one") as access:
        session = access.open_session("carl")
    with opened(tmp_path, auth="carl:one,dora:x") as access:
        assert access.user_of(session) == User("carl", True)
    for auth in ("carl:two", "dora:x"):
        with opened(tmp_path, auth=auth) as access:
            assert access.user_of(session) is None
    with opened(tmp_path) as access:
        assert access.user_of(session) is None


def test_link_shows_one_conversation_until_it_is_taken_back(
    access: Access, folder: Path, conversations: Conversations, more: dict[str, str]
) -> None:
    key = conversations.add("anna", None, answered("One?"))
    link = access.share("anna", key)
    assert access.share("anna", key) == link
    with opened(folder, **more) as again:
        assert again.shared(link) == ("anna", key)
    access.unshare("anna", key)
    access.unshare("anna", key)
    assert access.shared(link) is None
    assert access.share("anna", key) != link


def test_only_its_owner_shares_a_conversation(access: Access, conversations: Conversations) -> None:
    key = conversations.add("anna", None, answered("One?"))
    link = access.share("anna", key)
    for touch in (access.share, access.unshare):
        for user, wanted in (("bob", key), ("", key), ("anna", "no such"), ("anna", "\ud800")):
            with pytest.raises(PilcrowError, match="There is no such conversation"):
                touch(user, wanted)
    assert access.shared(link) == ("anna", key)


def test_deleted_conversation_takes_its_link(access: Access, conversations: Conversations) -> None:
    key = conversations.add("anna", None, answered("One?"))
    link = access.share("anna", key)
    conversations.delete("anna", key)
    assert access.shared(link) is None
    conversations.restore("anna", key)
    assert access.shared(link) == ("anna", key)
    conversations.delete("anna", key)
    undo_ends(conversations)
    conversations.search("anna")
    assert not change(access, "SELECT * FROM link")


def test_both_open_the_file_at_once(access: Access, conversations: Conversations) -> None:
    async def use() -> None:
        threads = [asyncio.to_thread(conversations.add, "anna", None, answered("One?")) for _ in range(20)]
        threads += [asyncio.to_thread(access.open_session, "anna") for _ in range(20)]
        await asyncio.gather(*threads)

    asyncio.run(use())
    assert len(conversations.search("anna")) == 20
