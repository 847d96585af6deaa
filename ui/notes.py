"""What to know of an answer beside its text."""

from __future__ import annotations

from rag import Answer


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
