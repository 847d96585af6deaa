"""Markdown: the block elements of the rendered page."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.loaders import html
from rag.loaders.decoding import decode, split_lines
from rag.loaders.obsidian import FOOTNOTE, Footnote, extend, unlinked
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import table_row
from rag.loaders.text import is_prose, looks_like_heading
from rag.text.dates import find_date
from rag.types import Kind

_MAX_NESTING = 100  # levels; the parser's default of 20 would drop the text of a long nested list
_MAX_FRONT_MATTER = 200  # lines
_MAX_PARTS = 200  # of a value of front matter
_UNQUOTED = re.compile(r"^([\w.-]+:[ \t]+)([^\s\"'|>].*)$", re.MULTILINE)
_DEEPEST = 7  # level of a heading without a mark, below all others
_CALLOUT = re.compile(r"\[!([^\[\]\n|]+)(?:\|[^\[\]\n]*)?\][+-]?")
_DATE_FIELDS = ("published", "publishdate", "pubdate", "issued", "date", "created", "updated")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read(data: bytes, source: str) -> Contents:
    """Return the block elements of a Markdown file; front matter gives title, date and a paragraph."""
    lines = split_lines(decode(data, source))
    values, length = _front_matter(lines)
    fields = {name.lower(): value for name, value in values.items()}
    body = "\n".join([""] * length + lines[length:])
    parser = extend(MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"]))
    dates = (find_date(fields.get(name, "")) for name in _DATE_FIELDS)
    head = [table_row([*values], [*values.values()], line=2)] if values else []
    paragraphs = _with_headings(list(_with_footnotes(parser, body)))
    return Contents((*head, *paragraphs), fields.get("title", ""), next(filter(None, dates), None))


def _front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Return the values of YAML or TOML front matter, and how many lines it takes up."""
    fence = lines[0].rstrip()
    fences = (
        index for index, line in enumerate(lines[1:_MAX_FRONT_MATTER], 1) if line.rstrip() in {fence, "..."}
    )
    end = next(fences, 0)
    if fence not in {"---", "+++"} or not end:
        return {}, 0
    block = "\n".join(lines[1:end])
    quoted = _UNQUOTED.sub(lambda found: found[1] + json.dumps(found[2]), block)  # Title: one: two
    for text in (block, quoted):
        with suppress(yaml.YAMLError, ValueError, OverflowError, RecursionError):
            # The base loader only makes strings, so that a title of 1.10 stays as it is.
            fields = tomllib.loads(text) if fence == "+++" else yaml.load(text, yaml.BaseLoader)  # noqa: S506
            if isinstance(fields, dict) and fields and all(re.fullmatch(r"\S+", name) for name in fields):
                return {name: unlinked(_value_text(value)) for name, value in fields.items()}, end + 1
    return {}, 0


def _value_text(value: object) -> str:
    """Return the text of a value of front matter, with commas between its parts.

    Parts that have parts are left out: through aliases, a few lines can make billions of them.
    """
    if isinstance(value, dict):
        value = [f"{name} {part}" for name, part in value.items() if not isinstance(part, dict | list)]
    if isinstance(value, list):
        single = (str(part) for part in value[:_MAX_PARTS] if not isinstance(part, dict | list))
        return ", ".join(single)
    return str(value)


def _with_footnotes(parser: MarkdownIt, body: str) -> Iterator[RawParagraph]:
    """Yield the paragraphs, each with the footnotes that it is the first to call below it."""
    env: dict[str, dict[str, Footnote]] = {}
    tokens = parser.parse(body, env)
    footnotes = env.get("footnotes", {})
    left = list(footnotes)
    for paragraph, called in _paragraphs(tokens):
        yield paragraph
        for label in called:
            if label in left:
                left.remove(label)
                yield from _footnote(parser, footnotes[label], paragraph.line)
    for label in left:
        yield from _footnote(parser, footnotes[label], None)


def _footnote(parser: MarkdownIt, note: Footnote, line: int | None) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a footnote; `line` is that of the paragraph that has it inline."""
    for paragraph, _ in _paragraphs(parser.parse(note.text, {})):
        own = note.line + (paragraph.line or 1) if note.line >= 0 else line
        yield replace(paragraph, line=own, sets_date=False)


def _paragraphs(tokens: Sequence[Token]) -> Iterator[tuple[RawParagraph, list[str]]]:
    """Yield a paragraph for each block of the token stream, and the footnotes that it calls."""
    items = 0  # depth of open list items
    level = 0  # level of the open heading
    header: list[str] = []
    cells: list[Token] | None = None  # cells of the open table row
    line: int | None = None
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        match token.type:
            case "list_item_open" | "list_item_close":
                items += token.nesting
            case "heading_open" | "heading_close":
                level = int(token.tag[1]) if token.nesting == 1 else 0
            case "thead_open":
                header = []
            case "tr_open":
                cells = []
            case "tr_close" if cells is not None:
                texts = [_text(cell.children) for cell in cells]
                if header:
                    yield (
                        table_row(header, texts, line=line),
                        [each for cell in cells for each in _calls(cell)],
                    )
                header, cells = header or texts, None
            case "inline" if cells is not None:
                cells.append(token)
            case "inline" if index > 1 and tokens[index - 2].type == "blockquote_open":
                for number, text in enumerate(_callout(token)):
                    yield RawParagraph(text, line=(line or 1) + number), _calls(token) if number else []
            case "inline":
                kind = _kind(token, level, items)
                yield RawParagraph(_text(token.children), kind, level or 1, line=line), _calls(token)
            case "fence" | "code_block" | "html_block":
                yield from ((each, []) for each in _verbatim(token, line or 1))


def _verbatim(token: Token, line: int) -> Iterable[RawParagraph]:
    """Return the paragraphs of a block that holds code or HTML."""
    if token.type == "html_block":
        return html.fragment(token.content, line)
    return (RawParagraph(token.content.strip("\n"), line=line, sets_date=False),)


def _callout(token: Token) -> list[str]:
    """Return the title and the text of a callout's first paragraph, or the text of any other quote's."""
    children = token.children or []
    opening = _CALLOUT.match(token.content)
    if opening is None:
        return [_text(children)]
    end = next((index for index, child in enumerate(children) if child.type.endswith("break")), len(children))
    title = _text(children[:end])[opening.end() :].strip()
    return [title or opening[1].capitalize(), _text(children[end + 1 :])]


def _calls(token: Token) -> list[str]:
    """Return the labels of the footnotes that an inline token calls."""
    return [child.info for child in token.children or () if child.type == FOOTNOTE]


def _with_headings(paragraphs: Sequence[RawParagraph]) -> tuple[RawParagraph, ...]:
    """Return the paragraphs with those lines as headings that look like one, above text or a list."""
    return tuple(
        replace(here, kind=Kind.HEADING, level=_DEEPEST) if _is_unmarked_heading(here, below) else here
        for here, below in zip_longest(paragraphs, paragraphs[1:])
    )


def _is_unmarked_heading(here: RawParagraph, below: RawParagraph | None) -> bool:
    """Return whether a paragraph, not code or a footnote, looks like a heading and stands above text."""
    opens = below is not None and (
        below.kind is Kind.LIST_ITEM or (below.kind is Kind.BODY and is_prose(below.text))
    )
    return (
        opens
        and here.kind is Kind.BODY
        and here.sets_date
        and "\n" not in here.text
        and looks_like_heading(here.text)
    )


def _kind(token: Token, level: int, items: int) -> Kind:
    """Return the kind of an inline token's paragraph."""
    if level:
        return Kind.HEADING
    if items:
        return Kind.LIST_ITEM
    parts = [child for child in token.children or () if child.content.strip()]
    return Kind.CAPTION if parts and all(child.type == "image" for child in parts) else Kind.BODY


def _text(children: Sequence[Token] | None) -> str:
    """Return the text of inline tokens without markup; the alternative text of an image."""
    text = ""
    for child in children or ():
        if child.type == "softbreak":
            text += " "
        elif child.type == "hardbreak" or (child.type == "html_inline" and _BREAK.match(child.content)):
            text += "\n"
        elif child.type != "html_inline":
            text += child.content
    return text.strip()
