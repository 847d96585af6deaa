"""The values that travel through Pilcrow. Each step takes some and makes new ones; none is changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Day  # as a field is called date, which pydantic would take for its type
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

from rag.errors import PilcrowError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import TypeAdapter

Place = tuple[str, int]  # source and paragraph number
Span = tuple[int, int]  # start and end in a text
# In quotes, so that the process that loads files does not import numpy.
Vector: TypeAlias = "NDArray[np.float32]"  # shape (dimension,)
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
    `text` is shown as it is; what is searched is folded from it. `date` is what a heading or dateline states.
    """

    number: int
    text: str
    kind: Kind = Kind.BODY
    heading: str = ""
    page: int | None = None
    line: int | None = None
    date: Day | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file: `source` is its POSIX path below the ingested root, `sha256` that of its bytes."""

    source: str
    sha256: str
    title: str
    paragraphs: tuple[Paragraph, ...]


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
        """What is embedded: the heading and the text, nothing else."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def id(self) -> str:
        """Stable while the source and the embedded text stay, though the paragraph's number moves."""
        key = "\x00".join((self.source, self.embedded, str(self.ordinal)))
        return blake2b(key.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found. `score`: higher is better. `ranks`: its rank from 1 in each list that held it.

    `also` are the other places, as (source, paragraph), that say nearly the same.
    """

    chunk: Chunk
    score: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    also: tuple[tuple[str, int], ...] = ()


class Placed:
    """What stands in a document at a page or line, with its date."""

    __slots__ = ()
    page: int | None
    line: int | None
    date: Day | None

    @property
    def whereabouts(self) -> tuple[str, ...]:
        """The page, or else the line, and the date, in words, as far as they are known."""
        place = f"page {self.page}" if self.page else f"line {self.line}" if self.line else ""
        return tuple(part for part in (place, self.date.isoformat() if self.date else "") if part)


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
    also: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Citation(Placed):
    """Where a statement stands: `quote == paragraph_text[start:end]`, always."""

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


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before it is checked: its text and the numbers of the evidence that it names."""

    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What an answer has come to: checked text that is added to it, and text that is not checked yet."""

    text: str = ""
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, the numbers of its citations, and how well they support it (0 to 1).

    `highlight` is the start and end, in `text`, of the words that answer; None where it is not sure enough
    which they are.
    """

    text: str
    citations: tuple[int, ...]
    support: float
    highlight: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer, or an abstention with the paragraphs that came nearest and the words not found.

    `probability` (0 to 1) is that the evidence answers the question; 0.0 where there is none or no word was
    asked. `standalone` is the question as it was understood with its history. `conflicting`: its statements
    are of sources that differ, newest first. `dropped` are sentences of the LLM that no paragraph supports:
    they are not in the text. `timings` are seconds by step; with an LLM also its calls and tokens.
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
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def highlights(self) -> tuple[tuple[int, int], ...]:
        """Start and end, in `text`, of the words of its statements that answer."""
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
        """Every field in values that JSON has: lists for tuples, a date as YYYY-MM-DD."""
        written: dict[str, object] = _answers().dump_python(self, mode="json")
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Answer:
        """The answer that `as_json` wrote; PilcrowError names the field that is wrong."""
        try:
            return _answers().validate_json(json.dumps(written, allow_nan=False), strict=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise PilcrowError(f"this is not an answer as Pilcrow writes it: {_first(error)}") from error


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question and the text of its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as the index lists it: `paragraphs` is their number."""

    source: str
    title: str
    sha256: str
    paragraphs: int
    date: Day | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did, by source. `failed`: (source, reason). `paragraphs` counts those written."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    paragraphs: int = 0
    seconds: float = 0.0


@cache
def _answers() -> TypeAdapter[Answer]:
    """What writes answers as JSON and reads them again, type by type."""
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)


def _first(error: Exception) -> str:
    """The first thing that was wrong, with the place of the field, such as citations.0.quote."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else detail["msg"]
