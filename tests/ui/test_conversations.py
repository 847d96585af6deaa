"""Stored conversations: search, deletion, verdicts, and users kept apart."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rag import Answer, Citation, Evidence, PilcrowError, Statement
from ui.conversations import MAX_NOTE, VERDICTS, Conversations

STRINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "hostile" / "naughty_strings.json"


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


@pytest.fixture
def kept(path: Path) -> Iterator[Conversations]:
    with Conversations(path) as conversations:
        yield conversations


def test_conversations_survive_reopening(kept: Conversations, path: Path) -> None:
    before = datetime.now(UTC)
    first, second = answered("Which colour has the lamp?"), answered("And the bell?", "The bell is brass.")
    key = kept.add("ada", None, first)
    assert kept.add("ada", key, second) == key
    kept.close()
    with Conversations(path) as again:
        entries = again.entries("ada", key)
        (listed,) = again.search("ada")
    assert [(entry.number, entry.answer) for entry in entries] == [(1, first), (2, second)]
    assert entries[0].answer.highlights == ((4, 8),)
    assert before <= entries[0].asked <= entries[1].asked == listed.updated <= datetime.now(UTC)
    assert (listed.id, listed.title) == (key, "Which colour has the lamp?")
    assert [(entry.verdict, entry.note) for entry in entries] == [(None, ""), (None, "")]


def test_newest_conversation_comes_first(kept: Conversations) -> None:
    keys = [kept.add("", None, answered(f"Question {number}?")) for number in range(5)]
    kept.add("", keys[1], answered("Once more?"))
    assert [one.id for one in kept.search("")] == [keys[1], keys[4], keys[3], keys[2], keys[0]]


def test_users_can_use_only_their_own_conversations(kept: Conversations) -> None:
    key = kept.add("ada", None, answered("Which colour has the lamp?"))
    kept.add("bob", None, answered("Which colour has the bell?"))
    assert [one.title for one in kept.search("bob")] == ["Which colour has the bell?"]
    assert kept.search("bob", "lamp?") == kept.search("") == []
    for other in ("bob", "", "Ada", "ada "):
        for touch in (
            lambda user: kept.entries(user, key),
            lambda user: kept.add(user, key, answered("Mine now?")),
            lambda user: kept.delete_from(user, key, 1),
            lambda user: kept.delete(user, key),
            lambda user: kept.judge(user, key, 1, "wrong"),
        ):
            with pytest.raises(PilcrowError, match="There is no such conversation"):
                touch(other)
    (entry,) = kept.entries("ada", key)
    assert (entry.answer.question, entry.verdict) == ("Which colour has the lamp?", None)


@pytest.mark.parametrize("key", ["", "x", "%", "' OR 1=1 --", "\x00", "\ud800", "../index"])
def test_unknown_conversation_is_an_error(kept: Conversations, key: str) -> None:
    kept.add("", None, answered("Which colour has the lamp?"))
    with pytest.raises(PilcrowError, match="There is no such conversation"):
        kept.entries("", key)


def test_ids_cannot_be_guessed(kept: Conversations) -> None:
    keys = {kept.add("", None, answered("Why?")) for _ in range(50)}
    assert len(keys) == 50
    assert all(len(key) == 16 and key.replace("-", "").replace("_", "").isalnum() for key in keys)


def test_search_is_literal_and_ignores_case(kept: Conversations) -> None:
    lamp = kept.add("", None, answered("Which colour has the LAMP?", "It is 100% green, says Örtürk."))
    bell = kept.add("", None, answered("What of the bell?", "In the Straße it hangs_high."))
    kept.add("", bell, answered("Is it loud?", "The sexton says [so]."))

    def found(text: str) -> list[str]:
        return [one.id for one in kept.search("", text)]

    assert found("lamp") == found("100%") == found("ÖRTÜRK") == [lamp]
    assert found("strasse") == found("s_h") == found("SEXTON") == found("[so]") == found("loud") == [bell]
    assert found("") == [bell, lamp]
    assert found("0%g") == found("green_") == []
    assert found("lamp.txt") == [], "what was cited is not searched"


def test_title_is_one_short_line(kept: Conversations) -> None:
    kept.add("", None, answered("  Why\n\nis the   lamp green?\t"))
    kept.add(
        "", None, answered("What did the keeper of the northern lighthouse say on the third of May, 1911?")
    )
    kept.add("", None, answered("x" * 500))
    kept.add("", None, answered(" \n"))
    titles = [one.title for one in reversed(kept.search(""))]
    assert titles == [
        "Why is the lamp green?",
        "What did the keeper of the northern lighthouse say on the…",
        "x" * 59 + "…",
        "…",
    ]


def test_deleting_from_a_question_deletes_the_later_ones_too(kept: Conversations) -> None:
    key = kept.add("", None, answered("One?"))
    for question in ("Two?", "Three?"):
        kept.add("", key, answered(question))
    kept.delete_from("", key, 2)
    kept.add("", key, answered("Two, said otherwise?"))
    assert [(one.number, one.answer.question) for one in kept.entries("", key)] == [
        (1, "One?"),
        (2, "Two, said otherwise?"),
    ]
    kept.delete_from("", key, 1)
    assert kept.entries("", key) == []
    kept.add("", key, answered("A new beginning?"))
    assert [one.title for one in kept.search("")] == ["A new beginning?"]
    for number in (0, -1, 2, 2**70):
        with pytest.raises(PilcrowError, match="has no question"):
            kept.delete_from("", key, number)


def test_deleted_text_is_in_no_file(kept: Conversations, path: Path) -> None:
    key = kept.add("ada", None, answered("Where is Wolkenkuckucksheim?", "In Wolkenkuckucksheim it snows."))
    kept.judge("ada", key, 1, "wrong", "Wolkenkuckucksheim is no place")
    other = kept.add("ada", None, answered("What of Schlaraffenland?"))
    kept.add("ada", other, answered("And of Wolkenkuckucksheim?"))
    kept.delete("ada", key)
    kept.delete_from("ada", other, 2)
    assert [one.id for one in kept.search("ada")] == [other]
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Schlaraffenland" in written
    assert b"Wolkenkuckucksheim" not in written
    with pytest.raises(PilcrowError, match="There is no such conversation"):
        kept.add("ada", key, answered("Still there?"))


def test_verdicts_can_be_changed_and_removed(kept: Conversations) -> None:
    key = kept.add("", None, answered("One?"))
    for verdict in VERDICTS:
        kept.judge("", key, 1, verdict, f"it is {verdict}")
        (entry,) = kept.entries("", key)
        assert (entry.verdict, entry.note) == (verdict, f"it is {verdict}")
    kept.judge("", key, 1, None)
    assert [(one.verdict, one.note) for one in kept.entries("", key)] == [(None, "")]
    assert list(kept.candidates()) == []
    with pytest.raises(PilcrowError, match="'splendid' is no verdict. Use one of: right, wrong"):
        kept.judge("", key, 1, "splendid")
    with pytest.raises(PilcrowError, match=f"at most {MAX_NOTE}"):
        kept.judge("", key, 1, "right", "x" * (MAX_NOTE + 1))
    with pytest.raises(PilcrowError, match="has no question 2"):
        kept.judge("", key, 2, "right")


def test_feedback_has_the_answers_with_verdicts_and_their_history(kept: Conversations) -> None:
    key = kept.add("ada", None, answered("Which colour has the lamp?"))
    kept.add("ada", key, answered("And the bell?", "The bell is brass."))
    kept.add("ada", key, answered("Not judged?"))
    other = kept.add("bob", None, answered("Who keeps it?"))
    kept.judge("bob", other, 1, "right")
    kept.judge("ada", key, 2, "wrong citation", "It is ¶4.")
    second, first = kept.entries("ada", key)[1], kept.entries("bob", other)[0]
    found = list(kept.candidates())
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


def test_concurrent_users_lose_nothing_and_mix_nothing_up(kept: Conversations, path: Path) -> None:
    shared = kept.add("all", None, answered("Begin?"))
    with Conversations(path) as other:

        def talk(number: int) -> tuple[str, str]:
            user, opened = f"user {number}", (kept, other)[number % 2]
            key = opened.add(user, None, answered(f"{user}, question 1?"))
            for count in (2, 3, 4):
                opened.add("all", shared, answered(f"{user} says {count}"))
                opened.add(user, key, answered(f"{user}, question {count}?"))
                opened.judge(user, key, count, "right", user)
            return user, key

        with ThreadPoolExecutor(16) as threads:
            talks = list(threads.map(talk, range(16)))
    for user, key in talks:
        entries = kept.entries(user, key)
        assert [one.answer.question for one in entries] == [f"{user}, question {n}?" for n in range(1, 5)]
        assert {one.note for one in entries[1:]} == {user}
    together = kept.entries("all", shared)
    assert [one.number for one in together] == list(range(1, 50))
    assert len({one.answer.question for one in together}) == 49
    assert len(list(kept.candidates())) == 48


def test_hostile_strings_are_stored(kept: Conversations) -> None:
    strings = ["\ud83d", "a\x00b", "\u202eevil", "‍", "'; DROP TABLE entry; --", "🏴‍☠️" * 30]
    if STRINGS.exists():
        strings += json.loads(STRINGS.read_text("utf-8"))
    for string in strings:
        key = kept.add(string, None, answered(string, f"{string} is so."))
        kept.judge(string, key, 1, "wrong", string[:MAX_NOTE])
        (entry,) = kept.entries(string, key)
        assert entry.answer.question == string.encode("utf-8", "replace").decode()
        assert key in [one.id for one in kept.search(string, string)]
    assert len(list(kept.candidates())) == len(strings)


def test_only_the_owner_can_read_the_file(kept: Conversations, path: Path) -> None:
    kept.add("", None, answered("One?"))
    for file in path.parent.iterdir():
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file


def test_unusable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "damaged.sqlite3").write_bytes(b"no database " * 500)
    (tmp_path / "folder.sqlite3").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("damaged.sqlite3", "folder.sqlite3", "file/conversations.sqlite3"):
        with pytest.raises(PilcrowError, match=f"{name} cannot be used"):
            Conversations(tmp_path / name)


def test_file_of_a_newer_pilcrow_is_an_error(path: Path) -> None:
    with Conversations(path) as kept:
        kept._connection.execute("PRAGMA user_version = 9")
    with pytest.raises(PilcrowError, match="newer Pilcrow"):
        Conversations(path)


def test_closed_file_is_an_error(path: Path) -> None:
    kept = Conversations(path)
    kept.close()
    with pytest.raises(PilcrowError, match="cannot be used"):
        kept.search("")
