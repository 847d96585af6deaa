"""The words of a statement that answer: highlighted if it is sure, never outside the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Assistant, Statement
from rag.extraction.highlight import mark
from rag.query.question import read_question


def highlighted(question: str, text: str) -> str | None:
    """Return the words of a statement that are highlighted for a question."""
    (statement,) = mark(read_question(question), [Statement(text, (1,), 1.0)])
    return text[slice(*statement.highlight)] if statement.highlight else None


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        ("When was the bridge opened?", "The bridge was opened by the mayor on 4 May 1931.", "4 May 1931"),
        ("In what year did the mill burn down?", "The mill burned down in 1897 after a storm.", "1897"),
        ("Who designed the tower?", "The tower was designed by Marta Lindqvist in 1902.", "Marta Lindqvist"),
        ("How many ferries does the harbour have?", "The harbour has 14 ferries and two cranes.", "14"),
        ("Who is Ines Okafor?", "Ines Okafor.", None),  # the question says it
        ("What happened in 1931?", "It was 1931.", None),
        ("How did the talks go?", "They went on, and there was nothing more of it to be said.", None),
        ("When?", "", None),
    ],
)
def test_only_the_words_that_answer_are_highlighted(question: str, text: str, words: str | None) -> None:
    assert highlighted(question, text) == words


@given(question=st.text(max_size=60), text=st.text(max_size=200))
def test_highlight_lies_within_the_text_and_is_stripped(question: str, text: str) -> None:
    (statement,) = mark(read_question(question), [Statement(text, (1,), 1.0)])
    if statement.highlight:
        start, end = statement.highlight
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip() != ""


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When did Ukrainian troops cross into Kursk?", "6 August"),
        ("Who heads the SBU?", "Vasyl Malyuk"),
        ("How large was the American security aid by 19 January 2023?", "26.7 billion dollars"),
        ("Where is the drone factory that Russia is building with Iran?", "Alabuga Special Economic Zone"),
    ],
)
def test_answer_from_documents_highlights_its_words(assistant: Assistant, question: str, words: str) -> None:
    answer = assistant.ask(question)
    marked = [s.text[slice(*s.highlight)] for s in answer.statements if s.highlight]
    assert words in marked, answer.text
