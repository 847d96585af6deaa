"""From hits to evidence: whole paragraphs, numbered, that the generator may read and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.types import Evidence, Hit, Paragraph

Place = tuple[str, int]


def gather(
    hits: Sequence[Hit], paragraphs: Callable[[Iterable[Place]], Mapping[Place, Paragraph]]
) -> tuple[Evidence, ...]:
    """The paragraph of each hit, numbered from 1 in the order of the hits."""
    found = paragraphs((hit.chunk.source, hit.chunk.paragraph) for hit in hits)
    held = [
        (hit, found[place]) for hit in hits if (place := (hit.chunk.source, hit.chunk.paragraph)) in found
    ]
    return tuple(
        Evidence(
            number=number,
            source=hit.chunk.source,
            paragraph=paragraph.number,
            text=paragraph.text,
            heading=paragraph.heading,
            page=paragraph.page,
            line=paragraph.line,
            date=paragraph.date,
            score=hit.score,
            kind=paragraph.kind,
            also=hit.also,
        )
        for number, (hit, paragraph) in enumerate(held, 1)
    )
