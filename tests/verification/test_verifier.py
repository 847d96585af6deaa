from dataclasses import replace

import pytest

from rag.types import Draft, Evidence, Status
from rag.verification.verifier import Verified, compose, is_quoted, judge, verify

PARAGRAPH = (
    "More than 9,000 men were sent\u00a0home from Rostov. The prosecutor, Igor Krasnov, said so on Tuesday.  "
    "He did not give their names."
)
EVIDENCE = Evidence(1, "a.txt", 7, PARAGRAPH, line=12)
OTHER = Evidence(2, "b.txt", 1, "A spokesman in Kursk counted 400 men on 3 May 2023.")


def test_an_extracted_statement_is_cited_with_an_exact_quote() -> None:
    statement = "More than 9,000 men were sent home from Rostov."
    assert verify([Draft(statement, (2,))], [EVIDENCE]) == Verified(), "no such evidence was given"
    verified = verify([Draft(statement, (1,))], [EVIDENCE])
    assert verified.statements[0].citations == (1,)
    assert verified.statements[0].support == 1.0
    assert verified.statements[0].status is Status.QUOTED
    (citation,) = verified.citations
    assert (citation.source, citation.paragraph, citation.line) == ("a.txt", 7, 12)
    assert citation.quote == PARAGRAPH[citation.start : citation.end]
    assert citation.quote == "More than 9,000 men were sent\u00a0home from Rostov."


@pytest.mark.parametrize(
    "lie",
    [
        "More than 8,000 men were sent home from Rostov.",
        "More than 9,000 men were sent home from Kursk.",
        "The prosecutor, Sergei Krasnov, said so on Tuesday.",
        "Cattle graze quietly beside a distant river.",
    ],
)
def test_what_the_paragraph_does_not_say_is_no_extract(lie: str) -> None:
    assert verify([Draft(lie, (1,))], [EVIDENCE]) == Verified()


def test_statements_share_a_citation_only_where_they_share_the_quote() -> None:
    first = Draft("More than 9,000 men were sent home from Rostov.", (1,))
    second = Draft("The prosecutor, Igor Krasnov, said so on Tuesday.", (1,))
    verified = verify([second, first], [EVIDENCE], verify([first], [EVIDENCE]))
    assert [statement.citations for statement in verified.statements] == [(1,), (2,), (1,)]
    assert [citation.number for citation in verified.citations] == [1, 2]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("The prosecutor, Igor Krasnov, said so on Tuesday.", True),
        ("The prosecutor, Igor Krasnov, said so on Tuesday. He did not give their names.", True),
        ("More than 9,000 men were sent home from Rostov.", True),
        ("He did give their names.", False),
        ("Igor Krasnov said so on Tuesday.", False),
        ("9,000 men were sent home from Rostov.", False),
    ],
)
def test_only_whole_sentences_letter_for_letter_are_quoted(text: str, quoted: bool) -> None:
    assert is_quoted(text, PARAGRAPH) is quoted


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("From Rostov, 9,000 men were sent home.", "bound"),
        ("From Rostov, more than 9,500 men were sent home.", "9,500"),
        ("Krasnov gave their names on Tuesday and said so.", ""),
        ("The prosecutor, Oleg Krasnov, said so on Tuesday.", "Oleg"),
        ("According to the prosecutor, “the men were unfit to serve”.", "quotation"),
        ("More than 9,000 women had to leave Rostov on 5 May 2023.", "date"),
        ("The number of men who were sent back home from Rostov exceeds 9,000.", ""),
    ],
)
def test_what_can_be_read_off_as_wrong_is_contradicted(text: str, fault: str) -> None:
    verdict = judge(text, [EVIDENCE], [EVIDENCE], None)
    if fault:
        assert verdict.status is None
        assert any(fault in one for one in verdict.faults)
    else:
        assert verdict.status is Status.UNCONFIRMED


def test_a_wrong_mark_is_replaced_by_the_paragraph_that_says_it() -> None:
    verdict = judge("In Kursk, 400 men were counted by a spokesman.", [EVIDENCE], [EVIDENCE, OTHER], None)
    assert verdict.by == (OTHER,)


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("Three doses at £67 each come to £201.", True),
        ("At £67 a dose costs £12 more than the visit, which costs £55.", True),
        ("Three doses at £67 each come to £210.", False),
    ],
)
def test_a_sum_of_what_the_sentence_states_is_no_contradiction(text: str, agrees: bool) -> None:
    prices = replace(EVIDENCE, text="Three doses are given, at £67 each. The visit costs £55.")
    assert (judge(text, [prices], [prices], None).status is not None) is agrees


def test_an_unconfirmed_statement_is_marked_in_the_text() -> None:
    verified = Verified().plus("Men went home.", 0.4, [EVIDENCE], Status.UNCONFIRMED)
    assert compose(verified.statements) == "Men went home. [1] (unconfirmed)"
