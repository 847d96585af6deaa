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


@pytest.mark.parametrize("question", ["When will they arrive?", "Who announced that?", "Why?", "And when?"])
def test_pronoun_brings_the_words_of_its_subject(question: str) -> None:
    understood = condense(question, [HOWITZERS])
    assert "howitzers" in understood
    assert "France" in understood


def test_chain_of_follow_ups_goes_back_to_its_first_question() -> None:
    history = [TANKS, Turn("and in July 2023?", "None. [1]")]
    assert condense("And in 2024?", history) == "How many tanks did Ukraine get in 2024?"


@pytest.mark.parametrize(
    "question", ["Who is Sergei Shoigu?", "How many people live in Bakhmut?", "Is there a truce?"]
)
def test_complete_question_stays_unchanged(question: str) -> None:
    assert condense(question, [COMMANDER]) == question


def test_first_question_stays_unchanged() -> None:
    assert condense("And in 2024?", []) == "And in 2024?"


def test_citation_marks_are_removed_from_history() -> None:
    assert plain("Two ships sank. [1][2] One did not [3]") == "Two ships sank. One did not"
