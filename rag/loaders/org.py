"""Org files: read as the Markdown that says the same, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.loaders import markdown
from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents
from rag.text.dates import find_date

_SETTING = re.compile(r"\s*#\+(\w+):\s*(.*)")
_BLOCK = re.compile(r"\s*#\+(begin|end)_(\w+)", re.IGNORECASE)
_VERBATIM = {"src", "example", "export"}
_HEADING = re.compile(
    r"(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING|CANCELLED)\s+)?(?:\[#\w\]\s+)?(.*?)(?:\s+:[\w@:]+:)?\s*$"
)
_DRAWER = re.compile(r"\s*:(\w+):\s*$")
_RULE = re.compile(r"\s*\|[-+]+\|?\s*$")
_ITEM = re.compile(r"(\s*)(?:[-+]|(\d+)[.)])\s+(?:\[[ X-]\]\s+)?(.*)|(\s+)\*\s+(.*)")
_LINK = re.compile(r"\[\[([^\]]+)\](?:\[([^\]]+)\])?\]")
_NOTE = re.compile(r"^\[fn:[\w-]+\]\s*|\[fn:[\w-]+\]")
_CODE = re.compile(r"(?<![^\s('\"{])[=~](?=\S)([^\n]*?\S)[=~](?![^\s).,;:!?'\"}-])")
_MARKED = re.compile(r"(?<![^\s('\"{])([*/_+])(?=\S)([^\n]*?\S)\1(?![^\s).,;:!?'\"}-])")
_SPECIAL = re.compile(r"([\\`*_<>\[\]&#~])")


def read(data: bytes, source: str) -> Contents:
    """Return the headings, paragraphs, list items and table rows of an Org file."""
    lines = split_lines(decode(data, source))
    settings = {found[1].lower(): found[2] for line in lines if (found := _SETTING.match(line))}
    contents = markdown.read("\n".join(_markdown(lines)).encode("utf-8-sig", "replace"), source)
    return replace(contents, title=settings.get("title", ""), date=find_date(settings.get("date", "")))


def _markdown(lines: Sequence[str]) -> Iterator[str]:
    """Yield a line of Markdown for each line."""
    block, drawer, above = "", False, ""
    for line in lines:
        bounds, opens_drawer = _BLOCK.match(line), _DRAWER.match(line)
        if bounds and (not block or bounds[2].lower() == block):
            block = bounds[2].lower() if bounds[1].lower() == "begin" else ""
            yield "```" if bounds[2].lower() in _VERBATIM else ""
        elif block in _VERBATIM:
            yield line
        elif opens_drawer:
            drawer = opens_drawer[1].upper() != "END"
            yield ""
        elif drawer or line.lstrip().startswith("# ") or _SETTING.match(line):
            yield ""
        else:
            yield _line(line, above)
        above = line


def _line(line: str, above: str) -> str:
    """Return a line outside blocks as Markdown."""
    if heading := _HEADING.match(line):
        return f"{'#' * min(len(heading[1]), 6)} {_inline(heading[2])}"
    if _RULE.match(line):
        columns = above.count("|") - 1
        return f"|{'---|' * columns}" if above.strip().startswith("|") else ""
    if line.lstrip().startswith("|"):
        return _inline(line)
    if item := _ITEM.match(line):
        indent, number, rest = item[1] or item[4] or "", item[2], item[3] or item[5] or ""
        return f"{indent}{f'{number}.' if number else '-'} {_inline(rest.replace(' :: ', ': ', 1))}"
    return _inline(line)


def _inline(text: str) -> str:
    """Return text without Org's marks; signs that Markdown would take for its own are escaped."""
    shown = _LINK.sub(lambda link: link[2] or link[1], _NOTE.sub("", text))
    shown = _CODE.sub(r"\1", _MARKED.sub(r"\2", shown))
    return _SPECIAL.sub(r"\\\1", shown)
