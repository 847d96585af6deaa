"""The check of free sentences refuses the lies that language models tell and passes honest paraphrases."""

from datetime import date

import pytest

from rag import Assistant
from rag.models.embedder import Embedder
from rag.types import Evidence
from rag.verification.clauses import split_clauses
from rag.verification.grounding import Grounding, grounded
from scripts.measure_check import load

REPORT = (
    "Germany will deliver 14 Leopard tanks to Ukraine in March 2023, the defence minister, Boris Pistorius, "
    "said on Friday. He said that the crews may be trained in Poland. Russia attacked Odesa with 30 drones "
    "overnight, and the port was not hit. Poland sent 20 howitzers worth $8 million."
)
BRIDGE = (
    "The old bridge at Karsk was built in 1912 and rebuilt after the flood of 1954. It is 340 metres long. "
    "More than 9,000 people cross it every day. “We are proud of it,” the mayor, Anna Lind, told reporters."
)
EVIDENCE = (
    Evidence(1, "report.txt", 3, REPORT, heading="Aid for Ukraine", date=date(2023, 1, 27)),
    Evidence(2, "bridge.txt", 5, BRIDGE, heading="Bridges"),
)


def check(sentence: str, embedder: Embedder, evidence: tuple[Evidence, ...] = EVIDENCE) -> Grounding:
    return grounded(sentence, evidence, embedder.embed)


@pytest.mark.parametrize(
    ("sentence", "by"),
    [
        ("Russia attacked Odesa with 30 drones overnight, and the port was not hit.", (1,)),
        ("Russia attacked Odesa with 30 drones overnight.", (1,)),
        ("Poland sent twenty howitzers worth $8 million.", (1,)),
        ("Germany will deliver 14 Leopard tanks to Ukraine in March 2023.", (1,)),
        ("The old bridge at Karsk was built in 1912.", (2,)),
        ("The mayor, Anna Lind, told reporters: “We are proud of it.”", (2,)),
        ("Pistorius said that the crews may be trained in Poland.", (1,)),  # who "he" is
    ],
)
def test_paraphrase_is_supported(sentence: str, by: tuple[int, ...], embedder: Embedder) -> None:
    checked = check(sentence, embedder)
    assert checked.supported, checked
    assert checked.by == by
    assert not checked.faults


@pytest.mark.xfail(strict=True, reason="true, but in words too different to be sure")
@pytest.mark.parametrize(
    "sentence",
    [
        "Odesa was attacked by Russia with 30 drones.",  # a passive
        "30 drones were what Russia attacked Odesa with overnight.",  # another order
        "The bridge is 340 metres long.",  # what "it" is
        "More than 9,000 people cross the bridge every day.",
    ],
)
def test_true_sentence_in_very_different_words_is_refused(sentence: str, embedder: Embedder) -> None:
    assert check(sentence, embedder).supported


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        ("Russia attacked Odesa with 40 drones overnight.", "40"),  # an invented number
        ("Germany will deliver 20 Leopard tanks to Ukraine in March 2023.", "20"),  # another's number
        ("More than 8,000 people cross the bridge every day.", "8,000"),
        ("The old bridge at Karsk was built in 1954 and rebuilt after the flood of 1912.", "1912"),
        ("Germany will deliver 14 Leopard tanks to Ukraine in May 2023.", "2023-5"),  # another date
        ("The old bridge at Karsk was built in 1913.", "1913"),
        ("The bridge is 340 kilometres long.", "340"),  # another unit
        ("Poland sent 20 howitzers worth €8 million.", "8 million"),
        ("Poland will deliver 14 Leopard tanks to Ukraine in March 2023.", "Poland"),  # a name for another
        ("The mayor, Eva Lind, told reporters that they are proud of it.", "Eva"),
        ("France will deliver 14 Leopard tanks to Ukraine in March 2023.", "France"),  # opens the sentence
        ("Odesa attacked Russia with 30 drones overnight.", "attack"),  # who did it to whom
        ("Russia was attacked by Odesa with 30 drones overnight.", "attack"),
        ("Russia attacked Odesa with 30 drones overnight, and the port was hit.", "not"),  # "not" left out
        ("Russia did not attack Odesa with 30 drones overnight.", "not"),  # "not" put in
        ("Germany delivered 14 Leopard tanks to Ukraine in March 2023.", "will"),  # a plan as a fact
        ("The crews are trained in Poland.", "may"),
        ("Poland may have sent 20 howitzers worth $8 million.", "may"),
        ("Fewer than 9,000 people cross the bridge every day.", "9,000"),  # the other way
        ("The old bridge at Karsk was rebuilt before the flood of 1954.", "before"),
        ("“We are ashamed of it,” the mayor, Anna Lind, told reporters.", "ashamed"),  # nobody said so
        ("All 9,000 people cross the bridge every day.", "all"),
    ],
)
def test_lie_is_refused_and_its_fault_named(lie: str, fault: str, embedder: Embedder) -> None:
    checked = check(lie, embedder)
    assert not checked.supported
    assert checked.by == ()
    assert any(fault in found for found in checked.faults), checked.faults


@pytest.mark.parametrize(
    "lie",
    [
        "The old bridge at Karsk was built in 1912 by prisoners of war.",  # added from its own knowledge
        "The Leopard is a main battle tank with a smoothbore gun.",
        "Germany will deliver 14 Leopard tanks to Ukraine in March 2023 because the crews are ready.",
        "Germany and Poland told reporters that they are proud of the old bridge.",  # two paragraphs mixed
        "The minister Boris Pistorius crosses the bridge every day.",
        "Poland sent 20 howitzers worth $8 million, and attacked Odesa with 30 drones.",
        "Cattle graze quietly beside a distant river.",
        "",
        "?!",
    ],
)
def test_sentence_without_a_source_is_refused(lie: str, embedder: Embedder) -> None:
    checked = check(lie, embedder)
    assert not checked.supported
    assert checked.faults


def test_sentence_of_two_sources_cites_both(embedder: Embedder) -> None:
    both = "Russia attacked Odesa with 30 drones overnight, and the old bridge at Karsk was built in 1912."
    checked = check(both, embedder)
    assert checked.supported
    assert set(checked.by) == {1, 2}
    for too_little in (EVIDENCE[:1], ()):
        assert not check(both, embedder, too_little).supported


def test_clause_without_a_subject_gets_the_first_one() -> None:
    clauses = split_clauses("Poland sent 20 howitzers to Kyiv, and attacked the old bridge.")
    assert clauses[1] == "Poland attacked the old bridge."
    assert split_clauses("Poland sent howitzers and shells.") == ["Poland sent howitzers and shells."]


def test_missing_year_is_checked_against_the_paragraphs_date(embedder: Embedder) -> None:
    source = (Evidence(1, "a.txt", 1, "The depot burned down on 12 May.", date=date(2024, 5, 13)),)
    wrong = check("The depot burned down on 12 May 2023.", embedder, source)
    right = check("The depot burned down on 12 May 2024.", embedder, source)
    assert any("2023" in fault for fault in wrong.faults)
    assert not any("2024" in fault for fault in right.faults)


TEAM = (
    "Two of the team's three runners, Luke Harding and Ben Ode, came from Ely. Ode ran 40 races, while "
    "Harding led the team in prizes (18). The president signed an order that placed the club under the "
    "state. The blame for the Ely fire remains a matter of debate. Sprinters tend to be shorter, while "
    "jumpers tend to be taller. The track is to be widened in 2024."
)
ROW = "Date: 2023-01-31; Giver: Denmark; What: Howitzers made in France; Amount: 19; State: promised"


@pytest.mark.parametrize(
    "sentence",
    [
        "Luke Harding led the team in prizes.",  # the paragraph has his first name a sentence earlier
        "The president signed an order that placed the club.",  # "an order" is no plan
        "Blame for the fire remains a matter of debate.",  # a capital that makes no name
        "Denmark promised 19 howitzers made in France.",  # a table's row
    ],
)
def test_sentence_that_the_words_allow_has_no_fault(sentence: str, embedder: Embedder) -> None:
    evidence = (Evidence(1, "team.txt", 2, TEAM), Evidence(2, "aid.csv", 3, ROW))
    faults = check(sentence, embedder, evidence).faults
    assert faults in {(), ("too little of it is in the paragraph",)}


WOOL = (
    "Norland is the second largest producer of wool in the region. The weaving industry of the north buys "
    "most of it."
)
STAGE = "Athens exported the festival to its colonies. Only men were allowed to play female parts."
ARMY = (
    "General Jan Smit lost the command of the 58th Army. He says that it was because he had charged the "
    "defence minister with letting the soldiers down. Analysts know of no earlier case in which so senior an "
    "officer was removed in the midst of such a quarrel."
)
LAND = "Much of Friesland is famous for its lakes and its low meadows."


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (TEAM, "Sprinters tend to be shorter, while jumpers tend to be taller."),
        (LAND, "Much of Friesland is famous for its lakes."),
        (WOOL, "Norland is the second largest producer of wool in the region."),
    ],
)
def test_true_sentence_is_supported(source: str, sentence: str, embedder: Embedder) -> None:
    evidence = (Evidence(1, "a.txt", 2, source, heading="Industry in Norland"),)
    assert check(sentence, embedder, evidence).supported


@pytest.mark.parametrize(
    ("source", "lie", "fault"),
    [
        (TEAM, "Sprinters tend to be taller, while jumpers tend to be shorter.", ""),  # opposites swapped
        (TEAM, "The track was widened in 2024.", "is to"),  # a plan as a fact
        (LAND, "Friesland is famous for its lakes and its low meadows.", "Much of"),  # a part as the whole
        (ARMY, "He says that it was because of his seniority.", ""),  # a few words of two sentences
        # a country's property given to its industry
        (WOOL, "The weaving industry in Norland is the second largest producer of wool.", "industry"),
        (WOOL, "The weaving industry of Norland is the second largest producer of wool.", "industry"),
        (WOOL, "Norland's weaving industry is the second largest producer of wool.", "industry"),
        # the same words once more
        (STAGE, "Only men were allowed to play female parts, and only women to play male parts.", ""),
        (STAGE, "Only men were allowed to play female parts, and only boys to play small parts.", ""),
    ],
)
def test_sentence_that_says_something_else_is_refused(
    source: str, lie: str, fault: str, embedder: Embedder
) -> None:
    checked = check(lie, embedder, (Evidence(1, "a.txt", 2, source, heading="Industry in Norland"),))
    assert not checked.supported
    assert any(fault in found for found in checked.faults), checked.faults


def test_many_true_sentences_of_a_model_pass_and_almost_no_lies(
    assistant: Assistant, embedder: Embedder
) -> None:
    passed: dict[str, list[bool]] = {}
    for one in load(assistant):
        supported = grounded(one.text, one.evidence, embedder.embed).supported
        passed.setdefault(one.kind, []).append(supported)
    share = {kind: sum(each) / len(each) for kind, each in passed.items()}
    assert len(passed["near"]) > 50
    assert share["near"] > 0.25
    assert len(passed["near_lies"]) > 100
    assert share["near_lies"] < 0.01
    assert share["free_lies"] < 0.01


FERRIES = "ferries sank in the harbour of Karsk on Friday"
FLOOD = "villages of Holm and Vik will be under water"


@pytest.mark.parametrize(
    ("source", "lie"),
    [
        (f"According to the Russian ministry, two {FERRIES}.", f"Two {FERRIES}."),  # who says so, left out
        (f"Two {FERRIES}, the Russian ministry claimed.", f"Two {FERRIES}."),
        ("Officials have not confirmed reports that the depot burned down.", "The depot burned down."),
        ("It is false that the governor sold the harbour in 2019.", "The governor sold the harbour in 2019."),
        ("The court acquitted the captain of having sunk the ferry.", "The captain sank the ferry."),
        ("Almost all of the ferries were repaired.", "All of the ferries were repaired."),
        ("Before 2019 the harbour was run by a Dutch company.", "The harbour is run by a Dutch company."),
        (f"If the dam breaks, the {FLOOD}.", f"The {FLOOD}."),  # a condition, left out
        (f"The {FLOOD} unless the dam holds.", f"The {FLOOD}."),
        # who said it, made to have done it
        (
            "The captain told a reporter that the owner, Jan Smit, had refused to pay the crew.",
            "The captain refused to pay the crew.",
        ),
        ("The captain said the owner had refused to pay.", "The captain had refused to pay."),
    ],
)
def test_sentence_cut_short_until_it_says_something_else_is_refused(
    source: str, lie: str, embedder: Embedder
) -> None:
    evidence = (Evidence(1, "news.txt", 2, f"{source} The weather was fine that week."),)
    assert check(source, embedder, evidence).supported
    checked = check(lie, embedder, evidence)
    assert not checked.supported
    assert any("“" in fault for fault in checked.faults), checked.faults
