"""Stored conversations: search, deletion, verdicts, and users conversations apart."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chroma_server import free_port
from postgres_server import PostgresServer
from sqlalchemy import Row, text

from rag import Answer, Citation, Evidence, PilcrowError, Statement
from ui.conversations import MAX_NOTE, UNDO, VERDICTS, Conversations, new_id
from ui.storage import Storage, stored_time


def answered(question: str, text: str = "The lamp is green.") -> Answer:
    """Return an answer of one statement that cites lamp.txt ¶2."""
    citation = Citation(1, "lamp.txt", 2, None, 3, date(2023, 7, 28), text, 0, len(text), text)
    evidence = Evidence(1, "lamp.txt", 2, text, line=3, date=date(2023, 7, 28), score=0.5)
    return Answer(
        question=question,
        text=f"{text} [1]",
        statements=(Statement(text, (1,), 1.0, (4, 8)),),
        citations=(citation,),
        evidence=(evidence,),
        standalone=question,
        probability=0.9,
        timings={"read": 0.01},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index" / "conversations.sqlite3"


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Path | str:
    """Where the conversations are: a file, then a PostgreSQL database."""
    return path if request.param == "file" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def conversations(place: Path | str) -> Iterator[Conversations]:
    with Conversations(place) as conversations:
        yield conversations


@pytest.fixture
def in_file(path: Path) -> Iterator[Conversations]:
    with Conversations(path) as conversations:
        yield conversations


def test_conversations_survive_reopening(conversations: Conversations, place: Path | str) -> None:
    before = datetime.now(UTC)
    first, second = answered("Which colour has the lamp?"), answered("And the bell?", "The bell is brass.")
    key = conversations.add("ada", None, first)
    assert conversations.add("ada", key, second) == key
    conversations.close()
    with Conversations(place) as again:
        entries = again.entries("ada", key)
        (listed,) = again.search("ada")
    assert [(entry.number, entry.answer) for entry in entries] == [(1, first), (2, second)]
    assert entries[0].answer.highlights == ((4, 8),)
    assert before <= entries[0].asked <= entries[1].asked == listed.updated <= datetime.now(UTC)
    assert (listed.id, listed.title) == (key, "Which colour has the lamp?")
    assert [(entry.verdict, entry.note) for entry in entries] == [(None, ""), (None, "")]


def test_newest_conversation_comes_first(conversations: Conversations) -> None:
    keys = [conversations.add("", None, answered(f"Question {number}?")) for number in range(5)]
    assert all(re.fullmatch(r"[\w-]{16}", key) for key in keys), "ids can't be guessed"
    conversations.add("", keys[1], answered("Once more?"))
    assert [one.id for one in conversations.search("")] == [keys[1], keys[4], keys[3], keys[2], keys[0]]


def test_users_can_use_only_their_own_conversations(conversations: Conversations) -> None:
    key = conversations.add("ada", None, answered("Which colour has the lamp?"))
    conversations.add("bob", None, answered("Which colour has the bell?"))
    assert [one.title for one in conversations.search("bob")] == ["Which colour has the bell?"]
    assert conversations.search("bob", "lamp?") == conversations.search("") == []
    for other in ("bob", "", "Ada", "ada "):
        for touch in (
            lambda user: conversations.entries(user, key),
            lambda user: conversations.add(user, key, answered("Mine now?")),
            lambda user: conversations.add(user, key, answered("Mine now?"), replaces=1),
            lambda user: conversations.add(user, key, answered("Mine now?"), new=True),
            lambda user: conversations.delete(user, key),
            lambda user: conversations.rename(user, key, "Mine"),
            lambda user: conversations.judge(user, key, 1, "wrong"),
        ):
            with pytest.raises(PilcrowError, match="There is no such conversation"):
                touch(other)
    (entry,) = conversations.entries("ada", key)
    assert (entry.answer.question, entry.verdict) == ("Which colour has the lamp?", None)
    conversations.delete("ada", key)
    with pytest.raises(PilcrowError, match="can't be undone"):
        conversations.restore("bob", key)
    conversations.restore("ada", key)


@pytest.mark.parametrize("key", ["", "x", "%", "' OR 1=1 --", "\x00", "\ud800", "../index"])
def test_unknown_conversation_is_an_error(conversations: Conversations, key: str) -> None:
    conversations.add("", None, answered("Which colour has the lamp?"))
    with pytest.raises(PilcrowError, match="There is no such conversation"):
        conversations.entries("", key)


def test_search_is_literal_and_ignores_case(conversations: Conversations) -> None:
    lamp = conversations.add(
        "", None, answered("Which colour has the LAMP?", "It is 100% green, says Örtürk.")
    )
    bell = conversations.add("", None, answered("What of the bell?", "In the Straße it hangs_high."))
    conversations.add("", bell, answered("Is it loud?", "The sexton says [so]."))

    def found(text: str) -> list[str]:
        return [one.id for one in conversations.search("", text)]

    assert found("lamp") == found("100%") == found("ÖRTÜRK") == [lamp]
    assert found("strasse") == found("s_h") == found("SEXTON") == found("[so]") == found("loud") == [bell]
    assert found("") == [bell, lamp]
    assert found("0%g") == found("green_") == []
    assert found("lamp.txt") == [], "what was cited is not searched"


def test_title_is_one_short_line(conversations: Conversations) -> None:
    conversations.add("", None, answered("  Why\n\nis the   lamp green?\t"))
    conversations.add(
        "", None, answered("What did the keeper of the northern lighthouse say on the third of May, 1911?")
    )
    conversations.add("", None, answered("x" * 500))
    conversations.add("", None, answered(" \n"))
    titles = [one.title for one in reversed(conversations.search(""))]
    assert titles == [
        "Why is the lamp green?",
        "What did the keeper of the northern lighthouse say on the…",
        "x" * 59 + "…",
        "…",
    ]


def test_answer_replaces_a_question_and_the_later_ones(conversations: Conversations) -> None:
    key = conversations.add("", None, answered("One?"))
    for question in ("Two?", "Three?"):
        conversations.add("", key, answered(question))
    conversations.add("", key, answered("Two again?"), scope=["a.txt"], searched=1, replaces=2)
    entries = conversations.entries("", key)
    assert [(one.number, one.answer.question) for one in entries] == [(1, "One?"), (2, "Two again?")]
    assert [(one.scope, one.searched) for one in entries] == [((), 0), (("a.txt",), 1)]
    conversations.add("", key, answered("A new beginning?"), replaces=1)
    assert [one.title for one in conversations.search("")] == ["A new beginning?"]
    for number in (-1, 2, 2**70):
        with pytest.raises(PilcrowError, match="has no question"):
            conversations.add("", key, answered("Never?"), replaces=number)
    assert len(conversations.entries("", key)) == 1


def test_deleted_text_is_in_no_file(in_file: Conversations, path: Path) -> None:
    key = in_file.add(
        "ada", None, answered("Where is Wolkenkuckucksheim?", "In Wolkenkuckucksheim it snows.")
    )
    in_file.judge("ada", key, 1, "wrong", "Wolkenkuckucksheim is no place")
    other = in_file.add("ada", None, answered("What of Schlaraffenland?"))
    in_file.add("ada", other, answered("And of Wolkenkuckucksheim?"))
    in_file.delete("ada", key)
    in_file.add("ada", other, answered("And of Cockaigne?"), replaces=2)
    renamed = in_file.add("ada", None, answered("What of Thule?"))
    in_file.rename("ada", renamed, "Wolkenkuckucksheim")
    in_file.rename("ada", renamed, "Ultima Thule")
    undo_ends(in_file)
    assert [one.id for one in in_file.search("ada")] == [renamed, other]
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Schlaraffenland" in written
    assert b"Wolkenkuckucksheim" not in written
    with pytest.raises(PilcrowError, match="There is no such conversation"):
        in_file.add("ada", key, answered("Still there?"))


def change(storage: Storage, statement: str, **values: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Run a statement that no user could, and return its rows."""
    return storage.run(text(statement), values)


def undo_ends(conversations: Conversations) -> None:
    """Make every deletion older than can be undone."""
    past = stored_time(UNDO + timedelta(seconds=1))
    change(conversations, "UPDATE conversation SET deleted = :past WHERE deleted IS NOT NULL", past=past)


def test_deletion_can_be_undone_for_a_while(conversations: Conversations) -> None:
    key = conversations.add("ada", None, answered("Which colour has the lamp?"))
    conversations.judge("ada", key, 1, "right")
    conversations.delete("ada", key)
    assert conversations.search("ada") == list(conversations.judged_answers()) == []
    for touch in (
        lambda: conversations.entries("ada", key),
        lambda: conversations.add("ada", key, answered("Still there?")),
        lambda: conversations.add("ada", key, answered("Still there?"), new=True),
        lambda: conversations.delete("ada", key),
    ):
        with pytest.raises(PilcrowError, match="There is no such conversation"):
            touch()
    conversations.restore("ada", key)
    (entry,) = conversations.entries("ada", key)
    assert (entry.answer.question, entry.verdict) == ("Which colour has the lamp?", "right")
    conversations.delete("ada", key)
    undo_ends(conversations)
    with pytest.raises(PilcrowError, match="can't be undone any more"):
        conversations.restore("ada", key)


def test_what_was_deleted_before_a_crash_is_erased_at_the_next_start(
    in_file: Conversations, path: Path
) -> None:
    key = in_file.add("ada", None, answered("Where is Wolkenkuckucksheim?"))
    kept = in_file.add("ada", None, answered("Where is Thule?"))
    for deleted in (key, kept):
        in_file.delete("ada", deleted)
    past = stored_time(UNDO)
    change(in_file, "UPDATE conversation SET deleted = :past WHERE id = :key", past=past, key=key)
    with Conversations(path) as again:
        assert b"Wolkenkuckucksheim" not in b"".join(file.read_bytes() for file in path.parent.iterdir())
        again.restore("ada", kept)
        assert [one.id for one in again.search("ada")] == [kept]


def test_renamed_conversation_keeps_its_title(conversations: Conversations) -> None:
    key = conversations.add("", None, answered("One?"))
    conversations.rename("", key, f"  Lamps\nand {'bells ' * 20}")
    conversations.add("", key, answered("Another beginning?"), replaces=1)
    (listed,) = conversations.search("")
    assert re.fullmatch(r"Lamps and (bells )*bells…", listed.title)
    with pytest.raises(PilcrowError, match="The title is empty"):
        conversations.rename("", key, " \n")
    assert conversations.search("", "lamps and bells") == [listed]


def test_conversation_can_have_an_id_before_its_first_answer(conversations: Conversations) -> None:
    key = new_id()
    with pytest.raises(PilcrowError, match="There is no such conversation"):
        conversations.add("ada", key, answered("One?"))
    for question in ("One?", "Two?"):
        assert conversations.add("ada", key, answered(question), new=True) == key
    assert len(conversations.entries("ada", key)) == 2
    assert len(conversations.search("ada")) == 1


def test_file_of_the_first_version_is_upgraded(in_file: Conversations, path: Path) -> None:
    key = in_file.add("ada", None, answered("One?"))
    for statement in (
        "DROP TABLE link",
        "ALTER TABLE entry DROP COLUMN scope",
        "ALTER TABLE entry DROP COLUMN searched",
        "DROP TABLE pass",
        "DROP INDEX conversation_deleted",
        "ALTER TABLE conversation DROP COLUMN deleted",
        "ALTER TABLE conversation DROP COLUMN renamed",
        "PRAGMA user_version = 1",
    ):
        change(in_file, statement)
    in_file.close()
    with Conversations(path) as again:
        again.delete("ada", key)
        again.restore("ada", key)
        assert [entry.answer.question for entry in again.entries("ada", key)] == ["One?"]


def test_verdicts_can_be_changed_and_removed(conversations: Conversations) -> None:
    key = conversations.add("", None, answered("One?"))
    for verdict in VERDICTS:
        conversations.judge("", key, 1, verdict, f"it is {verdict}")
        (entry,) = conversations.entries("", key)
        assert (entry.verdict, entry.note) == (verdict, f"it is {verdict}")
    conversations.judge("", key, 1, None)
    assert [(one.verdict, one.note) for one in conversations.entries("", key)] == [(None, "")]
    assert list(conversations.judged_answers()) == []
    with pytest.raises(PilcrowError, match="Unknown verdict 'splendid'. Use one of: right, wrong"):
        conversations.judge("", key, 1, "splendid")
    with pytest.raises(PilcrowError, match=f"at most {MAX_NOTE}"):
        conversations.judge("", key, 1, "right", "x" * (MAX_NOTE + 1))
    with pytest.raises(PilcrowError, match="has no question 2"):
        conversations.judge("", key, 2, "right")


def test_feedback_has_the_answers_with_verdicts_and_their_history(conversations: Conversations) -> None:
    key = conversations.add("ada", None, answered("Which colour has the lamp?"))
    conversations.add("ada", key, answered("And the bell?", "The bell is brass."))
    conversations.add("ada", key, answered("Not judged?"))
    other = conversations.add("bob", None, answered("Who keeps it?"))
    conversations.judge("bob", other, 1, "right")
    conversations.judge("ada", key, 2, "wrong citation", "It is ¶4.")
    second, first = conversations.entries("ada", key)[1], conversations.entries("bob", other)[0]
    found = list(conversations.judged_answers())
    assert json.loads(json.dumps(found)) == found
    assert found[0] == {
        "question": "And the bell?",
        "history": [{"question": "Which colour has the lamp?", "answer": "The lamp is green. [1]"}],
        "answer": "The bell is brass. [1]",
        "verdict": "wrong citation",
        "note": "It is ¶4.",
        "citations": [["lamp.txt", 2]],
        "asked": second.asked.isoformat(timespec="microseconds"),
    }
    assert [(one["question"], one["verdict"], one["history"]) for one in found[1:]] == [
        (first.answer.question, "right", [])
    ]


def test_concurrent_users_lose_nothing_and_mix_nothing_up(
    conversations: Conversations, place: Path | str
) -> None:
    shared = conversations.add("all", None, answered("Begin?"))
    with Conversations(place) as other:

        def talk(number: int) -> tuple[str, str]:
            user, opened = f"user {number}", (conversations, other)[number % 2]
            key = opened.add(user, None, answered(f"{user}, question 1?"))
            for count in (2, 3, 4):
                opened.add("all", shared, answered(f"{user} says {count}"))
                opened.add(user, key, answered(f"{user}, question {count}?"))
                opened.judge(user, key, count, "right", user)
            return user, key

        with ThreadPoolExecutor(16) as threads:
            talks = list(threads.map(talk, range(16)))
    for user, key in talks:
        entries = conversations.entries(user, key)
        assert [one.answer.question for one in entries] == [f"{user}, question {n}?" for n in range(1, 5)]
        assert {one.note for one in entries[1:]} == {user}
    together = conversations.entries("all", shared)
    assert [one.number for one in together] == list(range(1, 50))
    assert len({one.answer.question for one in together}) == 49
    assert len(list(conversations.judged_answers())) == 48


def test_hostile_strings_are_stored(conversations: Conversations, naughty_strings: list[str]) -> None:
    strings = ["\ud83d", "a\x00b", "\u202eevil", "‍", "'; DROP TABLE entry; --", "🏴‍☠️" * 30]
    strings += naughty_strings[:: 10 if conversations.is_shared else 1]  # each is several commits
    for string in strings:
        key = conversations.add(string, None, answered(string, f"{string} is so."))
        conversations.judge(string, key, 1, "wrong", string[:MAX_NOTE])
        (entry,) = conversations.entries(string, key)
        assert entry.answer.question == string.encode("utf-8", "replace").decode()
        assert key in [one.id for one in conversations.search(string, string)]
    assert len(list(conversations.judged_answers())) == len(strings)


def test_only_the_owner_can_read_the_file(in_file: Conversations, path: Path) -> None:
    in_file.add("", None, answered("One?"))
    for file in path.parent.iterdir():
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file


def test_unusable_or_closed_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "damaged.sqlite3").write_bytes(b"no database " * 500)
    (tmp_path / "folder.sqlite3").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("damaged.sqlite3", "folder.sqlite3", "file/conversations.sqlite3"):
        with pytest.raises(PilcrowError, match=f"Can't use .*{name}: "):
            Conversations(tmp_path / name)
    conversations = Conversations(tmp_path / "sound.sqlite3")
    conversations.close()
    with pytest.raises(PilcrowError, match="Can't use .*closed"):
        conversations.search("")


def test_tables_of_a_newer_pilcrow_are_an_error(place: Path | str) -> None:
    with Conversations(place) as conversations:
        schema = f"{str(place).rpartition('%3D')[2]}_chat"  # beside the catalog's
        newer = f"COMMENT ON SCHEMA {schema} IS '9'" if isinstance(place, str) else "PRAGMA user_version = 9"
        change(conversations, newer)
    with pytest.raises(PilcrowError, match="newer Pilcrow"):
        Conversations(place)


def test_database_that_is_away_is_an_error_until_it_is_back(
    postgres: PostgresServer, postgres_url: str
) -> None:
    with Conversations(postgres_url) as conversations:
        key = conversations.add("ada", None, answered("One?"))
        postgres.stop()
        with pytest.raises(PilcrowError, match="the conversations in .*server"):
            conversations.search("ada")
        postgres.start()
        assert [one.id for one in conversations.search("ada")] == [key]


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(PilcrowError, match="Can't reach the conversations in .*Start the server") as refused:
        Conversations(f"postgresql://ada:hunter2@127.0.0.1:{free_port()}/pilcrow")
    assert "hunter2" not in str(refused.value)


def test_many_processes_may_start_at_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        for opened in threads.map(lambda _: Conversations(postgres_url), range(8)):
            opened.close()
