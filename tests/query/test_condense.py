import pytest

from rag import Turn
from rag.query.condense import condense, plain

COMMANDER = Turn(
    "Who commanded the 58th Combined Arms Army?",
    "Gen. Ivan Popov was the commander of the 58th Army, which fights in the Zaporizhzhia region. [1]",
)
HOWITZERS = Turn("How many howitzers has France promised Ukraine?", "France will send 12 more. [1]")
TANKS = Turn("How many tanks did Ukraine get in January 2023?", "Between 120 and 140. [1]")
PORT = Turn("What happened in Odesa?", "A guard was killed in the port, said Governor Oleg Kiper. [1][2]")


@pytest.mark.parametrize(
    ("turn", "question", "understood"),
    [
        (COMMANDER, "Why was he dismissed?", "Why was Ivan Popov dismissed?"),
        (COMMANDER, "What did his army do?", "What did Ivan Popov’s army do?"),
        (COMMANDER, "How heavy is the fighting there?", "How heavy is the fighting in Zaporizhzhia?"),
        (COMMANDER, "What about the 41st Army?", "Who commanded the 41st Army?"),
        (HOWITZERS, "And Denmark?", "How many howitzers has Denmark promised Ukraine?"),
        (TANKS, "and in 2024?", "How many tanks did Ukraine get in 2024?"),
        (PORT, "What else did he say?", "What else did Governor Oleg Kiper say?"),
    ],
)
def test_follow_up_gets_what_it_refers_to(turn: Turn, question: str, understood: str) -> None:
    assert condense(question, [turn]) == understood


@pytest.mark.parametrize(
    ("asked", "question", "understood"),
    [
        ("What is the CO2 footprint of pea protein?", "and hemp?", "What is the CO2 footprint of hemp?"),
        ("What is the CO2 footprint of pea protein?", "hemp?", "What is the CO2 footprint of hemp?"),
        (
            "What is the CO2 footprint of pea protein?",
            "thanks, and the price?",
            "What is the price of pea protein?",
        ),
        ("What is the rent for a full plot?", "and a raised bed?", "What is the rent for a raised bed?"),
        ("What does E-1042 mean?", "and E-1063?", "What does E-1063 mean?"),
        (
            "How much is the 2.5 l Matt White?",
            "and the 10 litre one?",
            "How much is the 10 litre Matt White?",
        ),
        (
            "When are stitches in the face removed?",
            "what about on the legs?",
            "When are stitches on the legs removed?",
        ),
        ("What applies after the trial period?", "and during it?", "What applies during the trial period?"),
        ("How much is Anytime membership?", "And Duo?", "How much is Duo membership?"),
        ("How many vacation days do we get?", "and sick days?", "How many sick days do we get?"),
        ("When is the boiler serviced?", "Why?", "Why is the boiler serviced?"),
        ("When is the boiler serviced?", "by whom?", "By whom is the boiler serviced?"),
        ("When is the boiler serviced?", "how much does it cost?", "How much does the boiler cost?"),
        ("What is the deposit for the hall?", "is it refundable?", "Is the deposit for the hall refundable?"),
        ("What is the footprint of pea protein?", "who supplies it?", "Who supplies pea protein?"),
        (
            "What is the rent?",
            "It's too high, can it be lowered?",
            "The rent is too high, can it be lowered?",
        ),
        ("How much does Sprout cost?", "Is that plan good?", "Is that plan (Sprout) good?"),
        ("What is the printer called?", "Which one prints A0?", "Which printer prints A0?"),
        ("What is the boiler's model?", "The pump drips. Is it old?", "The pump drips. Is it old?"),
    ],
)
def test_follow_up_reads_as_a_fluent_question(asked: str, question: str, understood: str) -> None:
    assert condense(question, [Turn(asked, "")]) == understood


def test_they_after_who_are_those_that_the_answer_names() -> None:
    supplier = Turn("Who is our supplier for pea protein?", "Our supplier is Halvorsen Mills in Odense. [1]")
    assert condense("How often do they deliver?", [supplier]) == "How often do Halvorsen Mills deliver?"


def test_fragment_after_fragment_replaces_it_and_thanks_change_nothing() -> None:
    turns = ["What is the footprint of yellow pea protein?", "what about green pea protein?", "ok thanks"]
    history = [Turn(turn, "") for turn in turns]
    assert condense("and hemp?", history) == "What is the footprint of hemp?"
    assert condense("who supplies it?", history) == "Who supplies green pea protein?"


@pytest.mark.parametrize(
    "words", ["ok thanks", "Thanks!", "thank you.", "hello", "?", "are you sure?", "really?"]
)
def test_words_that_ask_nothing_stay_unchanged(words: str) -> None:
    assert condense(words, [TANKS]) == words


@pytest.mark.parametrize("question", ["When will they arrive?", "Who announced that?", "Why?", "And when?"])
def test_pronoun_brings_the_words_of_its_subject(question: str) -> None:
    understood = condense(question, [HOWITZERS])
    assert "howitzers" in understood
    assert "France" in understood


def test_chain_of_follow_ups_goes_back_to_its_first_question() -> None:
    history = [TANKS, Turn("and in July 2023?", "None. [1]")]
    assert condense("And in 2024?", history) == "How many tanks did Ukraine get in 2024?"


@pytest.mark.parametrize(
    "question",
    [
        "Who is Sergei Shoigu?",
        "How many people live in Bakhmut?",
        "Is there a truce?",
        "where is the car park?",
    ],
)
def test_complete_question_stays_unchanged(question: str) -> None:
    assert condense(question, [COMMANDER]) == question


def test_first_question_stays_unchanged() -> None:
    assert condense("And in 2024?", []) == "And in 2024?"


def test_citation_marks_are_removed_from_history() -> None:
    assert plain("Two ships sank. [1][2] One did not [3]") == "Two ships sank. One did not"
