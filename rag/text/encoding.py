"""Text that can be stored, tokenised and printed as UTF-8."""

from __future__ import annotations


def encodable(text: str) -> str:
    """Return the text with surrogate pairs joined, and U+FFFD for each lone one, which UTF-8 can't store."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
