"""Text from right to left: from the order of its signs on the page to the order in which it is read."""

from __future__ import annotations

from itertools import groupby
from unicodedata import bidirectional

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_CLOSING = frozenset(")]}>»")


def is_rtl(text: str, *, some: bool = False) -> bool:
    """Return whether most letters of a text, or `some`, are written from right to left."""
    right = sum(bidirectional(sign) in {"R", "AL"} for sign in text)
    return right > 0 if some else 2 * right > sum(sign.isalpha() for sign in text)


def logical(text: str, *, rtl: bool) -> str:
    """Return the reading order of signs given from left to right, in a text of this main direction."""
    kinds = _directions(text, rtl=rtl)
    parts = ["".join(text[index] for index in indexes) for indexes in _stretches(kinds)]
    directions = [kind for kind, _ in groupby(kinds)]
    ordered = [_mirrored(part[::-1]) if kind else part for part, kind in zip(parts, directions, strict=True)]
    return "".join(reversed(ordered) if rtl else ordered)


def _stretches(kinds: list[bool]) -> list[list[int]]:
    """Return the indexes of each stretch of one direction."""
    return [
        [index for index, _ in group]
        for _, group in groupby(enumerate(kinds), key=lambda numbered: numbered[1])
    ]


def _directions(text: str, *, rtl: bool) -> list[bool]:
    """Return for each sign whether it reads from right to left; one between two like ones is like them."""
    strong = [_direction(sign) for sign in text]
    kinds: list[bool] = []
    for index, kind in enumerate(strong):
        if kind is not None:
            kinds.append(kind)
            continue
        before = next((other for other in reversed(strong[:index]) if other is not None), rtl)
        after = next((other for other in strong[index + 1 :] if other is not None), rtl)
        kinds.append(before if before == after else rtl)
    return kinds


def _direction(sign: str) -> bool | None:
    """Return whether a sign reads from right to left; None if that depends on its neighbours."""
    kind = bidirectional(sign)
    if kind in {"R", "AL"}:
        return True
    return False if kind in {"L", "EN", "AN"} else None


def _mirrored(text: str) -> str:
    """Return the text with its brackets turned, if it would begin with a closing one."""
    first = next((sign for sign in text if sign in "()[]{}<>«»"), "")
    return text.translate(_MIRRORED) if first in _CLOSING else text
