"""The part of a document that a question names by its number: "§ 4.2(b)", "clause 7", "article 12"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.extraction.page import Page
from rag.text.folding import fold
from rag.types import Place

_MARK = (
    r"(?:§+|sections?|sec\.|clauses?|articles?|art\.|paragraphs?|rules?|chapters?|schedule|annex|appendix)"
)
_ASKED = re.compile(rf"{_MARK}\s*(\d+(?:\.\d+)*)\s*(?:\(?([a-z]|[ivx]+)\)?(?!\w))?")
_NUMBERED = re.compile(rf"^(?:{_MARK}\s*)?(\d+(?:\.\d+)*)\b\.?\s")


def numbered_part(question: str, page: Page) -> list[Place]:
    """Return the paragraphs of the numbered part that a question names, those above its item "(b)" too.

    It ends before the next number that does not continue its own; [] if no paragraph read has its number.
    """
    asked = _ASKED.search(fold(question))
    if not asked:
        return []
    number, item = asked.groups()
    first = next((place for place in sorted(page.by_place) if _number(page, *place) == number), None)
    if first is None:
        return []

    def belongs(source: str, at: int) -> bool:
        other = _number(page, source, at)
        goes_on = not other or f"{other}.".startswith(f"{number}.")
        return at > first[1] and page.at(source, at) is not None and goes_on

    part = page.run(*first, belongs)
    return _with_item(page, part, item) if item else part


def _number(page: Page, source: str, at: int) -> str:
    """Return the number that a paragraph, or else its heading, begins with."""
    here = page.at(source, at)
    written = [here.text, here.heading.rsplit(" › ", 1)[-1]] if here else []
    return next((match[1] for text in written if (match := _NUMBERED.match(fold(text)))), "")


def _with_item(page: Page, part: Sequence[Place], item: str) -> list[Place]:
    """Return the first paragraph of a part and its item of this letter; all if it has none."""
    marked = [
        place for place in part if (here := page.at(*place)) and re.match(rf"\(?{item}[.)]", fold(here.text))
    ]
    return [*part[:1], *marked] if marked else list(part)
