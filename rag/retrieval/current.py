"""Current before retired: which documents a newer edition in the index replaces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from math import ceil
from operator import attrgetter

from rag.index.catalog import DatedEdition
from rag.query.question import Question, Shape, is_year
from rag.text.words import content_stems

ALIKE = 0.6  # share of common title words of two editions of one document
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def superseded(question: Question, editions: Sequence[DatedEdition]) -> dict[str, str]:
    """Return the sources that another document replaces, and that one's source.

    If the question names a version, that one replaces the others; if a time, the one in force then. A
    comparison may be one of editions, so it is asked of all.
    """
    if question.shape is Shape.COMPARISON:
        return {}
    asked = {one.edition.version for one in editions if _is_named(question, one.edition.version)}
    day = question.when.as_of or question.when.until

    def gives_way(one: DatedEdition, other: DatedEdition) -> bool:
        this, that = one.edition, other.edition
        if asked:
            return this.version not in asked and that.version in asked
        if day and one.date and other.date:
            return other.date <= day and (one.date > day or one.date < other.date)
        return that.replaces == this.version or (this.retired and not that.retired)

    return {
        one.source: other.source
        for one, other in _pairs(editions)
        if one.edition.version != other.edition.version and gives_way(one, other)
    }


def _pairs(editions: Sequence[DatedEdition]) -> Iterator[tuple[DatedEdition, DatedEdition]]:
    """Yield each two that are editions of one document, in both orders and in the order of the second."""
    alike: dict[frozenset[str], list[DatedEdition]] = {}
    for one in editions:
        alike.setdefault(_named(one.title), []).append(one)
    having: dict[str, set[frozenset[str]]] = {}
    for name in alike:
        for word in name:
            having.setdefault(word, set()).add(name)
    for name, group in alike.items():
        # Who shares most words has one of the rarest of them.
        rarest = sorted(name, key=lambda word: len(having[word]))[: len(name) - ceil(ALIKE * len(name)) + 1]
        near = set().union(*(having[word] for word in rarest)) or {name}
        others = [other for each in near if _shares_most(name, each) for other in alike[each]]
        others.sort(key=attrgetter("source"))
        yield from ((one, other) for one in group for other in others)


def of_other_years(question: Question, titles: Mapping[str, str]) -> frozenset[str]:
    """Return the sources named by another year than the one asked about, if another is named by that.

    Both are named alike but for numbers: "2024/invoice.pdf" and "2025/invoice.pdf". `titles` are by source.
    """
    asked = {figure for figure in question.figures if is_year(figure)}
    if not asked or question.shape is Shape.COMPARISON:
        return frozenset()
    named = {source: f"{source} {title}" for source, title in titles.items()}
    years = {source: set(_YEAR.findall(name)) for source, name in named.items()}
    right = [source for source in named if years[source] & asked]
    return frozenset(
        source
        for source, name in named.items()
        if years[source] and source not in right and any(_is_alike(name, named[one]) for one in right)
    )


def _is_named(question: Question, version: str) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(version)}(?![\d]|\.\d)", question.text) is not None


def _is_alike(title: str, other: str) -> bool:
    """Return whether two documents are editions of one: their titles have the same words but for numbers."""
    return _shares_most(_named(title), _named(other))


@lru_cache(maxsize=20_000)
def _named(title: str) -> frozenset[str]:
    """Return what a title has besides numbers, as stems."""
    return frozenset(content_stems(re.sub(r"[\d.]+", " ", title)))


def _shares_most(here: Set[str], there: Set[str]) -> bool:
    return len(here & there) >= ALIKE * len(here | there)
