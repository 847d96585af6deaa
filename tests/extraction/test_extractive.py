"""The default generator, on evidence as it is read with the real embedder."""

from __future__ import annotations

import re

import pytest
from remembering_embedder import RememberingEmbedder

from rag.extraction.extractive import PASSAGE_WORDS, extract
from rag.extraction.reader import Reading, Sentence, read
from rag.models.embedder import Embedder
from rag.query.question import read_question
from rag.retrieval.rarity import Rarity, question_stems
from rag.retrieval.retriever import Match
from rag.retrieval.search import SearchResult
from rag.text.words import sentences, stems
from rag.types import Draft, Evidence

FLEET = (
    "The cutter Zeemeeuw left Urk at dawn. She carried five men and a dog. Her skipper was Jacob Hakvoort.",
    "The cutter Zeemeeuw brought home 4,200 kilograms of plaice on 3 May 1962. It was sold in IJmuiden.",
    "Bread cost 40 cents in that year, and\nthe  baker complained of the price of flour.",
    "- Boats that stayed in the harbour: Noordster, Vrouwe Maria and Eendracht.",
)


@pytest.fixture(scope="module")
def remembering(embedder: Embedder) -> RememberingEmbedder:
    return RememberingEmbedder(embedder)


def evidence(*texts: str) -> list[Evidence]:
    return [Evidence(number, "a.txt", 10 * number, text) for number, text in enumerate(texts, 1)]


def write(remembering: RememberingEmbedder, text: str, *texts: str) -> tuple[Draft, ...]:
    """Return what is drafted for a question on these paragraphs."""
    question, given = read_question(text), evidence(*texts)
    vector = remembering.embed([text])[0]
    cosines = [float(row @ vector) for row in remembering.embed(texts)]
    matches = [Match(cosine, cosine, 0.0) for cosine in cosines]
    frequency = {word: sum(word in stems(each) for each in texts) for word in question_stems(question)}
    rarity = Rarity.of(question, frequency, len(texts))
    likeness = [
        {
            (start, end): float(remembering.embed([each[start:end]])[0] @ vector)
            for start, end in sentences(each)
        }
        for each in texts
    ]
    found = SearchResult(tuple(given), matches, likeness, rarity, (), False)
    return extract(question, given, read(question, found))


@pytest.mark.parametrize(
    ("question", "fact", "paragraph"),
    [
        ("Who was the skipper of the cutter Zeemeeuw?", "Jacob Hakvoort", 1),
        ("How many kilograms of plaice did the Zeemeeuw bring home?", "4,200", 2),
        ("What did bread cost?", "40 cents", 3),
        ("Which boats stayed in the harbour?", "Noordster", 4),
    ],
)
def test_sentence_that_answers_is_drafted(
    remembering: RememberingEmbedder, question: str, fact: str, paragraph: int
) -> None:
    drafts = write(remembering, question, *FLEET)
    assert any(fact in draft.text and draft.evidence == (paragraph,) for draft in drafts)


@pytest.mark.parametrize("question", ["Who was it?", "What about plaice?", "List the boats.", "flour", "?"])
def test_draft_is_in_the_words_of_its_paragraph(remembering: RememberingEmbedder, question: str) -> None:
    drafts = write(remembering, question, *FLEET)
    assert drafts
    for draft in drafts:
        (number,) = draft.evidence
        assert draft.text in re.sub(r"\s+", " ", FLEET[number - 1])
        assert not draft.text.startswith("-")


def test_sentence_with_a_pronoun_brings_the_one_before(remembering: RememberingEmbedder) -> None:
    drafts = write(remembering, "Where was the plaice sold?", *FLEET)
    whole = " ".join(draft.text for draft in drafts)
    assert "It was sold in IJmuiden." in whole
    assert "plaice" in whole.split("It was sold")[0]


def test_sentence_of_two_paragraphs_is_drafted_once(remembering: RememberingEmbedder) -> None:
    twin = "The skipper of the cutter Zeemeeuw was Jacob Hakvoort."
    drafts = write(remembering, "Who was the skipper of the Zeemeeuw?", twin, twin, FLEET[2])
    assert [draft.text for draft in drafts].count(twin) == 1


def shared(text: str, *shares: float) -> Reading:
    """One paragraph read, of whose sentences each has this share of the probability."""
    spans = [(found.start(), found.end()) for found in re.finditer(r"[^ .][^.]*\.", text)]
    read_ = [
        Sentence(0, start, end, text[start:end], share, {"right_kind": 0.0})
        for (start, end), share in zip(spans, shares, strict=True)
    ]
    return Reading(tuple(sorted(read_, key=lambda sentence: -sentence.probability)), 0.9, ())


HARBOUR = "Seven trawlers sailed. A dredger lay at anchor. Some pilots rowed ashore."


def test_several_sentences_follow_the_order_of_the_page() -> None:
    reading = shared(HARBOUR, 0.33, 0.32, 0.35)
    drafts = extract(read_question("List what the boats did."), evidence(HARBOUR), reading)
    assert " ".join(draft.text for draft in drafts) == HARBOUR


def test_a_short_paragraph_is_shown_whole_and_a_long_one_around_its_best_sentence() -> None:
    question = read_question("Who rowed ashore?")
    reading = shared(HARBOUR, 0.03, 0.05, 0.92)
    assert " ".join(draft.text for draft in extract(question, evidence(HARBOUR), reading)) == HARBOUR
    long = " ".join([f"Ship {number} lay at anchor in the roads of the isle." for number in range(20)])
    drafts = extract(question, evidence(long), shared(long, *[0.02] * 12, 0.62, *[0.02] * 7))
    text = " ".join(draft.text for draft in drafts)
    assert "Ship 12 lay" in text
    assert len(text.split()) <= PASSAGE_WORDS
    assert text in long


CATCHES = ("The Zeemeeuw caught 40 plaice in 1962.", "The Zeemeeuw caught 60 plaice in 1963.")


@pytest.mark.parametrize(
    ("question", "texts", "kept"),
    [
        ("How much rye has mill 81?", ("Mill 81 has 1697 sacks of rye.", "Mill 82 has 98 sacks of rye."), 1),
        ("What was caught in 1962?", ("Plaice was caught in 1962.", "It weighed 4,200 kilograms."), 2),
        ("What did the Zeemeeuw catch?", CATCHES, 2),
        ("What did the Zeemeeuw catch in 1962?", CATCHES, 1),
    ],
)
def test_sentence_about_another_number_than_asked_does_not_join(
    question: str, texts: tuple[str, str], kept: int
) -> None:
    neighbours = [Evidence(number, "a.txt", number, text) for number, text in enumerate(texts, 1)]
    both = tuple(Sentence(at, 0, len(text), text, 0.6 - 0.3 * at, {}) for at, text in enumerate(texts))
    drafts = extract(read_question(question), neighbours, Reading(both, 0.9, ()))
    assert [draft.text for draft in drafts] == list(texts[:kept])
