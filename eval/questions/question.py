"""Questions with known answers: one JSON object per line, checked against the documents they ask about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from eval.metrics import Place, contains, contains_any, content_share
from rag import Assistant, PilcrowError, Turn

FILE = Path(__file__).resolve().parent / "questions.jsonl"  # about seeds/
UNANSWERABLE = ("unanswerable", "near miss")
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
KINDS = (*ANSWERABLE, *UNANSWERABLE)
FIELDS = ("id", "question", "kind", "reference", "accepted", "accepted_all", "needs", "gold", "history")
WHOLE = "whole"  # the index that a question is asked of unless it names another
ENOUGH = 0.5  # share of a long answer's content words that makes an answer right
MOST_PROBLEMS = 20  # listed in one error


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what makes an answer right.

    A right answer contains one of `accepted`, all of `accepted_all`, or half the content words of one of
    `long_answers`. A complete answer also contains one of each group in `needs`. `gold` are the paragraphs
    that answer, none if the documents do not. `reference` is a right answer in prose. `index` names the
    index to ask. `where` is the file and line, for messages.
    """

    id: str
    text: str
    kind: str = ""
    reference: str = ""
    accepted: tuple[str, ...] = ()
    accepted_all: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    long_answers: tuple[str, ...] = ()
    gold: tuple[Place, ...] = ()
    history: tuple[Turn, ...] = ()
    index: str = WHOLE
    where: str = field(default="", compare=False)

    @property
    def answerable(self) -> bool:
        """Whether the documents answer the question."""
        return bool(self.gold)

    @property
    def group(self) -> str:
        """The kind of an unanswerable question; empty for an answerable one."""
        return "" if self.gold else self.kind

    @property
    def digest(self) -> str:
        """A hash of everything in the question except its place in the file."""
        return blake2b(json.dumps(self.as_json(), sort_keys=True).encode(), digest_size=8).hexdigest()

    def accepts(self, text: str) -> bool:
        """Return whether a text answers the question."""
        if self.accepted_all:
            return all(contains(text, part) for part in self.accepted_all)
        return contains_any(text, self.accepted) or any(
            content_share(text, answer) >= ENOUGH for answer in self.long_answers
        )

    def as_json(self) -> dict[str, object]:
        """Return the question as its line in a file, without optional fields that are empty."""
        accepted = {"accepted_all": self.accepted_all} if self.accepted_all else {"accepted": self.accepted}
        written: dict[str, object] = {
            "id": self.id,
            "question": self.text,
            "kind": self.kind,
            "reference": self.reference,
            **{name: list(texts) for name, texts in accepted.items()},
            "gold": [list(place) for place in self.gold],
        }
        if self.needs:
            written["needs"] = [list(group) for group in self.needs]
        if self.history:
            written["history"] = [[turn.question, turn.answer] for turn in self.history]
        return written


def load(path: Path) -> tuple[Question, ...]:
    """Read a file of questions; PilcrowError names the file and line of one that cannot be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise PilcrowError(f"Can't read the questions in {path}: {error}") from error
    found = tuple(_parse(line, f"{path}, line {at}") for at, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise PilcrowError(f"{path} has no questions. Run `pilcrow eval draft` to write some.")
    return found


def validate(questions: Sequence[Question], assistant: Assistant) -> None:
    """Check all questions against the documents; PilcrowError lists each problem with its file and line."""
    sources = {document.source for document in assistant.documents()}
    problems = [
        f"{each.where}: {problem}" for each in questions for problem in faults(each, assistant, sources)
    ]
    ids = Counter(each.id for each in questions)
    problems += [
        f"{each.where}: another question has the id {each.id!r}" for each in questions if ids[each.id] > 1
    ]
    if problems:
        more = f"\n… and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        listed = "\n".join(problems[:MOST_PROBLEMS])
        raise PilcrowError(f"The questions don't match the documents. Correct them:\n{listed}{more}")


def faults(question: Question, assistant: Assistant, sources: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with a question, in words; `sources` are the documents of the index."""
    if not question.id or not question.text.strip():
        yield "it has no id or no question"
    if question.kind not in KINDS:
        yield f"unknown kind {question.kind!r}; choose one of: {', '.join(KINDS)}"
    if question.kind == FOLLOW_UP and not question.history:
        yield "a follow-up needs a history"
    if question.kind in UNANSWERABLE:
        if question.gold or question.accepted or question.accepted_all or question.reference:
            yield f"the kind {question.kind!r} has no answer: leave out gold, accepted and reference"
        return
    if bool(question.accepted) == bool(question.accepted_all):
        yield "it needs either accepted or accepted_all, not both"
    elif not question.accepts(question.reference):
        yield "its reference does not contain the accepted answer"
    if not question.gold:
        yield "an answerable question needs at least one gold paragraph"
    elif unknown := [source for source, _ in question.gold if source not in sources]:
        yield f"the index has no document {unknown[0]}"
    else:
        yield from _against_gold(question, assistant)


def _against_gold(question: Question, assistant: Assistant) -> Iterator[str]:
    texts = []
    for source, number in question.gold:
        try:
            texts.append(assistant.paragraph(source, number).text)
        except PilcrowError as error:
            yield str(error)
            continue
        if not contains_any(texts[-1], (*question.accepted, *question.accepted_all)):
            yield f"{source} ¶{number} contains no accepted answer"
    for part in question.accepted_all:
        if not any(contains(text, part) for text in texts):
            yield f"no gold paragraph contains {part!r}"


def _parse(line: str, where: str) -> Question:
    try:
        return _read(json.loads(line), where)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PilcrowError(
            f"{where}: not a question ({error}); its fields are {', '.join(FIELDS)}"
        ) from error


def _read(written: Mapping[str, Any], where: str) -> Question:
    if not isinstance(written, dict):
        raise TypeError("not a JSON object")
    if unknown := sorted(written.keys() - set(FIELDS)):
        raise ValueError(f"unknown field {unknown[0]!r}")
    return Question(
        id=_text(written["id"]),
        text=_text(written["question"]),
        kind=_text(written["kind"]),
        reference=_text(written.get("reference", "")),
        accepted=_texts(written.get("accepted", [])),
        accepted_all=_texts(written.get("accepted_all", [])),
        needs=tuple(map(_texts, written.get("needs", ()))),
        gold=tuple((_text(source), _number(number)) for source, number in written.get("gold", ())),
        history=tuple(Turn(_text(asked), _text(answer)) for asked, answer in written.get("history", ())),
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
        raise TypeError(f"{value!r} is not a paragraph number")
    return value
