"""Answers written as JSON and read again, and what of a recorded answer no longer stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from remembering_embedder import having_read
from shared_names import Run

from rag import Answer, Assistant, Citation, PilcrowError, Settings, Statement
from rag.models.embedder import Embedder
from ui.conversations import FILE, Conversations, Entry
from ui.export import as_json

QUESTIONS = (
    "Why was the Odesa missile hard to spot?",
    "Which country promised 19 howitzers to Ukraine?",
    "How many settlements has Ukraine taken in Kursk region?",
    "Who says the paratroopers joined Wagner?",
    "What did Kyiv say on the villages near Kupyansk?",
    "Which drones did Russia buy?",
    "How many howitzers did Norway promise?",
    "?!",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_answer_comes_back_from_json_as_it_was_and_verifies(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    text = json.dumps(answer.as_json(), allow_nan=False)
    again = Answer.from_json(json.loads(text))
    assert again == answer
    assert again.highlights == answer.highlights
    assert json.dumps(again.as_json()) == text
    assert assistant.verify(answer) == assistant.verify(again) == []


def test_dates_are_iso_and_every_field_is_there(assistant: Assistant) -> None:
    answer = assistant.ask("What did Blinken announce on 25 July 2023?")
    written: dict[str, Any] = answer.as_json()
    assert set(written) == set(Answer.__slots__)
    assert written["citations"][0]["date"] == "2023-07-25"
    assert written["evidence"][0]["kind"] == answer.evidence[0].kind.value


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("question",), None, "question: "),
        (("citations", 0, "quote"), 5, "citations.0.quote: "),
        (("citations", 0, "date"), "25.7.2023", "citations.0.date: "),
        (("citations", 0, "number"), "1", "citations.0.number: "),
        (("statements", 0, "highlight"), [1], "statements.0.highlight.1: "),
        (("evidence", 0, "kind"), "poem", "evidence.0.kind: "),
        (("probability",), float("nan"), "Out of range"),
        (("timings",), {"read": Path("x")}, "JSON"),
    ],
)
def test_invalid_json_answer_names_the_field(
    assistant: Assistant, place: tuple[str | int, ...], value: object, expected: str
) -> None:
    written: Any = assistant.ask("What did Blinken announce on 25 July 2023?").as_json()
    inner = written
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(PilcrowError, match=f"This is not an answer.*{expected}"):
        Answer.from_json(written)


@pytest.mark.parametrize("written", [{}, [], "answer", None, {"question": "\ud800", "text": ""}])
def test_other_json_is_refused(written: Any) -> None:
    with pytest.raises(PilcrowError, match="This is not an answer"):
        Answer.from_json(written)


def test_deeply_nested_json_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"question": deep}
    with pytest.raises(PilcrowError, match="This is not an answer"):
        Answer.from_json(deep)


def test_search_returns_the_paragraphs_that_ask_reads(assistant: Assistant) -> None:
    question = "Which country promised 19 howitzers to Ukraine?"
    found = assistant.search(question)
    read = assistant.ask(question).evidence
    assert [(one.source, one.paragraph) for one in found] == [
        (one.source, one.paragraph) for one in read[: len(found)]
    ]
    assert len(found) == assistant.settings.evidence
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert any("Denmark" in one.text for one in found[:2])


def test_search_keeps_to_its_limit_and_documents(assistant: Assistant) -> None:
    question = "How many Caesar howitzers has France given?"
    assert len(assistant.search(question, limit=3)) == 3
    assert len(assistant.search(question, limit=20)) == 20
    assert {one.source for one in assistant.search(question, sources=["glossary.md"])} == {"glossary.md"}
    assert {one.source for one in assistant.search(question, "glossary.md")} == {"glossary.md"}
    assert assistant.search(question, sources=[]) == ()
    assert assistant.search("?!") == ()
    for limit in (0, -1):
        with pytest.raises(PilcrowError, match="limit"):
            assistant.search(question, limit=limit)
    with pytest.raises(PilcrowError, match=r"nope\.txt"):
        assistant.search(question, sources=["nope.txt"])


def test_paragraph_range_is_clipped_to_the_document(assistant: Assistant) -> None:
    source = "black-sea-notes.txt"
    last = next(one.paragraphs for one in assistant.documents() if one.source == source)
    assert [one.number for one in assistant.paragraphs(source, 2, 4)] == [2, 3, 4]
    assert assistant.paragraphs(source, 3, 3) == [assistant.paragraph(source, 3)]
    assert [one.number for one in assistant.paragraphs(source, -5, 2)] == [1, 2]
    assert [one.number for one in assistant.paragraphs(source, last, 10**30)] == [last]
    assert assistant.paragraphs(source, last + 1, last + 9) == []
    assert assistant.paragraphs(source, 4, 2) == []


def test_path_returns_the_file_of_a_document(assistant: Assistant, seeds: Path) -> None:
    assert assistant.path("black-sea-notes.txt") == (seeds / "black-sea-notes.txt").resolve()


@pytest.mark.parametrize("source", ["nope.txt", "", "../glossary.md", "\ud800"])
def test_unknown_document_is_named(assistant: Assistant, source: str) -> None:
    for look in (
        lambda: assistant.paragraphs(source, 1, 2),
        lambda: assistant.paragraph(source, 1),
        lambda: assistant.path(source),
    ):
        with pytest.raises(PilcrowError, match="No document named"):
            look()


def cited(answer: Answer, **changes: Any) -> Answer:
    """The answer with its first citation changed."""
    return replace(answer, citations=(replace(answer.citations[0], **changes), *answer.citations[1:]))


def stated(answer: Answer, text: str, *citations: int) -> Answer:
    """An answer that says this, in a shape that is right."""
    marks = "".join(f"[{number}]" for number in citations)
    return replace(answer, statements=(Statement(text, citations, 1.0),), text=f"{text} {marks}")


# What is done to an answer, and what is expected of it.
TAMPERED: list[tuple[Callable[[Answer], Answer], str]] = [
    (lambda a: cited(a, quote="Norway promised 90."), "[1] the quote differs"),
    (lambda a: cited(a, quote=""), "[1] the quote differs"),
    (lambda a: cited(a, start=a.citations[0].start + 1), "[1] the quote differs"),
    (lambda a: cited(a, end=10**6), "[1] the quote differs"),
    (lambda a: cited(a, start=-len(a.citations[0].paragraph_text)), "[1] the quote differs"),
    (lambda a: cited(a, quote="", start=3, end=3), "[1] the quote differs"),
    (
        lambda a: cited(a, quote="It was 90.", start=0, end=10, paragraph_text="It was 90."),
        "has changed; the document no longer has the quote",
    ),
    (lambda a: cited(a, paragraph=a.citations[0].paragraph + 1), "has changed; it is now ¶"),
    (lambda a: cited(a, paragraph=999), "¶999 is no longer there; it is now ¶"),
    (lambda a: cited(a, source="glossary.md"), "the document no longer has the quote"),
    (lambda a: cited(a, source="nope.txt"), "[1] the index no longer has nope.txt"),
    (lambda a: cited(a, source="../seeds/glossary.md"), "[1] the index no longer has ../seeds/glossary.md"),
    (lambda a: cited(a, date=date(2024, 1, 1)), "was at no page, line 6, 2024-01-01"),
    (
        lambda a: cited(a, line=60),
        "was at no page, line 60, 2023-01-31; it is now at no page, line 6, 2023-01-31",
    ),
    (lambda a: cited(a, page=2), "was at page 2"),
    (lambda a: cited(a, number=2), "[1] is not among the citations"),
    (lambda a: replace(a, citations=a.citations * 2), "two citations have the same number"),
    (lambda a: replace(a, citations=()), "[1] is not among the citations"),
    (lambda a: replace(a, text=a.text.replace("19", "90")), "its text differs from its statements"),
    (lambda a: replace(a, text=f"{a.text} It rains."), "its text differs from its statements"),
    (lambda a: replace(a, statements=()), "its text differs from its statements"),
    (lambda a: replace(a, abstained=True), "it is marked as an abstention but has statements"),
    (lambda a: stated(a, "Denmark promised 90 howitzers.", 1), "[1] does not support “Denmark promised 90"),
    (lambda a: stated(a, "In January Norway promised 19 howitzers.", 1), "[1] does not support “In"),
    (lambda a: stated(a, "The dog sleeps under a broad old oak.", 1), "[1] does not support “The dog"),
    (lambda a: stated(a, "Denmark promised 19 howitzers."), "“Denmark promised 19 howitzers.” cites nothing"),
    (lambda a: stated(a, "Denmark promised 19 howitzers.", 7), "[7] is not among the citations"),
]


@pytest.mark.parametrize(("tamper", "expected"), TAMPERED)
def test_tampering_is_reported(
    assistant: Assistant, tamper: Callable[[Answer], Answer], expected: str
) -> None:
    answer = assistant.ask("Which country promised 19 howitzers to Ukraine?")
    assert "Denmark" in answer.text
    faults = assistant.verify(Answer.from_json(tamper(answer).as_json()))
    assert any(expected in fault for fault in faults), faults


def test_a_quote_of_another_sentence_does_not_support(assistant: Assistant) -> None:
    answer = assistant.ask("Why was the Odesa missile hard to spot?")
    citation = answer.citations[0]
    text = citation.paragraph_text
    start = text.index(".") + 2
    assert text[start:] != citation.quote
    faults = assistant.verify(cited(answer, start=start, end=len(text), quote=text[start:]))
    assert [fault for fault in faults if fault.startswith("[1] does not support “")], faults


def test_what_an_abstention_shows_is_checked(assistant: Assistant) -> None:
    answer = assistant.ask("How many howitzers did Norway promise?")
    assert answer.abstained
    assert answer.nearest
    near = replace(answer.nearest[0], text="Norway promised 90 howitzers.")
    (fault,) = assistant.verify(replace(answer, nearest=(near,)))
    assert fault.startswith(f"nearest: {near.source} ¶{near.paragraph} has changed")


HARBOUR = {
    "harbour.txt": "Notes of the harbour\n\n"
    "The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.\n\n"
    "The north pier was closed for repairs.\n",
    "lamp.txt": "The lamp of Goedereede is green.\n",
}
QUESTION = "Who is the harbour master of Veldhaven?"
QUOTE = "The harbour master of Veldhaven is Ines Okafor."


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("A new first line\n\n{}", "has changed; it is now ¶3"),
        ("{}\n\nA new last line.\n", ""),
        ("Notes\n\n{quote} She took office in 2022.\n", "has changed; it still has the quote"),
        ("Notes\n\nIt rains.\n\nSince May: {quote}\n", "has changed; the quote is now in ¶3"),
        ("Notes\n\nThe master is Sam Okoye.\n", "has changed; the document no longer has the quote"),
        ("Notes\n", "is no longer there; the document no longer has the quote"),
        (
            "\n\n\n{}",
            "was at no page, line 3, without a date; it is now at no page, line 6, without a date",
        ),
    ],
)
def test_changed_document_is_reported(embedder: Embedder, tmp_path: Path, now: str, expected: str) -> None:
    with having_read(HARBOUR, tmp_path, embedder) as assistant:
        answer = assistant.ask(QUESTION)
        assert answer.citations[0].quote == QUOTE
        file = tmp_path / "documents" / "harbour.txt"
        file.write_text(now.format(HARBOUR["harbour.txt"], quote=QUOTE), "utf-8")
        assert assistant.ingest(file).updated == ("harbour.txt",)
        faults = assistant.verify(answer)
        assert faults[:1] == ([f"[1] harbour.txt ¶2 {expected}"] if expected else [])
        assert all(fault.startswith("[") for fault in faults)


def test_removed_document_is_reported_and_its_file_can_replace_it(embedder: Embedder, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    with having_read(HARBOUR, tmp_path, embedder) as assistant:
        answer = assistant.ask(QUESTION)
        assistant.remove("harbour.txt")
        assert assistant.verify(answer)[0] == "[1] the index no longer has harbour.txt"
        assert assistant.verify(answer, below=folder) == []
        fault, *_ = assistant.verify(answer, below=tmp_path)
        assert fault == "[1] neither the index nor this folder has harbour.txt"
        (folder / "harbour.txt").write_text("Notes of the harbour\n\nIt rains.\n")
        fault, *_ = assistant.verify(answer, below=folder)
        assert fault == "[1] harbour.txt ¶2 has changed; the document no longer has the quote"
        (folder / "harbour.txt").write_bytes(b" \n")
        fault, *_ = assistant.verify(answer, below=folder)
        assert fault.startswith("[1] harbour.txt: is empty")


@pytest.mark.parametrize(
    "source",
    ["../secret.txt", "{0}/secret.txt", "link.txt", "", ".", "..", "a/../../secret.txt", "x" * 9999, "\x00"],
)
def test_no_file_outside_the_folder_is_read(embedder: Embedder, tmp_path: Path, source: str) -> None:
    text = "The password is swordfish."
    (tmp_path / "secret.txt").write_text(text)
    with having_read({"lamp.txt": "The lamp is green."}, tmp_path, embedder) as assistant:
        folder = tmp_path / "documents"
        (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
        named = source.format(tmp_path)
        quote = Citation(1, named, 1, None, 1, None, text, 0, len(text), text)
        answer = stated(Answer("?", "", citations=(quote,)), text, 1)
        (fault,) = assistant.verify(answer, below=folder)
        assert fault == f"[1] neither the index nor this folder has {named}"


LIGHTHOUSE = (
    "The lighthouse of Urk was not damaged in the storm of 1953. "
    "The keeper Jan Prins warned the pilot Ada Brandt of the storm."
)


@pytest.mark.parametrize("by_model", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "The lighthouse of Urk was damaged in the storm of 1953.",
        "The lighthouse of Urk was not damaged in the storm of 1935.",
        "The lighthouse of Lemmer was not damaged in the storm of 1953.",
        "The keeper Jan Prins did not warn the pilot Ada Brandt of the storm.",
        "The keeper Ada Brandt warned the pilot Jan Prins of the storm.",
        "The pilot Ada Brandt warned the keeper Jan Prins of the storm.",
        "The keeper Jan Prins was not damaged in the storm of 1953.",
    ],
    ids=["not removed", "number", "name", "not added", "names swapped", "order", "sentences mixed"],
)
def test_changed_meaning_is_reported(
    embedder: Embedder, tmp_path: Path, statement: str, by_model: bool
) -> None:
    with having_read({"lighthouse.txt": LIGHTHOUSE}, tmp_path, embedder) as assistant:
        answer = assistant.ask("Was the lighthouse of Urk damaged in the storm?")
        answer = cited(answer, start=0, end=len(LIGHTHOUSE), quote=LIGHTHOUSE)
        answer = replace(answer, citations=answer.citations[:1], timings={"calls": 1} if by_model else {})
        assert assistant.verify(stated(answer, LIGHTHOUSE, 1)) == []
        faults = assistant.verify(stated(answer, statement, 1))
    assert faults == [f"[1] does not support “{statement}”"]


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> Path:
    """The current folder, with an index of the harbour's documents in it."""
    with having_read(HARBOUR, tmp_path, embedder):
        pass
    monkeypatch.chdir(tmp_path / "documents")
    return tmp_path


def test_what_ask_printed_is_verified(run: Run, harbour: Path) -> None:
    printed = run("ask", QUESTION, "--json", "--index", harbour / "index")[1]
    (harbour / "answer.json").write_text(printed, "utf-8")
    code, out, err = run("verify", harbour / "answer.json", "--index", harbour / "index")
    assert (code, out, err) == (0, f"{QUESTION}: verified\n", "")
    (harbour / "answer.json").write_text(printed.replace("Okafor", "Okoye"), "utf-8")
    code, out, _ = run("verify", harbour / "answer.json", "--index", harbour / "index")
    assert code == 1
    assert out.startswith(f"{QUESTION}:\n  [1] the quote differs from the paragraph at its position")
    assert "\n  [1] harbour.txt ¶2 has changed; the document no longer has the quote\n" in out


def test_an_exported_conversation_is_verified_with_an_index_or_with_the_files(
    run: Run, harbour: Path
) -> None:
    with Assistant.open(harbour / "index", Settings()) as assistant:
        answers = [assistant.ask(QUESTION), assistant.ask("Which colour has the lamp of Goedereede?")]
    entries = [Entry(number, answer, datetime.now(UTC)) for number, answer in enumerate(answers, 1)]
    (harbour / "talk.json").write_text(as_json("Harbour", entries), "utf-8")
    stands = "".join(f"{answer.question}: verified\n" for answer in answers)
    assert run("verify", harbour / "talk.json", "--index", harbour / "index") == (0, stands, "")
    assert run("verify", harbour / "talk.json", "--index", harbour / "empty") == (0, stands, "")
    Path("lamp.txt").unlink()
    code, out, _ = run("verify", harbour / "talk.json", "--index", harbour / "empty")
    assert code == 1
    assert out == (
        f"{QUESTION}: verified\n{answers[1].question}:\n"
        "  [1] neither the index nor this folder has lamp.txt\n"
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("no JSON", "can't be read as JSON"),
        ("[" * 100_000, "can't be read as JSON"),
        ("\xff", "can't be read as JSON"),
        ("{}", "This is not an answer saved by Pilcrow (question: Field required). Save it again."),
        ("[1]", "This is not an answer"),
        ('{"pilcrow": 2, "answers": []}', "has an unknown format"),
        ('{"pilcrow": 1}', "has an unknown format"),
        ('{"pilcrow": 1, "answers": [{"question": "Why?"}]}', "text: Field required"),
    ],
)
def test_file_without_answers_is_refused(run: Run, tmp_path: Path, written: str, expected: str) -> None:
    (tmp_path / "talk.json").write_text(written, "latin-1")
    code, out, err = run("verify", tmp_path / "talk.json", "--index", tmp_path / "index")
    assert (code, out) == (1, "")
    assert err.startswith(f"pilcrow: {tmp_path / 'talk.json'}")
    assert expected in err


def test_feedback_is_printed_a_line_an_answer(run: Run, harbour: Path) -> None:
    code, out, err = run("feedback", "--index", harbour / "index")
    assert (code, out) == (0, "")
    assert "pilcrow chat" in err
    with Assistant.open(harbour / "index", Settings()) as assistant:
        answer = assistant.ask(QUESTION)
        with Conversations(harbour / "index" / FILE) as kept:
            key = kept.add("ada", None, answer)
            kept.add("ada", key, answer)
            kept.judge("ada", key, 1, "wrong", "It is\x9b Ms. Okoye.\nSince May.")
            code, out, err = run("feedback", "--index", harbour / "index")  # while the index is in use
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert "\x9b" not in line
    expected = json.loads(line)
    assert expected["question"] == QUESTION
    assert expected["verdict"] == "wrong"
    assert expected["note"] == "It is\x9b Ms. Okoye.\nSince May."
    assert {tuple(place) for place in expected["citations"]} == {("harbour.txt", 2)}


def test_feedback_makes_no_index(run: Run, tmp_path: Path) -> None:
    assert run("feedback", "--index", tmp_path / "index")[0] == 0
    assert not (tmp_path / "index").exists()
