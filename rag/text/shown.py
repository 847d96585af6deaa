"""A text as it is shown to people, and as it is given to a language model."""

from __future__ import annotations

import re

# Control characters, hidden text (zero-width, tags, variation selectors) and reversed text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Marks of chat templates.
_SPECIAL = re.compile(r"<\|[^|>]{0,40}\|>|</?s>|\[/?INST\]|<</?SYS>>", re.IGNORECASE)


def clean(text: str) -> str:
    """Return the text without hidden characters and chat template marks."""
    return _SPECIAL.sub(" ", _HIDDEN.sub("", text))


def tidy(text: str) -> str:
    """Return a sentence without its bullet, line breaks and footnote marks, which look like citations."""
    text = re.sub(r"^\s*(?:[-*•–‣▪◦]|\d{1,3}[.)])\s+", "", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*\[\d+\]", "", text)).strip()
