"""A sentence split into clauses that each can be checked alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.tokens import Token, tokenize
from rag.text.words import content_words

LEAST = 3  # content words of a clause
LONGEST = 8  # words of a subject

# "because", "after" and the like join two clauses by what they say, so that the two must stand together;
# "and" without a comma joins words as often as clauses.
_JOINT = re.compile(r"\s*;\s+|,\s+(?:and|but|while|whereas|although|though)\s+|\s+(?:but|while|whereas)\s+")


def split(sentence: str) -> list[str]:
    """The clauses of a sentence, each with a verb; one that has no subject is given that of the first.

    A sentence that cannot be split so is returned alone.
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
    """The words before the first verb; none where they are too many."""
    for at, token in enumerate(tokens[: LONGEST + 1]):
        if token.kind in {"aux", "verb"}:
            return sentence[: tokens[at].start].strip() if at else ""
    return ""


def _is_clause(piece: str) -> bool:
    kinds = {token.kind for token in tokenize(piece)}
    return bool(kinds & {"aux", "verb"}) and len(content_words(piece)) >= LEAST


def _lacks_subject(piece: str) -> bool:
    first = next(iter(tokenize(piece)), None)
    return first is None or first.kind in {"aux", "verb", "ing", "adv", "prep", "pron"}
