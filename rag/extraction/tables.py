"""Answer from a whole table: its smallest, largest, earliest or latest row, or how many rows it has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.query.question import Question
from rag.query.superlative import compares_rows, counts_rows
from rag.retrieval.rarity import text_stems
from rag.text.dates import find_date
from rag.text.folding import fold
from rag.text.words import content_stems, name_stems, stem
from rag.types import Evidence

MOST_ROWS = 5  # rows shown that share the first place
NUMERIC = 0.6  # share of a column's cells that must be values for it to be compared
_PRICE_WORDS = re.compile(r"\b(?:cheap\w*|dear\w*|expensive|pric\w*|cost\w*|pay|paid)\b")
_PRICE_NAMES = {stem(word) for word in ("price", "cost", "fee", "rate", "pay", "charge", "amount")}
_CELL = re.compile(r"(?:^|; )([^:;]{1,60}): ")
_VALUE = re.compile(r"^[^\w]{0,3}(\d+(?:[.,]\d+)*)")
_TIME = re.compile(r"^(\d{1,2}):(\d\d)(?:\s|$)")
_CURRENCY = re.compile(r"^[£$€]|\b(?:gbp|usd|eur|euros?|pounds?|dollars?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Computed:
    """Rows that answer, and a note of what was computed; `count` if the number of rows is the answer."""

    rows: tuple[Evidence, ...]
    note: str
    count: bool = False


def compute(question: Question, table: Sequence[Evidence]) -> Computed | None:
    """Return the rows of a table that answer; None if it is unclear which column counts."""
    if not table:
        return None
    rows = _about(question, table)
    if counts_rows(question.text):
        return Computed(tuple(rows), f"counted over {len(table)} rows", count=True)
    direction = compares_rows(question.text)
    values = _column(question, rows)
    if not direction or not values:
        return None
    name, by_row = values
    pick = max if direction > 0 else min
    best = pick(by_row.values())
    winners = [row for row in rows if by_row.get(row.paragraph) == best][:MOST_ROWS]
    return Computed(
        tuple(winners), f"{'largest' if direction > 0 else 'smallest'} {name} of {len(by_row)} rows"
    )


def cells(text: str) -> dict[str, str]:
    """Return the cells of a row, by their column."""
    found = list(_CELL.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[1]: text[match.end() : end] for match, end in zip(found, ends, strict=True)}


def _about(question: Question, table: Sequence[Evidence]) -> list[Evidence]:
    """Return the rows with those words of the question that only some have; the file's own don't count."""
    source = PurePosixPath(table[0].source).stem
    named = name_stems(f"{source} {table[0].heading}")
    columns = {part for row in table[:1] for name in cells(row.text) for part in content_stems(name)}
    held = {row.paragraph: text_stems(" ".join(cells(row.text).values())) for row in table}
    kept = list(table)
    for word in question.words:
        own = stem(word)
        having = [row for row in kept if own in held[row.paragraph]]
        if own not in named | columns and 1 < len(having) < len(kept):
            kept = having
    return kept


def _column(question: Question, rows: Sequence[Evidence]) -> tuple[str, Mapping[int, float]] | None:
    """Return the name of the column that the question compares, and each row's value, by its paragraph."""
    by_column: dict[str, dict[int, float]] = {}
    prices: set[str] = set()
    for row in rows:
        for name, cell in cells(row.text).items():
            if (value := _value(cell)) is not None:
                by_column.setdefault(name, {})[row.paragraph] = value
                prices |= {name} if _CURRENCY.search(cell) or content_stems(name) & _PRICE_NAMES else set()
    usable = {name: values for name, values in by_column.items() if len(values) >= NUMERIC * len(rows)}
    asked = {stem(word) for word in question.words}
    named = [name for name in usable if name_stems(name) & asked]
    if _PRICE_WORDS.search(fold(question.text)):
        priced = [name for name in usable if name in prices]
        named = [name for name in named if name in prices] or priced or named
    chosen = named or (list(usable) if len(usable) == 1 else [])
    return (chosen[0], usable[chosen[0]]) if chosen else None


def _value(cell: str) -> float | None:
    """Return a cell's date, time or number as a number that can be compared; None if it has none in front."""
    if day := find_date(cell):
        return float(day.toordinal())
    if time := _TIME.match(cell):
        return 60.0 * int(time[1]) + int(time[2])
    if found := _VALUE.match(cell):
        plain = re.sub(r",(?=\d{3}\b)", "", found[1]).replace(",", ".")
        return float(plain) if plain.count(".") < 2 else None
    return None
