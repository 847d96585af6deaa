"""From hits to evidence: whole paragraphs, numbered, that the generator may read and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.types import Evidence, Hit, Paragraph, Place

Paragraphs = Callable[[Iterable[Place]], Mapping[Place, Paragraph]]

WIDENED = 4  # of so many best hits the neighbours are read as well,
ANNOUNCED = 6  # paragraphs that follow one which ends in a colon
SHORT = 60  # where the paragraph has fewer words than this: a short one leans on those around it


def gather(hits: Sequence[Hit], paragraphs: Paragraphs, limit: int) -> tuple[Evidence, ...]:
    """The paragraphs of the best `limit` hits, numbered from 1, then the neighbours of short ones."""
    found = paragraphs(_place(hit) for hit in hits)
    held = [(hit, found[_place(hit)]) for hit in hits if _place(hit) in found][:limit]
    places = {place for hit, _ in held for place in (_place(hit), *hit.also)}
    wanted = [place for hit, paragraph in held[:WIDENED] for place in _beside(hit, paragraph)]
    beside = paragraphs(place for place in wanted if place not in places)
    rows = [(hit.chunk.source, paragraph, hit.score, hit.also) for hit, paragraph in held]
    rows += [(source, paragraph, 0.0, ()) for (source, _), paragraph in beside.items()]
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


def _beside(hit: Hit, paragraph: Paragraph) -> list[Place]:
    """The places that a paragraph leans on: what it announces, or what stands next to a short one."""
    if paragraph.text.rstrip().endswith(":"):
        steps = range(1, ANNOUNCED + 1)
    elif len(paragraph.text.split()) < SHORT:
        steps = range(1, -2, -2)
    else:
        steps = range(0)
    return [(hit.chunk.source, hit.chunk.paragraph + step) for step in steps]


def _place(hit: Hit) -> Place:
    return hit.chunk.source, hit.chunk.paragraph
