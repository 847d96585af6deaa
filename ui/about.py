"""What the page tells of language models: the grade of what checks one, or which one could be used."""

from __future__ import annotations

from rag import Assistant
from rag.doctor import nearby
from ui.render import part
from ui.server import is_only_here

NO_VERIFIER = "No verifier is set: of the language model's sentences, only quotations are shown."
NO_GRADE = "The verifier has no grade yet: until its exam is over, only quotations are shown."


def about(assistant: Assistant) -> str:
    """Render it. Takes up to a second if no language model is set: then it asks the usual addresses.

    Only a user of this machine could put one into pilcrow.toml, and others need not know what runs here.
    """
    if not assistant.uses_llm:
        return part("about", "", nearby() if is_only_here(assistant.settings) else ())
    if not assistant.has_verifier:
        return part("about", NO_VERIFIER, ())
    grade = assistant.grade
    return part("about", f"The verifier {grade}." if grade else NO_GRADE, ())
