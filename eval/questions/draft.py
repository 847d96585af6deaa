"""Drafts of questions, from the documents and from users' feedback; a person accepts, edits or skips each."""

from __future__ import annotations

import json
import os
import re
from calendar import month_name
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from eval.judge.words import sentences
from eval.metrics import Place
from eval.questions.question import FOLLOW_UP, KINDS, UNANSWERABLE, Question, faults
from rag import Assistant, Paragraph, PilcrowError, Turn

_MONTH = f"(?:{'|'.join(month_name[1:])})"
# What to ask about, most reliable first: kind, how the question begins, the words asked for.
_PATTERNS = (
    (
        "date",
        "Which date",
        re.compile(rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}} {_MONTH}(?: \d{{4}})?\b|\b{_MONTH} \d{{1,2}}\b"),
    ),
    ("number", "Which number", re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?: ?%| percent)?(?![\w-])")),
    ("fact", "Which name", re.compile(r"(?<=\w )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)+")),
)
_FIELD = re.compile(r"([^:;]{2,40}): ([^;]+)(?:; |$)")  # of a table row, as its paragraph shows it
MIN_WORDS = 4  # that a sentence must have besides those asked for
CHOICES = "[a]ccept, [e]dit, [s]kip, [q]uit"


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed question, and the text a person needs to see to decide."""

    question: Question
    shown: str


Prompt = Callable[[str, str], str]  # takes a prompt and the default; returns what was typed
Show = Callable[[str], None]


def from_documents(assistant: Assistant, known: Sequence[Question]) -> Iterator[Draft]:
    """Yield a draft for each paragraph with a date, number or name, taking turns between the documents.

    Gold paragraphs of known questions are left out.
    """
    taken = {place for question in known for place in question.gold}
    by_document = [_of_document(assistant, item.source, item.paragraphs) for item in assistant.documents()]
    for drafts in zip_longest(*by_document):
        yield from (draft for draft in drafts if draft and not taken.intersection(draft.question.gold))


def _of_document(assistant: Assistant, source: str, count: int) -> Iterator[Draft]:
    for paragraph in assistant.paragraphs(source, 1, count):
        if paragraph.kind != "heading" and (question := _ask_about(source, paragraph)):
            yield Draft(question, f"{source} ¶{paragraph.number}: {paragraph.text}")


def _ask_about(source: str, paragraph: Paragraph) -> Question | None:
    draft = Question("", "", "fact", gold=((source, paragraph.number),))
    if paragraph.kind == "table row":
        fields = [(name.strip(), value.strip()) for name, value in _FIELD.findall(paragraph.text)]
        return _ask_about_row(draft, fields)
    for kind, opening, pattern in _PATTERNS:
        for sentence in sentences(paragraph.text):
            match = pattern.search(sentence)
            if match and len(sentence.split()) - len(match[0].split()) >= MIN_WORDS:
                gap = f"{sentence[: match.start()]}…{sentence[match.end() :]}"
                text = f"{opening} belongs in “{gap}”?"
                return replace(draft, kind=kind, text=text, reference=sentence, accepted=(match[0],))
    return None


def _ask_about_row(draft: Question, fields: Sequence[tuple[str, str]]) -> Question | None:
    """Ask for a field of a table row: one after the first that has a number, else the last."""
    if len(fields) < 2:
        return None
    name, value = next((item for item in fields[1:] if re.search(r"\d", item[1])), fields[-1])
    others = ", ".join(f"{other} {text}" for other, text in fields if other != name and text)
    subject = f"the {name} for {others}"
    reference = f"T{subject[1:]} is {value}."
    return replace(draft, text=f"What is {subject}?", reference=reference, accepted=(value,))


def from_feedback(judged: Iterable[Mapping[str, Any]], known: Sequence[Question]) -> Iterator[Draft]:
    """Yield a draft for each answer that a user judged, as printed by `pilcrow feedback`, unless known.

    An answer judged right becomes the reference, and its citations the gold paragraphs.
    """
    asked = {question.text for question in known}
    for item in judged:
        if item["question"] in asked:
            continue
        right = item["verdict"] == "right"
        text = re.sub(r"\s*\[\d+\]", "", item["answer"])
        history = tuple(Turn(turn["question"], turn["answer"]) for turn in item["history"])
        question = Question(
            id="",
            text=item["question"],
            kind=FOLLOW_UP if history else "fact",
            reference=text if right else "",
            accepted=(text,) if right else (),
            gold=tuple((source, number) for source, number in item["citations"]) if right else (),
            history=history,
        )
        note = f" ({item['note']})" if item["note"] else ""
        cited = "".join(f"\n  cited: {source} ¶{number}" for source, number in item["citations"])
        yield Draft(question, f"judged {item['verdict']}{note}: {item['answer']}{cited}")


def read_feedback(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Read the lines that `pilcrow feedback` prints; PilcrowError names one that is something else."""
    found = []
    for number, line in enumerate(lines, 1):
        try:
            item = json.loads(line) if line.strip() else None
            if item is not None:
                list(from_feedback([item], ()))  # has all fields
                found.append(item)
        except (ValueError, TypeError, KeyError) as error:
            raise PilcrowError(
                f"Line {number} of the feedback is not from `pilcrow feedback` ({error}). Run it again."
            ) from error
    return found


def review(
    drafts: Iterable[Draft],
    assistant: Assistant,
    file: Path,
    known: Sequence[Question],
    prompt: Prompt,
    show: Show,
) -> int:
    """Show each draft, append those that a person accepts to the file, and return how many.

    A question is kept only if it passes validation, and is on disk before the next draft is shown.
    """
    sources = {document.source for document in assistant.documents()}
    ids = {question.id for question in known}
    kept = 0
    for draft in drafts:
        question = replace(draft.question, id=_free_id(ids))
        show(f"\n{draft.shown}\n\n{_described(question)}")
        choice = _choose(prompt)
        if choice == "q":
            break
        while choice != "s":
            question = _edited(question, prompt) if choice == "e" else question
            problems = list(faults(question, assistant, sources))
            if not problems:
                append(file, question)
                ids.add(question.id)
                kept += 1
                break
            show("\n".join(f"can't accept: {problem}" for problem in problems))
            choice = "s" if _choose(prompt, "[e]dit, [s]kip", "e") == "s" else "e"
    return kept


def append(file: Path, question: Question) -> None:
    """Append a question to a file."""
    try:
        with file.open("a+b") as out:
            out.seek(0)
            written = out.read()
            line = json.dumps(question.as_json(), ensure_ascii=False) + "\n"
            out.write(("" if not written or written.endswith(b"\n") else "\n").encode() + line.encode())
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise PilcrowError(f"Can't write the question to {file}: {error}") from error


def _choose(prompt: Prompt, choices: str = CHOICES, default: str = "s") -> str:
    letters = re.findall(r"\[(\w)\]", choices)
    while (typed := prompt(choices, default).strip().lower()[:1]) not in letters:
        continue
    return typed


def _edited(question: Question, prompt: Prompt) -> Question:
    text = prompt("question", question.text)
    kind = prompt(f"kind ({', '.join(KINDS)})", question.kind)
    if kind in UNANSWERABLE:
        return Question(question.id, text, kind, history=question.history)
    gold = " | ".join(f"{source} ¶{number}" for source, number in question.gold)
    return replace(
        question,
        text=text,
        kind=kind,
        reference=prompt("a right answer, in a sentence", question.reference),
        accepted=_parts(
            prompt("short answers, any one is enough, separated by |", " | ".join(question.accepted))
        ),
        gold=_places(prompt("paragraphs that answer, as source ¶number, separated by |", gold)),
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _places(text: str) -> tuple[Place, ...]:
    """Return the places in a text such as "notes.txt ¶4 | list.csv 2"; number 0 if there is none."""
    found = []
    for part in _parts(text):
        source, _, number = part.rpartition(" ")
        number = number.lstrip("¶")
        found.append((source.strip(), int(number)) if number.isdecimal() else (part, 0))
    return tuple(found)


def _described(question: Question) -> str:
    lines = [f"  asked before: {turn.question} {turn.answer}" for turn in question.history]
    lines += [
        f"  question: {question.text}",
        f"  kind:     {question.kind}",
        f"  answer:   {question.reference or 'none'}",
        f"  accepted: {' | '.join(question.accepted) or 'none'}",
    ]
    return "\n".join(lines)


def _free_id(ids: set[str]) -> str:
    number = len(ids) + 1
    while f"d{number:03}" in ids:
        number += 1
    return f"d{number:03}"
