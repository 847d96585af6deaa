"""Chunks stay within their paragraph and the embedder's limit."""

import re
import time

import pytest

from rag.ingestion.chunker import chunk, normalise
from rag.types import Document, Kind, Paragraph


def count(text: str) -> int:
    """Count words of up to 8 letters, other signs and two special tokens."""
    return 2 + len(re.findall(r"\w{1,8}|[^\w\s]", text))


def document(*texts: str, heading: str = "") -> Document:
    paragraphs = (Paragraph(number, text, heading=heading) for number, text in enumerate(texts, 1))
    return Document("a.txt", "0" * 64, "a", tuple(paragraphs))


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_short_paragraph_is_one_chunk_with_its_heading() -> None:
    (made,) = chunk(document("The port was struck.", heading="News › Odesa"), count)
    assert made.embedded == "News › Odesa\nThe port was struck."
    assert (made.source, made.paragraph, made.part, made.ordinal) == ("a.txt", 1, 0, 0)


def test_searched_text_is_normalised() -> None:
    text = "\ufeffThe\u00a0oﬃce\u200b  of\u2028Zu\u0308rich\u00ad is 10² m\x07"
    (made,) = chunk(document(text), count)
    assert made.text == "The office of Zürich is 10² m"


@pytest.mark.parametrize("text", ["\u200b", " \u00a0\n", "\x07"])
def test_paragraph_without_visible_text_has_no_chunk(text: str) -> None:
    assert chunk(document(text), count) == ()


def test_long_paragraph_is_split_between_sentences() -> None:
    sentences = [f"Sentence number {n} is about the harbour and its cranes." for n in range(60)]
    made = chunk(document(" ".join(sentences), "Another.", heading="Harbour"), count, limit=64)
    parts = [each for each in made if each.paragraph == 1]
    assert [each.part for each in parts] == list(range(len(parts)))
    assert all(count(each.embedded) <= 64 for each in made)
    assert all(each.text.startswith("Sentence") and each.text.endswith(".") for each in parts)
    assert " ".join(each.text for each in parts) == " ".join(sentences)
    assert made[-1].paragraph == 2


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "w. " * 20_000, "字" * 20_000, "word " * 20_000, "naïve-café " * 5_000, "!?" * 5_000],
    ids=["one word", "w.", "no spaces", "no stops", "hyphens", "signs"],
)
def test_text_without_sentences_is_split_and_loses_nothing(text: str) -> None:
    start = time.monotonic()
    made = chunk(document(text, heading="A heading"), count)
    assert all(count(each.embedded) <= 256 and len(each.text) <= 5_000 for each in made)
    assert squeezed("".join(each.text for each in made)) == squeezed(text)
    assert time.monotonic() - start < 20


def test_long_heading_is_shortened_to_leave_room_for_the_text() -> None:
    heading = " › ".join(["An outer heading of many words " * 10, "The inner one"])
    (made,) = chunk(document("Some text.", heading=heading), count, limit=64)
    assert made.heading == "The inner one"
    (made,) = chunk(document("Some text.", heading="endless " * 500), count, limit=64)
    assert made.text == "Some text."
    assert made.heading.startswith("endless")
    assert count(made.embedded) <= 64


def test_equal_chunks_have_different_ordinals_and_ids() -> None:
    made = chunk(document("Read more.", "Something else.", "Read more."), count)
    assert [each.ordinal for each in made] == [0, 0, 1]
    assert len({each.id for each in made}) == 3


def test_ids_stay_when_a_paragraph_is_inserted_before() -> None:
    before = chunk(document("One.", "Two."), count)
    after = chunk(document("New.", "One.", "Two."), count)
    assert {each.id for each in before} <= {each.id for each in after}


def test_normalised_text_stays_the_same() -> None:
    for text in ("e\u0301\u200b ﬁ", "a\u00a0\u00a0b", "\u0627\u0644\u200f"):
        assert normalise(normalise(text)) == normalise(text)


def test_wide_row_is_split_between_cells_and_each_chunk_keeps_the_first_cell() -> None:
    row = "; ".join(["site: Old Museum", *(f"m{number}: {number * 7}." for number in range(200))])
    paragraph = Paragraph(1, row, Kind.TABLE_ROW, "Meters")
    made = chunk(Document("a.csv", "0" * 64, "a", (paragraph,)), count, 64)
    assert len(made) > 5
    assert {each.heading for each in made} == {"Meters › site: Old Museum"}
    assert all(count(each.embedded) <= 64 for each in made)
    assert "; ".join(each.text.rstrip(";") for each in made) == row
