"""Turn hits into evidence: the whole, numbered paragraphs that the generator may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.types import Evidence, Hit, Paragraph, Place

Paragraphs = Callable[[Iterable[Place]], Mapping[Place, Paragraph]]

WIDENED = 4  # best hits whose neighbours are read too
ANNOUNCED = 6  # paragraphs read after one that ends with a colon
SHORT = 60  # words; a shorter paragraph needs its neighbours to be understood


def gather(hits: Sequence[Hit], paragraphs: Paragraphs, limit: int) -> tuple[Evidence, ...]:
    """Return the paragraphs of the best `limit` hits, numbered from 1, then the neighbours of short ones."""
    found = paragraphs(_place(hit) for hit in hits)
    known = [(hit, found[_place(hit)]) for hit in hits if _place(hit) in found][:limit]
    places = {place for hit, _ in known for place in (_place(hit), *hit.also)}
    wanted = [place for hit, paragraph in known[:WIDENED] for place in _neighbours(hit, paragraph)]
    neighbours = paragraphs(place for place in wanted if place not in places)
    rows = [(hit.chunk.source, paragraph, hit.score, hit.also) for hit, paragraph in known]
    rows += [(source, paragraph, 0.0, ()) for (source, _), paragraph in neighbours.items()]
    return tuple(
        Evidence(
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
        )
        for number, (source, paragraph, score, also) in enumerate(rows, 1)
    )


def _neighbours(hit: Hit, paragraph: Paragraph) -> list[Place]:
    """Return the places to read with a paragraph: what its colon announces, or both sides of a short one."""
    if paragraph.text.rstrip().endswith(":"):
        steps = range(1, ANNOUNCED + 1)
    elif len(paragraph.text.split()) < SHORT:
        steps = range(1, -2, -2)
    else:
        steps = range(0)
    return [(hit.chunk.source, hit.chunk.paragraph + step) for step in steps]


def _place(hit: Hit) -> Place:
    return hit.chunk.source, hit.chunk.paragraph
