"""Whether a question compares the rows of a table ("the cheapest", "the latest"), or counts them."""

from __future__ import annotations

import re

from rag.text.folding import fold

_SMALL = "cheapest least lowest smallest fewest shortest earliest soonest oldest lightest minimum min slowest"
_LARGE = """dearest priciest most highest largest biggest greatest longest latest newest heaviest maximum max
    fastest"""
_COUNTED = re.compile(
    r"\bhow many (?:different |other )?(?:rows|entries|items|articles|products|records|lines|positions)\b"
)


def counts_rows(question: str) -> bool:
    """Return whether a question asks how many rows there are."""
    return bool(_COUNTED.search(fold(question)))


def compares_rows(question: str) -> int:
    """Return 1 if a question asks for the largest, -1 for the smallest, 0 for neither."""
    plain = fold(question)
    for words, sign in ((_SMALL, -1), (_LARGE, 1)):
        if re.search(rf"\b(?:{'|'.join(words.split())})\b", plain):
            return sign
    return 0
