"""Answers and documents as HTML. Whatever documents, questions or file names say is escaped here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise
from urllib.parse import urlencode

from rag import Answer, Citation, DocumentInfo, Evidence, Statement
from ui.conversations import VERDICTS, Conversation, Entry

_MARK = re.compile(r"\[(\d+)\]")
# Characters that are not seen, or turn the writing direction of what follows.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
STANDS, CHANGED, GONE = "stands", "changed", "gone"  # what has become of a cited paragraph
PROBLEM = "pilcrow-problem"
Standing = Callable[[Citation], str]


def escape(text: str) -> str:
    """As characters only: neither HTML nor a template language finds anything to interpret in it.

    Each ASCII punctuation mark becomes its number, each line break a <br>; characters that are not seen or
    turn the writing direction are left out.
    """
    seen = _HIDDEN.sub("", re.sub(r"\r\n?", "\n", text))
    return re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", seen).replace("\n", "<br>")


def talk(conversation: str, entries: Sequence[Entry], standing: Standing) -> str:
    """A whole conversation."""
    turns = "".join(turn(conversation, entry, standing) for entry in entries)
    name = escape(conversation)
    exports = "".join(
        f'<a href="pilcrow/export?conversation={name}&amp;as={kind.lower()}" download>{kind}</a>'
        for kind in ("Markdown", "HTML", "JSON")
    )
    if entries:
        turns += f'<p class="pilcrow-exports"><span>Keep this conversation:</span>{exports}</p>'
    label = f'aria-label="Conversation" data-conversation="{name}"'
    return f'<div class="pilcrow-talk" role="log" {label}>{turns}</div>'


def turn(conversation: str, entry: Entry, standing: Standing) -> str:
    """One question with its checked answer, its sources, and what can be done with it."""
    answer = entry.answer
    address = Address(conversation, entry.number)
    understood = ""
    if answer.standalone and answer.standalone != answer.question:
        understood = f'<p class="pilcrow-understood">Understood as: {escape(answer.standalone)}</p>'
    return (
        f'<article class="pilcrow-turn" id="a{entry.number}" data-number="{entry.number}">'
        f"{question(answer.question, entry.number)}{understood}"
        f"{_body(answer, address)}{_sources(answer, address, standing)}{_actions(entry)}</article>"
    )


def question(text: str, number: int = 0) -> str:
    """What was asked; with its number in the conversation once it can be changed."""
    edit = _button("edit", "Edit", "Edit this question and ask again") if number else ""
    return f'<div class="pilcrow-question"><h2 dir="auto">{escape(text)}</h2>{edit}</div>'


def draft(asked: str, text: str, state: str, unchecked: str = "") -> str:
    """The answer so far, while it is being written, what of it is not checked yet, and what is being done."""
    grey = f'<span class="pilcrow-unchecked">{escape(unchecked)}</span>' if unchecked else ""
    written = f'<div class="pilcrow-answer" dir="auto">{escape(text)} {grey}</div>' if text or grey else ""
    told = status(state) if state else ""
    return f'<div class="pilcrow-turn">{question(asked)}{written}{told}</div>'


def problem(message: str) -> str:
    """An error, told to the person who asked."""
    return f'<p class="{PROBLEM}" role="alert">{escape(message)}</p>' if message else ""


def status(message: str) -> str:
    """What was done, or is being done."""
    return f'<p class="pilcrow-status" role="status">{escape(message)}</p>'


def stopped() -> str:
    """An answer was stopped."""
    return status("Stopped. Nothing of it was kept.")


def editing(number: int) -> str:
    """A question is being changed."""
    return status(
        f"Editing question {number}: sending replaces it and what follows. "
        "“New conversation” leaves all as it is."
    )


def without_llm(question: str) -> str:
    """The offer of an answer made of the documents' own sentences."""
    return (
        f'<p><button type="button" class="pilcrow-offer" data-plain="{escape(question)}">'
        "Answer in the documents' own words, without the language model</button></p>"
    )


class Address:
    """Where the paragraphs of one answer are shown."""

    def __init__(self, conversation: str, number: int) -> None:
        self._query = {"conversation": conversation, "answer": number}

    def of(self, kind: str, number: int) -> str:
        """The address of citation or evidence `number`, to stand in an attribute."""
        return escape("pilcrow/source?" + urlencode({**self._query, kind: number}))


def place(found: Citation | Evidence) -> str:
    """File and paragraph, then page or line and date."""
    details = " · ".join(found.whereabouts)
    source = f'<bdi class="pilcrow-source">{escape(found.source)} ¶{found.paragraph}</bdi>'
    return source + (f'<span class="pilcrow-where">{escape(details)}</span>' if details else "")


def place_of(document: DocumentInfo) -> str:
    """A document's name, a link to its first paragraph."""
    address = escape("pilcrow/source?" + urlencode({"document": document.source, "paragraph": 1}))
    return f'<a href="{address}"><bdi class="pilcrow-source">{escape(document.source)}</bdi></a>'


def listing(conversations: Iterable[Conversation], current: str) -> str:
    """The conversations that were found, newest first."""
    here = {current: ' aria-current="page"'}
    items = "".join(
        f'<li><a href="?c={escape(one.id)}" data-open="{escape(one.id)}" dir="auto"'
        f"{here.get(one.id, '')}>{escape(one.title)}</a>"
        f'<button type="button" data-delete="{escape(one.id)}" aria-label="Delete {escape(one.title)}">'
        "Delete</button></li>"
        for one in conversations
    )
    if not items:
        return '<p class="pilcrow-quiet">No conversation here yet.</p>'
    return f'<nav aria-label="Conversations"><ul class="pilcrow-listing">{items}</ul></nav>'


def welcome(questions: Sequence[str], documents: int) -> str:
    """What is shown before the first question."""
    if not documents:
        return (
            '<div class="pilcrow-welcome"><h2>No documents yet</h2><p>Add some in the library; then ask, and '
            "every sentence of an answer shows the paragraph that it comes from.</p></div>"
        )
    asked = "".join(
        f'<li><button type="button" data-ask="{escape(one)}">{escape(one)}</button></li>' for one in questions
    )
    held = f"{documents:,} documents" if documents > 1 else "one document"
    return (
        f'<div class="pilcrow-welcome"><h2>Ask your {held}</h2><p>Every sentence of an answer shows the '
        "paragraph that it comes from. What the documents do not tell is not answered.</p>"
        f"<ul>{asked}</ul></div>"
    )


def _body(answer: Answer, address: Address) -> str:
    numbers = {citation.number: citation for citation in answer.citations}
    if answer.conflicting:
        sides = "".join(_side(statement, numbers, address) for statement in answer.statements)
        return (
            '<div class="pilcrow-answer"><p>Your documents differ on this; newest first.</p>'
            f'<ul class="pilcrow-sides">{sides}</ul></div>'
        )
    html = _bold(answer.text, answer.highlights, numbers, address)
    kind = " pilcrow-abstained" if answer.abstained else ""
    return f'<div class="pilcrow-answer{kind}" dir="auto">{html}</div>{_dropped(answer)}'


def _dropped(answer: Answer) -> str:
    if not answer.dropped:
        return ""
    count = len(answer.dropped)
    what = "One sentence" if count == 1 else f"{count} sentences"
    items = "".join(f'<li dir="auto">{escape(sentence)}</li>' for sentence in answer.dropped)
    return (
        f'<details class="pilcrow-dropped"><summary>{what} of the language model left out: your documents do '
        f"not say so</summary><ul>{items}</ul></details>"
    )


def _side(statement: Statement, citations: dict[int, Citation], address: Address) -> str:
    """One of the statements that differ, under the date of its source."""
    days = [citations[number].date for number in statement.citations]
    told = ", ".join(f"{day.day} {day:%B %Y}" for day in days if day) or "Undated"
    marks = "".join(_number(citations[number], address) for number in statement.citations)
    bold = (statement.highlight,) if statement.highlight else ()
    html = _bold(statement.text, bold, citations, address)
    return f'<li dir="auto"><span class="pilcrow-day">{told}</span>{html} {marks}</li>'


def _bold(
    text: str, spans: Sequence[tuple[int, int]], citations: dict[int, Citation], address: Address
) -> str:
    """A text with the words that answer in bold and the numbers of its citations as links."""
    cuts = [0, *chain.from_iterable(spans), len(text)]
    plain, *rest = [text[start:end] for start, end in pairwise(cuts)]
    html = _numbered(plain, citations, address)
    for bold, after in zip(rest[::2], rest[1::2], strict=True):
        html += f"<strong>{escape(bold)}</strong>{_numbered(after, citations, address)}"
    return html


def _numbered(text: str, citations: dict[int, Citation], address: Address) -> str:
    pieces = _MARK.split(text)  # text, number, text, number, … text
    marks = [
        _number(citations[int(number)], address) if int(number) in citations else escape(f"[{number}]")
        for number in pieces[1::2]
    ]
    return "".join(escape(piece) + mark for piece, mark in zip(pieces[::2], [*marks, ""], strict=True))


def _number(citation: Citation, address: Address) -> str:
    """A citation's number: a link to its paragraph, with what it quotes shown on hover and focus."""
    link = address.of("citation", citation.number)
    return (
        f'<span class="pilcrow-mark"><a class="pilcrow-number" href="{link}"'
        f' aria-label="Source {citation.number}: {escape(citation.source)}, paragraph {citation.paragraph}">'
        f'{citation.number}</a><span class="pilcrow-tip" role="tooltip">{place(citation)}'
        f'<q dir="auto">{escape(citation.quote)}</q></span></span>'
    )


def _sources(answer: Answer, address: Address, standing: Standing) -> str:
    if answer.abstained:
        return _listed("Nearest paragraphs", [_read(item, address) for item in answer.nearest])
    cited = {(citation.source, citation.paragraph) for citation in answer.citations}
    used = [_cited(citation, address, standing(citation)) for citation in answer.citations]
    unused = [_read(item, address) for item in answer.evidence if (item.source, item.paragraph) not in cited]
    others = f"<details><summary>Read, not used ({len(unused)})</summary><ul>{''.join(unused)}</ul></details>"
    return _listed("Sources", used, others if unused else "")


def _listed(title: str, items: Sequence[str], after: str = "") -> str:
    if not items:
        return ""
    return f'<section class="pilcrow-list"><h3>{title}</h3><ul>{"".join(items)}</ul>{after}</section>'


def _cited(citation: Citation, address: Address, state: str) -> str:
    notes = {
        CHANGED: "This paragraph has changed since the answer.",
        GONE: "This paragraph is no longer in the index.",
    }
    note = f'<span class="pilcrow-changed">{notes[state]}</span>' if state in notes else ""
    link = address.of("citation", citation.number)
    return (
        f'<li><a href="{link}"><span class="pilcrow-number" aria-hidden="true">'
        f"{citation.number}</span>{place(citation)}</a>{note}"
        f'<span class="pilcrow-quote" dir="auto">“{escape(citation.quote)}”</span></li>'
    )


def _read(item: Evidence, address: Address) -> str:
    text = item.text if len(item.text) <= 240 else item.text[:240].rsplit(" ", 1)[0] + " …"
    return (
        f'<li><a href="{address.of("evidence", item.number)}">{place(item)}</a>'
        f'<span class="pilcrow-quote" dir="auto">{escape(text)}</span></li>'
    )


def _actions(entry: Entry) -> str:
    given = entry.verdict or ""
    choices = "".join(
        f'<label><input type="radio" name="verdict{entry.number}" value="{verdict}"'
        f"{' checked' if verdict == given else ''}> {verdict.capitalize()}</label>"
        for verdict in VERDICTS
    )
    said = f"Feedback: {given}" if given else "Feedback"
    return (
        '<div class="pilcrow-actions">'
        f"{_button('copy', 'Copy', 'Copy the answer with its sources')}"
        f"{_button('link', 'Link', 'Copy the address of this answer')}"
        f"{_button('retry', 'Ask again', 'Ask this question again')}"
        f"<details><summary>{said}</summary><form class='pilcrow-feedback'><fieldset><legend>This answer is"
        f"</legend>{choices}</fieldset><label>Note <input type='text' name='note' maxlength='1000' "
        f'value="{escape(entry.note)}"></label><button type="submit">Save</button></form></details></div>'
    )


def _button(action: str, text: str, label: str) -> str:
    return f'<button type="button" data-do="{action}" title="{label}">{text}</button>'
