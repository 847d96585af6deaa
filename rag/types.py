"""The frozen values that Pilcrow's steps take and return."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Day  # as a field is called date, which pydantic would take for its type
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

from rag.errors import PilcrowError, first_problem
from rag.text.edition import Edition
from rag.text.recognition import Recognition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import TypeAdapter

Place = tuple[str, int]  # source and paragraph number
Span = tuple[int, int]  # start and end in a text
Vector: TypeAlias = "NDArray[np.float32]"  # shape (dimension,); in quotes, as loaders import no numpy
Vectors: TypeAlias = "NDArray[np.float32]"  # shape (texts, dimension)

HEADING_SEPARATOR = " › "  # between the headings of a path, outermost first


class Kind(StrEnum):
    """What a paragraph is on the page."""

    BODY = "body"
    HEADING = "heading"
    LIST_ITEM = "list item"
    TABLE_ROW = "table row"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What a person would count as one paragraph on opening the file.

    `number` counts from 1 through the document, `line` and `page` from 1 where the format has them,
    `heading` is the path of the headings above, outermost first, joined by " › ".
    `text` is the text as shown. `date` is what a heading or dateline states. `recognised` is set by OCR.
    """

    number: int
    text: str
    kind: Kind = Kind.BODY
    heading: str = ""
    page: int | None = None
    line: int | None = None
    date: Day | None = None
    recognised: Recognition | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its path below the ingested root, its bytes' SHA-256, and phrases for what was not read."""

    source: str
    sha256: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    edition: Edition = field(default_factory=Edition)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one paragraph that fits the embedder; `part` counts from 0 within the paragraph.

    `ordinal` counts from 0 among the chunks of a document that would be embedded alike.
    """

    source: str
    paragraph: int
    part: int
    text: str
    heading: str = ""
    page: int | None = None
    ordinal: int = 0

    @property
    def embedded(self) -> str:
        """The embedded text: the heading and the text, nothing else."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def id(self) -> str:
        """The id. It depends on the source and the embedded text only, not on the paragraph's number."""
        key = "\x00".join((self.source, self.embedded, str(self.ordinal)))
        return blake2b(key.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a search. `ranks` is its rank, from 1, in each list; a higher `score` is better.

    `also` are other places with nearly the same text.
    """

    chunk: Chunk
    score: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    also: tuple[Place, ...] = ()


class Placed:
    """A part of a document at a page or line, with its date.

    `changed` is what happened to it or its file since it was read, such as "file is gone"; "" if nothing.
    """

    __slots__ = ()
    page: int | None
    line: int | None
    date: Day | None
    recognised: Recognition | None

    @property
    def whereabouts(self) -> tuple[str, ...]:
        """The page, or else the line, the date, and how sure OCR is, as text; without what is unknown."""
        place = f"page {self.page}" if self.page else f"line {self.line}" if self.line else ""
        day = self.date.isoformat() if self.date else ""
        return tuple(part for part in (place, day, str(self.recognised or "")) if part)


@dataclass(frozen=True, slots=True)
class Evidence(Placed):
    """A whole paragraph that the generator may read, numbered from 1 within one answer."""

    number: int
    source: str
    paragraph: int
    text: str
    heading: str = ""
    page: int | None = None
    line: int | None = None
    date: Day | None = None
    score: float = 0.0
    kind: Kind = Kind.BODY
    also: tuple[Place, ...] = ()
    changed: str = ""
    recognised: Recognition | None = None


@dataclass(frozen=True, slots=True)
class Citation(Placed):
    """The source of a statement. Always `quote == paragraph_text[start:end]`."""

    number: int
    source: str
    paragraph: int
    page: int | None
    line: int | None
    date: Day | None
    quote: str
    start: int
    end: int
    paragraph_text: str
    changed: str = ""
    recognised: Recognition | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before it is checked: its text and the numbers of the evidence it names."""

    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a growing answer: new checked text, and text that isn't checked yet."""

    text: str = ""
    unchecked: str = ""


class Status(StrEnum):
    """How far the cited paragraphs are known to bear out a statement."""

    QUOTED = "quoted"  # it stands there letter for letter
    SUPPORTED = "supported"  # an examined verifier finds that they say it
    UNCONFIRMED = "unconfirmed"  # nothing in them contradicts it, and no examined verifier finds it there


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, the numbers of its citations, and how well they support it (0 to 1).

    `highlight` is the span in `text` of the words that answer, None if uncertain; a quote's `support` is 1.
    """

    text: str
    citations: tuple[int, ...]
    support: float
    highlight: tuple[int, int] | None = None
    status: Status = Status.QUOTED

    @property
    def caveat(self) -> str:
        """What is shown after its citations: " (unconfirmed)", or "" if it is quoted or supported."""
        return f" ({self.status})" if self.status is Status.UNCONFIRMED else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer, or an abstention with the nearest paragraphs and the words not found.

    `kind`: its shape, "answer", "list", "steps", "comparison", "section", "overview" or "abstention". `sure`:
    False if it may well be beside the point, and for an abstention. `older`: documents with an answer that
    another edition replaces, or replaced at the time asked about. `computed`: how its rows were chosen, or
    of how much an overview is. `probability` (0 to 1): that the evidence answers; 0.0 without evidence or
    words. `standalone`: the question as understood with its history. `conflicting`: the statements are
    from sources that disagree, newest first. `dropped`: the LLM's sentences that no paragraph supports;
    `text` lacks them. `timings`: seconds by step, and an LLM's calls and tokens.
    """

    question: str
    text: str
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    abstained: bool = False
    nearest: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    standalone: str = ""
    probability: float = 0.0
    conflicting: bool = False
    dropped: tuple[str, ...] = ()
    kind: str = "answer"
    sure: bool = True
    older: tuple[str, ...] = ()
    computed: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def highlights(self) -> tuple[tuple[int, int], ...]:
        """The spans in `text` of the highlighted words of its statements."""
        found, at = [], 0
        for statement in self.statements:
            start = self.text.find(statement.text, at)
            if start < 0:
                continue
            at = start + len(statement.text)
            if statement.highlight:
                found.append((start + statement.highlight[0], start + statement.highlight[1]))
        return tuple(found)

    def as_json(self) -> dict[str, object]:
        """Return every field as JSON values: lists for tuples, dates as YYYY-MM-DD."""
        written: dict[str, object] = _adapter().dump_python(self, mode="json")
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Answer:
        """Return the answer that `as_json` wrote; PilcrowError names the field that is wrong."""
        try:
            return _adapter().validate_json(json.dumps(written, allow_nan=False), strict=True)
        except (TypeError, ValueError, RecursionError) as error:
            wrong = first_problem(error)
            raise PilcrowError(f"This is not an answer saved by Pilcrow ({wrong}). Save it again.") from error


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question and the text of its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as the index lists it: its `paragraphs`, its edition, the ISO 639-1 code of its language."""

    source: str
    title: str
    sha256: str
    paragraphs: int
    date: Day | None = None
    version: str = ""
    replaces: str = ""
    retired: bool = False
    language: str = ""


@cache
def _adapter() -> TypeAdapter[Answer]:
    """Return the adapter that converts answers to JSON and back."""
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)
