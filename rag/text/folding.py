"""Texts without what spelling varies: accents, case, compatibility forms."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ACCENT = re.compile(r"(?<![\u0400-\u04ff])[\u0300-\u036f]+|[\u064b-\u0652\u0670]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def fold(text: str) -> str:
    """Return a text for comparison: without accents and case, compatibility forms and quotes unified."""
    return _BEYOND_ASCII.sub(lambda match: _unaccented(match[0]), text).casefold()


@lru_cache(maxsize=4096)
def _unaccented(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return unicodedata.normalize("NFC", _ACCENT.sub("", decomposed)).replace("ё", "е")
