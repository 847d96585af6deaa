"""Exported conversations: Markdown or HTML with footnotes, or JSON that `pilcrow verify` re-checks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import Answer, Citation, Evidence, PilcrowError, Statement
from ui.conversations import Entry
from ui.notes import change, notes, standing, unsure
from ui.render import TEMPLATES

FORMAT = 1  # version of the JSON

_SPACE = re.compile(r"[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
# Characters that terminals and editors obey, and those that change the text's direction.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Characters with a meaning in Markdown anywhere in a line; a full stop as in www.example.com.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>~$|^&@]|(?<!\w)#|:(?=//)|(?<=\w)\.(?=[^\W\d_]{2})")
_BLOCK_START = re.compile(r"(\d{0,9})(?=[-+=:.)])")  # characters with a meaning at the start of a line


@dataclass(frozen=True, slots=True)
class _Turn:
    """An entry, and the footnote number of each citation number; footnotes count through the conversation."""

    entry: Entry
    notes: dict[int, int]

    @property
    def summary(self) -> str:
        """When and of which documents it was asked, how it was understood, how far sources bear it out."""
        answer = self.entry.answer
        asked = f"Asked {self.entry.asked:%Y-%m-%d}."
        if self.entry.scope:
            asked += f" Searched only in: {', '.join(self.entry.scope)}."
        if answer.standalone and answer.standalone != answer.question:
            asked += f" Understood as: {answer.standalone}"
        differ = ["The sources differ."] if answer.conflicting else []
        return " ".join(filter(None, [asked, *differ, unsure(answer), *notes(answer), standing(answer)]))

    def notes_of(self, statement: Statement) -> list[int]:
        return [self.notes[number] for number in statement.citations if number in self.notes]

    def is_first(self, note: int, statement: Statement) -> bool:
        """Return whether no statement before this one has the footnote."""
        return next(one for one in self.entry.answer.statements if note in self.notes_of(one)) is statement


def as_json(title: str, entries: Sequence[Entry]) -> str:
    """Return the answers with all that `pilcrow verify` needs to re-check them."""
    answers = [entry.answer.as_json() | {"scope": list(entry.scope)} for entry in entries]
    whole = {"pilcrow": FORMAT, "title": title, "answers": answers}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def read_answers(file: Path) -> list[Answer]:
    """Read the answers of an exported conversation, or the one answer of `pilcrow ask --json`."""
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PilcrowError(
            f"{file} can't be read as JSON ({error}). "
            "Pass a file from `pilcrow ask --json`, or a JSON export from the page."
        ) from error
    answers = [read]
    if isinstance(read, dict) and "pilcrow" in read:
        if read["pilcrow"] != FORMAT or not isinstance(read.get("answers"), list):
            raise PilcrowError(f"{file} has an unknown format. Export it again, or update Pilcrow.")
        answers = read["answers"]
    try:
        return [Answer.from_json(answer) for answer in answers]
    except PilcrowError as error:
        raise PilcrowError(f"{file}: {error}") from error


def markdown(title: str, entries: Sequence[Entry]) -> str:
    """Return each question and answer, then the footnotes, in CommonMark with GitHub's footnotes."""
    blocks = [f"# {plain(title)}"]
    turns = _turns(entries)
    for turn in turns:
        answer = turn.entry.answer
        blocks += [f"## {plain(answer.question)}", f"*{plain(turn.summary)}*"]
        statements = " ".join(_statement(one, turn.notes_of(one)) + one.caveat for one in answer.statements)
        blocks.append(_escape_start(statements or plain(answer.text)))
        if answer.nearest:
            nearest = "\n".join(f"- {_quoted(near, near.text)}" for near in answer.nearest)
            blocks += ["Nearest paragraphs:", nearest]
    blocks += [f"[^{note}]: {_quoted(cited, cited.quote)}" for note, cited in _notes(turns)]
    return "\n\n".join(blocks) + "\n"


def html(title: str, entries: Sequence[Entry]) -> str:
    """Return one self-contained page, without scripts or requests."""
    turns = _turns(entries)
    template = TEMPLATES.get_template("export.html")
    return template.render(title=_SPACE.sub(" ", title), turns=turns, notes=_notes(turns))


def plain(text: str) -> str:
    """Escape the text on one line, so that neither CommonMark nor GitHub's Markdown interprets it."""
    line = _CONTROLS.sub("", _SPACE.sub(" ", text)).strip(" ")
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", line)


def _escape_start(line: str) -> str:
    """Escape a line of Markdown that would begin a list or another block."""
    return _BLOCK_START.sub(r"\1\\", line, count=1) if _BLOCK_START.match(line) else line


def _turns(entries: Sequence[Entry]) -> list[_Turn]:
    turns, last = [], 0
    for entry in entries:
        numbers = [citation.number for citation in entry.answer.citations]
        turns.append(_Turn(entry, {number: last + at for at, number in enumerate(numbers, 1)}))
        last += len(numbers)
    return turns


def _notes(turns: Sequence[_Turn]) -> list[tuple[int, Citation]]:
    """Return the number and citation of each footnote."""
    return [(turn.notes[one.number], one) for turn in turns for one in turn.entry.answer.citations]


def _statement(statement: Statement, notes: Sequence[int]) -> str:
    start, end = statement.highlight or (0, 0)
    before, bold, after = statement.text[:start], statement.text[start:end], statement.text[end:]
    marks = "".join(f"[^{note}]" for note in notes)
    edges = ((bold[:1], before[-1:]), (bold[-1:], after[:1]))
    # Two asterisks begin and end bold text only under these conditions (CommonMark, "flanking").
    if bold and not any(edge.isspace() or (outer.isalnum() and not edge.isalnum()) for edge, outer in edges):
        return f"{_spaced(before)}**{plain(bold)}**{_spaced(after)}{marks}"
    return plain(statement.text) + marks


def _spaced(text: str) -> str:
    """Escape the text like `plain`, but keep a space at its start or end."""
    return f"{' ' * text[:1].isspace()}{plain(text)}{' ' * text[-1:].isspace()}" if text.strip() else text


def _quoted(found: Citation | Evidence, text: str) -> str:
    """Return a place with its text, and what happened to it since."""
    place = ", ".join((f"{_code(found.source)} ¶{found.paragraph}", *found.whereabouts))
    return f"{place}: “{plain(text)}”" + (f" *{change(found)}*" if change(found) else "")


def _code(name: str) -> str:
    """Return a code span of the name, with more backticks around it than in it."""
    line = _CONTROLS.sub("", _SPACE.sub(" ", name))
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if "`" in {line[:1], line[-1:]} else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"
