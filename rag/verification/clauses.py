"""Splitting a sentence into clauses that can be checked one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.tokens import Token, tokenize
from rag.text.words import content_words

MIN_CLAUSE_WORDS = 3  # content words of a clause
MAX_SUBJECT_WORDS = 8  # words of a subject

# Not at "because" or "after": the link is part of the claim. Not at a bare "and": it also joins words.
_JOINT = re.compile(r"\s*;\s+|,\s+(?:and|but|while|whereas|although|though)\s+|\s+(?:but|while|whereas)\s+")


def split_clauses(sentence: str) -> list[str]:
    """Return the clauses of a sentence, each with a verb; one without a subject gets that of the first.

    A sentence that cannot be split is returned whole.
    """
    subject = _subject(tokenize(sentence), sentence)
    clauses: list[str] = []
    start = 0
    for match in [*_JOINT.finditer(sentence), None]:
        end = match.start() if match else len(sentence)
        piece, rest = sentence[start:end].strip(), sentence[match.end() :] if match else ""
        if match and not (_is_clause(piece) and _is_clause(rest)):
            continue
        if clauses and _lacks_subject(piece):
            if not subject:
                return [sentence]
            piece = f"{subject} {piece}"
        clauses.append(piece)
        start = match.end() if match else end
    return clauses


def _subject(tokens: Sequence[Token], sentence: str) -> str:
    """Return the words before the first verb; "" if there are too many."""
    for at, token in enumerate(tokens[: MAX_SUBJECT_WORDS + 1]):
        if token.kind in {"aux", "verb"}:
            return sentence[: tokens[at].start].strip() if at else ""
    return ""


def _is_clause(piece: str) -> bool:
    kinds = {token.kind for token in tokenize(piece)}
    return bool(kinds & {"aux", "verb"}) and len(content_words(piece)) >= MIN_CLAUSE_WORDS


def _lacks_subject(piece: str) -> bool:
    first = next(iter(tokenize(piece)), None)
    return first is None or first.kind in {"aux", "verb", "ing", "adv", "prep", "pron"}
