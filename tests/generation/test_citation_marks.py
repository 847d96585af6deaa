"""Citation marks as models write them."""

from __future__ import annotations

import pytest

from rag.generation.citation_marks import Marked, SentenceReader


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It was struck. [1] It sank [2].", [("It was struck.", (1,)), ("It sank.", (2,))]),
        ("It was struck 【1】. It sank【2†source】.", [("It was struck.", (1,)), ("It sank.", (2,))]),
        ("Source 1: It was struck. Source 2: It sank.", [("It was struck.", (1,)), ("It sank.", (2,))]),
        ("[1] It was struck. [2] It sank.", [("It was struck.", (1,)), ("It sank.", (2,))]),
        ("It was struck (Source 1). It sank [1, 2].", [("It was struck.", (1,)), ("It sank.", (1, 2))]),
        ("It was struck.¹ It sank².", [("It was struck.", (1,)), ("It sank.", (2,))]),
        ("According to Source 2, it sank.", [("It sank.", (2,))]),
        ("It rose [1-3]. It fell [^3].", [("It rose.", (1, 2, 3)), ("It fell.", (3,))]),
        (
            "It sank (1). In 1962 (the year) it rose.",
            [("It sank.", (1,)), ("In 1962 (the year) it rose.", ())],
        ),
        ("Gen. Smit of the U.S. Army said so. [7]", [("Gen. Smit of the U.S. Army said so.", (7,))]),
        (
            "It bears the name of the miller M. Theo Kaan, who drained it. It is dry. [1]",
            [("It bears the name of the miller M. Theo Kaan, who drained it.", ()), ("It is dry.", (1,))],
        ),
        ("The report (Vol. 1, p. 7) tells of it. [1]", [("The report (Vol. 1, p. 7) tells of it.", (1,))]),
        (
            "“The dike held. We stayed,” said the miller. They left at 6 a.m. ET. [1]",
            [("“The dike held. We stayed,” said the miller.", ()), ("They left at 6 a.m. ET.", (1,))],
        ),
        ("None here. Nor here.", [("None here.", ()), ("Nor here.", ())]),
        ("(The harbour · 1962-05-03) It sank. [1]", [("It sank.", (1,))]),
        ("(Urk (Flevoland) · 1962) It sank. [1]", [("It sank.", (1,))]),
        ("The answer is: It sank. [1]", [("It sank.", (1,))]),
        ("The deal (2014) was signed.", [("The deal (2014) was signed.", ())]),
        ("[1]", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_citation_marks_of_any_form_are_read_and_removed(
    text: str, sentences: list[tuple[str, tuple[int, ...]]], size: int
) -> None:
    reader = SentenceReader()
    found = [one for at in range(0, len(text), size) for one in reader.feed(text[at : at + size])]
    found += reader.close()
    assert found == [Marked(*sentence) for sentence in sentences]
    assert reader.rest == ""


def test_sentence_is_returned_once_the_next_has_begun() -> None:
    reader = SentenceReader()
    assert reader.feed("The port was struck. [1]") == []
    assert reader.feed(" The ferry") == []  # may yet belong to the sentence, as in "M. Kaan"
    assert reader.feed(" was not hit by") == [Marked("The port was struck.", (1,))]
    assert reader.rest.strip() == "The ferry was not hit by"
