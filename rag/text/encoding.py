"""Text that can be stored, compared, tokenised and printed as UTF-8."""

from __future__ import annotations

from unicodedata import normalize


def encodable(text: str) -> str:
    """Return the text in NFC, with surrogate pairs joined, and U+FFFD for each lone surrogate."""
    if text.isascii():
        return text
    return normalize("NFC", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
