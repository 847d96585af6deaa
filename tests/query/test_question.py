import pytest

from rag.query.question import AnswerKind, Shape, answers_kind, read_question


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Why was the bridge closed?", AnswerKind.REASON),
        ("What was the reason for the strike?", AnswerKind.REASON),
        ("How many ships sank?", AnswerKind.NUMBER),
        ("What percentage of the crew stayed?", AnswerKind.NUMBER),
        ("When did the ferry sail?", AnswerKind.TIME),
        ("In which year was it built?", AnswerKind.TIME),
        ("Who was the harbour master?", AnswerKind.PERSON),
        ("Whose letter was read?", AnswerKind.PERSON),
        ("Where did the fleet moor?", AnswerKind.PLACE),
        ("In which city was the treaty signed?", AnswerKind.PLACE),
        ("What did the harbour master say?", AnswerKind.THING),
        ("the green lamp", AnswerKind.THING),
        ("", AnswerKind.THING),
        ("WHO WAS IT?", AnswerKind.PERSON),
    ],
)
def test_kind_of_answer_follows_from_the_words(text: str, kind: AnswerKind) -> None:
    assert read_question(text).kind is kind


def test_question_is_taken_apart() -> None:
    question = read_question("How many Caesar howitzers had France sent to Chișinău by 19 January 2023?")
    assert {"caesar", "howitzers", "chisinau", "19", "2023"} <= set(question.words)
    assert not {"how", "had", "to", "by"} & set(question.words)
    assert {"Caesar", "France", "Chișinău"} <= set(question.names)
    assert question.figures == {"19", "2023"}


@pytest.mark.parametrize("text", ["", " ", "?!", "🚀", "\x00"])
def test_question_without_words_has_no_parts(text: str) -> None:
    question = read_question(text)
    assert (question.words, question.names, question.figures) == ((), (), frozenset())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("List the ships that sank.", True),
        ("Which countries have signed the treaty?", True),
        ("Who were the members of the crew?", True),
        ("When did the ferry sail?", False),
        ("Which port was struck?", False),
    ],
)
def test_question_for_a_list_is_recognised(text: str, wanted: bool) -> None:
    assert (read_question(text).shape is Shape.LIST) is wanted


@pytest.mark.parametrize(
    ("question", "answering", "other"),
    [
        ("How many ships sank?", "Four ships sank.", "Ships sank off the coast."),
        ("How many men were on the 2 ships?", "The 2 ships had 31 men.", "The 2 ships had many men."),
        ("How much of it sank?", "Almost a fifth of it sank.", "It sank."),
        ("When did it sail?", "It sailed on 5 May.", "It sailed at last."),
        ("When was it built?", "It was built in 1908.", "It was built of oak."),
        ("Who sailed it?", "At the helm was Ines Okafor.", "At the helm was nobody."),
        ("Who wrote to Ines Okafor?", "A letter came from Lotte Prins.", "The letter was for Ines Okafor."),
        ("Where did it moor?", "It moored in Ouddorp.", "It moored safely."),
        ("Where is the Dutch yard?", "The yard is in Vlissingen.", "The yard is in the Netherlands."),
        ("Why did it stop?", "It stopped because of fog.", "It stopped and lay still."),
    ],
)
def test_sentence_has_the_kind_of_answer_or_not(question: str, answering: str, other: str) -> None:
    asked = read_question(question)
    assert answers_kind(asked, answering)
    assert not answers_kind(asked, other)


def test_any_sentence_may_answer_a_general_question() -> None:
    assert answers_kind(read_question("What happened?"), "It rained.")
