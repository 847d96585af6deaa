"""What a document's opening says of its edition: its version, what it replaces, whether it is retired."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

OPENING = 1200  # characters of a document that may say which edition it is

_NUMBER = r"v?(\d+(?:\.\d+)*)"
_WORD = r"(?:version|edition|release|revision|issue)"
_REPLACES = re.compile(rf"\b(?:replaces|supersedes)\s+(?:the\s+)?(?:{_WORD}\s+)?{_NUMBER}\b", re.IGNORECASE)
_VERSION = re.compile(rf"\b{_WORD}\s+{_NUMBER}\b|\b(\d{{4}})\s+edition\b|\bv(\d+(?:\.\d+)+)\b", re.IGNORECASE)
_TITLE_END = re.compile(r"\b[vV]?(\d+\.\d+(?:\.\d+)*)\s*$")
_RETIRED = re.compile(
    r"\b(?:superseded|withdrawn|retired|obsolete|replaced by|no longer (?:valid|in force|applies))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Edition:
    """A document's own version, the version that it replaces ("" for none), and whether it is retired."""

    version: str = ""
    replaces: str = ""
    retired: bool = False


def read_edition(title: str, texts: Iterable[str]) -> Edition:
    """Return what a title and the texts below it, up to OPENING characters, say of the edition."""
    opening = ""
    for text in texts:
        if len(opening) + len(text) > OPENING:
            break
        opening += f"{text}\n"
    replaces = _REPLACES.search(opening)
    own = _REPLACES.sub(" ", opening)
    version = _TITLE_END.search(title) or _VERSION.search(own)
    return Edition(
        next(filter(None, version.groups()), "") if version else "",
        replaces[1] if replaces else "",
        version is not None and _RETIRED.search(opening) is not None,
    )
