"""Markdown: the block elements of the rendered page."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.loaders import html
from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.tables import table_row
from rag.loaders.text import is_prose, looks_like_heading
from rag.text.dates import find_date
from rag.types import Kind

_MAX_NESTING = 100  # levels; the parser's default of 20 would drop the text of a long nested list
_MAX_FRONT_MATTER = 200  # lines
_UNQUOTED = re.compile(r"^([\w.-]+:[ \t]+)([^\s\"'|>].*)$", re.MULTILINE)
_DEEPEST = 7  # level of a heading without a mark, below all others
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read(data: bytes, source: str) -> Contents:
    """Return the block elements of a Markdown file; its front matter gives title and date."""
    lines = split_lines(decode(data, source))
    fields, length = _front_matter(lines)
    body = "\n".join([""] * length + lines[length:])
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    dates = (find_date(fields.get(name, "")) for name in ("date", "published", "updated"))
    paragraphs = _with_headings(list(_paragraphs(parser.parse(body))))
    return Contents(paragraphs, fields.get("title", ""), next(filter(None, dates), None))


def _front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Return the single values of YAML or TOML front matter, and how many lines it takes up."""
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
                single = {name: value for name, value in fields.items() if not isinstance(value, dict | list)}
                return {name.lower(): str(value) for name, value in single.items()}, end + 1
    return {}, 0


def _paragraphs(tokens: Sequence[Token]) -> Iterator[RawParagraph]:
    """Yield a paragraph for each block of the token stream."""
    items = 0  # depth of open list items
    level = 0  # level of the open heading
    header: list[str] = []
    cells: list[str] | None = None  # cells of the open table row
    line: int | None = None
    for token in tokens:
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
                if header:
                    yield table_row(header, cells, line=line)
                else:
                    header = cells
                cells = None
            case "inline" if cells is not None:
                cells.append(_text(token))
            case "inline":
                yield RawParagraph(_text(token), _kind(token, level, items), level=level or 1, line=line)
            case "fence" | "code_block":
                yield RawParagraph(token.content.strip("\n"), line=line)
            case "html_block":
                yield from html.fragment(token.content, line or 1)


def _with_headings(paragraphs: Sequence[RawParagraph]) -> tuple[RawParagraph, ...]:
    """Return the paragraphs with those lines as headings that look like one, above text or a list."""
    return tuple(
        replace(here, kind=Kind.HEADING, level=_DEEPEST) if _is_unmarked_heading(here, below) else here
        for here, below in zip_longest(paragraphs, paragraphs[1:])
    )


def _is_unmarked_heading(here: RawParagraph, below: RawParagraph | None) -> bool:
    opens = below is not None and (
        below.kind is Kind.LIST_ITEM or (below.kind is Kind.BODY and is_prose(below.text))
    )
    return opens and here.kind is Kind.BODY and "\n" not in here.text and looks_like_heading(here.text)


def _kind(token: Token, level: int, items: int) -> Kind:
    """Return the kind of an inline token's paragraph."""
    if level:
        return Kind.HEADING
    if items:
        return Kind.LIST_ITEM
    parts = [child for child in token.children or () if child.content.strip()]
    return Kind.CAPTION if parts and all(child.type == "image" for child in parts) else Kind.BODY


def _text(token: Token) -> str:
    """Return the text of an inline token without markup; the alternative text of an image."""
    text = ""
    for child in token.children or ():
        if child.type == "softbreak":
            text += " "
        elif child.type == "hardbreak" or (child.type == "html_inline" and _BREAK.match(child.content)):
            text += "\n"
        elif child.type != "html_inline":
            text += child.content
    return text.strip()
