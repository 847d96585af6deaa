"""Drafts of questions, from the documents and from what users of the page judged; a person decides."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from eval.judge.words import sentences
from eval.metrics import Place
from eval.questions.rows import FOLLOW_UP, KINDS, NOT_ANSWERABLE, Row, faults
from rag import Assistant, Paragraph, PilcrowError, Turn

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
# What a question can be asked about, the surest first: the kind, how the question begins, and the words.
_ASKED = (
    (
        "date",
        "Which date",
        re.compile(rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}} {_MONTH}(?: \d{{4}})?\b|\b{_MONTH} \d{{1,2}}\b"),
    ),
    ("number", "Which number", re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?: ?%| percent)?(?![\w-])")),
    ("fact", "Which name", re.compile(r"(?<=\w )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+")),
)
_FIELD = re.compile(r"([^:;]{2,40}): ([^;]+)(?:; |$)")  # of a row of a table, as its paragraph shows it
ENOUGH = 4  # words that a sentence must have beside those that are asked for
CHOICES = "[a]ccept, [e]dit, [s]kip, [q]uit"


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that may be worth keeping, and what a person needs to see to decide."""

    row: Row
    shown: str


Prompt = Callable[[str, str], str]  # takes what is asked, and the answer if none is typed
Tell = Callable[[str], None]


def from_documents(assistant: Assistant, known: Sequence[Row]) -> Iterator[Draft]:
    """One draft for each paragraph with a date, number or name in it, each document in turn.

    Paragraphs that a known row has for gold are passed over.
    """
    taken = {place for row in known for place in row.gold}
    by_document = [_of_document(assistant, item.source, item.paragraphs) for item in assistant.documents()]
    for drafts in zip_longest(*by_document):
        yield from (draft for draft in drafts if draft and not taken.intersection(draft.row.gold))


def _of_document(assistant: Assistant, source: str, count: int) -> Iterator[Draft]:
    for paragraph in assistant.paragraphs(source, 1, count):
        if paragraph.kind != "heading" and (row := _asked(source, paragraph)):
            yield Draft(row, f"{source} ¶{paragraph.number}: {paragraph.text}")


def _asked(source: str, paragraph: Paragraph) -> Row | None:
    row = Row("", "", "fact", gold=((source, paragraph.number),))
    if paragraph.kind == "table row":
        fields = [(name.strip(), value.strip()) for name, value in _FIELD.findall(paragraph.text)]
        return _of_fields(row, fields)
    for kind, begun, pattern in _ASKED:
        for sentence in sentences(paragraph.text):
            match = pattern.search(sentence)
            if match and len(sentence.split()) - len(match[0].split()) >= ENOUGH:
                gap = f"{sentence[: match.start()]}…{sentence[match.end() :]}"
                asked = f"{begun} belongs in “{gap}”?"
                return replace(row, kind=kind, question=asked, reference=sentence, accepted=(match[0],))
    return None


def _of_fields(row: Row, fields: Sequence[tuple[str, str]]) -> Row | None:
    """What is asked of a row of a table: a field behind the first that has a number, else the last."""
    if len(fields) < 2:
        return None
    name, value = next((item for item in fields[1:] if re.search(r"\d", item[1])), fields[-1])
    of = ", ".join(f"{other} {held}" for other, held in fields if other != name and held)
    told = f"the {name} for {of}"
    return replace(row, question=f"What is {told}?", reference=f"T{told[1:]} is {value}.", accepted=(value,))


def from_feedback(judged: Iterable[Mapping[str, Any]], known: Sequence[Row]) -> Iterator[Draft]:
    """One draft for each answer that a user judged, as `pilcrow feedback` prints them; not for known rows.

    What was judged right has its answer and citations for reference and gold; else these are left open.
    """
    asked = {row.question for row in known}
    for item in judged:
        if item["question"] in asked:
            continue
        right = item["verdict"] == "right"
        text = re.sub(r"\s*\[\d+\]", "", item["answer"])
        history = tuple(Turn(turn["question"], turn["answer"]) for turn in item["history"])
        row = Row(
            id="",
            question=item["question"],
            kind=FOLLOW_UP if history else "fact",
            reference=text if right else "",
            accepted=(text,) if right else (),
            gold=tuple((source, number) for source, number in item["citations"]) if right else (),
            history=history,
        )
        note = f" ({item['note']})" if item["note"] else ""
        cited = "".join(f"\n  cited: {source} ¶{number}" for source, number in item["citations"])
        yield Draft(row, f"judged {item['verdict']}{note}: {item['answer']}{cited}")


def review(
    drafts: Iterable[Draft],
    assistant: Assistant,
    file: Path,
    known: Sequence[Row],
    prompt: Prompt,
    tell: Tell,
) -> int:
    """Shows each draft and keeps those that a person accepts, at the end of the file; how many.

    A row is kept only when the documents bear it out, and is on the disk before the next draft is shown.
    """
    sources = {document.source for document in assistant.documents()}
    ids = {row.id for row in known}
    kept = 0
    for draft in drafts:
        row = replace(draft.row, id=_free(ids))
        tell(f"\n{draft.shown}\n\n{_told(row)}")
        choice = _choice(prompt)
        if choice == "q":
            break
        while choice != "s":
            row = _edited(row, prompt) if choice == "e" else row
            problems = list(faults(row, assistant, sources))
            if not problems:
                append(file, row)
                ids.add(row.id)
                kept += 1
                break
            tell("\n".join(f"not yet: {problem}" for problem in problems))
            choice = "s" if _choice(prompt, "[e]dit, [s]kip", "e") == "s" else "e"
    return kept


def append(file: Path, row: Row) -> None:
    """Adds a row to a file of questions."""
    try:
        with file.open("a+b") as out:
            out.seek(0)
            held = out.read()
            line = json.dumps(row.as_json(), ensure_ascii=False) + "\n"
            out.write(("" if not held or held.endswith(b"\n") else "\n").encode() + line.encode())
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise PilcrowError(f"the question cannot be written to {file}: {error}") from error


def _choice(prompt: Prompt, choices: str = CHOICES, default: str = "s") -> str:
    letters = re.findall(r"\[(\w)\]", choices)
    while (typed := prompt(choices, default).strip().lower()[:1]) not in letters:
        continue
    return typed


def _edited(row: Row, prompt: Prompt) -> Row:
    question = prompt("question", row.question)
    kind = prompt(f"kind ({', '.join(KINDS)})", row.kind)
    if kind in NOT_ANSWERABLE:
        return Row(row.id, question, kind, history=row.history)
    return replace(
        row,
        question=question,
        kind=kind,
        reference=prompt("a right answer, in a sentence", row.reference),
        accepted=_parted(
            prompt("short answers, one of which is enough, parted by |", " | ".join(row.accepted))
        ),
        gold=_places(prompt("paragraphs that answer, as source ¶number, parted by |", _named(row.gold))),
    )


def _parted(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _named(places: Iterable[Place]) -> str:
    return " | ".join(f"{source} ¶{number}" for source, number in places)


def _places(text: str) -> tuple[Place, ...]:
    """The places in a text such as "notes.txt ¶4 | list.csv 2"; 0 for a number that is none."""
    found = []
    for part in _parted(text):
        source, _, number = part.rpartition(" ")
        number = number.lstrip("¶")
        found.append((source.strip(), int(number)) if number.isdecimal() else (part, 0))
    return tuple(found)


def _told(row: Row) -> str:
    lines = [f"  asked before: {turn.question} {turn.answer}" for turn in row.history]
    lines += [
        f"  question: {row.question}",
        f"  kind:     {row.kind}",
        f"  answer:   {row.reference or 'none'}",
    ]
    return "\n".join([*lines, f"  accepted: {' | '.join(row.accepted) or 'none'}"])


def _free(ids: set[str]) -> str:
    number = len(ids) + 1
    while f"d{number:03}" in ids:
        number += 1
    return f"d{number:03}"
