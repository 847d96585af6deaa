"""Markdown: its block elements, as a reader of the rendered page sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.loaders import html
from rag.loaders.decoding import decode, split_lines
from rag.loaders.drafts import Contents, Draft
from rag.loaders.tables import row
from rag.text.dates import find_date
from rag.types import Kind

_DEEPEST = 100  # levels; the parser's own 20 would drop the text of a long nested list
_FIELD = re.compile(r"(title|date|published|updated)\s*[:=]\s*[\"']?(.*?)[\"']?\s*$", re.IGNORECASE)
_YAML = re.compile(r"\s|$|[-#\[\]{}]|[\w.\"'-]+\s*[:=]")  # what a line of front matter starts with
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read(data: bytes, source: str) -> Contents:
    """The block elements of a Markdown file; its front matter gives title and date."""
    lines = split_lines(decode(data, source))
    fields, length = _front_matter(lines)
    body = "\n".join([""] * length + lines[length:])
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    return Contents(tuple(_drafts(parser.parse(body))), fields.get("title", ""), _date(fields))


def _front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """The fields of the front matter that we read, and how many lines it takes up."""
    fence = lines[0].rstrip()
    if fence not in {"---", "+++"}:
        return {}, 0
    end = next((index for index, line in enumerate(lines[1:200], 1) if line.rstrip() in {fence, "..."}), 0)
    if (
        end == 0
        or not all(_YAML.match(line) for line in lines[1:end])
        or not any(map(str.strip, lines[1:end]))
    ):
        return {}, 0
    found = (_FIELD.match(line) for line in lines[1:end])
    return {match[1].lower(): match[2] for match in found if match}, end + 1


def _date(fields: dict[str, str]) -> date | None:
    """The date in the front matter."""
    return next(
        filter(None, (find_date(fields.get(name, "")) for name in ("date", "published", "updated"))), None
    )


def _drafts(tokens: Sequence[Token]) -> Iterator[Draft]:
    """A draft for each block of the token stream."""
    items = 0  # depth of list items
    level = 0  # of the heading that is open
    header: list[str] = []
    cells: list[str] | None = None  # of the table row that is open
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
                    yield row(header, cells, line=line)
                else:
                    header = cells
                cells = None
            case "inline" if cells is not None:
                cells.append(_text(token))
            case "inline":
                yield Draft(_text(token), _kind(token, level, items), level=level or 1, line=line)
            case "fence" | "code_block":
                yield Draft(token.content.strip("\n"), line=line)
            case "html_block":
                yield from html.fragment(token.content, line or 1)


def _kind(token: Token, level: int, items: int) -> Kind:
    """What an inline token's paragraph is."""
    if level:
        return Kind.HEADING
    if items:
        return Kind.LIST_ITEM
    parts = [child for child in token.children or () if child.content.strip()]
    return Kind.CAPTION if parts and all(child.type == "image" for child in parts) else Kind.BODY


def _text(token: Token) -> str:
    """The text of an inline token without its markup; an image's is its description."""
    text = ""
    for child in token.children or ():
        if child.type == "softbreak":
            text += " "
        elif child.type == "hardbreak" or (child.type == "html_inline" and _BREAK.match(child.content)):
            text += "\n"
        elif child.type != "html_inline":
            text += child.content
    return text.strip()
