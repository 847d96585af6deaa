from hypothesis import given
from hypothesis import strategies as st

from rag.text.folding import fold
from rag.text.words import content_words, sentences, stem, words


def test_accents_case_and_curly_quotes_do_not_matter() -> None:
    assert words("Chișinău’s") == words("chisinau's") == ["chisinau"]
    assert fold("ＣＡＦÉ") == "cafe"


def test_british_and_american_spellings_are_one_word() -> None:
    assert words("The Defence Ministry organised a programme of labour") == words(
        "The Defense Ministry organized a program of labor"
    )
    assert words("non-lethal counter-offensive") == words("nonlethal counteroffensive")
    assert words("anti-Putin hours") == ["anti", "putin", "hours"]


def test_inflected_words_share_a_stem() -> None:
    assert stem("missiles") == stem("missile")
    assert words("seven") == words("7")


def test_stopwords_of_a_question_are_left_out() -> None:
    assert content_words("Who was the commander of the army?") == ["commander", "army"]


def test_sentences_survive_titles_times_and_quotations() -> None:
    text = "Gen. Popov left at 6:34 a.m. ET, he said. “We hold. We stay,” Mr. Lee added.  Then, silence."
    found = [text[start:end] for start, end in sentences(text)]
    assert found == [
        "Gen. Popov left at 6:34 a.m. ET, he said.",
        "“We hold. We stay,” Mr. Lee added.",
        "Then, silence.",
    ]


def test_a_german_date_ends_no_sentence() -> None:
    text = "Die Übergabe ist am 24. Juli um 9 Uhr. Vom 1. bis 15. März ist zu."
    assert [text[start:end] for start, end in sentences(text)] == [text[:38], text[39:]]


@given(st.text(max_size=300))
def test_sentences_cover_the_text_but_for_white_space(text: str) -> None:
    position = 0
    for start, end in sentences(text):
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()
