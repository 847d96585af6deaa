"""The questions of the evaluation: one JSON object a line, each held against the documents it asks about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

from eval.metrics import Place, holds, holds_any
from rag import Assistant, PilcrowError, Turn

FILE = Path(__file__).resolve().parent / "questions.jsonl"  # those about seeds/
NOT_ANSWERABLE = ("unanswerable", "near miss")
FOLLOW_UP = "follow-up"
ANSWERABLE = (
    "fact",
    "number",
    "date",
    "list",
    "reason",
    "comparison",
    "conflict",
    FOLLOW_UP,
    "paraphrase",
)
KINDS = (*ANSWERABLE, *NOT_ANSWERABLE)
TOLD = 20  # problems that one error lists


@dataclass(frozen=True, slots=True)
class Row:
    """One question. A right answer holds one of `accepted`, or all of `accepted_all`; one of both is empty.

    `gold` are the paragraphs that answer, none where nothing does; `reference` is a right answer, in prose.
    `where` names the file and the line, for messages.
    """

    id: str
    question: str
    kind: str
    reference: str = ""
    accepted: tuple[str, ...] = ()
    accepted_all: tuple[str, ...] = ()
    gold: tuple[Place, ...] = ()
    history: tuple[Turn, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.gold)

    @property
    def digest(self) -> str:
        """The same as long as nothing of the row but its place in the file changes."""
        return blake2b(json.dumps(self.as_json(), sort_keys=True).encode(), digest_size=8).hexdigest()

    def accepts(self, text: str) -> bool:
        """Whether the text holds what a right answer must hold, as whole words."""
        if self.accepted_all:
            return all(holds(text, part) for part in self.accepted_all)
        return holds_any(text, self.accepted)

    def as_json(self) -> dict[str, object]:
        """The row as it stands in a file; what is empty is left out where a file may leave it out."""
        written: dict[str, object] = {
            "id": self.id,
            "question": self.question,
            "kind": self.kind,
            "reference": self.reference,
        }
        written |= (
            {"accepted_all": list(self.accepted_all)}
            if self.accepted_all
            else {"accepted": list(self.accepted)}
        )
        written["gold"] = [list(place) for place in self.gold]
        if self.history:
            written["history"] = [[turn.question, turn.answer] for turn in self.history]
        return written


def load(path: Path) -> tuple[Row, ...]:
    """Every row of a file, in order; PilcrowError names the file and the line of one that cannot be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise PilcrowError(f"the questions in {path} cannot be read: {error}") from error
    rows = tuple(_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip())
    if not rows:
        raise PilcrowError(f"{path} holds no question; `pilcrow eval draft` proposes some")
    return rows


def validate(rows: Sequence[Row], assistant: Assistant) -> None:
    """Holds every row against the documents; PilcrowError lists what is wrong, each with file and line."""
    sources = {document.source for document in assistant.documents()}
    problems = [f"{row.where}: {problem}" for row in rows for problem in faults(row, assistant, sources)]
    ids = Counter(row.id for row in rows)
    problems += [f"{row.where}: another row has the id {row.id!r} too" for row in rows if ids[row.id] > 1]
    if problems:
        more = f"\n… and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
        raise PilcrowError("the questions do not fit the documents:\n" + "\n".join(problems[:TOLD]) + more)


def faults(row: Row, assistant: Assistant, sources: Iterable[str]) -> Iterator[str]:
    """What is wrong with one row, in words; `sources` are the documents that the assistant holds."""
    if not row.id or not row.question.strip():
        yield "it has no id or no question"
    if row.kind not in KINDS:
        yield f"the kind {row.kind!r} is none of: {', '.join(KINDS)}"
    if row.kind == FOLLOW_UP and not row.history:
        yield "a follow-up needs the history that it follows"
    if row.kind in NOT_ANSWERABLE:
        if row.gold or row.accepted or row.accepted_all or row.reference:
            yield f"a question of the kind {row.kind!r} has no answer, so no gold, accepted or reference"
        return
    if bool(row.accepted) == bool(row.accepted_all):
        yield "it needs either accepted or accepted_all, and not both"
    elif not row.accepts(row.reference):
        yield "its reference answer would not be counted as right: it lacks what is accepted"
    if not row.gold:
        yield "it names no gold paragraph, though its kind is answerable"
    elif unknown := [source for source, _ in row.gold if source not in sources]:
        yield f"the documents hold no {unknown[0]}"
    else:
        yield from _against_gold(row, assistant)


def _against_gold(row: Row, assistant: Assistant) -> Iterator[str]:
    texts = []
    for source, number in row.gold:
        try:
            texts.append(assistant.paragraph(source, number).text)
        except PilcrowError as error:
            yield str(error)
            continue
        if not holds_any(texts[-1], (*row.accepted, *row.accepted_all)):
            yield f"{source} ¶{number} holds nothing that is accepted as an answer"
    for part in row.accepted_all:
        if not holds_any_text(texts, part):
            yield f"no gold paragraph holds {part!r}"


def holds_any_text(texts: Iterable[str], answer: str) -> bool:
    """Whether the answer stands in one of the texts, as whole words."""
    return any(holds(text, answer) for text in texts)


def _row(line: str, where: str) -> Row:
    try:
        written = json.loads(line)
        return _read(written, where)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        known = ", ".join(field.name for field in fields(Row) if field.name != "where")
        raise PilcrowError(
            f"{where}: this is not a row of questions ({error}); its fields: {known}"
        ) from error


def _read(written: Mapping[str, Any], where: str) -> Row:
    known = {field.name for field in fields(Row)} - {"where"}
    if not isinstance(written, dict):
        raise TypeError("not a JSON object")
    if unknown := sorted(written.keys() - known):
        raise ValueError(f"unknown field {unknown[0]!r}")
    return Row(
        id=_text(written["id"]),
        question=_text(written["question"]),
        kind=_text(written["kind"]),
        reference=_text(written.get("reference", "")),
        accepted=_texts(written.get("accepted", [])),
        accepted_all=_texts(written.get("accepted_all", [])),
        gold=tuple((_text(source), _number(number)) for source, number in written.get("gold", ())),
        history=tuple(
            Turn(_text(question), _text(answer)) for question, answer in written.get("history", ())
        ),
        where=where,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(map(_text, value))


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a paragraph's number")
    return value
