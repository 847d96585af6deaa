"""Tables of reStructuredText: drawn as a grid or with rules, or given as a list or as CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.loaders.paragraphs import RawParagraph
from rag.loaders.tables import table_row

_RULE = re.compile(r"=+(?: +=+)*\s*$")
_SPAN = re.compile(r"-+(?: +-+)*\s*$")


def grid_rows(lines: Sequence[tuple[int, str]]) -> Iterator[RawParagraph]:
    """Yield the rows of a table drawn with + - and |; a rule of = ends its header."""
    edges = sorted({place for _, text in lines for place, sign in enumerate(text) if sign == "+"})
    rows: list[tuple[int, list[str]]] = []
    header: list[str] = []
    cells = [""] * (len(edges) - 1)
    for number, text in lines:
        if re.match(r"\+[-=+]+$", text):
            rows += [(number - 1, cells)] if any(cells) else []
            cells = [""] * (len(edges) - 1)
            if "=" in text and len(rows) == 1 and not header:
                header = rows.pop()[1]
            continue
        bounds = [edge for edge in edges if text[edge : edge + 1] in {"|", "+"}]
        parts = {start: text[start + 1 : end].strip("-+ ") for start, end in pairwise(bounds)}
        cells = [
            f"{cell} {parts.get(edge, '')}".strip() for cell, edge in zip(cells, edges[:-1], strict=True)
        ]
    yield from (table_row(header, row, line=number) for number, row in rows)


def simple_rows(lines: Sequence[tuple[int, str]]) -> Iterator[RawParagraph]:
    """Yield the rows of a table with rules of =; a line without text in its first column continues a row."""
    columns = [(found.start(), found.end()) for found in re.finditer("=+", lines[0][1])]
    rules = [place for place, (_, text) in enumerate(lines) if _RULE.match(text)]
    last = columns[-1][0]
    rows: list[tuple[int, list[str]]] = []
    headers = 0
    for place, (number, text) in enumerate(lines):
        if place in rules:
            headers = len(rows) if len(rules) > 2 and place == rules[1] else headers
        elif not _SPAN.match(text):
            cells = [text[start : None if start == last else end].strip() for start, end in columns]
            if rows and not cells[0] and any(cells) and place - 1 not in rules:
                rows[-1] = rows[-1][0], [f"{a} {b}".strip() for a, b in zip(rows[-1][1], cells, strict=True)]
            elif any(cells):
                rows.append((number, cells))
    header = [
        " ".join(filter(None, names)) for names in zip(*(row for _, row in rows[:headers]), strict=True)
    ]
    yield from (table_row(header, row, line=number) for number, row in rows[headers:])


def list_rows(lines: Sequence[tuple[int, str]], options: dict[str, str]) -> Iterator[RawParagraph]:
    """Yield the rows of a table given as a list of lists."""
    rows: list[tuple[int, list[str]]] = []
    for number, text in lines:
        inner = text
        if text.startswith("* "):
            rows.append((number, []))
            inner = text[2:]
        if rows and (cell := re.match(r"\s*[-*](?:\s+(.*))?$", inner)):
            rows[-1][1].append(cell[1] or "")
        elif text.strip() and rows and rows[-1][1]:
            rows[-1][1][-1] += f" {text.strip()}"
    yield from _rows(rows, options)


def csv_rows(lines: Sequence[tuple[int, str]], options: dict[str, str]) -> Iterator[RawParagraph]:
    """Yield the rows of a table given as CSV."""
    parsed = csv.reader((text for _, text in lines), skipinitialspace=True)
    rows = [(lines[0][0], row) for row in parsed if row]
    if options.get("header"):
        rows.insert(0, (lines[0][0], next(csv.reader([options["header"]], skipinitialspace=True))))
        options = {"header-rows": "1"}
    yield from _rows(rows, options)


def _rows(rows: Sequence[tuple[int, list[str]]], options: dict[str, str]) -> Iterator[RawParagraph]:
    """Yield rows, the first of which name the columns if the options say so."""
    count = options.get("header-rows", "0")
    headers = int(count) if count.isdecimal() else 0
    header = rows[headers - 1][1] if 0 < headers <= len(rows) else []
    yield from (table_row(header, row, line=number) for number, row in rows[headers:])
