"""What to know of an answer beside its text."""

from __future__ import annotations

from rag import Answer, Citation, Evidence


def notes(answer: Answer) -> list[str]:
    """Return that an answer is unsure, how it was computed, and which older editions it leaves out."""
    found = []
    if not (answer.sure or answer.abstained):
        found.append("Not sure that this answers your question.")
    if answer.computed:
        found.append(f"Computed: {answer.computed}.")
    if answer.older:
        found.append(f"Older editions left out: {', '.join(answer.older)}.")
    return found


_CHANGES = {
    "paragraph has changed": "This paragraph has changed since the answer.",
    "paragraph is gone": "This paragraph is no longer in the index.",
    "file has changed": "This file has changed since it was read. Read it again.",
    "file is gone": "This file is gone.",
}


def change(found: Citation | Evidence) -> str:
    """Return what happened to a cited paragraph since, as a sentence; "" if nothing."""
    return _CHANGES.get(found.changed, "")
