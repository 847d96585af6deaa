"""reStructuredText: sections, paragraphs, list items, notes, blocks of code and table rows."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.rst_tables import csv_rows, grid_rows, list_rows, simple_rows
from rag.loaders.tables import table_row
from rag.types import Kind

Line = tuple[int, str]  # its number in the file, and its text

_RULE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*$")
_DIRECTIVE = re.compile(r"\.\.\s+(?:\|[^|]+\|\s+)?([\w:.+-]+?)::(?:\s+(.*))?$")
_NOTE = re.compile(r"\.\.\s+\[([^\]]+)\](?:\s+(.*))?$")
_OPTION = re.compile(r":([\w -]+):(?:\s+(.*))?$")
_FIELD = re.compile(r":((?:[^:`\\]|\\.)+):(?:\s+(.*))?$")
_ITEM = re.compile(r"((?:[-*+•‣]|\(?(?:\d+|#|[A-Za-z]|[ivxl]+)[.)])\s+)\S|[-*+]$")
_SIGNS = {"*", "-", "+", "•", "‣"}
_SIMPLE_TABLE = re.compile(r"=+(?: +=+)+\s*$")
_SPECIAL = (" ", ">>>", "+-", ".. ", "__ ", "| ")
# fmt: off
_VERBATIM = {
    "code", "code-block", "doctest", "graphviz", "math", "parsed-literal", "productionlist", "sourcecode",
}
_LEFT_OUT = {"contents", "currentmodule", "highlight", "include", "index", "meta", "module", "raw", "toctree"}
# fmt: on
_CONDITIONS = {"class", "container", "ifconfig", "only", "rst-class"}  # their argument is not shown
_VERSIONS = ("deprecated", "version")
_TABLES = {"table", "list-table", "csv-table"}
_ROLE = re.compile(r":[\w:+.-]+:`([^`<]*?)(?:\s*<[^`>]*>)?`")
_LINK = re.compile(r"`<?([^`<]+?)(?:\s*<[^`>]*>|>)?`(?:__?)?")
_MARKED = re.compile(r"(?<![\w*])(\*\*?)(?=\S)([^*\n]*[^*\s])\1(?!\w)")
_REFERENCE = re.compile(r"(?<=\w)__?(?=\W|$)|\s?\[[#*\w]+\]_|(?<!\w)_(?=`)")


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a reStructuredText file."""
    lines = split_lines(decode(data, source))
    numbered = [(number, line.expandtabs().rstrip()) for number, line in enumerate(lines, start=1)]
    return Contents(tuple(_blocks(numbered, [], Kind.BODY)))


def _blocks(lines: Sequence[Line], marks: list[str], kind: Kind) -> Iterator[RawParagraph]:
    """Yield the paragraphs in lines of one indentation. `marks` grows: the signs of titles by level."""
    position = 0
    while position < len(lines):
        number, line = lines[position]
        if height := _title_height(lines, position):
            mark = line[0] * 2 if height == 3 else lines[position + 1][1][0]
            marks += [] if mark in marks else [mark]
            title = _inline(lines[position + height - 2][1].strip())
            yield RawParagraph(title, Kind.HEADING, marks.index(mark) + 1, line=number + height - 2)
            position += height
        elif line in {"", ".."} or (_RULE.match(line) and len(line) > 3):
            position += 1
        elif line.startswith(_SPECIAL) or _SIMPLE_TABLE.match(line):
            end = _end_of_block(lines, position)
            yield from _special(lines[position:end], marks, kind)
            position = end
        elif _ITEM.match(line) or _FIELD.match(line):
            end = _end_of_indented(lines, position + 1)
            yield from _item(lines[position], lines[position + 1 : end], marks)
            position = end
        else:
            position = yield from _paragraph(lines, position, marks, kind)


def _title_height(lines: Sequence[Line], position: int) -> int:
    """Return how many lines the title at `position` takes up with its rules; 0 if there is none."""
    here, below, under = (lines[i][1] if i < len(lines) else "" for i in range(position, position + 3))
    if here and below and here == under and _RULE.match(here) and len(here) >= len(below.strip()):
        return 3
    is_title = here and not here.startswith(" ") and not _RULE.match(here) and _RULE.match(below)
    return 2 if is_title and (len(below) >= len(here) or len(below) > 3) else 0


def _end_of_block(lines: Sequence[Line], position: int) -> int:
    """Return where a table, a directive, a quotation or a block of lines ends."""
    first = lines[position][1]
    if first.startswith(("+-", "| ", ">>>")):
        return next((i for i in range(position, len(lines)) if not lines[i][1]), len(lines))
    if _SIMPLE_TABLE.match(first):
        rules = [i for i in range(position, len(lines)) if re.match(r"=+(?: +=+)*\s*$", lines[i][1])]
        ends = (i + 1 for i in rules[1:] if i + 1 == len(lines) or not lines[i + 1][1])
        return next(ends, len(lines))
    return _end_of_indented(lines, position + 1)


def _end_of_indented(lines: Sequence[Line], position: int) -> int:
    """Return where the indented lines from `position` end, blank ones included."""
    places = range(position, len(lines))
    return next((i for i in places if lines[i][1] and not lines[i][1].startswith(" ")), len(lines))


def _dedent(lines: Sequence[Line]) -> list[Line]:
    """Return the lines without their common indentation."""
    margin = min((len(text) - len(text.lstrip()) for _, text in lines if text), default=0)
    return [(number, text[margin:]) for number, text in lines]


def _special(block: Sequence[Line], marks: list[str], kind: Kind) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a block that its first line marks."""
    number, first = block[0]
    if first.startswith(">>>"):
        yield _verbatim(block)
    elif first.startswith("| "):
        yield RawParagraph(_inline("\n".join(text[1:].strip() for _, text in block)), kind, line=number)
    elif first.startswith("+-") or _SIMPLE_TABLE.match(first):
        rows = grid_rows(block) if first.startswith("+-") else simple_rows(block)
        yield from (replace(row, text=_inline(row.text)) for row in rows)
    elif found := _DIRECTIVE.match(first):
        yield from _directive(found[1], (number, found[2] or ""), _dedent(block[1:]), marks, kind)
    elif note := _NOTE.match(first):
        yield from _blocks([(number, note[2] or ""), *_dedent(block[1:])], marks, kind)
    elif first.startswith(" "):
        yield from _blocks(_dedent(block), marks, kind)


def _directive(
    name: str, argument: Line, content: list[Line], marks: list[str], kind: Kind
) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a directive, such as a note, an image or a block of code."""
    options = {}
    while content and (option := _OPTION.match(content[0][1])):
        options[option[1]] = option[2] or ""
        content = content[1:]
    if name in _LEFT_OUT:
        return
    if name in {"image", "figure"}:
        yield RawParagraph(options.get("alt", ""), Kind.CAPTION, line=argument[0])
        yield from _blocks(content, marks, Kind.CAPTION)
    elif name in _VERBATIM:
        yield _verbatim([argument, *content] if name == "math" and argument[1] else content)
    elif name in _TABLES:
        yield RawParagraph(_inline(argument[1]), Kind.CAPTION, line=argument[0])
        if name == "table":
            yield from _blocks(content, marks, kind)
        elif content:
            rows = list_rows(content, options) if name == "list-table" else csv_rows(content, options)
            yield from (replace(row, text=_inline(row.text)) for row in rows)
    else:
        if name in _CONDITIONS:
            argument = argument[0], ""
        elif name.startswith(_VERSIONS):
            argument = argument[0], f"{name}: {argument[1]}"
        yield from _blocks([argument, *([(0, "")] if options else []), *content], marks, kind)


def _item(first: Line, below: Sequence[Line], marks: list[str]) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a list item, or the row of a field."""
    number, line = first
    item, field = _ITEM.match(line), _FIELD.match(line)
    if field and not item:
        text = " ".join(filter(None, (field[2], *(text.strip() for _, text in below))))
        yield table_row([_inline(field[1])], [_inline(text)], line=number)
        return
    width = len(item[1]) if item and item[1] else 1
    label = "" if line[:width].strip() in _SIGNS else f"{line[:width].strip()} "
    inner = _blocks([(number, line[width:]), *_dedent(below)], marks, Kind.LIST_ITEM)
    for position, each in enumerate(inner):
        yield replace(each, text=f"{label}{each.text}") if position == 0 else each


def _paragraph(
    lines: Sequence[Line], start: int, marks: list[str], kind: Kind
) -> Generator[RawParagraph, None, int]:
    """Yield the paragraph at `start`, with what hangs on it: a definition, or code after "::".

    Returns where it ends.
    """
    number, first = lines[start]
    end = next((i for i in range(start, len(lines)) if not lines[i][1]), len(lines))
    if start + 1 < end and lines[start + 1][1].startswith(" ") and kind is not Kind.CAPTION:
        yield RawParagraph(_inline(first), Kind.LIST_ITEM, line=number)
        end = _end_of_indented(lines, start + 1)
        yield from _blocks(_dedent(lines[start + 1 : end]), marks, Kind.LIST_ITEM)
        return end
    text = " ".join(text.strip() for _, text in lines[start:end])
    shown = re.sub(r"(\s*):(:)$", lambda found: "" if found[1] else ":", text) if text != "::" else ""
    yield RawParagraph(_inline(shown), kind, line=number)
    if text.endswith("::"):
        below = _end_of_indented(lines, end)
        yield _verbatim(lines[end:below])
        return below
    return end


def _verbatim(lines: Sequence[Line]) -> RawParagraph:
    """Return lines as they stand."""
    line = next((number for number, text in lines if text), None)
    return RawParagraph("\n".join(text for _, text in _dedent(lines)).strip("\n"), line=line)


def _inline(text: str) -> str:
    """Return a text without marks of emphasis, roles and links."""
    parts = re.split(r"``(.+?)``", re.sub(" +", " ", text))
    for index in range(0, len(parts), 2):
        plain = _ROLE.sub(lambda role: role[1].lstrip("~!"), _REFERENCE.sub("", parts[index]))
        plain = _MARKED.sub(r"\2", _LINK.sub(r"\1", plain))
        parts[index] = re.sub(r"\\(?:\s|(.))", lambda escaped: escaped[1] or "", plain)
    return "".join(parts).strip()
