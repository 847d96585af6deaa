import pytest

from rag.types import Draft, Evidence
from rag.verification.verifier import Verified, support, verify

PARAGRAPH = (
    "More than 9,000 men were sent\u00a0home from Rostov. The prosecutor, Igor Krasnov, said so on Tuesday.  "
    "He did not give their names."
)
EVIDENCE = Evidence(1, "a.txt", 7, PARAGRAPH, line=12)


def test_a_supported_statement_is_cited_with_an_exact_quote() -> None:
    statement = "More than 9,000 men were sent home from Rostov."
    assert verify([Draft(statement, (2,))], [EVIDENCE]) == Verified(), "no such evidence was given"
    verified = verify([Draft(statement, (1,))], [EVIDENCE])
    assert verified.statements[0].citations == (1,)
    assert verified.statements[0].support == 1.0
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
def test_what_the_paragraph_does_not_say_is_dropped(lie: str) -> None:
    assert verify([Draft(lie, (1,))], [EVIDENCE]) == Verified()
    assert support(lie, EVIDENCE) < 0.7


def test_statements_share_a_citation_only_where_they_share_the_quote() -> None:
    first = Draft("More than 9,000 men were sent home from Rostov.", (1,))
    second = Draft("The prosecutor, Igor Krasnov, said so on Tuesday.", (1,))
    verified = verify([second, first], [EVIDENCE], verify([first], [EVIDENCE]))
    assert [statement.citations for statement in verified.statements] == [(1,), (2,), (1,)]
    assert [citation.number for citation in verified.citations] == [1, 2]
