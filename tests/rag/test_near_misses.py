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


def test_another_person_of_that_name_is_not_answered_for(harbour: Assistant) -> None:
    answer = harbour.ask("Which ship did the pilot Klaas Visser bring in?")
    assert answer.abstained
    assert "Klaas Visser" in answer.missing
    assert "Rotesand" in harbour.ask("Which ship did the pilot Marten Visser bring in?").text


def test_a_year_after_the_document_was_written_is_not_answered_for(harbour: Assistant) -> None:
    assert harbour.ask("How many dockers did the fire on the quay of Lemmer hurt in 2025?").abstained
    assert "three dockers" in harbour.ask("How many dockers did the fire on the quay of Lemmer hurt?").text


def test_a_row_answers_for_its_own_place_only(harbour: Assistant) -> None:
    answer = harbour.ask("How many wrecks lie at Stavoren?")
    assert "Wrecks: 8" in answer.text
    assert "Wrecks: 14" not in answer.text


def test_the_title_of_a_table_answers_nothing(harbour: Assistant) -> None:
    assert "Table 1" not in harbour.ask("What did the storm of Terschelling do?").text


def test_a_slip_in_a_name_is_forgiven(harbour: Assistant) -> None:
    assert "keel" in harbour.ask("What did the yard of Volenhove lay?").text


def test_a_capital_stands_for_its_country_and_spellings_meet(harbour: Assistant) -> None:
    assert "helmets" in harbour.ask("What non-lethal aid has Tokyo given the port?").text
