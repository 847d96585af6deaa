"""Asking, as a caller of the Python API sees it: right facts with their place, abstentions, hostile input."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Answer, Assistant, PilcrowError, Settings, Turn
from rag.errors import StoreError
from rag.models.embedder import Embedder
from rag.query.condense import condense

STRINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "hostile" / "naughty_strings.json"

# (question, a part of the answer, the document and words of a paragraph that hold it)
QUESTIONS = [
    ("How many people may the Russian embassy in Chișinău keep?", "25", "moldova-and-belarus.html", "to 25"),
    ("Why was the Odesa missile hard to spot?", "storm", "black-sea-notes.txt", "flew very low"),
    ("When does the ban on Ukrainian grain end?", "15 September", "black-sea-notes.txt", "15 September"),
    ("Which country promised 19 howitzers to Ukraine?", "Denmark", "aid-and-weapons.csv", "Denmark"),
    ("What did Blinken announce on 25 July 2023?", "400 million", "aid-and-weapons.csv", "Blinken"),
    ("Who was Daniel Swift?", "volunteer", "briefing-2023-01-31.md", "Daniel Swift"),
    ("How many wrongly drafted Russians were sent home?", "9,000", "briefing-2023-01-31.md", "9,000"),
    ("Why was General Popov removed?", "letting", "weekly-review-2023-07-28.pdf", "letting"),
    ("Where do Russia and Iran build a drone factory?", "Alabuga", "weekly-review-2023-07-28.pdf", ""),
    ("At whom is Putin's anger over Kursk directed?", "Gerasimov", "kursk-2024-08-16.txt", "anger"),
    ("When did Ukrainian troops enter Kursk region?", "6 August", "timeline.html", "6 August"),
    ("What did Shoigu hand to Kim Jong Un?", "letter", "moscow-and-pyongyang.txt", "letter"),
    ("What is Rybar?", "blogger", "glossary.md", "Rybar"),
    ("Who is the governor of Donetsk region?", "Kyrylenko", "who-said-what.csv", "Governor"),
    ("How much does Ukraine spend on drones in 2023?", "40 billion", "aid-and-weapons.csv", "Drones"),
    ("What did Kyiv say on the villages near Kupyansk?", "Denied", "minutes-2023-07-26.docx", "Kupyansk"),
    ("Who says the paratroopers joined Wagner?", "Zhorin", "fact-sheet-wagner.pdf", "Zhorin"),
]

# (question, the word of it that the documents lack)
ABSENT = [
    ("How many howitzers did Norway promise?", "Norway"),
    ("When did the Chinese army enter Taiwan?", "Taiwan"),
    ("Who commands the 8th Combined Arms Army?", "8th"),
    ("What did Marina Ovsyannikova say on Rain?", "Ovsyannikova"),
    ("What did Blinken announce on 25 July 2019?", "2019"),
    ("Who was mayor of Lviv in 1998?", "1998"),
]


def holds_together(answer: Answer) -> None:
    """What is true of every answer: each statement cited, each mark a citation, each quote exact."""
    marks = [] if answer.abstained else [int(mark) for mark in re.findall(r"\[(\d+)\]", answer.text)]
    assert marks == [number for statement in answer.statements for number in statement.citations]
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    assert set(marks) == {citation.number for citation in answer.citations}
    for statement in answer.statements:
        assert statement.citations
        start, end = statement.highlight or (0, 0)
        assert 0 <= start <= end <= len(statement.text)
    for citation in answer.citations:
        assert citation.quote.strip()
        assert citation.quote == citation.paragraph_text[citation.start : citation.end]
    assert answer.abstained is not bool(answer.statements)
    assert answer.text


@pytest.mark.parametrize(("question", "fact", "source", "words"), QUESTIONS)
def test_answer_has_the_fact_and_cites_its_place(
    assistant: Assistant, question: str, fact: str, source: str, words: str
) -> None:
    answer = assistant.ask(question)
    holds_together(answer)
    assert fact in answer.text
    holding = [c for c in answer.citations if fact.casefold() in c.paragraph_text.casefold()]
    assert any(c.source == source and words in c.paragraph_text for c in holding), answer


@pytest.mark.parametrize(("question", "lacking"), ABSENT)
def test_abstention_names_the_missing_word(assistant: Assistant, question: str, lacking: str) -> None:
    answer = assistant.ask(question)
    holds_together(answer)
    assert answer.abstained
    assert lacking in answer.missing
    assert answer.text.startswith("I couldn't find this in your documents. ")
    assert f'"{lacking}"' in answer.text
    assert answer.citations == ()
    assert 1 <= len(answer.nearest) <= 3
    for near in answer.nearest:
        assert near.text == assistant.paragraph(near.source, near.paragraph).text


def test_empty_index_says_so_and_what_to_do(embedder: Embedder, tmp_path: Path) -> None:
    with open_assistant(tmp_path / "index", embedder) as assistant:
        answer = assistant.ask("Which port was struck?")
        assert (answer.abstained, answer.nearest, answer.evidence) == (True, (), ())
        assert answer.text == "The index is empty. Add documents with `pilcrow ingest PATH`."
        assert assistant.documents() == []
        assert "".join(assistant.stream("Which port was struck?")) == answer.text


@pytest.mark.parametrize("question", ["", "   \n", "?!", "…", "\x00", "🚀", "👩🏽‍🚒🇺🇦", "的"])
def test_question_without_a_known_word_is_not_answered(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    holds_together(answer)
    assert answer.abstained
    assert answer.question == question


@pytest.mark.parametrize(
    "question", ["Wie hoch ist die Kaution?", "Кто президент Франции?", "图书馆几点关门？"]
)
def test_built_in_embedder_does_not_guess_across_languages(assistant: Assistant, question: str) -> None:
    assert assistant.ask(question).abstained


@pytest.mark.parametrize(
    "question",
    [
        "Which port was struck? " * 435,
        "Odesa " * 1666,
        "x" * 10_000,
        "." * 10_000,
        '"(' * 5_000,
        "é\u0301" * 5_000,
        "Who is he? \ud800 \udfff",
        "Which port was struck by missiles? 🚀",
        'port" OR source:* NEAR(',
        "port\x00Odesa\x1b[31m",
    ],
)
def test_a_long_or_odd_question_breaks_nothing(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    holds_together(answer)
    json.dumps(answer.text, ensure_ascii=False).encode()


def test_no_naughty_string_breaks_asking(embedder: Embedder, tmp_path: Path) -> None:
    if not STRINGS.is_file():
        pytest.skip("the naughty strings lie beside the project's checkout, which is not so here")
    strings = json.loads(STRINGS.read_text("utf-8"))
    remembering = RememberingEmbedder(embedder)
    remembering.embed([text.strip() for text in strings])  # at once, which is quicker than one by one
    with open_assistant(tmp_path / "index", remembering) as assistant:
        (tmp_path / "lamp.txt").write_text("The lamp of the harbour is green. It was lit in 1900.")
        assistant.ingest(tmp_path / "lamp.txt")
        for text in strings:
            holds_together(assistant.ask(text))
        assert assistant.check() == []
    for text in strings:
        assert condense("And when was that?", [Turn(text, text)])


def test_follow_up_ignores_earlier_citation_marks(assistant: Assistant) -> None:
    first = assistant.ask("Who speaks for the southern command?")
    assert "Natalia Humeniuk" in first.text
    marked = Turn(first.question, f"{first.text} [2][17]")
    then = assistant.ask("What did she say of the missile?", history=[marked])
    holds_together(then)
    assert then.question == "What did she say of the missile?"
    assert "Humeniuk" in then.standalone
    assert "[" not in then.standalone
    assert "storm" in then.text


def test_follow_up_with_another_year_keeps_the_subject(assistant: Assistant) -> None:
    question = "What did Blinken announce on 25 July 2023?"
    then = assistant.ask("And in 2019?", history=[Turn(question, assistant.ask(question).text)])
    assert "Blinken" in then.standalone
    assert then.abstained
    assert "2019" in then.missing


def test_sources_limit_what_is_read(assistant: Assistant) -> None:
    question = "How many Caesar howitzers has France given?"
    for source in ("glossary.md", "aid-and-weapons.csv"):
        answer = assistant.ask(question, sources=[source])
        assert {evidence.source for evidence in answer.evidence} == {source}
        assert {citation.source for citation in answer.citations} == {source}
        assert "18" in answer.text
    elsewhere = assistant.ask(question, sources=["moscow-and-pyongyang.txt"])
    assert elsewhere.abstained
    assert {evidence.source for evidence in elsewhere.evidence} <= {"moscow-and-pyongyang.txt"}
    assert assistant.ask(question, sources=[]).evidence == ()
    alone = assistant.ask("How many settlements did Ukraine take in Kursk?", sources="kursk-2024-08-16.txt")
    assert {citation.source for citation in alone.citations} == {"kursk-2024-08-16.txt"}
    unknown = r"No document named 'nope\.txt'\. Run `pilcrow list` to see all\."
    with pytest.raises(PilcrowError, match=unknown):
        assistant.ask(question, sources=["nope.txt"])


@pytest.mark.parametrize("question", ["Who was Daniel Swift?", "How many howitzers did Norway promise?"])
def test_stream_pieces_join_to_the_answer(assistant: Assistant, question: str) -> None:
    whole = assistant.ask(question)
    stream = assistant.stream(question)
    pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == stream.answer.text == whole.text
    assert stream.answer.citations == whole.citations
    unread = assistant.stream(question)
    assert unread.answer.statements == whole.statements
    assert "".join(unread) == whole.text, "the pieces are there also when the answer was taken first"


def test_answer_lists_its_evidence_and_timings(assistant: Assistant) -> None:
    answer = assistant.ask("Who was Daniel Swift?")
    assert [evidence.number for evidence in answer.evidence] == list(range(1, len(answer.evidence) + 1))
    cited = {(citation.source, citation.paragraph) for citation in answer.citations}
    assert cited <= {(evidence.source, evidence.paragraph) for evidence in answer.evidence}
    assert all(0.7 <= statement.support <= 1 for statement in answer.statements)
    assert set(answer.timings) == {"condense", "embed", "retrieve", "read", "write", "verify", "mark"}


def test_answer_has_a_probability(assistant: Assistant) -> None:
    found = assistant.ask("Who was Daniel Swift?")
    elsewhere = assistant.ask("Who was Daniel Swift?", sources=["moscow-and-pyongyang.txt"])
    assert (found.abstained, elsewhere.abstained) == (False, True)
    assert 0 < elsewhere.probability < found.probability < 1
    assert assistant.ask("?!").probability == 0, "nothing was asked in words"
    assert assistant.ask("Who was Daniel Swift?", sources=[]).probability == 0, "there is no evidence"


def test_the_evidence_setting_bounds_what_is_retrieved(
    seeds_index: Path, embedder: Embedder, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(seeds_index, tmp_path / "index"))
    with open_assistant(folder, embedder, evidence=1) as assistant:
        answer = assistant.ask("Which country promised 19 howitzers to Ukraine?")
    assert sum(evidence.score > 0 for evidence in answer.evidence) == 1
    assert "Denmark" in answer.text


def test_documents_and_paragraphs_are_looked_up(assistant: Assistant, seeds: Path) -> None:
    listed = {document.source: document for document in assistant.documents()}
    assert set(listed) == {path.name for path in seeds.iterdir()}
    notes = listed["black-sea-notes.txt"]
    assert assistant.paragraph(notes.source, 1).text == "BLACK SEA NOTES"
    assert assistant.paragraph(notes.source, notes.paragraphs).text.startswith("A footnote on Crimea.")
    with pytest.raises(StoreError, match=f"It has 1 to {notes.paragraphs}"):
        assistant.paragraph(notes.source, notes.paragraphs + 1)


def test_failed_stream_raises_the_same_error_again(seeds_index: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(seeds_index, tmp_path / "index")
    assistant = Assistant.open(copy, Settings())
    stream = assistant.stream("What happened in Odesa?")
    assistant.close()
    with pytest.raises(PilcrowError):
        list(stream)
    with pytest.raises(PilcrowError):
        _ = stream.answer
