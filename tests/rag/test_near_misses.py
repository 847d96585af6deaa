"""What is nearly asked for: another person, year or row is refused and named, a slip of the pen is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from remembering_embedder import having_read

from rag import Assistant
from rag.models.embedder import Embedder

DOCUMENTS = {
    "harbour.md": "# Harbour report\n\n26 July 2023\n\nThe pilot Marten Visser brought in the Rotesand. "
    "The diver Klaas Hoekstra freed its anchor.\n\nA fire on the quay of Lemmer hurt three dockers.\n\n"
    "Japan has given the port nonlethal aid: helmets, tents and pumps.\n\n"
    "The yard of Vollenhove laid the keel of a second ferry.",
    "wrecks.csv": "Place,Wrecks,Depth\nUrk,14,9 metres\nMakkum,3,21 metres\nStavoren,8,5 metres\n",
    "storm.html": "<h1>Storm</h1><table><caption>Table 1. The storm of Terschelling, then and now</caption>"
    "<tr><th>When</th><th>Roofs</th></tr><tr><td>before</td><td>whole</td></tr></table>"
    "<p>The storm of Terschelling tore the roofs off twelve houses after midnight.</p>",
}


@pytest.fixture(scope="module")
def harbour(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    with having_read(DOCUMENTS, tmp_path_factory.mktemp("harbour"), embedder) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Which ship did the pilot Marten Visser bring in?", "Rotesand"),
        ("How many dockers did the fire on the quay of Lemmer hurt?", "three dockers"),
        ("How many wrecks lie at Stavoren?", "Wrecks: 8"),
        ("What did the yard of Volenhove lay?", "keel"),  # a typing error
        ("What non-lethal aid has Tokyo given the port?", "helmets"),  # a capital for its country
    ],
)
def test_fact_is_found_under_its_names_and_spellings(harbour: Assistant, question: str, words: str) -> None:
    assert words in harbour.ask(question).text


def test_another_person_or_year_is_not_answered_for(harbour: Assistant) -> None:
    answer = harbour.ask("Which ship did the pilot Klaas Visser bring in?")
    assert answer.abstained
    assert "Klaas Visser" in answer.missing
    assert harbour.ask("How many dockers did the fire on the quay of Lemmer hurt in 2025?").abstained


def test_another_row_or_the_title_of_a_table_answers_nothing(harbour: Assistant) -> None:
    assert "Wrecks: 14" not in harbour.ask("How many wrecks lie at Stavoren?").text
    assert "Table 1" not in harbour.ask("What did the storm of Terschelling do?").text
