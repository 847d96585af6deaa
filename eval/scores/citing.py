"""Scores of the citations of one answer, statement by statement; not meant for abstentions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.scores.cases import Case
from rag import Citation, Statement

# Whether some paragraphs together support a statement.
Supports = Callable[[str, Sequence[str]], bool]


def recall(case: Case, supports: Supports) -> float:
    """Return the share of statements that their cited paragraphs together support (ALCE; Gao et al. 2023)."""
    statements = case.answer.statements
    return sum(_supported(case, item, supports) for item in statements) / len(statements)


def precision(case: Case, supports: Supports) -> float:
    """Return the share of citations that a supported statement needs (ALCE); 0 without citations.

    A citation is not needed if it does not support the statement alone and the others do without it.
    """
    needed, count = 0, 0
    for statement in case.answer.statements:
        cited = case.citations_of(statement)
        count += len(cited)
        if _supported(case, statement, supports):
            needed += sum(_needed(case, statement, at, supports) for at in range(len(cited)))
    return needed / count if count else 0.0


def fabricated(case: Case) -> float:
    """Return the share of citation marks without a citation or whose paragraph doesn't exist."""
    marks = [case.passage(each) for item in case.answer.statements for each in case.citations_of(item)]
    return sum(passage is None for passage in marks) / len(marks) if marks else 0.0


def quotes_exact(case: Case) -> float:
    """Return the share of citations whose quote is in the cited paragraph, letter by letter, at its place."""
    citations = case.answer.citations
    return sum(is_exact(case, cited) for cited in citations) / len(citations) if citations else 0.0


def is_exact(case: Case, cited: Citation) -> bool:
    """Return whether the paragraph, as the documents have it, contains the quote at the stated place."""
    passage = case.passage(cited)
    return bool(cited.quote) and passage is not None and passage.text[cited.start : cited.end] == cited.quote


def _supported(case: Case, statement: Statement, supports: Supports) -> bool:
    texts = _texts(case, case.citations_of(statement))
    return bool(texts) and supports(statement.text, texts)


def _needed(case: Case, statement: Statement, at: int, supports: Supports) -> bool:
    cited = case.citations_of(statement)
    alone, others = _texts(case, cited[at : at + 1]), _texts(case, (*cited[:at], *cited[at + 1 :]))
    if not alone:
        return False
    return supports(statement.text, alone) or not (others and supports(statement.text, others))


def _texts(case: Case, cited: Sequence[Citation | None]) -> list[str]:
    """Return the distinct paragraphs behind some citations, as the documents have them."""
    return list(dict.fromkeys(passage.whole for each in cited if (passage := case.passage(each)) is not None))
