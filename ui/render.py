"""Answers and documents as HTML, from page.html. Text from documents, questions and file names is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from rag import Answer, Citation, Evidence, Statement
from ui.conversations import MAX_NOTE, VERDICTS
from ui.notes import change, how, notes
from ui.words import t

_MARK = re.compile(r"\[(\d+)\]")
# Invisible characters, and those that change the direction of the text after them.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def escape(text: str) -> Markup:
    """Escape text so that neither HTML nor Markdown interprets it.

    Each ASCII punctuation mark becomes its character reference and each line break a <br>. Invisible
    characters, and those that change the direction of the text, are removed.
    """
    visible = _HIDDEN.sub("", re.sub(r"\r\n?", "\n", text))
    escaped = re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", visible)
    return Markup(escaped.replace("\n", "<br>"))  # noqa: S704


def part(template: str, name: str, *values: object) -> Markup:
    """Render a macro of a template."""
    markup: Markup = getattr(TEMPLATES.get_template(template).module, name)(*values)
    return markup


def _pieces(
    text: str, highlights: Sequence[tuple[int, int]], answer: Answer
) -> Iterator[tuple[str, str | Citation]]:
    """Split a text into ("text", …), ("bold", …) for a highlight and ("mark", citation) for [1], [2]…"""
    citations = {str(citation.number): citation for citation in answer.citations}
    cuts = [0, *chain.from_iterable(highlights), len(text)]
    for at, (start, end) in enumerate(pairwise(cuts)):
        if at % 2:
            yield "bold", text[start:end]
            continue
        for odd, piece in enumerate(_MARK.split(text[start:end])):  # text, number, text, number, … text
            if not odd % 2:
                yield "text", piece
            elif piece in citations:
                yield "mark", citations[piece]
            else:
                yield "text", f"[{piece}]"


def _spoken(answer: Answer) -> Iterator[tuple[Statement | None, str]]:
    """Split an answer's text into its statements with their marks, and what is between them (None, …)."""
    at = 0
    for statement in answer.statements:
        marks = "".join(f"[{number}]" for number in statement.citations)
        whole = f"{statement.text} {marks}{statement.caveat}"
        start = answer.text.find(whole, at)
        if start < 0:
            continue
        if start > at:
            yield None, answer.text[at:start]
        yield statement, whole
        at = start + len(whole)
    if answer.text[at:]:
        yield None, answer.text[at:]


def _uncited(answer: Answer) -> list[Evidence]:
    """Return the evidence that isn't cited."""
    cited = {(citation.source, citation.paragraph) for citation in answer.citations}
    return [item for item in answer.evidence if (item.source, item.paragraph) not in cited]


def _citations_of(statement: Statement, answer: Answer) -> list[Citation]:
    return [one for number in statement.citations for one in answer.citations if one.number == number]


def _escaped(value: object) -> Markup:
    """Escape a value in a template, unless it is markup already."""
    return value if isinstance(value, Markup) else escape(str(value))


def page(template: str, request: Request, **values: object) -> HTMLResponse:
    """Render a whole page."""
    return HTMLResponse(TEMPLATES.get_template(template).render(request=request, **values))


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    finalize=_escaped,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals |= {
    "MAX_NOTE": MAX_NOTE,
    "VERDICTS": VERDICTS,
    "change": change,
    "citations_of": _citations_of,
    "how": how,
    "notes": notes,
    "pieces": _pieces,
    "spoken": _spoken,
    "uncited": _uncited,
    "t": t,
}
