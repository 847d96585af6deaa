"""Sentences put together from pieces of the source that do not belong together."""

from __future__ import annotations

import pytest

from rag.models.embedder import Embedder
from rag.types import Evidence
from rag.verification.grounding import Grounding, grounded

SOURCES = {
    "treaty": "The treaty was signed in Paris by Germany, France and Italy, and ratified in Rome in 1957.",
    "sugar": "Insulin lowers blood sugar, whereas glucagon raises it.",
    "drug": "The drug reduced deaths among men over 60, but not among women.",
    "town": "In 2010 the town had 4,000 people; by 2020 it had 3,100.",
    "wedding": "Peter, the brother of Anna, married Eva in May.",
    "ferry": "The ferry leaves Urk at 9 a.m. and reaches Lemmer at noon.",
    "tax": "The tax is 5 percent for farmers and 20 percent for traders.",
    "vote": "Most members voted for the plan, although the chairman opposed it.",
    "coffee": "The study found no evidence that coffee harms the heart.",
    "island": "Until 1948 the island belonged to Denmark; since then it has belonged to Norway.",
    "office": "Wilson, who succeeded Adams in 1921, resigned in 1923.",
    "mill": "The company bought the mill from the town for two million euros and sold it to a Dane for five.",
    "aid": "Norway sent 19 howitzers and Denmark 12 tanks.",
    "flight": "The plane flew from Paris to Rome on Monday.",
    "fire": "Piet Kok, the owner, spent three days in Urk, from the 5th to the 7th, because the mill burned.",
    "fleet": "6 August: Forty ferries cross the lake in a storm.",
    "nurse": "Kim, a doctor, treated the wounded, while his brother Lars, a priest, buried the dead.",
    "crew": "The crew was not paid for three months, the owner said on Friday.",
}


def check(sentence: str, about: str, embedder: Embedder) -> Grounding:
    text = f"{SOURCES[about]} The weather was fine that week."
    return grounded(sentence, [Evidence(1, f"{about}.txt", 2, text)], embedder.embed)


@pytest.mark.parametrize(
    ("about", "lie"),
    [
        ("treaty", "The treaty was signed in Rome in 1957."),
        ("treaty", "The treaty was signed in Paris by Germany and France in 1957."),
        ("sugar", "Glucagon lowers blood sugar."),
        ("sugar", "Insulin raises blood sugar."),
        ("sugar", "Insulin raises it."),
        ("drug", "The drug reduced deaths among women."),
        ("town", "In 2010 the town had 3,100."),
        ("wedding", "Anna married Eva in May."),
        ("ferry", "The ferry leaves Urk at noon."),
        ("tax", "The tax is 5 percent for traders."),
        ("vote", "Members voted for the plan."),
        ("vote", "The chairman voted for the plan."),
        ("coffee", "Coffee harms the heart."),
        ("coffee", "The study found that coffee harms the heart."),
        ("island", "Until 1948 the island belonged to Norway."),
        ("island", "The island belongs to Denmark."),
        ("office", "Adams resigned in 1923."),
        ("office", "Wilson succeeded Adams in 1923."),
        ("mill", "The company sold the mill to a Dane for two million euros."),
        ("mill", "The company bought the mill from a Dane."),
        ("aid", "Norway sent 19 howitzers and 12 tanks."),
        ("nurse", "Kim buried the dead."),
        ("nurse", "His brother Lars treated the wounded."),
        ("flight", "The plane flew from Rome on Monday."),
    ],
)
def test_wrongly_joined_pieces_are_refused(about: str, lie: str, embedder: Embedder) -> None:
    checked = check(lie, about, embedder)
    assert not checked.supported
    assert checked.faults


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ("treaty", "The treaty was signed in Paris by Germany, France and Italy."),  # a clause less
        ("island", "Until 1948 the island belonged to Denmark."),
        ("office", "Wilson resigned in 1923."),  # what stands between commas
        ("mill", "The company bought the mill from the town."),  # what "for" begins
        ("wedding", "Peter married Eva in May."),
        ("flight", "The plane flew to Rome on Monday."),
        ("fire", "Piet Kok spent three days in Urk because the mill burned."),
        ("fleet", "Forty ferries crossed the lake in a storm on 6 August."),
        # who says it first
        ("crew", "The owner said on Friday that the crew was not paid for three months."),
    ],
)
def test_harmless_omission_or_order_is_supported(about: str, sentence: str, embedder: Embedder) -> None:
    checked = check(sentence, about, embedder)
    assert checked.supported, checked.faults
