"""What the citations of one answer are worth, statement by statement; abstentions are not looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.scores.cases import Case
from rag import Citation, Statement

# Whether the paragraphs, read together, say what the statement says.
Supports = Callable[[str, Sequence[str]], bool]


def recall(case: Case, supports: Supports) -> float:
    """Share of the statements that their cited paragraphs, read together, bear out.

    Citation recall as ALCE has it (Gao et al. 2023); a statement without a citation is not borne out.
    """
    statements = case.answer.statements
    return sum(_borne_out(case, item, supports) for item in statements) / len(statements)


def precision(case: Case, supports: Supports) -> float:
    """Share of the citations that are needed: of a statement borne out, and not beside the point.

    Citation precision as ALCE has it: one is beside the point if by itself it does not bear out the
    statement, and the others do without it. No citation at all is worth 0.
    """
    needed, count = 0, 0
    for statement in case.answer.statements:
        cited = case.of(statement)
        count += len(cited)
        if _borne_out(case, statement, supports):
            needed += sum(_needed(case, statement, at, supports) for at in range(len(cited)))
    return needed / count if count else 0.0


def fabricated(case: Case) -> float:
    """Share of the marks behind statements that lead to no citation, or to a paragraph that there is not."""
    marks = [case.passage(cited) for statement in case.answer.statements for cited in case.of(statement)]
    return sum(passage is None for passage in marks) / len(marks) if marks else 0.0


def quotes_exact(case: Case) -> float:
    """Share of the citations whose quote stands, letter by letter, at its place in the paragraph cited."""
    citations = case.answer.citations
    return sum(stands(case, cited) for cited in citations) / len(citations) if citations else 0.0


def stands(case: Case, cited: Citation) -> bool:
    """Whether the quote of a citation stands where it says, in the paragraph as the documents hold it."""
    passage = case.passage(cited)
    return bool(cited.quote) and passage is not None and passage.text[cited.start : cited.end] == cited.quote


def _borne_out(case: Case, statement: Statement, supports: Supports) -> bool:
    texts = _texts(case, case.of(statement))
    return bool(texts) and supports(statement.text, texts)


def _needed(case: Case, statement: Statement, at: int, supports: Supports) -> bool:
    cited = case.of(statement)
    alone, others = _texts(case, cited[at : at + 1]), _texts(case, (*cited[:at], *cited[at + 1 :]))
    if not alone:
        return False
    return supports(statement.text, alone) or not (others and supports(statement.text, others))


def _texts(case: Case, cited: Sequence[Citation | None]) -> list[str]:
    """The different paragraphs behind some citations, as the documents hold them."""
    return list(
        dict.fromkeys(passage.whole for citation in cited if (passage := case.passage(citation)) is not None)
    )
