"""Source code and settings: comments as text, blocks between blank lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from textwrap import dedent

from rag.loaders import text
from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.types import Kind

_SLASHES = re.compile(r"\s*//+[/!]?\s?")
_HASHES = re.compile(r"\s*#+[!:]?\s?")
# fmt: off
_SIGNS = (
    (_HASHES, (
        ".bash", ".conf", ".pl", ".ps1", ".py", ".pyi", ".r", ".rb", ".sh", ".toml", ".yaml", ".yml", ".zsh",
    )),
    (re.compile(r"\s*[#;!]+\s?"), (".cfg", ".ini", ".properties")),
    (re.compile(r"\s*--+\s?"), (".lua", ".sql")),
    (re.compile(r"\s*(?:@?rem\b|::)\s?", re.IGNORECASE), (".bat",)),
)
# fmt: on
_LINE_COMMENTS = {suffix: sign for sign, suffixes in _SIGNS for suffix in suffixes}
_BLOCK_COMMENT = (re.compile(r"\s*/\*+!?"), re.compile(r"\*+/"))
_DOCSTRINGS = (
    (re.compile(r'\s*[rRuU]?"""'), re.compile(r'"""')),
    (re.compile(r"\s*[rRuU]?'''"), re.compile(r"'''")),
)
_STAR = re.compile(r"\s*\*(?!/)\s?")
_MAX_LINES = 40  # of a block that is not split at its least indented lines


def read(data: bytes, source: str) -> Contents:
    """Return the comments and the blocks of a source file; its name is the title."""
    lines = split_lines(decode(data, source))
    name = PurePosixPath(source)
    return Contents(tuple(_paragraphs(lines, name.suffix.lower(), source)), name.name)


def _paragraphs(lines: Sequence[str], suffix: str, source: str) -> Iterator[RawParagraph]:
    """Yield the paragraphs from top to bottom."""
    sign = _LINE_COMMENTS.get(suffix, _SLASHES)
    pairs = _DOCSTRINGS if suffix in {".py", ".pyi"} else () if sign is _HASHES else (_BLOCK_COMMENT,)
    start = position = 0  # of the block of code, and of the next line
    while position < len(lines):
        end, comment = _comment(lines, position, sign, pairs)
        blank = not lines[position].strip()
        if comment or blank:
            yield from _code(lines[start:position], start + 1)
            yield from _comment_text(comment, position + 1, source)
            start = end = max(end, position + 1)
        position = max(end, position + 1)
    yield from _code(lines[start:], start + 1)


def _comment(
    lines: Sequence[str],
    start: int,
    sign: re.Pattern[str],
    pairs: Sequence[tuple[re.Pattern[str], re.Pattern[str]]],
) -> tuple[int, list[str]]:
    """Return where the comment that begins on line `start` ends, and its lines without signs."""
    for opening, closing in pairs:
        if found := opening.match(lines[start]):
            first = " " * found.end() + lines[start][found.end() :]
            for end, line in enumerate([first, *lines[start + 1 :]], start=start + 1):
                if close := closing.search(line):
                    inner = [first, *lines[start + 1 : end]]
                    inner[-1] = line[: close.start()]
                    return end, [
                        _STAR.sub("", each) if opening is _BLOCK_COMMENT[0] else each for each in inner
                    ]
    end = start
    while end < len(lines) and sign.match(lines[end]):
        end += 1
    return end, [sign.sub("", line, count=1) for line in lines[start:end]]


def _comment_text(lines: Sequence[str], first: int, source: str) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a comment, whose first line has the number `first`."""
    head, *rest = lines or [""]
    plain = "\n".join([head.strip(), dedent("\n".join(rest))])
    for each in text.read(plain.encode("utf-8-sig", "replace"), source).paragraphs:
        kind = Kind.LIST_ITEM if each.kind is Kind.LIST_ITEM else Kind.BODY
        yield RawParagraph(each.text, kind, line=first + (each.line or 1) - 1)


def _code(lines: Sequence[str], first: int) -> Iterator[RawParagraph]:
    """Yield a block of code; a long one in parts, which start at its least indented lines."""
    if not any(re.search(r"\w", line) for line in lines):
        return
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    start = 0
    for position, line in enumerate(lines):
        opens = line[margin : margin + 1].isalnum() and len(line) - len(line.lstrip()) == margin
        if opens and position - start >= _MAX_LINES:
            yield RawParagraph(dedent("\n".join(lines[start:position])), line=first + start)
            start = position
    yield RawParagraph(dedent("\n".join(lines[start:])), line=first + start)
