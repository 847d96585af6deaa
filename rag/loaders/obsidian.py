"""Obsidian's additions to Markdown, as rules for the parser: links, marks, comments, ids and footnotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_WIKILINK = re.compile(r"(!?)\[\[(?!\s)([^\[\]|\n]*?)(?:\\?\|([^\[\]\n]*))?\]\](?![(\[])")
_IMAGE = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp|mp3|mp4|wav|webm|pdf)$", re.IGNORECASE)
_SIZE = re.compile(r"\d+(?:x\d+)?$")
_MARKED = re.compile(r"(?<![A-Za-z0-9=])==(?![\s=])([^\n]*?[^\s=])==(?![A-Za-z0-9=])")
_COMMENT = re.compile(r"(?<!\S)%%(?!%).*?%%(?!%)", re.DOTALL)
_BLOCK_ID = re.compile(r"\^[\w-]{2,}\s*$")
_REFERENCE = re.compile(r"\[\^([^\s\]]+)\]")
_INLINE_NOTE = re.compile(r"\^\[([^\[\]\n]+)\]")
_DEFINITION = re.compile(r"\[\^([^\s\]]+)\]:[ \t]*")
FOOTNOTE = "footnote_reference"  # the token that calls a footnote; its `info` is the label


@dataclass(frozen=True, slots=True)
class Footnote:
    """The source of a footnote's text, and its line, counted from 0."""

    text: str
    line: int


def extend(parser: MarkdownIt) -> MarkdownIt:
    """Return the parser with the rules. `env["footnotes"]` will have the Footnotes by their labels."""
    for name, rule in (
        ("wikilink", _wikilink),
        ("mark", _mark),
        ("comment", _comment),
        ("block_id", _block_id),
        ("footnote", _footnote),
    ):
        parser.inline.ruler.before("link", name, rule)
    parser.block.ruler.before("reference", "footnote", _definition, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.before("table", "comment", _comment_block, {"alt": ["paragraph"]})
    return parser


def unlinked(text: str) -> str:
    """Return a text with its links to notes replaced by their labels."""
    return _WIKILINK.sub(_label, text)


def _label(link: re.Match[str]) -> str:
    """Return what is shown of a link to a note or an embedded file."""
    embedded, target, alias = link.groups()
    if embedded and _IMAGE.search(target):
        return "" if not alias or _SIZE.match(alias) else alias
    note, _, heading = target.partition("#")
    return alias or " > ".join(part for part in (note, *heading.split("#")) if part and part[0] != "^")


def _wikilink(state: StateInline, silent: bool) -> bool:
    """Read [[Note]], [[Note|label]] and ![[file]] as their labels."""
    found = _WIKILINK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        label = _label(found)
        state.pending = state.pending + label if label else state.pending.rstrip(" ")
    state.pos = found.end()
    return True


def _mark(state: StateInline, silent: bool) -> bool:
    """Read ==text== as the text."""
    found = _MARKED.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        last, state.pos, state.posMax = state.posMax, found.start(1), found.end(1)
        state.md.inline.tokenize(state)
        state.posMax = last
    state.pos = found.end()
    return True


def _comment(state: StateInline, silent: bool) -> bool:
    """Leave out %%a comment%%."""
    found = _COMMENT.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.pending = state.pending.rstrip(" ")
    state.pos = found.end()
    return True


def _block_id(state: StateInline, silent: bool) -> bool:
    """Leave out the ^id at the end of a paragraph."""
    found = _BLOCK_ID.match(state.src, state.pos)
    if found is None or not (state.pos == 0 or state.src[state.pos - 1].isspace()):
        return False
    state.pos = state.posMax
    return True


def _footnote(state: StateInline, silent: bool) -> bool:
    """Read [^label] as the call of a footnote, and ^[text] as the call of one with this text."""
    notes = state.env.setdefault("footnotes", {})
    if inline := _INLINE_NOTE.match(state.src, state.pos, state.posMax):
        label, end = f"^{len(notes)}", inline.end()
    elif (found := _REFERENCE.match(state.src, state.pos, state.posMax)) and found[1] in notes:
        label, end = found[1], found.end()
    else:
        return False
    if not silent:
        if inline:
            notes[label] = Footnote(inline[1], -1)
        state.push(FOOTNOTE, "", 0).info = label
    state.pos = end
    return True


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read "[^label]: text" and the lines that go on with it, indented after a blank line."""
    first = state.getLines(start, start + 1, state.blkIndent, False)
    found = _DEFINITION.match(first)
    if found is None or state.is_code_block(start):
        return False
    if silent:
        return True
    after = start + 1
    while after < end and not _DEFINITION.match(state.getLines(after, after + 1, state.blkIndent, False)):
        if (
            not state.isEmpty(after)
            and state.isEmpty(after - 1)
            and state.sCount[after] < state.blkIndent + 2
        ):
            break
        after += 1
    below = [state.getLines(line, line + 1, state.blkIndent + 4, False) for line in range(start + 1, after)]
    text = "\n".join((first[found.end() :], *below)).rstrip()
    state.env.setdefault("footnotes", {}).setdefault(found[1], Footnote(text, start))
    state.line = after
    return True


def _comment_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave out a comment of whole lines, from %% at the start of one to %% at the end of another."""
    first = state.getLines(start, start + 1, state.blkIndent, False).strip()
    if not first.startswith("%%") or state.is_code_block(start):
        return False
    for line in range(start, end):
        text = state.getLines(line, line + 1, state.blkIndent, False).strip()
        if text.endswith("%%") and (line > start or len(text) > 3):
            if not silent:
                state.line = line + 1
            return True
        if line == start and "%%" in text[2:]:
            return False
    return False
