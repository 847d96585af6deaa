"""Texts of other languages than English: their words, sentences, numbers, dates and names."""

from __future__ import annotations

from datetime import date

import pytest

from rag.text.dates import find_date
from rag.text.language import language
from rag.text.names import names
from rag.text.numbers import numbers
from rag.text.words import content_stems, sentences, words


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Who pays for the lift?", "en"),
        ("parking fee", "en"),
        ("E-1042", "en"),
        ("Wann wird der Müll abgeholt?", "de"),
        ("À quelle heure ferme la piscine ?", "fr"),
        ("¿Cuándo abre la piscina?", "es"),
        ("Когда закрывается бассейн?", "ru"),
        ("متى يفتح المسبح؟", "ar"),
        ("游泳池几点开门？", "zh"),
        ("プールは何時に閉まりますか", "ja"),
    ],
)
def test_language_is_found_out_in_a_question_already(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Welche Gebühren gelten?", "Die Gebühr beträgt 5 Euro."),
        ("Quelles sont les machines louées ?", "La machine est louée à la journée."),
        ("¿Qué contratos terminan?", "El contrato termina en mayo."),
        ("Когда открыли новую библиотеку?", "Новая библиотека открыта в мае."),
        ("图书馆几点关门？", "图书馆晚上十点关门。"),
    ],
)
def test_inflected_words_meet(asked: str, said: str) -> None:
    assert content_stems(asked) & content_stems(said)


def test_function_words_of_other_languages_are_no_content() -> None:
    assert content_stems("Wie hoch ist die Kaution?") == {"hoch", "kaution"}


def test_months_and_small_numbers_have_one_spelling() -> None:
    assert "may" in words("El plazo acaba en mayo.")
    assert "3" in words("Die Frist beträgt drei Monate.")


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("Die Kaution beträgt 1.234,56 Euro.", "1234.56"),
        ("El precio es de 2.340 euros al año.", "2340"),
        ("The deposit is 1,234.56 euros.", "1234.56"),
        ("费用是18万元，合同从2024年开始。", "2024"),
    ],
)
def test_numbers_are_read_as_the_language_writes_them(text: str, figure: str) -> None:
    assert figure in numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "Der Vertrag beginnt am 24. Juni 2024.",
        "Le contrat commence le 24 juin 2024.",
        "El contrato empieza el 24 de junio de 2024.",
        "Договор действует с 24 июня 2024 года.",
        "合同从2024年6月24日开始。",
    ],
)
def test_dates_are_read_as_the_language_writes_them(text: str) -> None:
    assert find_date(text) == date(2024, 6, 24)


def test_german_nouns_are_no_names() -> None:
    assert names("Wer zahlt die Reparatur der Heizung?") == []
    assert names("Wer wartet die Anlage WX-9 von Brunnfeld Haustechnik?") == ["WX-9", "Brunnfeld"]


def test_sentences_end_as_in_their_language() -> None:
    text = "Die Sitzung ist am 24. Juni. Sie beginnt um 9 Uhr."
    assert [text[start:end] for start, end in sentences(text)] == [
        "Die Sitzung ist am 24. Juni.",
        "Sie beginnt um 9 Uhr.",
    ]
