"""A conversation to keep: Markdown or HTML with footnotes, or JSON that `pilcrow verify` checks again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import Answer, Citation, Evidence, Statement
from ui.conversations import Entry
from ui.render import escape, place

FORM = 1  # of the JSON
STYLE = Path(__file__).with_name("export.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_SPACE = re.compile(r"[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
# What a terminal or an editor obeys, and what turns the writing direction of the rest of the line.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What Markdown reads as more than a character, wherever it stands.
_MARKUP = re.compile(
    r"[\\`*_{}\[\]<>~$|^&@]"
    r"|(?<!\w)#"
    r"|:(?=//)"
    r"|(?<=\w)\.(?=[^\W\d_]{2})"  # of an address such as www.example.com
)
_LISTED = re.compile(r"(\d{0,9})(?=[-+=:.)])")  # and at the start of a line


@dataclass(frozen=True, slots=True)
class _Noted:
    """An entry with the footnotes of its citations, by their numbers; these go on from entry to entry."""

    entry: Entry
    notes: dict[int, int]

    @property
    def answer(self) -> Answer:
        return self.entry.answer


def as_json(title: str, entries: Sequence[Entry]) -> str:
    """The answers with all that `pilcrow verify` needs to check them again."""
    answers = [entry.answer.as_json() for entry in entries]
    return (
        json.dumps({"pilcrow": FORM, "title": title, "answers": answers}, ensure_ascii=False, indent=2) + "\n"
    )


def markdown(title: str, entries: Sequence[Entry]) -> str:
    """Each question and its answer, then the footnotes; CommonMark, and footnotes as GitHub has them."""
    blocks = [f"# {plain(title)}"]
    noted = _noted(entries)
    for one in noted:
        answer = one.answer
        blocks += [f"## {plain(answer.question)}", f"*{plain(_said(one.entry))}*"]
        stated = " ".join(_stated(statement, one.notes) for statement in answer.statements)
        blocks.append(_begun(stated or plain(answer.text)))
        if answer.nearest:
            blocks.append("What comes nearest:")
            blocks.append("\n".join(f"- {_where(near)}: “{plain(near.text)}”" for near in answer.nearest))
    blocks += [f"[^{note}]: {_where(cited)}: “{plain(cited.quote)}”" for note, cited in _notes(noted)]
    return "\n\n".join(blocks) + "\n"


def html(title: str, entries: Sequence[Entry]) -> str:
    """One page that needs nothing else, runs nothing and asks for nothing."""
    noted = _noted(entries)
    name = escape(_SPACE.sub(" ", title))
    notes = "".join(_footnote(note, cited) for note, cited in _notes(noted))
    sources = f'<section aria-labelledby="sources"><h2 id="sources">Sources</h2><ol>{notes}</ol></section>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>\n{STYLE.read_text('utf-8')}</style>\n</head>\n<body>\n<main>\n"
        f'<h1 dir="auto">{name}</h1>\n'
        + "\n".join(map(_article, noted))
        + f"\n{sources if notes else ''}\n</main>\n</body>\n</html>\n"
    )


def plain(text: str) -> str:
    """The text on one line, in which neither CommonMark nor GitHub's Markdown finds anything to interpret."""
    line = _CONTROLS.sub("", _SPACE.sub(" ", text)).strip(" ")
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", line)


def _begun(line: str) -> str:
    """A line of Markdown that begins no list and no other block."""
    return _LISTED.sub(r"\1\\", line, count=1) if _LISTED.match(line) else line


def _noted(entries: Sequence[Entry]) -> list[_Noted]:
    found, last = [], 0
    for entry in entries:
        numbers = [citation.number for citation in entry.answer.citations]
        found.append(_Noted(entry, {number: last + at for at, number in enumerate(numbers, 1)}))
        last += len(numbers)
    return found


def _notes(noted: Sequence[_Noted]) -> Iterator[tuple[int, Citation]]:
    """Each footnote's number and what it cites."""
    for one in noted:
        yield from ((one.notes[citation.number], citation) for citation in one.answer.citations)


def _said(entry: Entry) -> str:
    """When it was asked, how it was understood, and whether its sources differ."""
    answer = entry.answer
    said = f"Asked {entry.asked:%Y-%m-%d}."
    if answer.standalone and answer.standalone != answer.question:
        said += f" Understood as: {answer.standalone}"
    return f"{said} The sources differ." if answer.conflicting else said


def _cut(statement: Statement) -> tuple[str, str, str]:
    """A statement's text: what comes before the words that answer, those, and what comes after."""
    start, end = statement.highlight or (0, 0)
    return statement.text[:start], statement.text[start:end], statement.text[end:]


def _stated(statement: Statement, notes: dict[int, int]) -> str:
    before, bold, after = _cut(statement)
    marks = "".join(f"[^{notes[number]}]" for number in statement.citations if number in notes)
    edges = ((bold[:1], before[-1:]), (bold[-1:], after[:1]))
    # Only so do two asterisks begin and end what is bold (CommonMark, "flanking").
    if bold and all(
        not inner.isspace() and (inner.isalnum() or not outer.isalnum()) for inner, outer in edges
    ):
        return f"{_spaced(before)}**{plain(bold)}**{_spaced(after)}{marks}"
    return plain(statement.text) + marks


def _spaced(text: str) -> str:
    """As `plain`, with a space where the text begins or ends with one."""
    return f"{' ' * text[:1].isspace()}{plain(text)}{' ' * text[-1:].isspace()}" if text.strip() else text


def _where(found: Citation | Evidence) -> str:
    return ", ".join((f"{_code(found.source)} ¶{found.paragraph}", *found.whereabouts))


def _code(name: str) -> str:
    """A name in which nothing is read as Markdown, with more backticks around it than in it."""
    line = _CONTROLS.sub("", _SPACE.sub(" ", name))
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if "`" in {line[:1], line[-1:]} else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _article(one: _Noted) -> str:
    answer = one.answer
    told: set[int] = set()
    stated = " ".join(_shown(statement, one.notes, told) for statement in answer.statements)
    nearest = "".join(
        f'<li>{place(near)} <q dir="auto">{escape(near.text)}</q></li>' for near in answer.nearest
    )
    return (
        f'<article>\n<h2 dir="auto">{escape(answer.question)}</h2>\n'
        f'<p class="said" dir="auto">{escape(_said(one.entry))}</p>\n'
        f'<p dir="auto">{stated or escape(answer.text)}</p>\n'
        + (f"<h3>What comes nearest</h3>\n<ul>{nearest}</ul>\n" if nearest else "")
        + "</article>"
    )


def _shown(statement: Statement, notes: dict[int, int], told: set[int]) -> str:
    """A statement with its marks; the first to a footnote (`told`: those before) is where that leads back."""
    before, bold, after = map(escape, _cut(statement))
    marks = ""
    for note in (notes[number] for number in statement.citations if number in notes):
        anchor = "" if note in told else f' id="to-{note}"'
        told.add(note)
        marks += f'<sup><a href="#note-{note}"{anchor} aria-label="Source {note}">{note}</a></sup>'
    return f"{before}{f'<strong>{bold}</strong>' if bold else ''}{after}{marks}"


def _footnote(note: int, cited: Citation) -> str:
    back = f'<a class="back" href="#to-{note}" aria-label="Back to the answer">↩</a>'
    return f'<li id="note-{note}">{place(cited)} {back} <q dir="auto">{escape(cited.quote)}</q></li>'
