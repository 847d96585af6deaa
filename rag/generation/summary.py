"""Summaries that a language model writes, of a long text in parts: each sentence is checked and cited."""

from __future__ import annotations

import textwrap
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from rag.generation.check import Check
from rag.generation.generator import Generated, too_small, write
from rag.generation.prompts import BETWEEN, NOTES, SUMMARY, Count, paragraph, summary_messages
from rag.generation.usage import Usage
from rag.models.llm import context_size, count_tokens
from rag.text.words import content_stems, sentences
from rag.types import Evidence, Place, Status, Step
from rag.verification.verifier import Examined, Verified

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

PART_TOKENS = 6000  # of paragraphs that the model reads at once; of more, it overlooks what is in the middle
PARTS = 12  # read at most: some 100 pages, and 13 calls, which take minutes on a CPU
LEAST_TOKENS = 64  # left for paragraphs; with fewer, the context is too small
SUMMARY_TOKENS = 480
NOTE_TOKENS = 160  # of the notes on one part
SUMMARY_REPAIRS = 2

Piece = tuple[Evidence, Evidence]  # a paragraph, and the part of it that the model reads, if not all


@dataclass(frozen=True, slots=True)
class Note:
    """A checked sentence on one part: the pieces that bear it out, and its rank among the part's notes."""

    text: str
    support: float
    status: Status
    by: tuple[Piece, ...]
    rank: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the model wrote, the paragraphs that its sentences cite, and the last one that it read.

    `last` is None if it read all.
    """

    written: Generated
    cited: tuple[Evidence, ...] = ()
    last: Evidence | None = None


def summarise(
    llm: LLM, request: str, paragraphs: Sequence[Evidence], examined: Examined
) -> Generator[Step, None, Summary]:
    """Yield each sentence of a summary as soon as it is checked; return the whole.

    What doesn't fit the context is read in parts, and summed up from checked notes on each; every sentence
    is checked against the paragraphs themselves. Raises ModelError as `generate` does.
    """
    count = partial(count_tokens, llm)
    empty = summary_messages(request, SUMMARY, ())
    room = context_size(llm) - SUMMARY_TOKENS - Usage.of(llm, empty).prompt_tokens
    if room < LEAST_TOKENS:
        raise too_small(llm, empty, SUMMARY_TOKENS + LEAST_TOKENS)
    found = list(islice(_parts(paragraphs, min(room, PART_TOKENS), count), PARTS + 1))
    parts, usage = found[:PARTS], Usage()
    last = parts[-1][-1][0] if len(found) > PARTS else None
    notes: list[Note] = []
    for number, part in enumerate(parts if len(parts) > 1 else (), 1):
        progress = Step(unchecked=f"Reading part {number} of {len(parts)}…")
        noted, used = yield from _note(llm, request, part, examined, progress)
        notes, usage = notes + noted, usage + used
    if len(parts) == 1:
        lines, check = _numbered(parts[0], examined)
    elif notes:
        lines, check = _joined(_fitting(notes, room, count), examined)
    else:
        return Summary(Generated(usage=usage), (), last)
    messages = summary_messages(request, SUMMARY, lines)
    written = yield from write(llm, request, messages, check, SUMMARY_TOKENS, SUMMARY_REPAIRS)
    if not written.verified.statements:
        written = replace(written, verified=_as_they_are(notes))
    return Summary(written.using(usage), _cited(written.verified, paragraphs), last)


def _parts(paragraphs: Iterable[Evidence], room: int, count: Count) -> Iterator[list[Piece]]:
    """Yield the paragraphs in order, as many at a time as fit; a longer one is split."""
    part: list[Piece] = []
    left = room
    for item in paragraphs:
        size = _size(item, count)
        pieces = [item]
        if size > room:  # measured by letters, so half of what should fit
            pieces = [
                replace(item, text=text) for text in _split(item.text, len(item.text) * room // size // 2)
            ]
        for piece in pieces:
            size = _size(piece, count)
            if size > left and part:
                yield part
                part, left = [], room
            part.append((item, piece))
            left -= size
    if part:
        yield part


def _split(text: str, width: int) -> list[str]:
    """Return a text in pieces of at most this many letters, of whole sentences where these are shorter."""
    pieces = [""]
    for start, end in sentences(text):
        for piece in textwrap.wrap(text[start:end], max(width, 1)):
            fits = len(pieces[-1]) + len(piece) < width
            pieces[-1:] = [f"{pieces[-1]} {piece}"] if fits else [pieces[-1], piece]
    return [piece.strip() for piece in pieces if piece]


def _size(item: Evidence, count: Count) -> int:
    return count(paragraph(replace(item, number=999))) + BETWEEN


def _numbered(pieces: Sequence[Piece], examined: Examined) -> tuple[list[str], Check]:
    """Return the pieces as the model reads them, numbered from 1, and what its sentences are checked with."""
    given = {number: replace(piece, number=number) for number, (_, piece) in enumerate(pieces, 1)}
    whole = {number: item for number, (item, _) in enumerate(pieces, 1)}
    return list(map(paragraph, given.values())), Check(given, frozenset(given), examined, whole)


def _note(
    llm: LLM, request: str, part: Sequence[Piece], examined: Examined, progress: Step
) -> Generator[Step, None, tuple[list[Note], Usage]]:
    """Have the model note the main points of one part; return the notes that are quoted or supported."""
    yield progress
    lines, check = _numbered(part, examined)
    messages = summary_messages(request, NOTES, lines)
    with closing(write(llm, request, messages, check, NOTE_TOKENS, 0)) as steps:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                written: Generated = end.value
                break
            yield progress
    cited = {one.number: one for one in written.verified.citations}
    notes = []
    for rank, statement in enumerate(written.verified.statements):
        if statement.status is not Status.UNCONFIRMED:
            places = [(cited[number].source, cited[number].paragraph) for number in statement.citations]
            by = tuple(_source(part, place, statement.text) for place in places)
            notes.append(Note(statement.text, statement.support, statement.status, by, rank))
    return notes, written.usage


def _source(part: Sequence[Piece], place: Place, text: str) -> Piece:
    """Return the piece of the paragraph at a place that has most of a note's words."""
    stems = content_stems(text)
    pieces = [piece for piece in part if _place(piece[0]) == place]
    return max(pieces, key=lambda piece: len(stems & content_stems(piece[1].text)))


def _joined(notes: Sequence[Note], examined: Examined) -> tuple[list[str], Check]:
    """Return the notes as the model reads them, under the numbers of their pieces, and the check of them."""
    pieces = list(dict.fromkeys(piece for note in notes for piece in note.by))
    _, check = _numbered(pieces, examined)
    lines = []
    for note in notes:
        first, *others = (pieces.index(piece) + 1 for piece in note.by)
        lines.append(paragraph(replace(note.by[0][1], number=first, text=note.text), others))
    return lines, check


def _fitting(notes: Sequence[Note], room: int, count: Count) -> list[Note]:
    """Return the notes that fit, in order: the first of each part before the second of any."""
    kept: list[Note] = []
    for note in sorted(notes, key=lambda note: note.rank):
        room -= _size(replace(note.by[0][1], text=note.text), count)
        if room < 0:
            break
        kept.append(note)
    return [note for note in notes if note in kept]


def _as_they_are(notes: Iterable[Note]) -> Verified:
    """Return the notes as statements."""
    verified = Verified()
    for note in notes:
        verified = verified.plus(note.text, note.support, [item for item, _ in note.by], note.status)
    return verified


def _cited(verified: Verified, paragraphs: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Return the paragraphs that the statements cite, numbered from 1."""
    places = {(cited.source, cited.paragraph) for cited in verified.citations}
    found = [item for item in paragraphs if _place(item) in places]
    return tuple(replace(item, number=number) for number, item in enumerate(found, 1))


def _place(item: Evidence) -> Place:
    return item.source, item.paragraph
