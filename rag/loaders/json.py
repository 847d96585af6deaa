"""JSON: an object of a list is a row, a key with objects below it a heading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import table_row
from rag.types import Kind

_LINES = {".jsonl", ".ndjson"}


def read(data: bytes, source: str) -> Contents:
    """Return the values of a JSON file, or of one that has JSON on each line."""
    text, name = decode(data, source), PurePosixPath(source)
    if name.suffix.lower() in _LINES:
        lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip()]
        rows = ((number, _parse(line, source, number)) for number, line in lines)
        return Contents(tuple(_row(value, number) for number, value in rows), name.stem)
    value = _parse(text, source)
    title = value.get("title") if isinstance(value, dict) else None
    return Contents(tuple(_paragraphs(value, 1)), title if isinstance(title, str) else name.stem)


def _parse(text: str, source: str, line: int = 0) -> object:
    """Return the value in `text`, which stands on `line` of the file if that isn't 0."""
    try:
        return json.loads(text)
    except ValueError as error:
        place = f"line {line}: {error}" if line else str(error)
        raise LoadError(source, f"is not valid JSON ({place}); correct it, or save it as .txt") from error


def _paragraphs(value: object, level: int) -> Iterator[RawParagraph]:
    """Yield the rows of a value: its single values first, then what is below each key."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, list) and any(isinstance(inner, dict) for inner in each):
                yield from _paragraphs(each, level)
            else:
                yield _row(each)
    elif isinstance(value, dict):
        single = {key: each for key, each in value.items() if _is_single(each)}
        if single:
            yield _row(single)
        for key, each in value.items():
            if key not in single:
                yield RawParagraph(key, Kind.HEADING, level)
                yield from _paragraphs(each, level + 1)
    else:
        yield _row(value)


def _is_single(value: object) -> bool:
    """Return whether a value holds no object, so that it fits into a row."""
    if isinstance(value, list):
        return all(map(_is_single, value))
    return not isinstance(value, dict) or not value


def _row(value: object, line: int | None = None) -> RawParagraph:
    """Return a value as a row with its keys, those of nested objects joined by a full stop."""
    if not isinstance(value, dict):
        return RawParagraph(
            _shown(value), Kind.TABLE_ROW if isinstance(value, list) else Kind.BODY, line=line
        )
    cells = dict(_cells(value))
    return table_row(list(cells), list(cells.values()), line=line)


def _cells(value: dict[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _cells(each, f"{above}{key}.")
        else:
            yield f"{above}{key}", _shown(each)


def _shown(value: object) -> str:
    """Return a value as text; the items of a list are separated by commas."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(filter(None, map(_shown, value)))
        case dict():
            return f"({'; '.join(f'{key}: {shown}' for key, shown in _cells(value) if shown)})"
    return str(value)
