"""Answers as HTML for the chat, and the chat's history back as turns. What documents say is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from itertools import chain, pairwise

from rag import Answer, Citation, Evidence, Turn

ANSWER = "pilcrow-answer"
NUMBER = "pilcrow-number"
PROBLEM = "pilcrow-problem"
_MARK = re.compile(r"\[(\d+)\]")


def escape(text: str) -> str:
    """As characters only: neither HTML nor Markdown nor TeX finds anything to interpret in it.

    Each ASCII punctuation mark becomes its number, and each line break a <br>, since a blank line would
    end the HTML block and begin Markdown.
    """
    numbered = re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", text)
    return re.sub(r"\r\n?|\n", "<br>", numbered)


def draft(text: str) -> str:
    """The answer so far, while it is being written."""
    return _block(ANSWER, escape(text))


def answered(answer: Answer) -> str:
    """The whole answer and its citations; or, where it abstains, what came nearest."""
    numbers = {str(citation.number) for citation in answer.citations}
    plain, *rest = _cut(answer)
    html = _numbered(plain, numbers)
    for bold, plain in zip(rest[::2], rest[1::2], strict=True):
        html += f"<strong>{escape(bold)}</strong>{_numbered(plain, numbers)}"
    text = _block(ANSWER, html)
    if not answer.abstained:
        return text + _listed("Sources", map(_citation, answer.citations))
    return text + _listed("Nearest paragraphs", map(_nearest, answer.nearest))


def problem(message: str) -> str:
    """An error, told to the person who asked."""
    return _block(PROBLEM, escape(message))


def turns(history: Sequence[Mapping[str, object]]) -> tuple[Turn, ...]:
    """The questions that were answered, each with the plain text of its answer."""
    messages = [(message.get("role"), _content(message.get("content"))) for message in history]
    return tuple(
        Turn(question, answer)
        for (asker, question), (answerer, html) in pairwise(messages)
        if asker == "user" and answerer == "assistant" and (answer := _answer_text(html))
    )


def _cut(answer: Answer) -> list[str]:
    """The answer's text in pieces: plain, the words of a statement that answer, plain, … plain."""
    cuts = [0, *chain.from_iterable(answer.highlights), len(answer.text)]
    return [answer.text[start:end] for start, end in pairwise(cuts)]


def _numbered(text: str, numbers: set[str]) -> str:
    pieces = _MARK.split(text)  # text, number, text, number, … text
    marks = [_span(NUMBER, number) if number in numbers else escape(f"[{number}]") for number in pieces[1::2]]
    return "".join(escape(piece) + mark for piece, mark in zip(pieces[::2], [*marks, ""], strict=True))


def _citation(citation: Citation) -> str:
    paragraph, start, end = citation.paragraph_text, citation.start, citation.end
    whole = f"{escape(paragraph[:start])}<mark>{escape(paragraph[start:end])}</mark>{escape(paragraph[end:])}"
    head = _span(NUMBER, str(citation.number)) + _place(citation)
    return _details(head + _span("pilcrow-quote", f"“{escape(citation.quote)}”"), whole)


def _nearest(evidence: Evidence) -> str:
    return _details(_place(evidence), escape(evidence.text))


def _place(found: Citation | Evidence) -> str:
    where = f"page {found.page}" if found.page else f"line {found.line}" if found.line else ""
    day = found.date.isoformat() if found.date else ""
    details = " · ".join(detail for detail in (where, day) if detail)
    source = _span("pilcrow-source", f"{escape(found.source)} ¶{found.paragraph}")
    return source + (_span("pilcrow-where", details) if details else "")


def _listed(title: str, items: Iterable[str]) -> str:
    listed = "".join(items)
    return _block("pilcrow-list", _span("pilcrow-title", title) + listed) if listed else ""


def _details(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>{_block('pilcrow-paragraph', body)}</details>"


def _block(name: str, html: str) -> str:
    return f'<div class="{name}">{html}</div>'


def _span(name: str, html: str) -> str:
    return f'<span class="{name}">{html}</span>'


def _content(content: object) -> str:
    """A message's text: a string through the API, a list of parts from the browser."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))


def _answer_text(html: str) -> str:
    """The answer without its marks, sources and tags; "" for an error. `escape` leaves it no bracket."""
    if html.startswith(f'<div class="{PROBLEM}">'):
        return ""
    found = re.match(f'<div class="{ANSWER}">(.*?)</div>', html)
    if found is None:
        return html  # a caller of the API gives plain text
    unmarked = re.sub(f'<span class="{NUMBER}">.*?</span>|</?strong>', "", found[1])
    return unescape(unmarked.replace("<br>", "\n")).strip()
