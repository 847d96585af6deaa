"""`pilcrow migrate` takes conversations, verdicts, sessions, tokens and links along, there and back."""

from __future__ import annotations

from pathlib import Path

from test_accounts import account
from test_conversations import answered

from rag import Settings
from ui.access import Access
from ui.accounts import FILE, Accounts, User, write
from ui.conversations import Conversations
from ui.migrating import copy_conversations
from ui.storage import place

ANNA, BOB = User("anna", True), User("bob", False)


def test_conversations_and_logins_go_there_and_back(tmp_path: Path, postgres_url: str) -> None:
    write(tmp_path / FILE, {user.name: account(user, "x") for user in (ANNA, BOB)})
    accounts = Accounts(Settings(index=tmp_path))
    first, shared, back = tmp_path / "first.sqlite3", postgres_url, tmp_path / "back.sqlite3"
    with Conversations(first) as old:
        one = old.add("anna", None, answered("Which lamp is green?"), scope=["lamp.txt"], searched=3)
        old.add("anna", one, answered("And which \0is red?"))
        old.judge("anna", one, 2, "wrong", "it is not")
        gone = old.add("bob", None, answered("Which lamp is broken?"))
        old.delete("bob", gone)
    with Access(first, accounts) as access:
        session, token = access.open_session("anna"), access.add_token("anna", "calendar")
        link = access.share("anna", one)
    assert copy_conversations(first, shared) == copy_conversations(shared, back) == 2
    for kept in (first, shared, back):
        with Conversations(kept) as copy, Access(kept, accounts) as access:
            entries = copy.entries("anna", one)
            assert [each.answer for each in entries[:1]] == [answered("Which lamp is green?")]
            assert [(each.verdict, each.note) for each in entries] == [(None, ""), ("wrong", "it is not")]
            assert (entries[0].scope, entries[0].searched) == (("lamp.txt",), 3)
            assert not copy.search("bob")
            assert access.user_of(session) == access.user_of_token(token) == ANNA
            assert access.shared(link) == ("anna", one)


def test_a_second_run_brings_changes_and_keeps_what_is_new_there(tmp_path: Path, postgres_url: str) -> None:
    first = place(Settings(index=tmp_path))
    with Conversations(first) as old, Conversations(postgres_url) as new:
        one = old.add("", None, answered("Which lamp is green?"))
        assert copy_conversations(first, postgres_url) == 1
        own = new.add("", None, answered("Which lamp is new?"))
        old.add("", one, answered("And which is red?"))
        old.rename("", one, "Lamps")
        assert copy_conversations(first, postgres_url) == 1
        assert {each.title for each in new.search("")} == {"Lamps", "Which lamp is new?"}
        assert [each.answer.question for each in new.entries("", one)][1:] == ["And which is red?"]
        assert len(new.entries("", own)) == 1
