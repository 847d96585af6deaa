import pytest

from rag.text.names import absent, forms, names, namesakes, runs


def test_plain_first_word_is_no_name() -> None:
    assert names("Which port did Russia strike?") == ["Russia"]
    assert names("Did Finland send tanks to the UK?") == ["Finland", "UK"]


def test_neighbouring_names_are_one_name() -> None:
    assert runs("Why did Ivan Popov’s army leave New York?") == ["Ivan Popov", "New York"]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("Russia", "Russian forces withdrew"),
        ("Estonia", "an Estonian minister"),
        ("UK", "the British government"),
        ("UK", "the United Kingdom"),
        ("Poland", "Polish troops"),
        ("IOC", "the International Olympic Committee"),
        ("Zelensky", "President Zelenskiy"),
        ("Sentanta", "Setanta Sports"),
        ("Bedigo", "in Bendigo"),
        ("Beriods", "the Beroids"),
        ("Tokyo", "Japan sent helmets"),
        ("Japan", "Tokyo sent helmets"),
        ("Kiev", "aid for Ukraine"),
        ("Kremlin", "a Russian threat"),
    ],
)
def test_name_is_found_in_any_of_its_forms(wanted: str, text: str) -> None:
    assert absent([wanted], forms(text)) == []


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("Finland", "Sweden and Norway"),
        ("Austria", "the Australian minister"),
        ("Iran", "in Iraq"),
        ("Slovakia", "in Slovenia"),
        ("Surovikin", "General Popov"),
        ("Gambia", "in Zambia"),
        ("Tokyo", "in Kyiv"),
        ("Osaka", "in Japan"),
    ],
)
def test_similar_name_is_another_name(wanted: str, text: str) -> None:
    assert absent([wanted], forms(text)) == [wanted]


def test_other_first_name_is_another_person() -> None:
    told = "General Ivan Popov and Oleg Tsokov of South Korea"
    assert namesakes("Which army did Oleg Popov command?", told) == ["Oleg Popov"]
    assert namesakes("Who leads North Korea?", told) == ["North Korea"]
    assert namesakes("Which army did Ivan Popov command?", told) == []
    assert namesakes("Which army did General Popov command?", told) == []
