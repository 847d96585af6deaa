"""Turn hits into evidence: the whole, numbered paragraphs that the generator may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.types import Evidence, Hit, Kind, Paragraph, Place

Paragraphs = Callable[[Iterable[Place]], Mapping[Place, Paragraph]]

WIDENED = 3  # best hits whose surroundings are read too
REACH = 15  # paragraphs on each side that may belong to a hit's list or section
SECTION_WORDS = 200  # of a hit and the paragraphs of its section that are read with it


def gather(hits: Sequence[Hit], paragraphs: Paragraphs, limit: int) -> tuple[Evidence, ...]:
    """Return the paragraphs of the best `limit` hits, numbered from 1, then what surrounds the best few.

    A paragraph brings its section, up to SECTION_WORDS, and the whole of the list that it is in.
    """
    found = paragraphs(_place(hit) for hit in hits)
    known = [(hit, found[_place(hit)]) for hit in hits if _place(hit) in found][:limit]
    places = {place for hit, _ in known for place in (_place(hit), *hit.also)}
    steps = range(-REACH, REACH + 1)
    widened = [hit for at, (hit, paragraph) in enumerate(known) if at < WIDENED or _is_in_list(paragraph)]
    around = paragraphs((_place(hit)[0], _place(hit)[1] + step) for hit in widened for step in steps)
    wanted = [place for hit in widened for place in surroundings(_place(hit), around)]
    rows = [(hit.chunk.source, paragraph, hit.score, hit.also) for hit, paragraph in known]
    rows += [(place[0], around[place], 0.0, ()) for place in dict.fromkeys(wanted) if place not in places]
    return tuple(as_evidence(number, *row) for number, row in enumerate(rows, 1))


def as_evidence(
    number: int, source: str, paragraph: Paragraph, score: float = 0.0, also: tuple[Place, ...] = ()
) -> Evidence:
    """Return a paragraph of a document as evidence of this number."""
    return Evidence(
        number=number,
        source=source,
        paragraph=paragraph.number,
        text=paragraph.text,
        heading=paragraph.heading,
        page=paragraph.page,
        line=paragraph.line,
        date=paragraph.date,
        score=score,
        kind=paragraph.kind,
        also=also,
        recognised=paragraph.recognised,
    )


def surroundings(place: Place, around: Mapping[Place, Paragraph]) -> list[Place]:
    """Return the places to read with a paragraph, in order, without its own."""
    source, number = place
    here = around[place]

    def at(step: int) -> Paragraph | None:
        return around.get((source, number + step))

    def is_item(step: int) -> bool:
        other = at(step)
        return other is not None and other.kind is Kind.LIST_ITEM

    def is_beside(step: int) -> bool:
        other = at(step)
        if other is None or other.heading != here.heading or other.kind is Kind.HEADING:
            return False
        return here.kind is not Kind.TABLE_ROW or other.kind is Kind.TABLE_ROW

    first = last = 0
    spent = len(here.text.split())
    while is_beside(last + 1) and (spent <= SECTION_WORDS or is_item(last + 1)):
        last += 1
        spent += _words(at(last))
    while is_beside(first - 1) and (spent <= SECTION_WORDS or (is_item(first) and is_item(first - 1))):
        first -= 1
        spent += _words(at(first))
    first -= is_item(first) and is_beside(first - 1)
    return [(source, number + step) for step in range(first, last + 1) if step]


def _is_in_list(paragraph: Paragraph) -> bool:
    return paragraph.kind is Kind.LIST_ITEM or paragraph.text.rstrip().endswith(":")


def _words(paragraph: Paragraph | None) -> int:
    return len(paragraph.text.split()) if paragraph else 0


def _place(hit: Hit) -> Place:
    return hit.chunk.source, hit.chunk.paragraph
